//! Where bytes come from: a file, or a pipe that a thread reads, so that the tool can end while it waits.

use crate::interrupt;
use anyhow::{Context, Result};
use core::time::Duration;
use shmframe_cli::Failure;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;

/// Bytes that are read at a time.
pub const READ_SIZE: usize = 1 << 20;
/// Bytes that tell what a file is.
const HEAD_SIZE: usize = 8192;
/// The fewest of them that a pipe must have shown.
const MAGIC_SIZE: usize = 8;

/// A file, or standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Standard,
    File(PathBuf),
}

impl Origin {
    pub fn new(path: &Path) -> Self {
        if path == Path::new("-") { Self::Standard } else { Self::File(path.to_owned()) }
    }

    /// What it is called in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Standard => "standard input".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Bytes of the file, if it is a regular one; an error if it cannot be read.
    pub fn check(&self) -> Result<Option<u64>> {
        let Self::File(path) = self else { return Ok(None) };
        let metadata = fs::metadata(path).with_context(|| self.name())?;
        if metadata.is_dir() {
            let text = format!("{}: is a directory: name the files in it", self.name());
            return Err(Failure::usage(text).into());
        }
        Ok(metadata.is_file().then_some(metadata.len()))
    }

    /// Opens it.
    pub fn open(&self) -> Result<Input> {
        let Self::File(path) = self else { return Ok(Input::Pipe(Pipe::new(|| Ok(io::stdin())))) };
        if !fs::metadata(path).with_context(|| self.name())?.is_file() {
            let path = path.clone();
            return Ok(Input::Pipe(Pipe::new(move || File::open(path))));
        }
        Ok(Input::File(File::open(path).with_context(|| self.name())?))
    }
}

/// An open file or pipe.
pub enum Input {
    File(File),
    Pipe(Pipe),
}

impl Input {
    /// The bytes that it begins with. They are read again later.
    pub fn head(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::File(file) => {
                let mut head = vec![0; HEAD_SIZE];
                let length = file.read_at(&mut head, 0)?;
                head.truncate(length);
                Ok(head)
            }
            Self::Pipe(pipe) => {
                while pipe.rest.len() < MAGIC_SIZE && pipe.receive()? {}
                Ok(self.shown())
            }
        }
    }

    /// The bytes that a pipe has shown of its beginning, without waiting for more.
    pub fn shown(&self) -> Vec<u8> {
        match self {
            Self::File(_) => Vec::new(),
            Self::Pipe(pipe) => pipe.rest.iter().take(HEAD_SIZE).copied().collect(),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Pipe(pipe) => pipe.read(buffer),
        }
    }
}

/// A pipe. Its thread ends with the process at the latest.
pub struct Pipe {
    receiver: Receiver<io::Result<Vec<u8>>>,
    rest: Vec<u8>,
}

/// What came of waiting for bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    Bytes(Vec<u8>),
    /// Nothing in this time, or the tool was asked to end.
    Nothing,
    End,
}

impl Pipe {
    /// Reads what `open` gives. A pipe that nobody writes opens when somebody does, so that waits for it in the thread, too.
    fn new<R: Read>(open: impl FnOnce() -> io::Result<R> + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(4);
        thread::spawn(move || match open() {
            Ok(source) => pass_on(source, &sender),
            Err(error) => {
                // Nobody wants it: the tool is ending.
                let _ = sender.send(Err(error));
            }
        });
        Self { receiver, rest: Vec::new() }
    }

    /// Waits for bytes, so long.
    pub fn within(&mut self, time: Duration) -> io::Result<Received> {
        if !self.rest.is_empty() {
            return Ok(Received::Bytes(core::mem::take(&mut self.rest)));
        }
        match self.receiver.recv_timeout(time.min(interrupt::LOOK)) {
            Ok(bytes) => bytes.map(Received::Bytes),
            Err(RecvTimeoutError::Timeout) => Ok(Received::Nothing),
            Err(RecvTimeoutError::Disconnected) => Ok(Received::End),
        }
    }

    /// Waits for bytes, however long it takes; tells whether there are any.
    fn receive(&mut self) -> io::Result<bool> {
        loop {
            match self.receiver.recv_timeout(interrupt::LOOK) {
                Ok(bytes) => {
                    self.rest.append(&mut bytes?);
                    return Ok(true);
                }
                // Not `ErrorKind::Interrupted`: whoever reads would try again.
                Err(RecvTimeoutError::Timeout) if interrupt::is_asked_for() => {
                    return Err(io::Error::other("interrupted"));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(false),
            }
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.receive()?;
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Ok(length)
    }
}

/// Reads to the end, or until nobody wants it any more.
fn pass_on(mut source: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut bytes = vec![0; READ_SIZE / 4];
        let sent = match source.read(&mut bytes) {
            Ok(0) => return,
            Ok(length) => {
                bytes.truncate(length);
                sender.send(Ok(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                // Nobody wants it: the tool is ending.
                let _ = sender.send(Err(error));
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}
