//! A directory for segments, one for files, and the tool that is run on them.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use core::time::Duration;
use serde_json::Value;
use shmframe_reader::{Reader, ReaderOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use tempfile::TempDir;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a test puts its segments and files. All of it goes in the end.
pub struct Place {
    segments: TempDir,
    files: TempDir,
}

/// What the tool came to.
#[derive(Debug)]
pub struct Ended {
    pub status: Option<i32>,
    pub printed: String,
    pub said: String,
}

impl Ended {
    /// The closing line.
    pub fn loaded(&self) -> Value {
        assert_eq!(self.status, Some(0), "{self:?}");
        let line: Value = serde_json::from_str(&self.printed).unwrap();
        assert_eq!((&line["kind"], &line["schema_version"]), (&"loaded".into(), &1.into()), "{line}");
        line
    }

    /// Checks that it failed with this status, and said all of this.
    pub fn assert_failed(&self, status: i32, said: &[&str]) {
        assert_eq!(self.status, Some(status), "{self:?}");
        assert_eq!(self.printed, "", "{self:?}");
        for text in said {
            assert!(self.said.contains(text), "{text:?} is missing: {self:?}");
        }
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code(), printed: text(output.stdout), said: text(output.stderr) }
    }
}

impl Place {
    pub fn new() -> Self {
        let segments = tempfile::Builder::new().prefix("shm-load-").tempdir_in("/dev/shm").unwrap();
        Self { segments, files: tempfile::tempdir().unwrap() }
    }

    /// The directory that holds segments.
    pub fn segments(&self) -> &Path {
        self.segments.path()
    }

    /// The path of a file, which may not be there yet.
    pub fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Writes a file.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Adds to a file.
    pub fn add(&self, name: &str, content: &str) {
        let mut file = std::fs::OpenOptions::new().append(true).open(self.path(name)).unwrap();
        file.write_all(content.as_bytes()).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shm-load"));
        command.current_dir(self.files.path()).env_remove("SHMFRAME_DIR");
        command.arg("--dir").arg(self.segments()).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the tool; it has no input.
    pub fn load(&self, arguments: &[&str]) -> Ended {
        self.load_from(arguments, b"")
    }

    /// Runs the tool with this input.
    pub fn load_from(&self, arguments: &[&str], input: &[u8]) -> Ended {
        let mut running = self.start(arguments);
        running.write(input);
        running.end()
    }

    /// Starts the tool.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut child = self.command(arguments).spawn().unwrap();
        Running { input: child.stdin.take(), child: Some(child) }
    }

    /// What the tool prints for an option that does nothing else.
    pub fn printed(&self, option: &str) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_shm-load")).arg(option).output().unwrap();
        let ended = Ended::from(output);
        assert_eq!(ended.status, Some(0), "{ended:?}");
        ended.printed
    }

    /// A reader of a segment.
    pub fn reader(&self, segment: &str) -> Reader {
        ReaderOptions::new().directory(self.segments()).open(segment).unwrap()
    }

    /// The rows of a frame.
    pub fn rows(&self, segment: &str, frame: &str) -> RecordBatch {
        rows(&self.reader(segment), frame)
    }

    /// A reader of a segment that a running tool creates.
    pub fn reader_of_new(&self, segment: &str) -> Reader {
        ReaderOptions::new().directory(self.segments()).open_within(segment, PATIENCE).unwrap()
    }
}

/// The rows of a frame, as one batch.
pub fn rows(reader: &Reader, frame: &str) -> RecordBatch {
    let frame = reader.snapshot().unwrap().frame(frame).unwrap();
    concat_batches(&frame.schema(), &frame.batches().unwrap()).unwrap()
}

/// Waits until a frame has so many rows; gives them.
pub fn wait_for_rows(reader: &Reader, frame: &str, count: usize) -> RecordBatch {
    loop {
        let version = reader.latest();
        if reader.snapshot().unwrap().find(frame).unwrap().is_some() {
            let found = rows(reader, frame);
            assert!(found.num_rows() <= count, "{} rows, and {count} were expected", found.num_rows());
            if found.num_rows() == count {
                return found;
            }
        }
        let wait = reader.wait_newer(version, PATIENCE).unwrap();
        assert!(matches!(wait, shmframe_reader::Wait::Newer(_)), "{count} rows never came: {wait:?}");
    }
}

/// A running tool. It is ended with the test.
pub struct Running {
    child: Option<Child>,
    input: Option<ChildStdin>,
}

impl Running {
    /// Gives it input. It may have ended already.
    pub fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        match input.write_all(bytes).and_then(|()| input.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => panic!("{error}"),
            _ => {}
        }
    }

    /// Sends a signal: `INT`, `KILL`.
    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits until it takes note of signals: until the thread that `ctrlc` starts is there.
    pub fn wait_until_it_listens(&self) {
        let threads = format!("/proc/{}/task", self.child.as_ref().unwrap().id());
        while std::fs::read_dir(&threads).unwrap().count() < 2 {
            std::thread::yield_now();
        }
    }

    /// Ends its input, and waits for it.
    pub fn end(mut self) -> Ended {
        self.input = None;
        self.wait()
    }

    /// Waits for it. Its input stays open meanwhile.
    pub fn wait(mut self) -> Ended {
        let input = self.input.take();
        let child = self.child.take().unwrap();
        // `wait_with_output` closes the input that the child still has; this one was taken from it before.
        let ended = child.wait_with_output().unwrap().into();
        drop(input);
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
