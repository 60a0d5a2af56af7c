//! Rows as CSV.

use super::text;
use anyhow::Result;
use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow::csv::{Writer, WriterBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::io::Write;
use std::sync::Arc;

/// Writes batches as CSV: a line of names, then a line for each row, its values as text. Null is an empty field.
#[derive(Debug)]
pub struct CsvWriter {
    /// The columns whose names are still to be written; none: they were, or are not wanted.
    header: Option<SchemaRef>,
}

impl CsvWriter {
    /// One that writes the names of these columns first; none: without names.
    pub fn new(header: Option<SchemaRef>) -> Self {
        Self { header }
    }

    /// Writes the names, if no row came.
    pub fn finish(&mut self, to: &mut dyn Write) -> Result<()> {
        match self.header.clone() {
            Some(schema) => self.write(&RecordBatch::new_empty(schema), to),
            None => Ok(()),
        }
    }

    /// Writes rows, and the names before the first ones.
    pub fn write(&mut self, batch: &RecordBatch, to: &mut dyn Write) -> Result<()> {
        let header = self.header.take().is_some();
        let texts: Vec<ArrayRef> = batch.columns().iter().map(|column| texts(column)).collect();
        let names = batch.schema();
        let fields: Vec<Field> =
            names.fields().iter().map(|field| Field::new(field.name(), DataType::Utf8, true)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), texts, &options)?;
        let mut writer: Writer<_> = WriterBuilder::new().with_header(header).build(to);
        Ok(writer.write(&batch)?)
    }
}

/// The text of each value.
fn texts(array: &ArrayRef) -> ArrayRef {
    let (formatter, nulls) = (text::formatter(array), array.logical_nulls());
    let text = |row| {
        let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        (!is_null).then(|| formatter.value(row).to_string())
    };
    Arc::new((0..array.len()).map(text).collect::<StringArray>())
}
