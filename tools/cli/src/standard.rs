//! Standard output that ends the process quietly when nobody reads it any more, and standard error that nobody has to read.

use crate::words;
use core::fmt::Display;
use std::io::{self, ErrorKind, Stdout, Write};

/// Standard output. When its reader is gone (`| head`), the process ends without a word: whatever library writes here
/// could lose the cause of the error on its way up. The kernel drops the locks of what was open, as at any end.
#[derive(Debug)]
pub(crate) struct Standard(pub(crate) Stdout);

impl Write for Standard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        end_if_closed(self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        end_if_closed(self.0.flush())
    }
}

/// Says something on standard error, in the tool's name. What a terminal would obey in it is written as an escape.
pub fn say(tool: &str, text: impl Display) {
    let line = format!("{tool}: {}\n", words::visible_lines(&text.to_string()));
    // Where nobody reads it, there is nobody to tell either.
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

fn end_if_closed<T>(result: io::Result<T>) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        result => result,
    }
}
