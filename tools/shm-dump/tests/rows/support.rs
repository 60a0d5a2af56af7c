//! A directory with segments, and the program that looks into it.

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use serde_json::Value;
use shmframe_reader::Trust;
use shmframe_writer::{Writer, WriterOptions};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// A directory of segments of its own.
pub struct Place {
    directory: TempDir,
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub struct Ran {
    pub status: Option<i32>,
    pub out: String,
    pub said: String,
}

impl Place {
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("shm-dump-rows-").tempdir_in("/dev/shm").unwrap();
        Self { directory }
    }

    /// A segment `ticks` with a frame `trades` of these rows.
    pub fn with_trades(batch: &RecordBatch) -> (Self, Writer) {
        let place = Self::new();
        let mut writer = place.writer("ticks", 8);
        writer.put("trades", batch).unwrap();
        (place, writer)
    }

    pub fn writer(&self, name: &str, history: u64) -> Writer {
        let trust = Trust { owners: Vec::new(), any_file_system: true };
        let options = WriterOptions::new().directory(self.path()).trust(trust).history(history);
        options.create(name).unwrap()
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The program with these arguments, in a pipe.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shm-dump"));
        for name in ["SHMFRAME_DIR", "CLICOLOR_FORCE", "NO_COLOR"] {
            command.env_remove(name);
        }
        command.arg("--dir").arg(self.path()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { status: output.status.code(), out: text(output.stdout), said: text(output.stderr) }
    }

    /// The lines of JSON that a command prints which succeeds and says nothing else.
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let ran = self.run(arguments);
        assert_eq!((ran.status, ran.said.as_str()), (Some(0), ""), "{arguments:?}: {ran:?}");
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What a command prints for people which succeeds.
    pub fn table(&self, arguments: &[&str]) -> String {
        let ran = self.run(&[arguments, &["--format", "table"]].concat());
        assert_eq!(ran.status, Some(0), "{ran:?}");
        ran.out
    }
}

/// A batch of nullable columns.
pub fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

/// Rows of trades: symbols A, B and C in turn, prices that are the row's number, every fifth size missing.
pub fn trades(rows: core::ops::Range<i64>) -> RecordBatch {
    let symbol = rows.clone().map(|row| ["A", "B", "C"][row as usize % 3]);
    let size = rows.clone().map(|row| (row % 5 != 4).then_some(row * 10));
    batch([
        ("symbol", Arc::new(StringArray::from_iter_values(symbol)) as ArrayRef),
        ("price", Arc::new(Float64Array::from_iter_values(rows.clone().map(|row| row as f64)))),
        ("size", Arc::new(Int64Array::from_iter(size))),
    ])
}

/// The absolute numbers of rows.
pub fn numbers(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["row"].as_u64().unwrap()).collect()
}
