//! The Arrow project's own integration cases: what Arrow C++ wrote arrives as it was.

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::reader::StreamReader;
use shmframe_model::{Scratch, assert_rows};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/arrow-testing")
}

/// All batches of a case; one without rows if there is none.
fn read(case: &str) -> Vec<RecordBatch> {
    let stream = File::open(folder().join(format!("{case}.stream"))).unwrap();
    let stream = StreamReader::try_new(stream, None).unwrap();
    let empty = RecordBatch::new_empty(stream.schema());
    let batches: Vec<_> = stream.map(Result::unwrap).collect();
    if batches.is_empty() { vec![empty] } else { batches }
}

/// All batches in one put, each alone, and cut in the middle.
fn arrives(case: &str, batches: &[RecordBatch]) {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    let reader = scratch.reader().validation(shmframe::Validation::Full).open("t").unwrap();
    let cut = |batch: &RecordBatch| {
        let middle = batch.num_rows() / 2;
        [batch.slice(0, middle), batch.slice(middle, batch.num_rows() - middle)]
    };
    let mut puts = vec![batches.to_vec(), batches.iter().flat_map(cut).collect()];
    puts.extend(batches.iter().map(|batch| vec![batch.clone()]));
    puts.extend(batches.iter().map(|batch| vec![batch.slice(batch.num_rows() / 3, batch.num_rows() / 2)]));
    for sent in puts {
        writer.put(case, &sent).unwrap();
        assert_rows(&sent, &reader.snapshot().unwrap().frame(case).unwrap());
    }
}

macro_rules! cases {
    ($($case:ident)*) => {
        const CASES: &[&str] = &[$(stringify!($case)),*];

        $(
            #[test]
            fn $case() {
                arrives(stringify!($case), &read(stringify!($case)));
            }
        )*
    };
}

cases! {
    binary
    binary_no_batches
    binary_view
    binary_zerolength
    custom_metadata
    datetime
    decimal
    decimal256
    decimal32
    decimal64
    dictionary
    dictionary_unsigned
    duplicate_fieldnames
    duration
    extension
    interval
    interval_mdn
    large_binary
    list_view
    map
    map_non_canonical
    nested
    nested_dictionary
    nested_large_offsets
    null
    null_trivial
    primitive
    primitive_no_batches
    primitive_zerolength
    recursive_nested
    run_end_encoded
    union
}

#[test]
fn every_published_case_is_run() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = files.map(|name| name.into_string().unwrap());
    let found: BTreeSet<_> =
        names.filter_map(|name| name.strip_suffix(".stream").map(str::to_owned)).collect();
    assert_eq!(found, CASES.iter().map(|case| (*case).to_owned()).collect());
}

#[test]
fn columns_of_any_name_arrive() {
    let names = ["", "a", "a", "A", "a.b", "a/b@c", " ", "\n\t\u{7f}", "列", "e\u{301}", "\0", "'\"\\", "{}"];
    let fields: Vec<_> = names.iter().map(|name| Field::new(*name, DataType::Int64, false)).collect();
    let columns = (0..names.len()).map(|column| shmframe_model::numbers(column as i64, 5).column(0).clone());
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.collect()).unwrap();
    arrives("names", &[batch]);
}

#[test]
fn rows_without_columns_arrive() {
    let options = RecordBatchOptions::new().with_row_count(Some(9));
    let schema = Arc::new(Schema::empty());
    arrives("rows", &[RecordBatch::try_new_with_options(schema, vec![], &options).unwrap()]);
}
