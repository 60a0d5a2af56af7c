//! Libraries that panic over what they read.
//!
//! Arrow's and Parquet's readers index into what a file says, and panic over some damaged files where an error belongs. A file
//! comes from outside, and is no reason to end without a word on it, or to leave behind a segment that was created for it. So
//! their panics become errors here, around opening a file and reading each batch, and nowhere else: a panic of the tool's own is
//! still one.

use super::{Piece, Source};
use anyhow::Result;
use arrow::datatypes::SchemaRef;
use core::any::Any;
use core::cell::Cell;
use shmframe_cli::{Exit, Failure};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// A library reads: what it panics over is told as an error, and not by the panic hook.
    static IS_READING: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// A source whose panics are errors.
pub struct Guarded {
    name: String,
    source: Box<dyn Source>,
}

impl Guarded {
    /// Opens a source.
    pub fn open(name: &str, open: impl FnOnce() -> Result<Box<dyn Source>>) -> Result<Self> {
        Ok(Self { name: name.to_owned(), source: read(name, open)? })
    }
}

impl Source for Guarded {
    fn schema(&self) -> &SchemaRef {
        self.source.schema()
    }

    fn next(&mut self) -> Result<Option<Piece>> {
        let source = &mut self.source;
        read(&self.name, || source.next())
    }

    fn position(&self) -> u64 {
        self.source.position()
    }
}

/// Reads; a panic is an error. Nobody uses a source after an error, so it does not matter what state that left it in.
fn read<T>(name: &str, read: impl FnOnce() -> Result<T>) -> Result<T> {
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_READING.get() {
                usual(panic);
            }
        }));
    });
    IS_READING.set(true);
    let result = catch_unwind(AssertUnwindSafe(read));
    IS_READING.set(false);
    result.unwrap_or_else(|panic| {
        let text = format!("{name}: the file is damaged: its reader fails over it: {}", said(panic.as_ref()));
        Err(Failure::new(Exit::Failed, text).into())
    })
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}

#[cfg(test)]
#[cfg(feature = "parquet")]
mod tests {
    use super::*;
    use crate::input::Origin;
    use crate::options::Options;
    use crate::source::{Reading, open};
    use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
    use arrow::ipc::writer::{FileWriter, StreamWriter};
    use clap::Parser;
    use parquet::arrow::ArrowWriter;
    use std::sync::Arc;

    fn rows() -> RecordBatch {
        let symbols: ArrayRef = Arc::new(StringArray::from(vec!["A", "B", "A", "C"]));
        let prices: ArrayRef =
            Arc::new(Float64Array::from(vec![Some(101.5), Some(20.25), Some(102.0), None]));
        let sizes: ArrayRef = Arc::new(Int64Array::from(vec![Some(10), None, Some(30), Some(40)]));
        RecordBatch::try_from_iter([("symbol", symbols), ("price", prices), ("size", sizes)]).unwrap()
    }

    fn files() -> [(&'static str, Vec<u8>); 3] {
        let rows = rows();
        let mut file = FileWriter::try_new(Vec::new(), &rows.schema()).unwrap();
        file.write(&rows).unwrap();
        let mut stream = StreamWriter::try_new(Vec::new(), &rows.schema()).unwrap();
        stream.write(&rows).unwrap();
        let mut parquet = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
        parquet.write(&rows).unwrap();
        [
            ("a.arrow", file.into_inner().unwrap()),
            ("a.arrows", stream.into_inner().unwrap()),
            ("a.parquet", parquet.into_inner().unwrap()),
        ]
    }

    #[test]
    fn damaged_byte_is_an_error_or_leaves_as_many_rows() {
        let place = tempfile::tempdir().unwrap();
        let options = Options::parse_from(["shm-load", "s/t", "-"]);
        let reading = Reading { options: &options.reading, frame: None };
        for (name, bytes) in files() {
            let path = place.path().join(name);
            let (mut refused, mut told) = (0, 0);
            for at in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[at] = 0xFF;
                std::fs::write(&path, damaged).unwrap();
                let read = || -> Result<usize> {
                    let mut source = open(&Origin::new(&path), &reading, None)?;
                    let mut count = 0;
                    while let Some(piece) = source.next()? {
                        count += piece.batch.num_rows();
                    }
                    Ok(count)
                };
                match read() {
                    Ok(count) => assert_eq!(count, 4, "{name}, byte {at}"),
                    Err(error) => {
                        let text = format!("{error:#}");
                        assert!(text.contains(name), "byte {at}: {text}");
                        refused += 1;
                        told += usize::from(text.contains("its reader fails over it"));
                    }
                }
            }
            assert!(
                refused > 0 && told > 0,
                "{name}: {refused} of {} refused, {told} by a panic",
                bytes.len()
            );
        }
    }
}
