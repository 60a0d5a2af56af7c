//! Formats of files: by their names, and by the bytes that they begin with.

use clap::ValueEnum;
use std::path::Path;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Fields between commas, names in the first line.
    Csv,
    /// The same with tabs.
    Tsv,
    /// JSON lines: one object a line.
    Jsonl,
    /// Parquet.
    Parquet,
    /// Arrow IPC: a file (also Feather 2) or a stream.
    Arrow,
}

impl Format {
    /// The format that the name of a file stands for.
    pub fn of_name(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "jsonl" | "ndjson" | "json" => Some(Self::Jsonl),
            "parquet" | "pq" => Some(Self::Parquet),
            "arrow" | "arrows" | "feather" | "ipc" => Some(Self::Arrow),
            _ => None,
        }
    }

    /// The format that begins with these bytes.
    pub fn of_bytes(head: &[u8]) -> Option<Self> {
        match head {
            [b'P', b'A', b'R', b'1', ..] => Some(Self::Parquet),
            [b'A', b'R', b'R', b'O', b'W', b'1', ..] | [0xFF, 0xFF, 0xFF, 0xFF, ..] => Some(Self::Arrow),
            _ => None,
        }
    }

    /// How it is written after `--as`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// Whether it consists of lines of text.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv | Self::Jsonl)
    }

    /// Whether fields stand between delimiters.
    pub fn is_delimited(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv)
    }
}

/// What a file was compressed with, by the bytes that it begins with, and the program that writes it out.
pub fn compression(head: &[u8]) -> Option<(&'static str, &'static str)> {
    match head {
        [0x1F, 0x8B, ..] => Some(("gzip", "zcat")),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(("zstd", "zstdcat")),
        [0xFD, b'7', b'z', b'X', b'Z', ..] => Some(("xz", "xzcat")),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(("bzip2", "bzcat")),
        [0x04, 0x22, 0x4D, 0x18, ..] => Some(("lz4", "lz4cat")),
        [b'P', b'K', 3, 4, ..] => Some(("zip", "unzip -p")),
        _ => None,
    }
}
