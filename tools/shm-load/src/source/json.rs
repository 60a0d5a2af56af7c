//! JSON lines: one object a line.

use super::json_text::{Entries, Numbers, flaw};
use super::records::{Chunk, Splitter};
use super::syntax::{Syntax, misfit, no_value, shown};
use crate::fit::fit;
use arrow::array::RecordBatch;
use arrow::compute::can_cast_types;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::json::reader::infer_json_schema;
use serde_json::{Map, Value};
use std::sync::Arc;

pub struct Json;

impl Syntax for Json {
    fn splitter(&self) -> Splitter {
        Splitter::Lines
    }

    fn header(&self, _record: &[u8]) -> Option<Vec<String>> {
        None
    }

    fn infer(&self, sample: &Chunk, _names: Option<&[String]>) -> Result<Schema, ArrowError> {
        let (found, _) = infer_json_schema(sample.bytes.as_slice(), Some(sample.rows()))?;
        let mut order: Vec<String> = Vec::new();
        let mut numbers = Numbers::default();
        for at in 0..sample.rows() {
            // What is no object was refused by the inference.
            let Ok(entries) = serde_json::from_slice::<Entries<'_>>(sample.record(at)) else { continue };
            if let Some(key) = entries.twice() {
                return Err(ArrowError::JsonError(format!("{key:?} stands twice in an object")));
            }
            for (at, (key, value)) in entries.0.iter().enumerate() {
                numbers.note(key, value);
                if order.get(at).is_none_or(|known| known != key) && !order.iter().any(|known| known == key) {
                    order.push(key.clone().into_owned());
                }
            }
        }
        let columns = order.iter().filter_map(|name| found.field_with_name(name).ok());
        let settled = columns
            .map(|field| Field::new(field.name(), settled(field.data_type(), field.name(), &numbers), true));
        Ok(Schema::new(settled.collect::<Vec<_>>()))
    }

    fn form(&self) -> &'static str {
        "JSON"
    }

    fn unreadable<'s>(&self, schema: &'s Schema) -> Option<&'s FieldRef> {
        schema.fields().iter().find(|field| {
            let read = read(field);
            let can_be_cast = can_cast_types(read.data_type(), field.data_type());
            let only = Arc::new(Schema::new(vec![read]));
            let decoder = ReaderBuilder::new(only).with_coerce_primitive(true).build_decoder();
            !can_be_cast || decoder.is_err()
        })
    }

    fn decode(&self, records: &[u8], rows: usize, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        let batch = decode(records, rows, schema, Unknown::IsAnError)?;
        let lines = records.split(|byte| *byte == b'\n').filter_map(|line| core::str::from_utf8(line).ok());
        match lines.filter(|line| !line.trim().is_empty()).find_map(|line| flaw(line, schema.fields())) {
            None => Ok(batch),
            Some(reason) => Err(ArrowError::JsonError(reason)),
        }
    }

    fn explain(&self, record: &[u8], schema: &SchemaRef) -> Option<String> {
        let object: Map<String, Value> = match serde_json::from_slice(record) {
            Ok(object) => object,
            Err(_) if record.trim_ascii_start().first() == Some(&b'[') => {
                return Some(
                    "an array, where an object a line is expected: jq -c '.[]' makes lines of it".to_owned(),
                );
            }
            Err(error) => {
                let text = String::from_utf8_lossy(record);
                return Some(format!(
                    "{} is no JSON object, one of which stands on each line: {error}",
                    shown(text.trim())
                ));
            }
        };
        let text = core::str::from_utf8(record).unwrap_or_default();
        if let Some(reason) = flaw(text, schema.fields()) {
            return Some(reason);
        }
        // Without columns, all that can be said is whether it is an object.
        let is_unknown = |key: &&String| !schema.fields().is_empty() && schema.field_with_name(key).is_err();
        if let Some(key) = object.keys().find(is_unknown) {
            return Some(format!(
                "{key:?} is a key that no column has: name it with a type (--schema '{key}:utf8')"
            ));
        }
        schema.fields().iter().find_map(|field| {
            let only = Arc::new(Schema::new(vec![Arc::clone(field)]));
            let failed = decode(record, 1, &only, Unknown::IsLeftOut).is_err();
            failed.then(|| match object.get(field.name()) {
                None | Some(Value::Null) => no_value(field.name()),
                Some(Value::String(text)) if !field.data_type().is_nested() => {
                    misfit(field.name(), text, field.data_type())
                }
                Some(value) if field.data_type().is_nested() || value.is_array() || value.is_object() => {
                    other_shape(field.name(), value, field.data_type())
                }
                Some(value) => misfit(field.name(), &value.to_string(), field.data_type()),
            })
        })
    }
}

/// Says that a value is an array or an object where others are not, or the other way round: no type holds both.
fn other_shape(column: &str, value: &Value, found: &DataType) -> String {
    format!(
        "column {column:?}: {} is no {found}: no type holds arrays, objects and plain values together; text does, which jq -c \
         '.[{column:?}] |= tojson' makes of all values of the column",
        shown(&value.to_string())
    )
}

/// What keys are that no column has.
#[derive(Clone, Copy)]
enum Unknown {
    IsAnError,
    IsLeftOut,
}

fn decode(
    records: &[u8],
    rows: usize,
    schema: &SchemaRef,
    unknown: Unknown,
) -> Result<RecordBatch, ArrowError> {
    let raw = Arc::new(Schema::new(schema.fields().iter().map(read).collect::<Vec<_>>()));
    let builder = ReaderBuilder::new(Arc::clone(&raw)).with_batch_size(rows + 1).with_coerce_primitive(true);
    let mut decoder = builder.with_strict_mode(matches!(unknown, Unknown::IsAnError)).build_decoder()?;
    decoder.decode(records)?;
    let batch = decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(raw));
    if batch.num_rows() != rows {
        return Err(ArrowError::JsonError(format!("{} objects on {rows} lines", batch.num_rows())));
    }
    fit(&batch, schema)
}

/// A column as it is read: nulls are looked for later, integers are read as text, since Arrow would cut the fractions off
/// numbers that are none, and dictionaries, which Arrow does not read, as their values.
fn read(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), as_read(field.data_type()), true))
}

fn as_read(data_type: &DataType) -> DataType {
    match data_type {
        DataType::List(item) => DataType::List(read(item)),
        DataType::LargeList(item) => DataType::LargeList(read(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(read(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(read).collect::<Fields>()),
        DataType::Map(entries, is_sorted) => DataType::Map(entries_as_read(entries), *is_sorted),
        DataType::Dictionary(_, values) => as_read(values),
        integer if integer.is_integer() => DataType::Utf8,
        other => other.clone(),
    }
}

/// The entries of a map as they are read: no key may be null.
fn entries_as_read(entries: &FieldRef) -> FieldRef {
    let DataType::Struct(fields) = entries.data_type() else { return Arc::clone(entries) };
    let fields = fields.iter().map(|field| field.as_ref().clone().with_data_type(as_read(field.data_type())));
    Arc::new(entries.as_ref().clone().with_data_type(DataType::Struct(fields.collect())))
}

/// A type as rows to come will have it: what has no value so far is text, and whole numbers are no floats.
fn settled(data_type: &DataType, path: &str, numbers: &Numbers) -> DataType {
    let column = |field: &FieldRef, inner: &str| {
        let data_type = settled(field.data_type(), &Numbers::path(path, inner), numbers);
        Arc::new(Field::new(field.name(), data_type, true))
    };
    match data_type {
        DataType::Null => DataType::Utf8,
        DataType::Float64 => numbers.settled(path),
        DataType::List(item) => DataType::List(column(item, "")),
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| column(field, field.name())).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::records::Records;
    use arrow::array::AsArray;
    use arrow::datatypes::UInt64Type;

    fn sample(text: &str) -> Chunk {
        let mut records = Records::new(Splitter::Lines);
        records.push(text.as_bytes());
        records.end().unwrap();
        records.sample(usize::MAX)
    }

    #[test]
    fn columns_stand_in_the_order_of_their_keys() {
        let text = "{\"z\":1,\"a\":[]}\n{\"m\":null,\"z\":1.5,\"a\":[\"x\"]}\n";
        let schema = Json.infer(&sample(text), None).unwrap();
        let types: Vec<_> =
            schema.fields().iter().map(|field| (field.name().as_str(), field.data_type().clone())).collect();
        let list = DataType::new_list(DataType::Utf8, true);
        assert_eq!(types, [("z", DataType::Float64), ("a", list), ("m", DataType::Utf8)]);
    }

    #[test]
    fn whole_numbers_keep_their_digits() {
        let unsigned = "{\"a\":9007199254740993}\n{\"a\":18446744073709551615}\n";
        let nested = "{\"a\":[{\"b\":1}]}\n{\"a\":[{\"b\":18446744073709551615}]}\n";
        let inner = DataType::Struct(vec![Field::new("b", DataType::UInt64, true)].into());
        for (text, expected) in [
            (unsigned, DataType::UInt64),
            ("{\"a\":-9223372036854775808}\n{\"a\":-0}\n", DataType::Int64),
            ("{\"a\":-1}\n{\"a\":18446744073709551615}\n", DataType::Utf8),
            ("{\"a\":99999999999999999999}\n", DataType::Utf8),
            ("{\"a\":1}\n{\"a\":1.5}\n", DataType::Float64),
            (nested, DataType::new_list(inner, true)),
        ] {
            let schema = Arc::new(Json.infer(&sample(text), None).unwrap());
            assert_eq!(*schema.field(0).data_type(), expected, "{text}");
            let rows = text.lines().count();
            assert!(Json.decode(text.as_bytes(), rows, &schema).is_ok(), "{text}");
        }
        let schema = Arc::new(Json.infer(&sample(unsigned), None).unwrap());
        let batch = Json.decode(unsigned.as_bytes(), 2, &schema).unwrap();
        assert_eq!(batch.column(0).as_primitive::<UInt64Type>().values(), &[(1 << 53) + 1, u64::MAX]);
    }

    #[test]
    fn keys_that_stand_twice_are_told_wherever_they_stand() {
        let many: Vec<_> = (0..40).map(|number| format!("\"{}\":1", number % 39)).collect();
        let many = format!("{{{}}}", many.join(","));
        let inner = DataType::Struct(vec![Field::new("b", DataType::Int64, true)].into());
        let fields = vec![Field::new("a", DataType::new_list(inner, true), true)];
        let schema = Arc::new(Schema::new(fields));
        for text in
            [r#"{"a":[],"a":[]}"#, r#"{"a":[],"\u0061":[]}"#, r#"{"a":[{"b":1,"b":2}]}"#, many.as_str()]
        {
            let told = Json.explain(text.as_bytes(), &schema).unwrap();
            assert!(told.contains("is a key that stands twice"), "{text}: {told}");
            assert!(Json.decode(text.as_bytes(), 1, &schema).is_err(), "{text}");
        }
        assert!(Json.infer(&sample(r#"{"a":1,"a":2}"#), None).is_err());
        assert_eq!(Json.explain(br#"{"a":[{"b":1}, {"b":2}]}"#, &schema), None);
    }

    #[test]
    fn fractions_are_not_cut_off_to_make_integers() {
        let map_of = |data_type| {
            let fields =
                vec![Field::new("keys", DataType::Utf8, false), Field::new("values", data_type, true)];
            let entries = Field::new("entries", DataType::Struct(fields.into()), false);
            DataType::Map(Arc::new(entries), false)
        };
        let (map, money) = (map_of(DataType::Int64), map_of(DataType::Decimal128(10, 2)));
        let money: Fields = vec![Field::new("n", money, true)].into();
        assert!(flaw("{\"n\":{\"x\":1.255}}", &money).is_some_and(|told| told.contains("does not fit")));
        assert_eq!(flaw("{\"n\":{\"x\":1.25}}", &money), None);
        let schema = Arc::new(Schema::new(vec![Field::new("n", map.clone(), true)]));
        assert!(Json.unreadable(&schema).is_none());
        assert_eq!(Json.decode(b"{\"n\":{\"x\":9007199254740993}}", 1, &schema).unwrap().num_rows(), 1);
        for (data_type, text) in [
            (DataType::Int64, "{\"n\":1.5}"),
            (DataType::new_list(DataType::Int32, true), "{\"n\":[1,1.5]}"),
            (DataType::UInt8, "{\"n\":300}"),
            (map, "{\"n\":{\"x\":1.5}}"),
        ] {
            let schema = Arc::new(Schema::new(vec![Field::new("n", data_type, true)]));
            assert!(Json.decode(text.as_bytes(), 1, &schema).is_err(), "{text}");
            assert!(Json.explain(text.as_bytes(), &schema).unwrap().contains("is no"), "{text}");
        }
    }

    #[test]
    fn explanation_tells_what_is_no_object_and_what_is_no_column() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let told = |text: &str| Json.explain(text.as_bytes(), &schema).unwrap();
        assert!(told("{\"n\":1").contains("no JSON object"));
        assert!(told("[1]").contains("jq"));
        assert!(told("{\"n\":1,\"m\":2}").contains("\"m\" is a key that no column has"));
        assert!(told("{}").contains("no value"));
        assert_eq!(Json.explain(b"{\"n\":1}", &schema), None);
    }
}
