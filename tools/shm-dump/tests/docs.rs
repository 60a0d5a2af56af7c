//! Every command line of `docs/shm-dump.md` is run, and prints what the page says.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use shmframe_writer::WriterOptions;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const PAGE: &str = include_str!("../../../docs/shm-dump.md");

fn trades(rows: &[(&str, Option<f64>, Option<i64>)]) -> RecordBatch {
    let symbol: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0)));
    let price: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>());
    let size: ArrayRef = Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>());
    let schema = Schema::new(vec![
        Field::new("symbol", DataType::Utf8, false),
        Field::new("price", DataType::Float64, true),
        Field::new("size", DataType::Int64, true),
    ]);
    RecordBatch::try_new(Arc::new(schema), vec![symbol, price, size]).unwrap()
}

#[test]
fn every_command_of_the_page_prints_what_it_says() {
    assert!(PAGE.matches("\n$ shm-dump").count() >= 18, "the page has lost its examples");
    let segments = tempfile::Builder::new().prefix("shm-dump-docs-").tempdir_in("/dev/shm").unwrap();
    let mut writer = WriterOptions::new().directory(segments.path()).history(8).create("ticks").unwrap();
    let first = [("A", Some(101.5), Some(10)), ("B", Some(20.25), None), ("A", Some(102.0), Some(30))];
    writer.put("trades", &trades(&[&first[..], &[("C", None, Some(40))]].concat())).unwrap();
    writer.append("trades", &trades(&[("B", Some(20.5), Some(50)), ("A", Some(99.75), None)])).unwrap();
    drop(writer);
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("shm-dump.md");
    fs::write(&page, PAGE).unwrap();
    fs::create_dir(folder.path().join("shm-dump.in")).unwrap();
    let cases = trycmd::TestCases::new();
    cases.register_bin("shm-dump", Path::new(env!("CARGO_BIN_EXE_shm-dump")));
    cases.env("SHMFRAME_DIR", segments.path().to_str().unwrap());
    cases.case(&page);
    cases.run();
}
