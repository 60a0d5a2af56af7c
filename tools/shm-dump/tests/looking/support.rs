//! What the tests that look at whole segments need besides.

pub use crate::harness::{Directory, Ran};

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use serde_json::Value;
use shmframe_writer::Writer;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;

/// Bytes of a trade's symbol: they can be found in `data`, because nothing else looks so.
pub const SYMBOL: &str = "a-symbol-that-can-be-found";

impl Directory {
    /// The file `data` of a segment.
    pub fn data(&self, segment: &str) -> PathBuf {
        self.path().join(format!("{segment}.shmf/data"))
    }

    pub fn create(&self, segment: &str) -> Writer {
        self.options().create(segment).unwrap()
    }

    /// A reader in a process of its own, which follows a frame and has shown its first row.
    pub fn reader(&self, target: &str) -> Child {
        use std::io::{BufRead, BufReader};
        let mut command = self.command(&["tail", "-f", target]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("row"), "{line}");
        child
    }

    /// Overwrites the first place of `data` where these bytes stand.
    pub fn overwrite(&self, segment: &str, old: &[u8], new: &[u8]) {
        self.overwrite_one(segment, old, new, |places| places.min());
    }

    /// Overwrites the last one.
    pub fn overwrite_last(&self, segment: &str, old: &[u8], new: &[u8]) {
        self.overwrite_one(segment, old, new, |places| places.max());
    }

    fn overwrite_one(
        &self,
        segment: &str,
        old: &[u8],
        new: &[u8],
        choose: impl Fn(&mut dyn Iterator<Item = usize>) -> Option<usize>,
    ) {
        let file = fs::OpenOptions::new().read(true).write(true).open(self.data(segment)).unwrap();
        let mut start = vec![0; 4 << 20];
        let read = file.read_at(&mut start, 0).unwrap();
        let windows = start[..read].windows(old.len()).enumerate();
        let mut places = windows.filter(|(_, window)| *window == old).map(|(at, _)| at);
        file.write_all_at(new, choose(&mut places).unwrap() as u64).unwrap();
    }
}

impl Ran {
    /// Its lines of one kind.
    pub fn lines(&self, kind: &str) -> Vec<Value> {
        self.json().into_iter().filter(|line| line["kind"] == kind).collect()
    }

    #[track_caller]
    pub fn line(&self, kind: &str) -> Value {
        let mut lines = self.lines(kind);
        assert_eq!(lines.len(), 1, "{}", self.out);
        lines.remove(0)
    }
}

/// Trades: a symbol and a price each.
pub fn trades(rows: usize) -> RecordBatch {
    let symbol: ArrayRef = Arc::new(StringArray::from(vec![SYMBOL; rows]));
    let price: ArrayRef = Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64)));
    RecordBatch::try_from_iter([("symbol", symbol), ("price", price)]).unwrap()
}
