//! What can be done to the columns of a frame, and what comes of it for a frame of a given schema.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use shmframe_format::columns::ColumnSource;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::sync::Arc;

use crate::layout::Plan;

#[derive(Debug)]
enum ColumnKind {
    Missing { column: String, names: Vec<String> },
    Exists { column: String },
    Position { position: usize, last: usize },
    Rows { column: String, expected: u64, found: u64 },
    Values { column: String, expected: String, found: String },
}

impl Describe for ColumnKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing { .. } => ErrorKind::ColumnMissing,
            Self::Exists { .. } | Self::Position { .. } => ErrorKind::InvalidArgument,
            Self::Rows { .. } | Self::Values { .. } => ErrorKind::SchemaMismatch,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::Missing { column, names } => Report::new(
                format!("no column {column:?}"),
                format!("one of {names:?}"),
                "another name",
                "check the name",
            ),
            Self::Exists { column } => Report::new(
                format!("a column {column:?} is there already"),
                "a name that no column of the frame has",
                "one that a column has",
                "use another name, replace the column, or drop it first",
            ),
            Self::Position { position, last } => Report::new(
                "no such position for a column",
                format!("at most {last}"),
                format!("{position}"),
                "count from 0, among the columns that the frame then has",
            ),
            Self::Rows { column, expected, found } => Report::new(
                format!("column {column:?} has another number of rows than its frame"),
                format!("{expected}"),
                format!("{found}"),
                "hand in one value for each row, or put the frame again",
            ),
            Self::Values { column, expected, found } => Report::new(
                format!("the values do not fit column {column:?}"),
                expected.clone(),
                found.clone(),
                "cast the values, or fill the nulls; for another field, drop the column and insert one in its place",
            ),
        }
    }
}

shmframe_format::every_kind!(ColumnKind {
    Missing: ColumnKind::Missing { column: "a".into(), names: vec!["b".into()] };
    Exists: ColumnKind::Exists { column: "a".into() };
    Position: ColumnKind::Position { position: 2, last: 1 };
    Rows: ColumnKind::Rows { column: "a".into(), expected: 1, found: 2 };
    Values: ColumnKind::Values { column: "a".into(), expected: "Int8".into(), found: "Int16".into() };
});

/// A change to the columns of a frame.
#[derive(Clone, Debug)]
pub(crate) enum ColumnChange {
    /// Other values for a column.
    Replace(String, Vec<ArrayRef>),
    /// A new column, at this position or at the end.
    Insert(Option<usize>, FieldRef, Vec<ArrayRef>),
    Drop(String),
    /// From this name to that one.
    Rename(String, String),
    /// To this position among the columns.
    Move(String, usize),
}

/// A frame after a change: its fields, where each column comes from, and the values of the new one.
#[derive(Debug)]
pub(crate) struct Changed<'c> {
    pub(crate) schema: SchemaRef,
    pub(crate) sources: Vec<ColumnSource>,
    added: Option<(FieldRef, &'c [ArrayRef])>,
}

impl ColumnChange {
    /// Refuses a type without a layout, before anything else is known of the frame.
    pub(crate) fn check_type(&self) -> Result<()> {
        let field = match self {
            Self::Insert(_, field, _) => Arc::clone(field),
            Self::Replace(column, values) => match values.first() {
                Some(array) => {
                    Arc::new(arrow::datatypes::Field::new(column, array.data_type().clone(), true))
                }
                None => return Ok(()),
            },
            Self::Drop(_) | Self::Rename(_, _) | Self::Move(_, _) => return Ok(()),
        };
        Plan::new(&Arc::new(Schema::new(vec![field])), &[]).map(drop)
    }

    /// What a frame of this schema becomes.
    pub(crate) fn apply(&self, schema: &SchemaRef) -> Result<Changed<'_>> {
        let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
        let mut sources: Vec<ColumnSource> = (0..fields.len()).map(ColumnSource::Kept).collect();
        let mut added = None;
        match self {
            Self::Replace(column, values) => {
                let index = find(&fields, column)?;
                sources[index] = ColumnSource::New;
                added = Some((Arc::clone(&fields[index]), values.as_slice()));
            }
            Self::Insert(position, field, values) => {
                check_free(&fields, field.name())?;
                let position = check_position(position.unwrap_or(fields.len()), fields.len())?;
                fields.insert(position, Arc::clone(field));
                sources.insert(position, ColumnSource::New);
                added = Some((Arc::clone(field), values.as_slice()));
            }
            Self::Drop(column) => {
                let index = find(&fields, column)?;
                fields.remove(index);
                sources.remove(index);
            }
            Self::Rename(from, to) => {
                let index = find(&fields, from)?;
                if from != to {
                    check_free(&fields, to)?;
                }
                fields[index] = Arc::new(fields[index].as_ref().clone().with_name(to));
            }
            Self::Move(column, position) => {
                let index = find(&fields, column)?;
                let position = check_position(*position, fields.len() - 1)?;
                let field = fields.remove(index);
                fields.insert(position, field);
                let source = sources.remove(index);
                sources.insert(position, source);
            }
        }
        let schema = if fields.iter().eq(schema.fields().iter()) {
            Arc::clone(schema)
        } else {
            Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
        };
        Ok(Changed { schema, sources, added })
    }
}

impl Changed<'_> {
    /// The new column, planned chunk by chunk; no plans where there is none.
    ///
    /// `chunk_rows` are the rows of the frame's chunks.
    pub(crate) fn plans(&self, chunk_rows: &[u64]) -> Result<Vec<Plan>> {
        match &self.added {
            Some((field, values)) => plan_column(field, values, chunk_rows),
            None => Ok(Vec::new()),
        }
    }
}

/// A column of these values, planned chunk by chunk; `chunk_rows` are the rows of each chunk.
pub(crate) fn plan_column(field: &FieldRef, values: &[ArrayRef], chunk_rows: &[u64]) -> Result<Vec<Plan>> {
    let expected = chunk_rows.iter().sum();
    let found = values.iter().map(|array| array.len() as u64).sum();
    if expected != found {
        return Err(ColumnKind::Rows { column: field.name().clone(), expected, found }.into());
    }
    let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
    let batches: Vec<RecordBatch> =
        values.iter().map(|array| batch(&schema, array)).collect::<Result<_>>()?;
    cut(&batches, chunk_rows).iter().map(|batches| Plan::new(&schema, batches)).collect()
}

/// The rows of the batches, one list for each chunk. They are as many as those of all chunks.
fn cut(batches: &[RecordBatch], chunk_rows: &[u64]) -> Vec<Vec<RecordBatch>> {
    let mut rest = batches.iter();
    let mut open: Option<RecordBatch> = None;
    let chunk = |rows: &u64| {
        let mut missing = *rows as usize;
        let mut chunk = Vec::new();
        while missing > 0 {
            let Some(batch) = open.take().or_else(|| rest.next().cloned()) else { break };
            let taken = missing.min(batch.num_rows());
            if taken < batch.num_rows() {
                open = Some(batch.slice(taken, batch.num_rows() - taken));
            }
            missing -= taken;
            chunk.push(batch.slice(0, taken));
        }
        chunk
    };
    chunk_rows.iter().map(chunk).collect()
}

fn batch(schema: &SchemaRef, array: &ArrayRef) -> Result<RecordBatch> {
    RecordBatch::try_new(Arc::clone(schema), vec![Arc::clone(array)]).map_err(|cause| {
        let field = schema.field(0);
        let nulls = if field.is_nullable() { "" } else { ", without nulls" };
        let expected = format!("type {}{nulls}", field.data_type());
        let found = format!("type {}, {} nulls", array.data_type(), array.null_count());
        Error::from(ColumnKind::Values { column: field.name().clone(), expected, found }).because(cause)
    })
}

/// The first column of this name.
fn find(fields: &[FieldRef], column: &str) -> Result<usize> {
    fields.iter().position(|field| field.name() == column).ok_or_else(|| missing(fields, column))
}

/// The error of a name that no column has.
pub(crate) fn missing<'f>(fields: impl IntoIterator<Item = &'f FieldRef>, column: &str) -> Error {
    let names = fields.into_iter().map(|field| field.name().clone()).collect();
    ColumnKind::Missing { column: column.to_owned(), names }.into()
}

fn check_free(fields: &[FieldRef], column: &str) -> Result<()> {
    match find(fields, column) {
        Ok(_) => Err(ColumnKind::Exists { column: column.to_owned() }.into()),
        Err(_) => Ok(()),
    }
}

fn check_position(position: usize, last: usize) -> Result<usize> {
    if position <= last { Ok(position) } else { Err(ColumnKind::Position { position, last }.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Int32Array};
    use arrow::datatypes::{DataType, Field, Int32Type};

    #[test]
    fn rows_are_cut_at_the_ends_of_the_chunks() {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int32, false)]));
        let numbers =
            |range: std::ops::Range<i32>| -> ArrayRef { Arc::new(Int32Array::from_iter_values(range)) };
        let batches: Vec<_> =
            [0..3, 3..3, 3..4, 4..10].map(|range| batch(&schema, &numbers(range)).unwrap()).to_vec();
        for chunks in [vec![10], vec![0, 2, 5, 3, 0], vec![1; 10], vec![4, 6]] {
            let cut = cut(&batches, &chunks);
            let rows: Vec<Vec<i32>> = cut
                .iter()
                .map(|batches| {
                    let values = batches.iter().map(|batch| batch.column(0).as_primitive::<Int32Type>());
                    values.flat_map(|values| values.values().to_vec()).collect()
                })
                .collect();
            assert!(rows.iter().map(|rows| rows.len() as u64).eq(chunks), "{rows:?}");
            assert_eq!(rows.concat(), (0..10).collect::<Vec<_>>());
        }
    }
}
