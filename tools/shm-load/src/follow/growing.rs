//! A file that grows, is truncated, or is replaced by another one of its name.

use crate::input::READ_SIZE;
use crate::interrupt;
use core::time::Duration;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub struct GrowingFile {
    path: PathBuf,
    file: File,
    /// Which file it is: device and inode.
    identity: (u64, u64),
    position: u64,
    buffer: Vec<u8>,
}

/// What came of a look at the file.
pub enum Grown<'a> {
    Bytes(&'a [u8]),
    Nothing,
    /// It begins again, for this reason.
    Again(&'static str),
}

impl GrowingFile {
    pub fn new(file: File, path: PathBuf) -> io::Result<Self> {
        let identity = identity(&file.metadata()?);
        Ok(Self { path, file, identity, position: 0, buffer: vec![0; READ_SIZE] })
    }

    /// Reads on. At the end of the file, looks whether it is still the one of its name, and waits, so long.
    pub fn within(&mut self, time: Duration) -> io::Result<Grown<'_>> {
        let mut length = self.file.read(&mut self.buffer)?;
        if length == 0 {
            match fs::metadata(&self.path) {
                Ok(found) if identity(&found) != self.identity => {
                    // What was written between the read and the replacement.
                    length = self.file.read(&mut self.buffer)?;
                    if length == 0 {
                        return match opened(&self.path)? {
                            Some(file) => {
                                *self = Self::new(file, self.path.clone())?;
                                Ok(Grown::Again("was replaced by another file"))
                            }
                            None => Ok(nothing(time)),
                        };
                    }
                }
                Ok(found) if found.len() < self.position => {
                    self.file.rewind()?;
                    self.position = 0;
                    return Ok(Grown::Again("was truncated"));
                }
                // Gone: another one of its name may come.
                _ => return Ok(nothing(time)),
            }
        }
        self.position += length as u64;
        Ok(Grown::Bytes(&self.buffer[..length]))
    }
}

/// The file of this name; none: it went, and another one may come.
fn opened(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

/// Waits, because nothing came.
fn nothing<'a>(time: Duration) -> Grown<'a> {
    interrupt::sleep(time);
    Grown::Nothing
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_went_before_it_is_opened_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("live.csv");
        assert!(opened(&path).unwrap().is_none());
        fs::write(&path, "a").unwrap();
        assert!(opened(&path).unwrap().is_some());
    }
}
