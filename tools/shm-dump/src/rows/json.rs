//! Rows as JSON.

use super::frame_rows::Part;
use super::text;
use anyhow::Result;
use arrow::array::{Array, ArrayRef, AsArray, MapArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow::util::display::ArrayFormatter;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use shmframe_cli::record::{Cell, Record, cell};
use shmframe_cli::{Line, SCHEMA_VERSION};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

/// A row of a frame.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Row<'a> {
    /// The frame's name.
    frame: &'a str,
    /// The row's absolute number: it stays when rows before it are dropped.
    row: u64,
    /// The value of each column, null where there is none.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    values: &'a RawValue,
}

impl Record for Row<'_> {
    const KIND: &'static str = "row";
    const HEADS: &'static [&'static str] = &["FRAME", "#ROW", "VALUES"];

    fn cells(&self, _exact: bool) -> Vec<Cell> {
        vec![cell(self.frame), cell(self.row), cell(self.values.get())]
    }
}

/// Writes a part as lines of kind `row`.
pub fn write_rows(frame: &str, part: &Part, to: &mut dyn Write) -> Result<()> {
    ValueWriter::new().each(&part.batch, |index, values| {
        let row = Row { frame, row: part.numbers[index], values };
        let line = Line { schema_version: SCHEMA_VERSION, kind: Row::KIND.to_owned(), record: row };
        serde_json::to_writer(&mut *to, &line)?;
        Ok(to.write_all(b"\n")?)
    })
}

/// Writes the values of rows as JSON objects, whatever their types.
///
/// By Arrow's JSON writer, nulls included. What it has no form for is a text: values of unions, maps whose keys are not text, dates
/// and times that are out of range.
#[derive(Debug)]
pub struct ValueWriter {
    options: EncoderOptions,
}

impl ValueWriter {
    pub fn new() -> Self {
        let options = EncoderOptions::default().with_explicit_nulls(true);
        Self { options: options.with_encoder_factory(Arc::new(Texts)) }
    }

    /// Gives each row's object to `sink`.
    pub fn each(
        &self,
        batch: &RecordBatch,
        mut sink: impl FnMut(usize, &RawValue) -> Result<()>,
    ) -> Result<()> {
        let rows = StructArray::from(batch.clone());
        let field: FieldRef = Arc::new(Field::new("row", rows.data_type().clone(), false));
        let mut encoder = make_encoder(&field, &rows, &self.options)?;
        for row in 0..batch.num_rows() {
            let mut text = Vec::new();
            encoder.encode(row, &mut text);
            sink(row, &RawValue::from_string(String::from_utf8(text)?)?)?;
        }
        Ok(())
    }

    /// One value.
    pub fn value(&self, array: &ArrayRef, row: usize) -> Result<Box<RawValue>> {
        let field: FieldRef = Arc::new(Field::new("value", array.data_type().clone(), true));
        let mut encoder = make_encoder(&field, array, &self.options)?;
        let mut text = Vec::new();
        if encoder.is_null(row) {
            text.extend_from_slice(b"null");
        } else {
            encoder.encode(row, &mut text);
        }
        Ok(RawValue::from_string(String::from_utf8(text)?)?)
    }
}

/// Encoders for what Arrow's JSON writer refuses, or would write wrongly.
#[derive(Debug)]
struct Texts;

impl EncoderFactory for Texts {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let is_text = match array.data_type() {
            DataType::Union(..) => true,
            DataType::Map(..) => !has_text_keys(array.as_map()),
            // Arrow would not escape what it says of values that are out of range.
            other => other.is_temporal(),
        };
        if is_text {
            let encoder = Text(text::formatter(array));
            return Ok(Some(NullableEncoder::new(Box::new(encoder), array.logical_nulls())));
        }
        if is_rounded_decimal(array.data_type()) {
            let encoder = Number(text::formatter(array));
            return Ok(Some(NullableEncoder::new(Box::new(encoder), array.logical_nulls())));
        }
        // Arrow asks the keys alone for nulls.
        match array.as_any_dictionary_opt() {
            Some(dictionary) if dictionary.values().is_nullable() && !dictionary.is_empty() => {
                let values = make_encoder(field, dictionary.values(), options)?;
                let keys =
                    if dictionary.values().is_empty() { Vec::new() } else { dictionary.normalized_keys() };
                let encoder = Keyed { keys, values };
                Ok(Some(NullableEncoder::new(Box::new(encoder), array.logical_nulls())))
            }
            _ => Ok(None),
        }
    }
}

/// Whether a map's keys can be those of a JSON object.
fn has_text_keys(map: &MapArray) -> bool {
    let is_text = matches!(map.keys().data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    is_text && map.keys().null_count() == 0 && map.entries().null_count() == 0
}

/// Values as text.
struct Text<'a>(ArrayFormatter<'a>);

impl Encoder for Text<'_> {
    fn encode(&mut self, row: usize, to: &mut Vec<u8>) {
        to.extend_from_slice(serde_json::Value::from(self.0.value(row).to_string()).to_string().as_bytes());
    }
}

/// Whether it is a decimal in whole tens, hundreds, ...: Arrow writes its zero as 00, 000, ..., which is no JSON.
fn is_rounded_decimal(data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale < 0,
        _ => false,
    }
}

/// Whole numbers, whose zeros have one digit.
struct Number<'a>(ArrayFormatter<'a>);

impl Encoder for Number<'_> {
    fn encode(&mut self, row: usize, to: &mut Vec<u8>) {
        let text = self.0.value(row).to_string();
        let is_zero = text.bytes().all(|digit| digit == b'0');
        to.extend_from_slice(if is_zero { b"0" } else { text.as_bytes() });
    }
}

/// Values of a dictionary.
struct Keyed<'a> {
    keys: Vec<usize>,
    values: NullableEncoder<'a>,
}

impl Encoder for Keyed<'_> {
    fn encode(&mut self, row: usize, to: &mut Vec<u8>) {
        match self.keys.get(row) {
            Some(key) => self.values.encode(*key, to),
            None => to.extend_from_slice(b"null"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        Date64Array, Decimal64Array, DictionaryArray, Int8Array, Int32Array, ListArray, MapBuilder,
        StringArray, UnionArray,
    };
    use arrow::array::{Int32Builder, StringBuilder};
    use arrow::datatypes::UnionFields;

    fn json(array: impl Array + 'static) -> Vec<String> {
        let array: ArrayRef = Arc::new(array);
        let writer = ValueWriter::new();
        (0..array.len()).map(|row| writer.value(&array, row).unwrap().get().to_owned()).collect()
    }

    #[test]
    fn nulls_among_the_values_of_a_dictionary_are_nulls() {
        let values = StringArray::from(vec![Some("a"), None]);
        let keys = Int8Array::from(vec![Some(1), Some(0), None]);
        assert_eq!(json(DictionaryArray::new(keys, Arc::new(values))), ["null", "\"a\"", "null"]);
        let nothing = DictionaryArray::new(Int8Array::from(vec![None]), Arc::new(StringArray::new_null(0)));
        assert_eq!(json(nothing), ["null"]);
    }

    #[test]
    fn zero_of_a_decimal_in_thousands_is_one_digit() {
        let decimals = Decimal64Array::from(vec![Some(0), Some(-7), None]);
        assert_eq!(json(decimals.with_precision_and_scale(18, -3).unwrap()), ["0", "-7000", "null"]);
    }

    #[test]
    fn unions_are_told_as_text_also_within_lists() {
        let fields = UnionFields::from_fields(vec![
            Field::new("a", DataType::Int32, true),
            Field::new("b", DataType::Utf8, true),
        ]);
        let children: Vec<ArrayRef> =
            vec![Arc::new(Int32Array::from(vec![1, 0])), Arc::new(StringArray::from(vec!["", "\"x\""]))];
        let union = UnionArray::try_new(fields, vec![0, 1].into(), None, children).unwrap();
        let told = ["\"{a=1}\"", r#""{b=\"x\"}""#];
        assert_eq!(json(union.clone()), told);
        let field = Arc::new(Field::new("item", union.data_type().clone(), true));
        let list =
            ListArray::new(field, arrow::buffer::OffsetBuffer::from_lengths([2]), Arc::new(union), None);
        assert_eq!(json(list), [format!("[{}]", told.join(","))]);
    }

    #[test]
    fn maps_without_text_keys_and_times_out_of_range_are_told_as_text() {
        let mut map = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
        map.keys().append_value(1);
        map.values().append_value("x");
        map.append(true).unwrap();
        assert_eq!(json(map.finish()), ["\"{1: x}\""]);
        let told = json(Date64Array::from(vec![i64::MAX]));
        assert!(told[0].starts_with("\"ERROR: "), "{told:?}");
    }
}
