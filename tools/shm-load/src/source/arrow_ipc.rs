//! Arrow IPC. A file is a stream between two marks, so both are read as a stream: it works in pipes, too.

use super::ipc_messages::Messages;
use super::{First, Piece, Source, agreed};
use crate::fit::fit;
use crate::input::Input;
use crate::options::ReadingOptions;
use anyhow::{Context, Result, anyhow};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use core::cell::Cell;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::rc::Rc;

/// What an Arrow file begins with.
const MARK: &[u8] = b"ARROW1\0\0";
/// The unit to which the mark is padded, with as many zeros as the writer likes.
const PADDING: usize = 8;

/// A stream, with its first bytes, which were read before.
type Stream = Chain<Cursor<Vec<u8>>, BufReader<Counted>>;

pub struct ArrowSource {
    name: String,
    messages: Messages<Stream>,
    position: Rc<Cell<u64>>,
    schema: SchemaRef,
    batch_rows: usize,
    rest: Option<RecordBatch>,
    rows: u64,
}

impl ArrowSource {
    pub fn new(name: String, mut input: Input, reading: &ReadingOptions, first: First<'_>) -> Result<Self> {
        let is_file = input.head().with_context(|| name.clone())?.starts_with(MARK);
        let position = Rc::new(Cell::new(0));
        let mut counted = BufReader::new(Counted { input, position: Rc::clone(&position) });
        let unreadable = || format!("{name}: is not readable as Arrow IPC, file or stream");
        let begun = if is_file { skip_mark(&mut counted).with_context(unreadable)? } else { Vec::new() };
        let stream = Cursor::new(begun).chain(counted);
        let messages = Messages::new(stream).with_context(unreadable)?;
        let schema = agreed(&name, messages.schema(), reading, first)?;
        let batch_rows = reading.batch_rows.get();
        Ok(Self { name, messages, position, schema, batch_rows, rest: None, rows: 0 })
    }

    fn read(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(rest) = self.rest.take() {
            return Ok(Some(rest));
        }
        let place = || format!("{}: behind row {}", self.name, self.rows);
        let Some(batch) = self.messages.next().with_context(place)? else { return Ok(None) };
        let misfit = |error| anyhow!("{}: rows behind row {}: {error}", self.name, self.rows);
        Ok(Some(fit(&batch, &self.schema).map_err(misfit)?))
    }
}

impl Source for ArrowSource {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn next(&mut self) -> Result<Option<Piece>> {
        let Some(batch) = self.read()? else { return Ok(None) };
        let rows = batch.num_rows().min(self.batch_rows);
        if rows < batch.num_rows() {
            self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
        }
        self.rows += rows as u64;
        Ok(Some(Piece { batch: batch.slice(0, rows), line: None }))
    }

    fn position(&self) -> u64 {
        self.position.get()
    }
}

/// Reads the mark of a file, and the padding behind it; gives the first bytes of the stream that follows.
fn skip_mark(file: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = [0; PADDING];
    file.read_exact(&mut bytes)?;
    loop {
        file.read_exact(&mut bytes)?;
        if bytes != [0; PADDING] {
            return Ok(bytes.to_vec());
        }
    }
}

/// Counts what is read.
struct Counted {
    input: Input,
    position: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.position.set(self.position.get() + length as u64);
        Ok(length)
    }
}
