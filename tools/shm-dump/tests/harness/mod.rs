//! What all tests of the program share: a directory for segments, the program that looks into it, and what it said. Each test adds
//! what it alone needs.

use serde_json::Value;
use shmframe_writer::WriterOptions;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A directory of segments of its own.
pub struct Directory(TempDir);

impl Directory {
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("shm-dump-").tempdir_in("/dev/shm").unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Options of a writer in it.
    pub fn options(&self) -> WriterOptions {
        WriterOptions::new().directory(self.path())
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
        Ran::of(self.command(arguments).output().unwrap())
    }
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub struct Ran {
    pub status: Option<i32>,
    pub out: String,
    pub said: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code(), out: text(output.stdout), said: text(output.stderr) }
    }

    #[track_caller]
    pub fn with_status(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{}\n{}", self.out, self.said);
        self
    }

    /// Its lines of JSON; every line has a kind and the version of the schema.
    pub fn json(&self) -> Vec<Value> {
        let lines = self.out.lines().map(|line| serde_json::from_str(line).unwrap());
        let lines: Vec<Value> = lines.collect();
        assert!(lines.iter().all(|line| line["schema_version"] == 1 && line["kind"].is_string()), "{self:?}");
        lines
    }
}
