//! Rows that are given the types that their frame has.

use arrow::array::{Array, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use shmframe_cli::{Exit, Failure};
use std::sync::Arc;

/// Gives a batch the types of `schema`, which has the same columns. A value that does not fit is an error.
pub fn fit(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let cast = |(field, column): (&Arc<Field>, &Arc<dyn Array>)| {
        if column.data_type() == field.data_type() {
            Ok(Arc::clone(column))
        } else {
            cast_with_options(column, field.data_type(), &options)
        }
    };
    let columns = schema.fields().iter().zip(batch.columns()).map(cast).collect::<Result<Vec<_>, _>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
}

/// Checks that values of one type can become values of another at all.
pub fn check(name: &str, column: &str, from: &DataType, to: &DataType) -> Result<(), Failure> {
    if from == to || can_cast_types(from, to) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{name}: column {column:?}: {to} cannot be made of {from}: give --schema another type"
    )))
}

/// Checks that a file has the columns of the one before: names and their order, and types.
pub fn check_same(name: &str, found: &Schema, first: &str, expected: &Schema) -> Result<(), Failure> {
    let columns = found.fields().iter().zip(expected.fields());
    for (number, (found, expected)) in columns.enumerate() {
        let (column, number) = (found.name(), number + 1);
        let difference = if column != expected.name() {
            format!("column {number} is {column:?}, and {:?} in {first}", expected.name())
        } else if found.data_type() != expected.data_type() {
            let (found, expected) = (found.data_type(), expected.data_type());
            format!(
                "column {column:?} is {found}, and {expected} in {first}: give it one type (--schema '{column}:{expected}')"
            )
        } else {
            continue;
        };
        return Err(Failure::new(Exit::Failed, format!("{name}: {difference}")));
    }
    let (many, few) = (found.fields().len(), expected.fields().len());
    let named = |schema: &Schema, at: usize| format!("{:?}", schema.field(at).name());
    match many.cmp(&few) {
        core::cmp::Ordering::Equal => Ok(()),
        core::cmp::Ordering::Less => {
            let text = format!("{name}: column {} is missing, which {first} has", named(expected, many));
            Err(Failure::new(Exit::Failed, text))
        }
        core::cmp::Ordering::Greater => {
            let text = format!("{name}: column {} is one that {first} does not have", named(found, few));
            Err(Failure::new(Exit::Failed, text))
        }
    }
}
