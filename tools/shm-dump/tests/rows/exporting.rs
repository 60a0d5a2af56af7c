//! `export`: what is written reads back equal.

use crate::support::{Directory, batch, trades};
use arrow::array::{Array, ArrayRef, DictionaryArray, Int32Array, ListArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int8Type, Int32Type};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow::util::display::array_value_to_string;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value;
use shmframe_arbitrary::{Limits, batches, every_kind};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A table of the project's test data.
fn table(name: &str) -> RecordBatch {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name);
    read(&path)
}

/// All rows of a file.
fn read(path: &Path) -> RecordBatch {
    let file = File::open(path).unwrap();
    let parts: Vec<Result<RecordBatch, ArrowError>> = match path.extension().unwrap().to_str().unwrap() {
        "parquet" => ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().collect(),
        "arrow" => FileReader::try_new(file, None).unwrap().collect(),
        _ => StreamReader::try_new(file, None).unwrap().collect(),
    };
    let parts: Vec<RecordBatch> = parts.into_iter().map(Result::unwrap).collect();
    concat_batches(&parts[0].schema(), &parts).unwrap()
}

/// A directory for files, and a file in it.
fn file(name: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    (directory, path)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The values of the first column as text: the same whichever of equal arrays it is.
fn texts(batch: &RecordBatch) -> Vec<Option<String>> {
    let column = batch.column(0);
    let nulls = column.logical_nulls();
    let text = |row| {
        let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        (!is_null).then(|| array_value_to_string(column, row).unwrap())
    };
    (0..column.len()).map(text).collect()
}

/// Exports `ticks/trades` to a file that must be read back.
fn exported(place: &Directory, name: &str, arguments: &[&str]) -> RecordBatch {
    let (_directory, path) = file(name);
    let written =
        place.json(&[&["export", "ticks/trades", "-o", path.to_str().unwrap()], arguments].concat());
    let read = read(&path);
    assert_eq!(written[0]["rows"], read.num_rows());
    assert_eq!(written[0]["bytes"], fs::metadata(&path).unwrap().len());
    read
}

#[test]
fn real_tables_read_back_equal_from_every_exact_form() {
    for source in ["flights.parquet", "weather.parquet"] {
        let rows = table(source);
        let (place, mut writer) = Directory::with_trades(&rows.slice(0, 20_000));
        writer.append("trades", &rows.slice(20_000, rows.num_rows() - 20_000)).unwrap();
        for (name, arguments) in [
            ("a.parquet", &[][..]),
            ("a.parquet", &["--compression", "snappy"]),
            ("a.arrow", &[]),
            ("a.arrow", &["--compression", "zstd"]),
            ("a.arrows", &["--compression", "lz4"]),
        ] {
            let read = exported(&place, name, arguments);
            assert_eq!(read.schema(), rows.schema(), "{source} {name} {arguments:?}");
            assert_eq!(read, rows, "{source} {name} {arguments:?}");
        }
    }
}

#[test]
fn every_type_reads_back_equal_from_arrow_or_is_refused_by_name() {
    let limits = Limits { batches: 9, rows: 300, ..Limits::default() };
    let drawn = batches(&every_kind(), &limits).new_tree(&mut TestRunner::deterministic()).unwrap().current();
    let place = Directory::new();
    let mut writer = place.writer("ticks", 1);
    let mut refused = Vec::new();
    for (index, field) in every_kind().fields().iter().enumerate() {
        let parts: Vec<RecordBatch> = drawn.iter().map(|batch| batch.project(&[index]).unwrap()).collect();
        writer.put("trades", parts.as_slice()).unwrap();
        let rows: usize = parts.iter().map(RecordBatch::num_rows).sum();
        for name in ["a.arrow", "a.arrows", "a.parquet"] {
            let (directory, path) = file(name);
            let ran = place.run(&["export", "ticks/trades", "-o", path.to_str().unwrap()]);
            if ran.status == Some(0) {
                let read = read(&path);
                assert_eq!(read.num_rows(), rows, "{} {name}", field.name());
                // Parquet has no runs: their values come back.
                let is_runs = matches!(field.data_type(), DataType::RunEndEncoded(..));
                assert!(is_runs || read.schema().field(0) == field.as_ref(), "{} {name}", field.name());
                let whole = concat_batches(&parts[0].schema(), &parts).unwrap();
                assert_eq!(texts(&read), texts(&whole), "{} {name}", field.name());
                let plain = !matches!(
                    field.data_type(),
                    DataType::Dictionary(..) | DataType::Union(..) | DataType::RunEndEncoded(..)
                );
                assert!(!plain || read == whole, "{} {name}", field.name());
            } else {
                assert_eq!(ran.status, Some(2), "{}: {}", field.name(), ran.said);
                assert!(ran.said.contains(field.name().as_str()), "{}", ran.said);
                assert!(names(directory.path()).is_empty());
                refused.push((field.name().clone(), name));
            }
        }
        let (_directory, path) = file("a.jsonl");
        place.json(&["export", "ticks/trades", "-o", path.to_str().unwrap()]);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), rows);
    }
    assert!(refused.iter().all(|(_, name)| *name == "a.parquet"), "{refused:?}");

    assert!(refused.len() < 10, "{refused:?}");
}

#[test]
fn dictionaries_that_are_too_many_for_the_keys_are_written_as_a_stream_only() {
    let rows = |symbols: core::ops::Range<usize>| {
        let array: DictionaryArray<Int8Type> = (0..10_000)
            .map(|row| format!("symbol {}", symbols.start + row % symbols.len()))
            .collect::<Vec<_>>()
            .iter()
            .map(|symbol| Some(symbol.as_str()))
            .collect();
        batch([("symbol", Arc::new(array) as ArrayRef)])
    };
    let (place, mut writer) = Directory::with_trades(&rows(0..100));
    for at in 1..9 {
        writer.append("trades", &rows(at * 100..at * 100 + 100)).unwrap();
    }
    for name in ["a.arrow", "a.parquet"] {
        let (directory, path) = file(name);
        let ran = place.run(&["export", "ticks", "-o", path.to_str().unwrap()]);
        assert_eq!(ran.status, Some(2), "{name}: {}", ran.said);
        assert!(ran.said.contains("\"symbol\"") && ran.said.contains("arrows"), "{}", ran.said);
        assert!(names(directory.path()).is_empty());
    }
    let (_directory, path) = file("a.arrows");
    place.json(&["export", "ticks", "-o", path.to_str().unwrap()]);
    let parts = StreamReader::try_new(File::open(&path).unwrap(), None).unwrap().map(Result::unwrap);
    let texts: Vec<_> = parts.flat_map(|part| texts(&part)).collect();
    assert_eq!((texts.len(), texts[89_999].as_deref()), (90_000, Some("symbol 899")));
}

#[test]
fn texts_are_written_to_files_and_to_standard_output() {
    let (place, _writer) = Directory::with_trades(&trades(3..6));
    let (_directory, path) = file("trades.csv");
    place.json(&["export", "ticks", "-o", path.to_str().unwrap(), "-c", "size,symbol"]);
    let csv = "size,symbol\n30,A\n,B\n50,C\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), csv);
    assert_eq!(place.run(&["export", "ticks", "-o", "-", "--as", "csv", "-c", "size,symbol"]).out, csv);
    let lines = place.run(&["export", "ticks", "-o", "-", "--as", "jsonl"]).out;
    assert_eq!(lines.lines().nth(1), Some("{\"symbol\":\"B\",\"price\":4.0,\"size\":null}"));
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert_eq!(place.run(&["export", "ticks", "-o", "-"]).status, Some(2));
}

#[test]
fn older_version_is_exported_by_its_number() {
    let (place, mut writer) = Directory::with_trades(&trades(0..3));
    let version = writer.version();
    writer.append("trades", &trades(3..9)).unwrap();
    let (_directory, path) = file("a.parquet");
    let target = format!("ticks/trades@{version}");
    let written = place.json(&["export", &target, "-o", path.to_str().unwrap()]);
    assert_eq!(written[0]["version"], version);
    assert_eq!(read(&path), trades(0..3));
}

#[test]
fn file_that_is_there_stays_unless_it_is_to_be_replaced() {
    let (place, _writer) = Directory::with_trades(&trades(0..3));
    let (directory, path) = file("a.csv");
    fs::write(&path, "mine").unwrap();
    let arguments = ["export", "ticks", "-o", path.to_str().unwrap()];
    let ran = place.run(&arguments);
    assert_eq!(ran.status, Some(8), "{}", ran.said);
    assert!(ran.said.contains("--force"), "{}", ran.said);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    place.json(&[&arguments[..], &["--force"]].concat());
    assert!(fs::read_to_string(&path).unwrap().starts_with("symbol,"));
    assert_eq!(names(directory.path()), ["a.csv"]);
}

#[test]
fn what_a_form_cannot_hold_is_refused_before_anything_is_written() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)]), None]);
    let rows = batch([("n", Arc::new(Int32Array::from(vec![1, 2])) as ArrayRef), ("list", Arc::new(list))]);
    let (place, _writer) = Directory::with_trades(&rows);
    let (directory, path) = file("a.csv");
    let ran = place.run(&["export", "ticks", "-o", path.to_str().unwrap()]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.said.contains("\"list\"") && ran.said.contains("jsonl"), "{}", ran.said);
    assert!(names(directory.path()).is_empty());
    let ran = place.run(&["export", "ticks", "-o", path.to_str().unwrap(), "--compression", "zstd"]);
    assert_eq!(ran.status, Some(2), "{}", ran.said);
    place.json(&["export", "ticks", "-o", path.to_str().unwrap(), "-c", "n"]);
    let ran = place.run(&["export", "ticks", "-o", directory.path().join("a.txt").to_str().unwrap()]);
    assert!(ran.status == Some(2) && ran.said.contains("--as"), "{}", ran.said);
    let ran = place.run(&["export", "ticks", "-o", "/nowhere/a.csv", "-c", "n"]);
    assert!(ran.status == Some(1) && ran.said.contains("/nowhere/a.csv"), "{}", ran.said);
}
