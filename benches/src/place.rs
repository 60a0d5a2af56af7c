//! Where the measurements stand: a folder of their own in shared memory, gone at the end.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use shmframe::{Reader, ReaderOptions, Writer, WriterOptions};

/// A folder in shared memory that is removed when this is dropped.
#[derive(Debug)]
pub struct Place(PathBuf);

impl Place {
    /// Makes the folder.
    ///
    /// # Errors
    /// If there is no shared memory to make it in.
    pub fn create() -> Result<Self> {
        let path = PathBuf::from(format!("/dev/shm/shmframe-bench-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A writer's options here.
    #[must_use]
    pub fn options(&self) -> WriterOptions {
        WriterOptions::new().directory(&self.0)
    }

    /// A new segment here.
    ///
    /// # Errors
    /// Those of [`WriterOptions::create`].
    pub fn writer(&self, name: &str) -> Result<Writer> {
        Ok(self.options().create(name)?)
    }

    /// A reader of a segment here.
    ///
    /// # Errors
    /// Those of [`ReaderOptions::open`].
    pub fn reader(&self, name: &str) -> Result<Reader> {
        Ok(ReaderOptions::new().directory(&self.0).open(name)?)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Bytes of memory that could be had now.
///
/// # Errors
/// If the system does not say.
pub fn available_bytes() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB")).context("no MemAvailable")?;
    Ok(kilobytes.parse::<u64>()? * 1024)
}
