//! Real tables, and their files in every format.

use crate::place::Place;
use arrow::array::RecordBatch;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::Schema;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::PathBuf;

/// The tables of `tests/data`.
pub const TABLES: [&str; 5] = ["airlines", "airports", "flights", "planes", "weather"];

pub fn path(table: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/data/{table}.parquet"))
}

/// The rows of a table.
pub fn table(table: &str) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path(table)).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// `--schema` for all columns, with the types as Arrow prints them.
pub fn schema_option(schema: &Schema) -> String {
    let columns = schema.fields().iter().map(|field| format!("\"{}\":{}", field.name(), field.data_type()));
    columns.collect::<Vec<_>>().join(",")
}

pub fn csv(batch: &RecordBatch, delimiter: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = arrow::csv::WriterBuilder::new().with_delimiter(delimiter).build(&mut bytes);
    writer.write(batch).unwrap();
    drop(writer);
    bytes
}

pub fn json_lines(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner()
}

pub fn arrow_file(batch: &RecordBatch) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap();
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
    let half = batch.num_rows() / 2;
    writer.write(&batch.slice(0, half)).unwrap();
    writer.write(&batch.slice(half, batch.num_rows() - half)).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

pub fn arrow_stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

/// Checks that the frame `s/t` of a place has the rows of a table, whatever types it was given for them.
pub fn assert_loaded(place: &Place, expected: &RecordBatch, what: &str) {
    let found = place.rows("s", "t");
    assert_eq!(found.num_rows(), expected.num_rows(), "{what}");
    for (field, column) in expected.schema().fields().iter().zip(expected.columns()) {
        let found =
            found.column_by_name(field.name()).unwrap_or_else(|| panic!("{what}: no {}", field.name()));
        assert_eq!(&cast(found, field.data_type()).unwrap(), column, "{what}: {}", field.name());
    }
}
