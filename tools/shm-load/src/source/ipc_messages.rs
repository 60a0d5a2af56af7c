//! Messages of an Arrow IPC stream, for which no more memory is taken than the stream has bytes.
//!
//! Arrow's own `StreamReader` allocates the lengths that a file announces before it looks whether they are there. In a damaged
//! file they can be any number, and a process that cannot get so much memory is aborted.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{read_dictionary, read_record_batch};
use arrow::ipc::{self, Message, root_as_message};
use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

/// What stands before the length of a message, but in streams of old.
const CONTINUATION: [u8; 4] = [0xFF; 4];
/// Bytes that are allocated before any of them is there.
const FIRST: usize = 1 << 20;
/// Bytes of the length that stands before a compressed buffer.
const LENGTH_SIZE: usize = 8;

/// A stream that is read.
pub struct Messages<R> {
    stream: R,
    schema: SchemaRef,
    dictionaries: HashMap<i64, ArrayRef>,
}

impl<R: Read> Messages<R> {
    /// Reads the schema.
    pub fn new(mut stream: R) -> Result<Self, ArrowError> {
        let Some(bytes) = metadata(&mut stream)? else { return Err(wrong("an empty stream")) };
        let message = parsed(&bytes)?;
        body(&mut stream, &message)?;
        let schema = message.header_as_schema().ok_or_else(|| wrong("no schema at the beginning"))?;
        Ok(Self { stream, schema: Arc::new(fb_to_schema(schema)), dictionaries: HashMap::new() })
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows; none at the end.
    pub fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        while let Some(bytes) = metadata(&mut self.stream)? {
            let message = parsed(&bytes)?;
            let (body, version) = (body(&mut self.stream, &message)?, message.version());
            if let Some(batch) = message.header_as_record_batch() {
                check_lengths(&batch, &body)?;
                let schema = Arc::clone(&self.schema);
                return read_record_batch(&body, batch, schema, &self.dictionaries, None, &version).map(Some);
            }
            match message.header_as_dictionary_batch() {
                Some(batch) => {
                    if let Some(values) = batch.data() {
                        check_lengths(&values, &body)?;
                    }
                    read_dictionary(&body, batch, &self.schema, &mut self.dictionaries, &version)?;
                }
                None => return Err(wrong(&format!("a message of the kind {:?}", message.header_type()))),
            }
        }
        Ok(None)
    }
}

fn wrong(found: &str) -> ArrowError {
    ArrowError::IpcError(format!("{found}, where a schema and then rows are expected"))
}

/// The metadata of the next message; none at the end.
fn metadata(stream: &mut impl Read) -> Result<Option<Vec<u8>>, ArrowError> {
    let mut length = Vec::new();
    stream.take(4).read_to_end(&mut length)?;
    // A stream may end without a mark.
    if length.is_empty() {
        return Ok(None);
    }
    let cut_off = |_| ArrowError::IpcError("a message that is cut off".to_owned());
    let mut length: [u8; 4] = length.try_into().map_err(cut_off)?;
    if length == CONTINUATION {
        stream.read_exact(&mut length)?;
    }
    match i32::from_le_bytes(length) {
        0 => Ok(None),
        length => Ok(Some(read(stream, i64::from(length))?)),
    }
}

fn parsed(bytes: &[u8]) -> Result<Message<'_>, ArrowError> {
    root_as_message(bytes).map_err(|error| ArrowError::ParseError(format!("no message: {error}")))
}

fn body(stream: &mut impl Read, message: &Message<'_>) -> Result<Buffer, ArrowError> {
    Ok(Buffer::from_vec(read(stream, message.bodyLength())?))
}

/// Reads so many bytes, and takes memory as they come.
fn read(stream: &mut impl Read, length: i64) -> Result<Vec<u8>, ArrowError> {
    let misfit = || ArrowError::IpcError(format!("a message of {length} bytes"));
    let length = usize::try_from(length).map_err(|_| misfit())?;
    let mut bytes = Vec::with_capacity(length.min(FIRST));
    stream.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        let text = format!("a message of {length} bytes, of which {} are there", bytes.len());
        return Err(ArrowError::IpcError(text));
    }
    Ok(bytes)
}

/// Checks that there is as much memory as compressed buffers say that they need: Arrow allocates it on trust.
fn check_lengths(batch: &ipc::RecordBatch<'_>, body: &[u8]) -> Result<(), ArrowError> {
    if batch.compression().is_none() {
        return Ok(());
    }
    for buffer in batch.buffers().into_iter().flatten() {
        let start = usize::try_from(buffer.offset()).ok();
        let bytes = start.and_then(|start| body.get(start..)?.first_chunk::<LENGTH_SIZE>());
        let length = bytes.map_or(0, |bytes| i64::from_le_bytes(*bytes));
        let mut memory: Vec<u8> = Vec::new();
        if usize::try_from(length).is_ok_and(|length| memory.try_reserve_exact(length).is_err()) {
            return Err(ArrowError::IpcError(format!("a compressed buffer of {length} bytes")));
        }
    }
    Ok(())
}
