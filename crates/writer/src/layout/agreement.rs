//! Whether a batch has the schema.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, SchemaRef};
use shmframe_format::Result;

use super::error::LayoutError;
use super::path::Path;

/// Checks that the fields of the batch, with their metadata, are those of the schema. Metadata of the schema as a
/// whole is not compared.
pub(super) fn check(schema: &SchemaRef, batch: &RecordBatch, number: usize) -> Result<()> {
    let found = batch.schema_ref();
    if Arc::ptr_eq(schema, found) || schema.fields() == found.fields() {
        return Ok(());
    }
    if schema.fields().len() != found.fields().len() {
        let (expected, found) = (schema.fields().len(), found.fields().len());
        return Err(LayoutError::ColumnCount { batch: number, expected, found }.into());
    }
    for (expected, found) in schema.fields().iter().zip(found.fields()) {
        if expected != found {
            let difference = Difference::between(&Path::column(expected.name()), expected, found);
            return Err(LayoutError::FieldDiffers {
                batch: number,
                path: difference.path,
                expected: difference.expected,
                found: difference.found,
            }
            .into());
        }
    }
    Ok(())
}

struct Difference {
    path: String,
    expected: String,
    found: String,
}

impl Difference {
    /// The outermost thing in which two unequal fields differ.
    fn between(path: &Path<'_>, expected: &Field, found: &Field) -> Self {
        let of = |expected: String, found: String| Self { path: path.to_string(), expected, found };
        if expected.name() != found.name() {
            return of(format!("the name {:?}", expected.name()), format!("{:?}", found.name()));
        }
        if expected.is_nullable() != found.is_nullable() {
            let say = |nullable| if nullable { "a nullable field" } else { "a field without nulls" };
            return of(say(expected.is_nullable()).to_owned(), say(found.is_nullable()).to_owned());
        }
        if let (DataType::Struct(expected), DataType::Struct(found)) =
            (expected.data_type(), found.data_type())
            && expected.len() == found.len()
            && let Some((expected, found)) = expected.iter().zip(found).find(|(e, f)| e != f)
        {
            return Self::between(&path.child(expected.name()), expected, found);
        }
        if expected.data_type() != found.data_type() {
            return of(format!("the type {}", expected.data_type()), format!("{}", found.data_type()));
        }
        of(format!("the metadata {:?}", expected.metadata()), format!("{:?}", found.metadata()))
    }
}
