//! In what the schema of appended rows differs from that of their frame.

use arrow::datatypes::{Field, FieldRef, Schema};
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::sync::Arc;

#[derive(Debug)]
pub(super) enum DifferenceKind {
    /// The fields are others, or stand in another order.
    Schema { expected: Vec<String>, differences: Vec<String> },
    /// What stands in the frame does not fit its schema.
    Misfit,
}

impl Describe for DifferenceKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Schema { .. } => ErrorKind::SchemaMismatch,
            Self::Misfit => ErrorKind::Corrupt,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::Schema { expected, differences } => Report::new(
                "the rows have another schema than their frame",
                format!("the columns {expected:?}, in this order and of the frame's types"),
                differences.join("; "),
                "cast, rename or reorder the columns, or put the frame again; append_new_columns adds nullable ones",
            ),
            Self::Misfit => Report::new(
                "damaged frame",
                "columns of the types that its schema says",
                "others",
                "the segment is damaged: remove it and create it again",
            ),
        }
    }
}

shmframe_format::every_kind!(DifferenceKind {
    Schema: DifferenceKind::Schema {
        expected: vec!["a".into()],
        differences: vec!["column \"a\" is missing".into()],
    };
    Misfit: DifferenceKind::Misfit;
});

/// Checks that rows of the schema `found` can be added to a frame of the schema `frame`. Metadata of the schema as a whole is
/// not compared.
pub(crate) fn check(frame: &Schema, found: &Schema) -> Result<()> {
    if core::ptr::eq(frame, found) || frame.fields() == found.fields() {
        return Ok(());
    }
    Err(others(frame, found))
}

fn others(frame: &Schema, found: &Schema) -> Error {
    let expected = frame.fields().iter().map(|field| field.name().clone()).collect();
    DifferenceKind::Schema { expected, differences: differences(frame, found) }.into()
}

/// The columns that a frame lacks and rows of the schema `found` have: where they stand among the others, and their fields.
/// The others are the frame's, in its order.
///
/// # Errors
/// [`ErrorKind::SchemaMismatch`] if they are not, or if a new column may not be null: older rows have no values.
pub(crate) fn new_columns(frame: &Schema, found: &Schema) -> Result<Vec<(usize, FieldRef)>> {
    let mut old = frame.fields().iter().peekable();
    let mut new = Vec::new();
    for (position, field) in found.fields().iter().enumerate() {
        if old.peek().is_some_and(|old| *old == field) {
            old.next();
        } else if field.is_nullable() && frame.field_with_name(field.name()).is_err() {
            new.push((position, Arc::clone(field)));
        } else {
            return Err(others(frame, found));
        }
    }
    if old.peek().is_some() { Err(others(frame, found)) } else { Ok(new) }
}

/// Field by field: what is missing, what there is besides, what is another one, and what stands elsewhere.
fn differences(frame: &Schema, found: &Schema) -> Vec<String> {
    let mut differences = Vec::new();
    for (position, expected) in frame.fields().iter().enumerate() {
        let name = expected.name();
        match found.fields().iter().position(|field| field.name() == name) {
            None => differences.push(format!("column {name:?} is missing")),
            Some(at) => {
                compare(expected, found.field(at), &mut differences);
                if at != position {
                    differences.push(format!("column {name:?} is number {at}, not {position}"));
                }
            }
        }
    }
    for field in found.fields().iter().filter(|field| frame.field_with_name(field.name()).is_err()) {
        let nulls = if field.is_nullable() { "" } else { ", and declared without nulls" };
        differences.push(format!("column {:?} is one that the frame does not have{nulls}", field.name()));
    }
    if differences.is_empty() {
        // Columns of one name, in other numbers.
        differences.push(format!("{} columns, not {}", found.fields().len(), frame.fields().len()));
    }
    differences
}

fn compare(expected: &Field, found: &Field, differences: &mut Vec<String>) {
    let name = expected.name();
    if expected.data_type() != found.data_type() {
        differences.push(format!(
            "column {name:?} has the type {}, not {}",
            found.data_type(),
            expected.data_type()
        ));
    }
    match (expected.is_nullable(), found.is_nullable()) {
        (true, false) => differences.push(format!("column {name:?} is declared without nulls, not nullable")),
        (false, true) => differences.push(format!("column {name:?} is nullable, not declared without nulls")),
        _ => {}
    }
    if expected.metadata() != found.metadata() {
        let (found, expected) = (found.metadata(), expected.metadata());
        differences.push(format!("column {name:?} has the metadata {found:?}, not {expected:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::DataType;

    #[test]
    fn every_difference_is_told_field_by_field() {
        let field = |name: &str, data_type, nullable| Field::new(name, data_type, nullable);
        let (number, text) = (DataType::Int64, DataType::Utf8);
        let frame = Schema::new(vec![
            field("time", number.clone(), false),
            field("name", text.clone(), true),
            field("size", number.clone(), true),
            field("gone", number.clone(), true),
        ]);
        let found = Schema::new(vec![
            field("time", number.clone(), true),
            field("size", text.clone(), true),
            field("name", text, true).with_metadata([("unit".to_owned(), "m".to_owned())].into()),
            field("more", number, true),
        ]);
        let error = check(&frame, &found).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
        let message = error.to_string();
        for difference in [
            "column \"time\" is nullable, not declared without nulls",
            "column \"name\" is number 2, not 1",
            "column \"name\" has the metadata {\"unit\": \"m\"}, not {}",
            "column \"size\" has the type Utf8, not Int64",
            "column \"gone\" is missing",
            "column \"more\" is one that the frame does not have",
        ] {
            assert!(message.contains(difference), "{difference}: {message}");
        }
        check(&frame, &frame.clone()).unwrap();
    }

    #[test]
    fn new_columns_are_nullable_and_leave_the_others_in_their_order() {
        let field = |name: &str, nullable| Field::new(name, DataType::Int8, nullable);
        let frame = Schema::new(vec![field("a", false), field("b", true)]);
        let found = |fields: Vec<Field>| {
            let new = new_columns(&frame, &Schema::new(fields))?;
            Ok(new.into_iter().map(|(position, field)| (position, field.name().clone())).collect::<Vec<_>>())
        };
        let found = |fields| -> Result<Vec<(usize, String)>> { found(fields) };
        assert_eq!(found(vec![field("a", false), field("b", true)]).unwrap(), []);
        let new = found(vec![
            field("x", true),
            field("a", false),
            field("y", true),
            field("b", true),
            field("z", true),
        ]);
        let expected = [(0, "x"), (2, "y"), (4, "z")].map(|(position, name)| (position, name.to_owned()));
        assert_eq!(new.unwrap(), expected);
        for fields in [
            vec![field("b", true), field("a", false)],
            vec![field("a", false), field("x", true)],
            vec![field("a", false), field("b", true), field("x", false)],
            vec![field("a", true), field("b", true)],
            vec![field("a", false), field("b", true), field("b", true)],
        ] {
            assert_eq!(found(fields).unwrap_err().kind(), ErrorKind::SchemaMismatch);
        }
    }

    #[test]
    fn columns_of_one_name_are_counted() {
        let column = || Field::new("a", DataType::Int8, false);
        let error = check(&Schema::new(vec![column()]), &Schema::new(vec![column(), column()])).unwrap_err();
        assert!(error.to_string().contains("2 columns, not 1"), "{error}");
    }
}
