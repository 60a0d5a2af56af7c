//! The forms of files.

use anyhow::Result;
use clap::ValueEnum;
use core::fmt;
use serde::Serialize;
use shmframe_cli::Failure;
use std::path::Path;

/// A form that a frame can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Parquet
    Parquet,
    /// Arrow IPC file, also known as Feather 2
    Arrow,
    /// Arrow IPC stream
    #[value(alias = "stream")]
    Arrows,
    /// CSV with a line of names
    Csv,
    /// JSON lines: an object for each row
    Jsonl,
}

/// How it is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compression {
    /// Not at all
    None,
    /// Zstandard
    Zstd,
    /// Snappy
    Snappy,
    /// LZ4
    Lz4,
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Arrows => "arrows",
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        })
    }
}

impl Form {
    /// What the extension of a file's name says.
    ///
    /// # Errors
    /// [`shmframe_cli::Exit::Usage`] if it says nothing.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "parquet" | "pq" => Ok(Self::Parquet),
            "arrow" | "feather" | "ipc" => Ok(Self::Arrow),
            "arrows" | "stream" => Ok(Self::Arrows),
            "csv" => Ok(Self::Csv),
            "jsonl" | "ndjson" => Ok(Self::Jsonl),
            _ => {
                let text = format!(
                    "{}: the name does not say in which form: end it in .parquet, .arrow, .arrows, .csv or .jsonl, or give --as",
                    path.display()
                );
                Err(Failure::usage(text).into())
            }
        }
    }

    /// Whether it is unfit for a terminal.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow | Self::Arrows)
    }

    /// The compression that is used: the one asked for, or the usual one.
    ///
    /// # Errors
    /// [`shmframe_cli::Exit::Usage`] if the form has not the one asked for.
    pub fn compression(self, asked: Option<Compression>) -> Result<Compression> {
        let known: &[(Compression, &str)] = match self {
            Self::Parquet => {
                &[(Compression::Zstd, "zstd"), (Compression::Snappy, "snappy"), (Compression::None, "none")]
            }
            Self::Arrow | Self::Arrows => {
                &[(Compression::None, "none"), (Compression::Zstd, "zstd"), (Compression::Lz4, "lz4")]
            }
            Self::Csv | Self::Jsonl => &[(Compression::None, "none")],
        };
        let Some(asked) = asked else { return Ok(known[0].0) };
        if known.iter().any(|(compression, _)| *compression == asked) {
            return Ok(asked);
        }
        let names = known.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
        Err(Failure::usage(format!("{self} is not compressed so; what there is for it: {names}")).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_says_the_form() {
        for (path, form) in [
            ("a.parquet", Form::Parquet),
            ("b/a.ARROW", Form::Arrow),
            ("a.feather", Form::Arrow),
            ("a.arrows", Form::Arrows),
            ("a.b.csv", Form::Csv),
            ("a.ndjson", Form::Jsonl),
        ] {
            assert_eq!(Form::of(Path::new(path)).unwrap(), form, "{path}");
        }
        for path in ["a", "a.txt", ".parquet", "csv"] {
            assert!(Form::of(Path::new(path)).unwrap_err().to_string().contains("--as"), "{path}");
        }
    }

    #[test]
    fn compression_is_one_that_the_form_has() {
        assert_eq!(Form::Parquet.compression(None).unwrap(), Compression::Zstd);
        assert_eq!(Form::Arrow.compression(Some(Compression::Lz4)).unwrap(), Compression::Lz4);
        let error = Form::Csv.compression(Some(Compression::Zstd)).unwrap_err();
        assert!(error.to_string().contains("none"), "{error}");
    }
}
