//! In which versions rows appear.

use crate::place::{Place, rows};
use crate::tables::{csv, path, table};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use shmframe_reader::ReaderOptions;
use std::os::unix::fs::PermissionsExt;

/// Lines `from..to`, below a header.
pub fn numbers(from: i64, to: i64) -> String {
    let lines: Vec<_> = (from..to).map(|number| format!("{number}\n")).collect();
    format!("n\n{}", lines.concat())
}

/// The values of the column `n`.
fn values(place: &Place) -> Vec<i64> {
    place.rows("s", "t").column(0).as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn all_files_become_one_version_however_many_batches_they_are() {
    let place = Place::new();
    place.file("a.csv", numbers(0, 500));
    place.file("b.csv", numbers(500, 1000));
    for version in [2, 3] {
        let loaded = place.load(&["s/t", "a.csv", "b.csv", "--batch-rows", "64"]).loaded();
        assert_eq!((&loaded["version"], &loaded["versions"]), (&version.into(), &1.into()));
        assert_eq!((&loaded["files"], &loaded["bytes"]), (&2.into(), &8000.into()));
        assert_eq!(values(&place), (0..1000).collect::<Vec<_>>());
    }
}

#[test]
fn large_table_arrives_in_batches_as_one_slice() {
    let place = Place::new();
    let flights = path("flights");
    let loaded = place.load(&["s/t", flights.to_str().unwrap(), "--batch-rows", "6400"]).loaded();
    assert_eq!((&loaded["rows"], &loaded["versions"]), (&336_776.into(), &1.into()));
    let reader = place.reader("s");
    let frame = reader.snapshot().unwrap().frame("t").unwrap();
    assert!(frame.batches().unwrap().len() <= 4, "{} batches", frame.batches().unwrap().len());
}

#[test]
fn appended_batches_are_versions_of_their_own() {
    let place = Place::new();
    place.file("a.csv", numbers(0, 100));
    let loaded = place.load(&["s/t", "a.csv", "--append", "--batch-rows", "30"]).loaded();
    assert_eq!(
        (&loaded["version"], &loaded["versions"], &loaded["rows"]),
        (&5.into(), &4.into(), &100.into())
    );
    let loaded = place.load(&["s/t", "a.csv", "--append", "--one-version", "--batch-rows", "30"]).loaded();
    assert_eq!((&loaded["version"], &loaded["versions"]), (&6.into(), &1.into()));
    assert_eq!(values(&place), (0..100).chain(0..100).collect::<Vec<_>>());
}

#[test]
fn error_while_appending_says_up_to_where_rows_are_published() {
    let place = Place::new();
    place.file("a.csv", numbers(0, 10));
    place.file("b.csv", numbers(10, 100) + "x\n");
    let ended = place.load(&["s/t", "a.csv", "b.csv", "--append", "--batch-rows", "40"]);
    let published = "published: 80 rows of b.csv, up to line 81, and 10 rows before, in versions up to 4";
    ended.assert_failed(1, &["b.csv:92: column \"n\": \"x\" is no Int64", published]);
    assert_eq!(values(&place), (0..90).collect::<Vec<_>>());
    let ended =
        place.load(&["s/t", "b.csv", "--append", "--one-version", "--batch-rows", "40", "--infer-rows", "9"]);
    ended.assert_failed(1, &["b.csv:92", "nothing was published"]);
    assert_eq!(values(&place), (0..90).collect::<Vec<_>>());
}

#[test]
fn oldest_rows_go_in_the_version_that_brings_new_ones() {
    let place = Place::new();
    place.file("a.csv", numbers(0, 1000));
    let loaded = place.load(&["s/t", "a.csv", "--append", "--retain", "100", "--batch-rows", "250"]).loaded();
    assert_eq!((&loaded["versions"], &loaded["version"]), (&4.into(), &5.into()));
    let kept = values(&place);
    assert!((100..164).contains(&kept.len()), "{} rows", kept.len());
    assert_eq!(kept.last(), Some(&999));
    place.load(&["s/u", "a.csv", "--retain", "100", "--batch-rows", "250"]).loaded();
    assert!((100..164).contains(&place.rows("s", "u").num_rows()));
}

#[test]
fn frame_without_rows_is_replaced_and_appended_to() {
    let place = Place::new();
    place.file("none.csv", "n\n");
    place.file("a.csv", numbers(0, 3));
    let types = ["--schema", "n:int64"];
    assert_eq!(place.load(&["s/t", "none.csv", types[0], types[1]]).loaded()["version"], 2);
    assert_eq!(place.load(&["s/t", "none.csv", "--append", types[0], types[1]]).loaded()["version"], 3);
    assert_eq!(place.load(&["s/t", "a.csv", "--append"]).loaded()["version"], 4);
    assert_eq!(values(&place), [0, 1, 2]);
}

#[test]
fn new_segment_gets_the_options() {
    let place = Place::new();
    place.file("a.csv", numbers(0, 3));
    let created = ["--capacity", "1GiB", "--quota", "64M", "--mode", "640"];
    place.load(&[&["s/t", "a.csv"][..], &created].concat()).loaded();
    let mode = |file: &str| {
        place.segments().join("s.shmf").join(file).metadata().unwrap().permissions().mode() & 0o777
    };
    assert_eq!([mode(""), mode("data"), mode("readers"), mode("lease")], [0o750, 0o640, 0o660, 0o600]);
    assert_eq!(place.segments().join("s.shmf/data").metadata().unwrap().len() >> 30, 1);
    let ended = place.load(&["s/t", "a.csv", "--capacity", "2GiB"]);
    assert!(ended.said.contains("--capacity is for new segments"), "{ended:?}");
    let flights = path("flights");
    let ended = place.load(&["s/t", flights.to_str().unwrap(), "--quota", "8M"]);
    ended.assert_failed(1, &["quota", "nothing was published"]);
    assert_eq!(values(&place), [0, 1, 2]);
}

#[test]
fn segment_is_named_by_its_path_too() {
    let place = Place::new();
    place.file("a.csv", csv(&table("airlines"), b','));
    let path = place.segments().join("p.shmf/t");
    place.load(&[path.to_str().unwrap(), "a.csv"]).loaded();
    let reader = ReaderOptions::new().directory(place.segments()).open("p").unwrap();
    assert_eq!(rows(&reader, "t").num_rows(), 16);
}

#[test]
fn people_get_a_sentence_and_programs_a_line_of_the_printed_schema() {
    let place = Place::new();
    place.file("a.csv", numbers(0, 1234));
    let ended = place.load(&["s/t", "a.csv", "--format", "table"]);
    assert!(ended.printed.starts_with("s/t: 1,234 rows of 1 file, 9.64 KiB, version 2, in "), "{ended:?}");
    assert_eq!(ended.said, "");
    let line = place.load(&["s/t", "a.csv"]).loaded();
    let schema = Place::new().printed("--json-schema");
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let named: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), named);
}

#[test]
fn manual_and_completions_are_printed() {
    let place = Place::new();
    assert!(place.printed("--man").contains(".TH shm-load 1"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.printed(&format!("--completions={shell}")).contains("infer-rows"), "{shell}");
    }
}
