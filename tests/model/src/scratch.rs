//! Where tests put their segments, and how long they search.

use crate::Files;
use shmframe::{ReaderOptions, WriterOptions};
use std::path::Path;
use tempfile::TempDir;

/// A directory of its own in shared memory. It goes, with all that is in it, when this is dropped.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// Makes one.
    ///
    /// # Panics
    /// If there is no shared memory.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("shmframe-model-").tempdir_in("/dev/shm");
        Self(directory.expect("a directory in shared memory"))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Options for a writer in it: 256 MiB of capacity.
    #[must_use]
    pub fn writer(&self) -> WriterOptions {
        WriterOptions::new().directory(self.path()).capacity(256 << 20)
    }

    /// Options for a reader in it.
    #[must_use]
    pub fn reader(&self) -> ReaderOptions {
        ReaderOptions::new().directory(self.path())
    }

    /// The files of the segment `name`.
    #[must_use]
    pub fn files(&self, name: &str) -> Files {
        Files::new(self.path().join(format!("{name}.shmf")))
    }
}

/// How many cases a property test runs: `PROPTEST_CASES`, else `full` with `SHMFRAME_FULL=1`, else `ordinary`.
///
/// # Panics
/// If `PROPTEST_CASES` is not a number.
#[must_use]
pub fn cases(ordinary: u32, full: u32) -> u32 {
    if let Ok(cases) = std::env::var("PROPTEST_CASES") {
        return cases.parse().expect("PROPTEST_CASES is a number");
    }
    if std::env::var("SHMFRAME_FULL").is_ok_and(|value| value == "1") { full } else { ordinary }
}
