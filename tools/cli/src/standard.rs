//! Standard output that ends the process quietly when nobody reads it any more.

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

fn end_if_closed<T>(result: io::Result<T>) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        result => result,
    }
}
