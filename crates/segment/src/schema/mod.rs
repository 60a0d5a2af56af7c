//! Schemas as Arrow IPC messages, as schema records hold them.
//!
//! In a message, the type of an encoded field is that of its values, so there is no place for values that are encoded
//! themselves. A dictionary of dictionaries is therefore written as one of structs with a single field, which a key in
//! that field's metadata tells from a struct of the user's.

mod possible;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use arrow::ipc::convert::try_schema_from_flatbuffer_bytes;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use possible::is_possible;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::collections::HashMap;
use std::panic::catch_unwind;
use std::sync::Arc;

/// The metadata key of the field that stands for the values of a dictionary of dictionaries.
const VALUES_KEY: &str = "shmframe:dictionary_values";

#[derive(Debug)]
enum SchemaKind {
    Message,
    NotExpressible { field: String },
}

impl Describe for SchemaKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Message => ErrorKind::Corrupt,
            Self::NotExpressible { .. } => ErrorKind::TypeNotSupported,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::Message => Report::new(
                "damaged schema",
                "an Arrow IPC schema message",
                "something else",
                "the segment is damaged: remove it and create it again",
            ),
            Self::NotExpressible { field } => Report::new(
                format!("field {field:?} cannot be written down"),
                "what an Arrow IPC schema message can express, types nested at most 60 deep (a map counts for two) among it",
                "a field that would be read back as another one",
                "give the field another type",
            ),
        }
    }
}

/// The message that holds a schema.
///
/// # Errors
/// [`ErrorKind::TypeNotSupported`] if it would be read back as another one.
pub fn to_message(schema: &Schema) -> Result<Vec<u8>> {
    let written = Schema::new_with_metadata(map_fields(schema.fields(), wrap), schema.metadata.clone());
    let mut dictionaries = DictionaryTracker::new(false);
    let generator = IpcDataGenerator::default();
    let options = IpcWriteOptions::default();
    let message = generator.schema_to_bytes_with_dictionary_tracker(&written, &mut dictionaries, &options);
    let read = from_message(&message.ipc_message);
    if read.as_ref().is_ok_and(|read| read == schema) {
        return Ok(message.ipc_message);
    }
    let read = read.map(|read| read.fields).unwrap_or_default();
    let differs = schema.fields().iter().enumerate().find(|(index, field)| read.get(*index) != Some(field));
    let field = differs.map(|(_, field)| field.name().clone()).unwrap_or_default();
    Err(SchemaKind::NotExpressible { field }.into())
}

/// The schema that a message holds.
///
/// # Errors
/// [`ErrorKind::Corrupt`].
pub fn from_message(message: &[u8]) -> Result<Schema> {
    // Arrow panics over types that it does not know.
    match catch_unwind(|| try_schema_from_flatbuffer_bytes(message)) {
        Ok(Ok(schema)) if schema.fields.iter().all(|field| is_possible(field.data_type())) => {
            Ok(Schema::new_with_metadata(map_fields(&schema.fields, unwrap), schema.metadata))
        }
        Ok(Ok(_)) => Err(SchemaKind::Message.into()),
        Ok(Err(cause)) => Err(Error::from(SchemaKind::Message).because(cause)),
        Err(_) => Err(SchemaKind::Message.into()),
    }
}

/// What stands for the values of a dictionary in a message.
fn wrap(values: DataType) -> DataType {
    if !matches!(values, DataType::Dictionary(_, _)) {
        return values;
    }
    let mark = HashMap::from([(VALUES_KEY.to_owned(), String::new())]);
    DataType::Struct(vec![Field::new("values", values, true).with_metadata(mark)].into())
}

/// The values of a dictionary, from what stands for them in a message.
fn unwrap(values: DataType) -> DataType {
    match &values {
        DataType::Struct(fields) => match fields.as_ref() {
            [field] if field.metadata().contains_key(VALUES_KEY) => field.data_type().clone(),
            _ => values,
        },
        _ => values,
    }
}

fn map_fields(fields: &Fields, values: fn(DataType) -> DataType) -> Fields {
    fields.iter().map(|field| map_field(field, values)).collect()
}

fn map_field(field: &FieldRef, values: fn(DataType) -> DataType) -> FieldRef {
    let mapped = map(field.data_type(), values);
    if mapped == *field.data_type() {
        return Arc::clone(field);
    }
    Arc::new(field.as_ref().clone().with_data_type(mapped))
}

/// The type with `values` applied to the values of every dictionary in it.
fn map(data_type: &DataType, values: fn(DataType) -> DataType) -> DataType {
    let field = |field| map_field(field, values);
    match data_type {
        DataType::Dictionary(keys, inner) => {
            DataType::Dictionary(keys.clone(), Box::new(values(map(inner, values))))
        }
        DataType::Struct(fields) => DataType::Struct(map_fields(fields, values)),
        DataType::Union(fields, mode) => {
            let fields = fields.iter().map(|(type_id, inner)| (type_id, field(inner))).collect();
            DataType::Union(fields, *mode)
        }
        DataType::List(inner) => DataType::List(field(inner)),
        DataType::LargeList(inner) => DataType::LargeList(field(inner)),
        DataType::ListView(inner) => DataType::ListView(field(inner)),
        DataType::LargeListView(inner) => DataType::LargeListView(field(inner)),
        DataType::FixedSizeList(inner, size) => DataType::FixedSizeList(field(inner), *size),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        DataType::RunEndEncoded(ends, inner) => DataType::RunEndEncoded(Arc::clone(ends), field(inner)),
        simple => simple.clone(),
    }
}

shmframe_format::every_kind!(SchemaKind {
    Message: SchemaKind::Message;
    NotExpressible: SchemaKind::NotExpressible { field: "a".into() };
});

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::UnionFields;

    fn dictionary(values: DataType) -> DataType {
        DataType::Dictionary(Box::new(DataType::Int16), Box::new(values))
    }

    fn field(data_type: DataType) -> FieldRef {
        Arc::new(Field::new("inner", data_type, true))
    }

    #[test]
    fn dictionaries_of_dictionaries_are_read_back_wherever_they_stand() {
        let twice = dictionary(dictionary(DataType::Utf8));
        let union = UnionFields::try_new([7], [field(twice.clone())]).unwrap();
        let types = [
            twice.clone(),
            dictionary(twice.clone()),
            dictionary(DataType::Struct(vec![field(twice.clone())].into())),
            DataType::List(field(dictionary(DataType::List(field(twice.clone()))))),
            DataType::FixedSizeList(field(twice.clone()), 3),
            DataType::Union(union, arrow::datatypes::UnionMode::Dense),
            DataType::RunEndEncoded(Arc::new(Field::new("ends", DataType::Int32, false)), field(twice)),
        ];
        for data_type in types {
            let schema = Schema::new(vec![Field::new("c", data_type, true)]);
            assert_eq!(from_message(&to_message(&schema).unwrap()).unwrap(), schema);
        }
    }

    #[test]
    fn field_that_would_be_read_back_as_another_is_refused() {
        let mark = HashMap::from([(VALUES_KEY.to_owned(), String::new())]);
        let marked = Field::new("values", DataType::Utf8, true).with_metadata(mark);
        let posing = dictionary(DataType::Struct(vec![marked].into()));
        let deep = (0..200).fold(DataType::Int8, |data_type, _| DataType::List(field(data_type)));
        for data_type in [posing, deep] {
            let schema =
                Schema::new(vec![Field::new("a", DataType::Int8, true), Field::new("b", data_type, true)]);
            let error = to_message(&schema).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TypeNotSupported);
        }
        let nested = (0..29).fold(DataType::Int8, |data_type, _| DataType::List(field(data_type)));
        to_message(&Schema::new(vec![Field::new("c", nested, true)])).unwrap();
    }
}
