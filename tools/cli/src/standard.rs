//! Standard output that nobody may read any more, and standard error that nobody has to read.

use crate::words;
use core::fmt::Display;
use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{self, ErrorKind, Stdout, Write};

/// Whether the reader of standard output is gone (`| head`).
static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Standard output. When its reader is gone, the tool ends without a word ([`is_closed`]): what it has open is let go of on the
/// way, and whatever library writes here may lose the cause of the error.
#[derive(Debug)]
pub(crate) struct Standard(pub(crate) Stdout);

impl Write for Standard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        note_if_closed(self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        note_if_closed(self.0.flush())
    }
}

/// Says something on standard error, in the tool's name. What a terminal would obey in it is written as an escape.
pub fn say(tool: &str, text: impl Display) {
    let line = format!("{tool}: {}\n", words::visible_lines(&text.to_string()));
    // Where nobody reads it, there is nobody to tell either.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// Whether somebody wrote to standard output after its reader was gone: no error, and nobody has to be told.
pub(crate) fn is_closed() -> bool {
    IS_CLOSED.load(Ordering::Relaxed)
}

fn note_if_closed<T>(result: io::Result<T>) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            IS_CLOSED.store(true, Ordering::Relaxed);
            Err(error)
        }
        result => result,
    }
}
