//! Text as rows: columns are found, then whole records become batches. Text is pushed in as it comes.

use super::csv::Csv;
use super::json::Json;
use super::records::{Chunk, Records};
use super::syntax::{NO_UTF8, Syntax};
use super::{First, Piece, Reading};
use crate::fit;
use crate::format::Format;
use crate::types::{KnownTypes, Others};
use anyhow::{Result, bail};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use shmframe_cli::{Exit, Failure};
use std::sync::Arc;

/// A record is not longer than this: else a quote is missing.
const LONGEST_RECORD: usize = 64 << 20;

const OPEN_QUOTE: &str = "a quote opens here that is not closed to the end: is the file cut off? A field that begins with a \
                          quote ends with one, and holds each of its own twice";

const OF_FRAME: &str = "the frame has it so, which only a load that replaces the frame can change, without --append and --follow";

/// A text that is read.
pub struct Text {
    name: String,
    syntax: Box<dyn Syntax>,
    records: Records,
    types: KnownTypes,
    others: Others,
    infer_rows: usize,
    batch_rows: usize,
    first: Option<(String, SchemaRef)>,
    /// The first line was looked at for names.
    has_read_header: bool,
    /// The names of the columns, once the first line was read, if that gives them.
    names: Option<Vec<String>>,
    schema: Option<SchemaRef>,
}

/// Whether more text may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// Columns are inferred once enough rows are there.
    Comes,
    /// It may, but columns are inferred from what is there.
    MayCome,
    /// This is all.
    IsNot,
}

impl Text {
    pub fn new(name: String, format: Format, reading: &Reading<'_>, first: First<'_>) -> Result<Self> {
        let Reading { options, frame } = reading;
        let (syntax, others): (Box<dyn Syntax>, _) = if format.is_delimited() {
            let usual = if format == Format::Tsv { b'\t' } else { b',' };
            let delimiter = options.delimiter.unwrap_or(usual);
            (Box::new(Csv::new(delimiter, !options.no_header, &options.null_values)?), Others::AreErrors)
        } else {
            (Box::new(Json), Others::AreAdded)
        };
        Ok(Self {
            name,
            records: Records::new(syntax.splitter()),
            syntax,
            types: KnownTypes::new(options.schema.clone().unwrap_or_default(), frame.clone()),
            others,
            infer_rows: options.infer_rows.get(),
            batch_rows: options.batch_rows.get(),
            first: first.map(|(name, schema)| (name.to_owned(), Arc::clone(schema))),
            has_read_header: false,
            names: None,
            schema: None,
        })
    }

    /// The name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.records.push(bytes);
        if self.records.unfinished().len() > LONGEST_RECORD {
            let line = self.records.unfinished_line();
            bail!(self.at(line, "a row of more than 64 MiB begins here: is a quote not closed?"));
        }
        Ok(())
    }

    /// Nothing more comes: what is left is a record, too.
    ///
    /// # Errors
    /// If a quote is open: it would have swallowed all lines behind it.
    pub fn end(&mut self) -> Result<()> {
        self.records.end().map_err(|line| self.at(line, OPEN_QUOTE).into())
    }

    /// Whether a batch is complete.
    pub fn is_batch_complete(&self) -> bool {
        self.records.complete() >= self.batch_rows
    }

    /// Whether there is any whole record.
    pub fn has_records(&self) -> bool {
        self.records.complete() > 0
    }

    /// The beginning of a line whose end has not come.
    pub fn unfinished(&self) -> &[u8] {
        self.records.unfinished()
    }

    /// Bytes that became rows.
    pub fn position(&self) -> u64 {
        self.records.position()
    }

    /// The columns, once they are known.
    pub fn schema(&self) -> Option<&SchemaRef> {
        self.schema.as_ref()
    }

    /// Finds out the columns, if that is possible by now.
    pub fn settle(&mut self, more: More) -> Result<Option<&SchemaRef>> {
        if self.schema.is_none()
            && let Some(schema) = self.found(more)?
        {
            if let Some(field) = self.syntax.unreadable(&schema) {
                return Err(self.cannot(field).into());
            }
            self.schema = Some(schema);
        }
        Ok(self.schema.as_ref())
    }

    /// Says that no values of a column can be read.
    fn cannot(&self, field: &Field) -> Failure {
        let (column, data_type, form) = (field.name(), field.data_type(), self.syntax.form());
        let text = format!("{}: column {column:?}: {data_type} cannot be read from {form}", self.name);
        if self.types.is_of_frame(column) {
            let remedy = "it is the type that the frame has: load rows for it from Parquet or Arrow";
            Failure::new(Exit::Failed, format!("{text}: {remedy}"))
        } else {
            Failure::usage(format!("{text}: give --schema another type"))
        }
    }

    fn found(&mut self, more: More) -> Result<Option<SchemaRef>> {
        if self.records.complete() == 0 && self.names.is_none() && more != More::IsNot {
            return Ok(None);
        }
        self.read_header()?;
        if let Some((first, schema)) = &self.first {
            if let Some(names) = &self.names {
                fit::check_same(&self.name, &renamed(schema, names), first, schema)?;
            }
            return Ok(Some(Arc::clone(schema)));
        }
        if let Some(names) = &self.names
            && self.types.cover(names)
        {
            let columns = names.iter().map(|name| Field::new(name, DataType::Utf8, true));
            let columns = Schema::new(columns.collect::<Vec<_>>());
            return Ok(Some(self.types.apply(&columns, self.others)?));
        }
        match (self.records.complete(), more) {
            (0, More::IsNot) => self.without_rows().map(Some),
            (0, _) => Ok(None),
            (rows, More::Comes) if rows < self.infer_rows => Ok(None),
            _ => self.infer().map(Some),
        }
    }

    /// Takes the names of columns from the first line, if they stand there.
    fn read_header(&mut self) -> Result<()> {
        if !self.has_read_header && self.records.complete() > 0 {
            self.has_read_header = true;
            let chunk = self.records.sample(1);
            let record = chunk.record(0);
            if core::str::from_utf8(record).is_err() {
                bail!(self.at(chunk.line(0), NO_UTF8));
            }
            self.names = self.syntax.header(record);
            let names = self.names.as_deref().unwrap_or_default();
            if let Some(at) = (0..names.len()).find(|at| names[..*at].contains(&names[*at])) {
                let text = format!("two columns are called {:?}: give one of them another name", names[at]);
                bail!(self.at(chunk.line(0), &text));
            }
            if self.names.is_some() {
                self.records.take(1);
            }
        }
        Ok(())
    }

    fn without_rows(&self) -> Result<SchemaRef> {
        let known = self.types.schema()?;
        if self.names.is_none() && !known.fields().is_empty() {
            return Ok(known);
        }
        let text = match &self.names {
            Some(_) => {
                "has a header and no rows, so that types cannot be inferred: give --schema with all columns"
            }
            None => "is empty: give --schema with all columns for a frame without rows",
        };
        Err(Failure::new(Exit::Failed, format!("{}: {text}", self.name)).into())
    }

    fn infer(&self) -> Result<SchemaRef> {
        let sample = self.records.sample(self.infer_rows);
        match self.syntax.infer(&sample, self.names.as_deref()) {
            Ok(schema) => Ok(self.types.apply(&schema, self.others)?),
            Err(error) => Err(self.refused(&sample, &error).into()),
        }
    }

    /// Why no types could be inferred: the first record that cannot be read whatever its types are, else what Arrow says.
    fn refused(&self, sample: &Chunk, error: &ArrowError) -> Failure {
        let texts = self.names.iter().flatten().map(|name| Field::new(name, DataType::Utf8, true));
        let texts = Arc::new(Schema::new(texts.collect::<Vec<_>>()));
        let explained = (0..sample.rows()).find_map(|at| {
            let reason = self.syntax.explain(sample.record(at), &texts)?;
            Some(self.at(sample.line(at), &reason))
        });
        explained.unwrap_or_else(|| {
            let text = format!("{}: types cannot be inferred: {error}: give --schema with types", self.name);
            Failure::new(Exit::Failed, text)
        })
    }

    /// The next rows, at most a batch of them; none if no whole record is there.
    ///
    /// # Errors
    /// Names the line and the column of what does not fit.
    pub fn take(&mut self) -> Result<Option<Piece>> {
        let Some(schema) = self.schema.clone() else { return Ok(None) };
        if self.records.complete() == 0 {
            return Ok(None);
        }
        let chunk = self.records.take(self.batch_rows);
        match self.decode(&chunk, 0, chunk.rows(), &schema) {
            Ok(batch) => Ok(Some(Piece { batch, line: Some(chunk.last_line()) })),
            Err(error) => Err(self.located(&chunk, &schema, &error)),
        }
    }

    fn decode(
        &self,
        chunk: &Chunk,
        from: usize,
        to: usize,
        schema: &SchemaRef,
    ) -> Result<RecordBatch, ArrowError> {
        self.syntax.decode(chunk.records(from, to), to - from, schema)
    }

    /// The error of a chunk, with the line and the column that it is about: the first record that cannot be read alone.
    fn located(&self, chunk: &Chunk, schema: &SchemaRef, error: &ArrowError) -> anyhow::Error {
        let (mut from, mut to) = (0, chunk.rows());
        while to - from > 1 {
            let middle = from.midpoint(to);
            if self.decode(chunk, from, middle, schema).is_ok() {
                from = middle;
            } else {
                to = middle;
            }
        }
        let line = chunk.line(from);
        match self.syntax.explain(chunk.record(from), schema) {
            Some(reason) if self.is_by_frame(&reason, chunk.record(from), schema) => {
                self.at(line, &format!("{reason}; {OF_FRAME}")).into()
            }
            Some(reason) => self.at(line, &reason).into(),
            None => {
                self.at(line, &format!("these or later lines, up to {}: {error}", chunk.last_line())).into()
            }
        }
    }

    /// Whether a record is refused because of what the frame is: not so, if its columns were text.
    fn is_by_frame(&self, reason: &str, record: &[u8], schema: &Schema) -> bool {
        let fields = schema.fields().iter().map(|field| match self.types.is_of_frame(field.name()) {
            true => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
            false => Arc::clone(field),
        });
        let texts = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        self.syntax.explain(record, &texts).is_none_or(|other| other != reason)
    }

    fn at(&self, line: u64, reason: &str) -> Failure {
        Failure::new(Exit::Failed, format!("{}:{line}: {reason}", self.name))
    }
}

/// A schema with other names.
fn renamed(schema: &Schema, names: &[String]) -> Schema {
    let columns = names.iter().enumerate().map(|(at, name)| {
        let data_type = schema.fields().get(at).map_or(DataType::Utf8, |field| field.data_type().clone());
        Field::new(name, data_type, true)
    });
    Schema::new(columns.collect::<Vec<_>>())
}
