//! Segments in a directory of their own, and the tool on them.

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use serde_json::Value;
use shmframe_writer::{Writer, WriterOptions};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// Bytes of a trade's symbol: they can be found in `data`, because nothing else looks so.
pub const SYMBOL: &str = "a-symbol-that-can-be-found";

pub struct Directory(TempDir);

impl Directory {
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("shm-dump-looking").tempdir_in("/dev/shm").unwrap())
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    /// The file `data` of a segment.
    pub fn data(&self, segment: &str) -> PathBuf {
        self.path().join(format!("{segment}.shmf/data"))
    }

    pub fn create(&self, segment: &str) -> Writer {
        self.options().create(segment).unwrap()
    }

    pub fn options(&self) -> WriterOptions {
        WriterOptions::new().directory(self.0.path())
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shm-dump"));
        command.arg("--dir").arg(self.0.path()).args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Told {
        Told(self.command(arguments).output().unwrap())
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

/// What the tool said.
pub struct Told(Output);

impl Told {
    pub fn of(output: Output) -> Self {
        Self(output)
    }

    #[track_caller]
    pub fn with_status(self, status: i32) -> Self {
        assert_eq!(self.0.status.code(), Some(status), "{}\n{}", self.out(), self.complaint());
        self
    }

    pub fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub fn complaint(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// Its lines of one kind; every line has a kind and the version of the schema.
    pub fn lines(&self, kind: &str) -> Vec<Value> {
        let lines =
            self.out().lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
        assert!(lines.iter().all(|line| line["schema_version"] == 1 && line["kind"].is_string()));
        lines.into_iter().filter(|line| line["kind"] == kind).collect()
    }

    #[track_caller]
    pub fn line(&self, kind: &str) -> Value {
        let mut lines = self.lines(kind);
        assert_eq!(lines.len(), 1, "{}", self.out());
        lines.remove(0)
    }
}

/// Trades: a symbol and a price each.
pub fn trades(rows: usize) -> RecordBatch {
    let symbol: ArrayRef = Arc::new(StringArray::from(vec![SYMBOL; rows]));
    let price: ArrayRef = Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64)));
    RecordBatch::try_from_iter([("symbol", symbol), ("price", price)]).unwrap()
}
