//! Files of all formats as batches of one schema.

mod arrow_ipc;
mod csv;
mod exact;
mod guard;
mod ipc_messages;
mod json;
mod json_text;
#[cfg(feature = "parquet")]
mod parquet;
mod records;
mod syntax;
mod text;
mod text_source;

use crate::fit;
use crate::format::{Format, compression};
use crate::input::{Input, Origin};
use crate::options::ReadingOptions;
use crate::types::Others;
use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use shmframe_cli::{Exit, Failure};
use std::path::Path;

pub use text::{More, Text};

/// Rows of a file, one behind the other.
pub struct Piece {
    /// The rows.
    pub batch: RecordBatch,
    /// The number of the last line that they come from, counted from 1, if the file consists of lines.
    pub line: Option<u64>,
}

/// A file that is read.
pub trait Source {
    /// The types of its columns.
    fn schema(&self) -> &SchemaRef;

    /// The next rows; none at the end.
    fn next(&mut self) -> Result<Option<Piece>>;

    /// Bytes of the file that were read so far, or about as many.
    fn position(&self) -> u64;
}

/// The schema of the first of several files, and what that file is called.
pub type First<'a> = Option<(&'a str, &'a SchemaRef)>;

/// How files are read, and into what.
pub struct Reading<'a> {
    pub options: &'a ReadingOptions,
    /// The schema of the frame that rows are added to, if it is there: text is read as its types.
    pub frame: Option<SchemaRef>,
}

/// Opens a file, whose columns must be those of the first one.
pub fn open(origin: &Origin, reading: &Reading<'_>, first: First<'_>) -> Result<Box<dyn Source>> {
    let mut input = origin.open()?;
    let name = origin.name();
    let head = input.head().with_context(|| name.clone())?;
    let format = format(origin, &head, reading.options)?;
    if format.is_text() {
        check_text(origin, &head)?;
        return Ok(Box::new(text_source::TextSource::new(input, Text::new(name, format, reading, first)?)?));
    }
    if head.is_empty() {
        return Err(
            Failure::new(Exit::Failed, format!("{name}: is empty, and no {} file", format.word())).into()
        );
    }
    let guarded = guard::Guarded::open(&name, || typed(name.clone(), input, format, reading.options, first))?;
    Ok(Box::new(guarded))
}

#[cfg(feature = "parquet")]
fn typed(
    name: String,
    input: Input,
    format: Format,
    reading: &ReadingOptions,
    first: First<'_>,
) -> Result<Box<dyn Source>> {
    match format {
        Format::Parquet => Ok(Box::new(parquet::ParquetSource::new(name, input, reading, first)?)),
        _ => Ok(Box::new(arrow_ipc::ArrowSource::new(name, input, reading, first)?)),
    }
}

#[cfg(not(feature = "parquet"))]
fn typed(
    name: String,
    input: Input,
    format: Format,
    reading: &ReadingOptions,
    first: First<'_>,
) -> Result<Box<dyn Source>> {
    match format {
        Format::Parquet => {
            let text = format!(
                "{name}: this shm-load was built without Parquet: build it with the feature `parquet`"
            );
            Err(Failure::usage(text).into())
        }
        _ => Ok(Box::new(arrow_ipc::ArrowSource::new(name, input, reading, first)?)),
    }
}

/// The format of a file: as the option says, its name, or what it begins with.
pub fn format(origin: &Origin, head: &[u8], reading: &ReadingOptions) -> Result<Format> {
    let by_name = || match origin {
        Origin::Standard => None,
        Origin::File(path) => Format::of_name(path),
    };
    if let Some(format) = reading.input_format.or_else(by_name).or_else(|| Format::of_bytes(head)) {
        return Ok(format);
    }
    let name = origin.name();
    if let Some(error) = compressed(origin, head) {
        return Err(error.into());
    }
    let text = match origin {
        Origin::Standard => {
            "standard input: what format is it? Say --as csv, tsv or jsonl (Parquet and Arrow are recognised)"
                .to_owned()
        }
        Origin::File(_) => {
            format!("{name}: its name does not tell the format: say --as csv, tsv, jsonl, parquet or arrow")
        }
    };
    Err(Failure::usage(text).into())
}

/// Refuses what is no text by what it begins with.
pub fn check_text(origin: &Origin, head: &[u8]) -> Result<()> {
    if let Some(error) = compressed(origin, head) {
        return Err(error.into());
    }
    let name = origin.name();
    let text = if let Some(format) = Format::of_bytes(head) {
        let word = format.word();
        format!("{name}: is no text, but {word}: say --as {word}")
    } else if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
        format!("{name}: is UTF-16: make it UTF-8 (iconv -f utf-16 -t utf-8)")
    } else if let Some(position) = head.iter().position(|byte| *byte == 0) {
        format!("{name}: is no text: byte {position} is 0")
    } else {
        return Ok(());
    };
    Err(Failure::new(Exit::Failed, text).into())
}

fn compressed(origin: &Origin, head: &[u8]) -> Option<Failure> {
    let (method, program) = compression(head)?;
    let name = origin.name();
    let text = match origin {
        Origin::Standard => format!("{name}: is compressed ({method}): put {program} before it"),
        Origin::File(path) => {
            let format = path.file_stem().and_then(|stem| Format::of_name(Path::new(stem)));
            let word = format.map_or("FORMAT", Format::word);
            format!("{name}: is compressed ({method}): {program} {name} | shm-load ... --as {word} -")
        }
    };
    Some(Failure::new(Exit::Failed, text))
}

/// The schema that rows of a file with types of its own get: that of the first file, else its own with the types that
/// `--schema` gives.
fn agreed(name: &str, found: &Schema, reading: &ReadingOptions, first: First<'_>) -> Result<SchemaRef> {
    let given = reading.schema.clone().unwrap_or_default();
    let wanted = given.apply(found, Others::AreErrors)?;
    let schema = match first {
        None => wanted,
        Some((first_name, schema)) => {
            fit::check_same(name, &wanted, first_name, schema)?;
            SchemaRef::clone(schema)
        }
    };
    for (from, to) in found.fields().iter().zip(schema.fields()) {
        fit::check(name, from.name(), from.data_type(), to.data_type())?;
    }
    Ok(schema)
}
