//! What CSV and JSON lines have in common: text becomes rows, and a row that does not fit is explained.

use super::records::{Chunk, Splitter};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;

/// Characters of a value that are shown in a message.
const SHOWN: usize = 60;

/// What is said of bytes that are no text.
pub const NO_UTF8: &str = "is no UTF-8: convert the file (iconv -f latin1 -t utf-8)";

/// How a text is to be understood.
pub trait Syntax {
    /// Finds the ends of records.
    fn splitter(&self) -> Splitter;

    /// The names that a record gives to columns, if the first record does that.
    fn header(&self, record: &[u8]) -> Option<Vec<String>>;

    /// Infers the types of columns, whose names are known or found as well.
    fn infer(&self, sample: &Chunk, names: Option<&[String]>) -> Result<Schema, ArrowError>;

    /// What it is called where types cannot be read from it.
    fn form(&self) -> &'static str;

    /// The first column of a type that cannot be read.
    fn unreadable<'s>(&self, schema: &'s Schema) -> Option<&'s FieldRef>;

    /// Reads whole records.
    fn decode(&self, records: &[u8], rows: usize, schema: &SchemaRef) -> Result<RecordBatch, ArrowError>;

    /// What is wrong with a record, if it is its own fault.
    fn explain(&self, record: &[u8], schema: &SchemaRef) -> Option<String>;
}

/// Says that a value does not fit the type of its column.
pub fn misfit(column: &str, value: &str, found: &DataType) -> String {
    let wider = if found.is_integer() && value.parse::<f64>().is_ok() { "float64" } else { "utf8" };
    format!(
        "column {column:?}: {} is no {found}: give the column another type (--schema '{column}:{wider}')",
        shown(value)
    )
}

/// Says that there is no value where one must be.
pub fn no_value(column: &str) -> String {
    format!(
        "column {column:?}: no value, and the column is declared without nulls (--schema '{column}:non-null ...')"
    )
}

/// A value in quotes, cut if it is long.
pub fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        None => format!("{value:?}"),
        Some((cut, _)) => format!("{:?}...", &value[..cut]),
    }
}
