//! CSV and TSV.

use super::exact::{cut, may_cut};
use super::records::{Chunk, Splitter};
use super::syntax::{NO_UTF8, Syntax, misfit, no_value, shown};
use crate::fit::fit;
use crate::types::TIMESTAMP;
use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, RecordBatch};
use arrow::compute::can_cast_types;
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format;
use arrow::datatypes::{
    DataType, Field, FieldRef, Float16Type, Float32Type, Float64Type, Schema, SchemaRef, TimeUnit,
};
use arrow::error::ArrowError;
use csv_core::{ReadRecordResult, Reader};
use regex::Regex;
use shmframe_cli::words;
use std::sync::Arc;

pub struct Csv {
    delimiter: u8,
    has_header: bool,
    nulls: Regex,
    /// What stands for nothing, besides empty fields, was said.
    names_nulls: bool,
}

impl Csv {
    pub fn new(delimiter: u8, has_header: bool, null_values: &[String]) -> anyhow::Result<Self> {
        let values: Vec<String> = null_values.iter().map(|value| regex::escape(value)).collect();
        let nulls = Regex::new(&format!("^(?:{})?$", values.join("|")))?;
        Ok(Self { delimiter, has_header, nulls, names_nulls: !values.is_empty() })
    }

    fn format(&self) -> Format {
        Format::default()
            .with_header(false)
            .with_delimiter(self.delimiter)
            .with_null_regex(self.nulls.clone())
    }

    fn reader(&self) -> Reader {
        csv_core::ReaderBuilder::new().delimiter(self.delimiter).build()
    }

    /// The fields of a record.
    fn fields(&self, record: &[u8]) -> Vec<Vec<u8>> {
        // Neither text nor ends of fields can be longer than the record, and there is one field more than delimiters.
        let (mut text, mut ends) = (vec![0; record.len() + 1], vec![0; record.len() + 2]);
        let mut reader = self.reader();
        let (result, _, mut length, mut count) = reader.read_record(record, &mut text, &mut ends);
        if result == ReadRecordResult::InputEmpty {
            let (_, _, more, one) = reader.read_record(b"", &mut text[length..], &mut ends[count..]);
            length += more;
            count += one;
        }
        let mut start = 0;
        let cut = |end: &usize| text[core::mem::replace(&mut start, *end)..(*end).min(length)].to_vec();
        ends[..count].iter().map(cut).collect()
    }

    /// Reads some of the columns, those of which all numbers are given.
    fn decode_raw(
        &self,
        records: &[u8],
        rows: usize,
        schema: &SchemaRef,
        columns: Vec<usize>,
    ) -> Result<RecordBatch, ArrowError> {
        let read = Arc::new(schema.project(&columns)?);
        let builder = ReaderBuilder::new(Arc::clone(schema)).with_format(self.format());
        let mut decoder = builder.with_projection(columns).with_batch_size(rows + 1).build_decoder();
        let mut rest = records;
        while !rest.is_empty() {
            match decoder.decode(rest)? {
                0 => break,
                read => rest = &rest[read..],
            }
        }
        decoder.decode(b"")?;
        Ok(decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(read)))
    }

    /// Checks that nothing was cut off to make values fit: reads the texts of columns that may have been.
    fn check_exact(&self, records: &[u8], batch: &RecordBatch) -> Result<(), ArrowError> {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns()).enumerate();
        let suspects =
            columns.filter(|(_, (field, column))| may_cut(field.data_type()) || has_infinite(column));
        let suspects: Vec<usize> = suspects.map(|(at, _)| at).collect();
        if suspects.is_empty() {
            return Ok(());
        }
        let texts = schema.fields().iter().map(|field| Field::new(field.name(), DataType::Utf8, true));
        let texts = Arc::new(Schema::new(texts.collect::<Vec<_>>()));
        let texts = self.decode_raw(records, batch.num_rows(), &texts, suspects.clone())?;
        let flaw = |(at, text): (&usize, &ArrayRef)| {
            let field = schema.field(*at);
            let mut values = text.as_string::<i32>().iter().flatten();
            values.find_map(|value| cut(field.name(), value, field.data_type()))
        };
        match suspects.iter().zip(texts.columns()).find_map(flaw) {
            None => Ok(()),
            Some(reason) => Err(ArrowError::CsvError(reason)),
        }
    }
}

impl Syntax for Csv {
    fn splitter(&self) -> Splitter {
        Splitter::Csv(Box::new(self.reader()))
    }

    fn header(&self, record: &[u8]) -> Option<Vec<String>> {
        let names = || {
            self.fields(record).iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect()
        };
        self.has_header.then(names)
    }

    fn infer(&self, sample: &Chunk, names: Option<&[String]>) -> Result<Schema, ArrowError> {
        let (found, _) = self.format().infer_schema(sample.bytes.as_slice(), Some(sample.rows()))?;
        let count = names.map_or(found.fields().len(), <[String]>::len);
        let column = |at: usize| {
            let name = names.map_or_else(|| format!("column_{}", at + 1), |names| names[at].clone());
            Field::new(name, found.fields().get(at).map_or(DataType::Utf8, settled), true)
        };
        Ok(Schema::new((0..count).map(column).collect::<Vec<_>>()))
    }

    fn form(&self) -> &'static str {
        "text"
    }

    fn unreadable<'s>(&self, schema: &'s Schema) -> Option<&'s FieldRef> {
        // Arrow would make lists of one value each.
        let can = |data_type: &DataType| {
            is_read(data_type)
                || is_bytes(data_type)
                || (!data_type.is_nested() && can_cast_types(&DataType::Utf8, data_type))
        };
        schema.fields().iter().find(|field| !can(field.data_type()))
    }

    fn decode(&self, records: &[u8], rows: usize, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        let raw = schema.fields().iter().map(|field| {
            let data_type =
                if is_read(field.data_type()) { field.data_type().clone() } else { DataType::Utf8 };
            Field::new(field.name(), data_type, true)
        });
        let raw = Arc::new(Schema::new(raw.collect::<Vec<_>>()));
        let columns = (0..schema.fields().len()).collect();
        let batch = fit(&with_bytes(self.decode_raw(records, rows, &raw, columns)?, schema)?, schema)?;
        self.check_exact(records, &batch)?;
        Ok(batch)
    }

    fn explain(&self, record: &[u8], schema: &SchemaRef) -> Option<String> {
        let fields = self.fields(record);
        let (found, columns) = (fields.len(), schema.fields().len());
        if found != columns {
            let shown = shown(String::from_utf8_lossy(record).trim_end());
            return Some(format!(
                "{} in {shown}, and {}: put fields that hold the delimiter or a line end in quotes, or \
                 see --delimiter",
                words::counted(found as u64, "field"),
                words::counted(columns as u64, "column"),
            ));
        }
        let mut texts = Vec::new();
        for (value, field) in fields.iter().zip(schema.fields()) {
            match core::str::from_utf8(value) {
                Ok(text) => texts.push(text),
                Err(_) => return Some(format!("column {:?}: {NO_UTF8}", field.name())),
            }
        }
        texts.iter().zip(schema.fields()).enumerate().find_map(|(at, (value, field))| {
            let failed = self.decode(record, 1, &only(schema, at)).is_err();
            failed.then(|| self.told(value, field))
        })
    }
}

/// The schema with one column as it is, and text in all others.
fn only(schema: &Schema, column: usize) -> SchemaRef {
    let fields = schema.fields().iter().enumerate().map(|(at, field)| {
        if at == column {
            Arc::clone(field)
        } else {
            Arc::new(Field::new(field.name(), DataType::Utf8, true))
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl Csv {
    fn told(&self, value: &str, field: &Field) -> String {
        if self.nulls.is_match(value) {
            return no_value(field.name());
        }
        if let Some(reason) = cut(field.name(), value, field.data_type()) {
            return reason;
        }
        if is_bytes(field.data_type()) {
            let text = misfit(field.name(), value, field.data_type());
            return format!("{text}; bytes are written as hexadecimal digits, two for each");
        }
        let nulls = if self.names_nulls { "" } else { ", or say what stands for nothing (--null-values)" };
        misfit(field.name(), value, field.data_type()) + nulls
    }
}

/// A type as rows to come will have it: columns without any value so far are text, and timestamps have room for fractions.
fn settled(field: &FieldRef) -> DataType {
    match field.data_type() {
        DataType::Null => DataType::Utf8,
        DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, None) => TIMESTAMP,
        data_type => data_type.clone(),
    }
}

/// Whether values are bytes, which stand as hexadecimal digits in text.
fn is_bytes(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_bytes(values),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            true
        }
        _ => false,
    }
}

/// Makes bytes of hexadecimal digits where columns are to hold bytes.
fn with_bytes(batch: RecordBatch, schema: &Schema) -> Result<RecordBatch, ArrowError> {
    if !schema.fields().iter().any(|field| is_bytes(field.data_type())) {
        return Ok(batch);
    }
    let column = |(field, column): (&FieldRef, &ArrayRef)| {
        if !is_bytes(field.data_type()) {
            return Ok(Arc::clone(column));
        }
        let no_digits = |value| ArrowError::CsvError(misfit(field.name(), value, field.data_type()));
        let values = column.as_string::<i32>().iter();
        let values =
            values.map(|value| value.map(|value| bytes(value).ok_or_else(|| no_digits(value))).transpose());
        Ok(Arc::new(values.collect::<Result<BinaryArray, _>>()?) as ArrayRef)
    };
    let columns =
        schema.fields().iter().zip(batch.columns()).map(column).collect::<Result<Vec<_>, ArrowError>>()?;
    let fields = batch.schema_ref().fields().iter().zip(&columns);
    let fields = fields.map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns)
}

/// The bytes that hexadecimal digits stand for, two for each.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    rest.is_empty().then(|| bytes.collect()).flatten()
}

/// Whether there is a float that was too large, or infinite from the beginning.
fn has_infinite(column: &dyn Array) -> bool {
    match column.data_type() {
        DataType::Float16 => {
            column.as_primitive::<Float16Type>().values().iter().any(|value| value.is_infinite())
        }
        DataType::Float32 => {
            column.as_primitive::<Float32Type>().values().iter().any(|value| value.is_infinite())
        }
        DataType::Float64 => {
            column.as_primitive::<Float64Type>().values().iter().any(|value| value.is_infinite())
        }
        _ => false,
    }
}

/// Whether Arrow reads the type from CSV. Others are read as text, and cast.
fn is_read(data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean | DataType::Utf8 | DataType::Utf8View | DataType::Date32 | DataType::Date64 => true,
        DataType::Timestamp(..) | DataType::Time32(_) | DataType::Time64(_) => true,
        // Not dictionaries: Arrow panics where they hold more values than their keys can count.
        other => other.is_numeric(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(nulls: &[&str]) -> Csv {
        let nulls: Vec<_> = nulls.iter().map(|value| (*value).to_owned()).collect();
        Csv::new(b',', true, &nulls).unwrap()
    }

    #[test]
    fn fields_are_those_of_the_reader() {
        for (record, fields) in
            [("a,\"b,\"\"c\",\n", vec!["a", "b,\"c", ""]), ("\n1", vec!["1"]), ("x,y", vec!["x", "y"])]
        {
            let found = csv(&[]).fields(record.as_bytes());
            let found: Vec<_> = found.iter().map(|field| core::str::from_utf8(field).unwrap()).collect();
            assert_eq!(found, fields, "{record:?}");
        }
    }

    #[test]
    fn explanation_names_the_column_that_does_not_fit() {
        let fields = [("n", DataType::Int64, true), ("t", DataType::Utf8, false)];
        let schema = Schema::new(
            fields.map(|(name, data_type, nullable)| Field::new(name, data_type, nullable)).to_vec(),
        );
        let told = |record: &str| csv(&["NA"]).explain(record.as_bytes(), &Arc::new(schema.clone())).unwrap();
        assert!(told("1.5,x").contains("\"n\": \"1.5\" is no Int64") && told("1.5,x").contains("n:float64"));
        assert!(told("1,NA").contains("\"t\": no value"));
        assert!(told("1").contains("1 field in \"1\", and 2 columns"));
        assert_eq!(csv(&["NA"]).explain(b"NA,x", &Arc::new(schema.clone())), None);
    }
}
