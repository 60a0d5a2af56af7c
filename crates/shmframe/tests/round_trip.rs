//! One process writes and reads: what arrives is what was sent, in place.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use arrow::array::{Array, ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::Float64Type;
use shmframe::{ErrorKind, Reader, Writer, WriterOptions, arrow};
use std::sync::Arc;

fn segment(test: &str) -> (Writer, Reader) {
    let name = format!("test-{test}-{}", std::process::id());
    let writer = WriterOptions::new().label("round trip").create(&name).unwrap();
    (writer, Reader::open(&name).unwrap())
}

fn batch() -> RecordBatch {
    let columns: [(&str, ArrayRef); 3] = [
        ("price", Arc::new(Float64Array::from(vec![100.5, 101.0, 99.25]))),
        ("symbol", Arc::new(StringArray::from(vec!["A", "B", "C"]))),
        ("size", Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

#[test]
fn what_arrives_equals_what_was_sent() {
    let (mut writer, reader) = segment("equal");
    assert_eq!(writer.put("trades", &batch()).unwrap(), 2);
    let snapshot = reader.snapshot().unwrap();
    assert_eq!(snapshot.version(), 2);
    assert_eq!(snapshot.frames().unwrap(), ["trades"]);
    let frame = snapshot.frame("trades").unwrap();
    let batches = frame.batches().unwrap();
    assert_eq!(batches, [batch()]);
    assert_eq!(&*frame.column::<Float64Type>("price").unwrap(), [100.5, 101.0, 99.25]);
    let data = batches[0].column(0).to_data();
    assert!(frame.contains_address(data.buffers()[0].as_ptr()));
    assert_eq!(frame.column::<Float64Type>("size").unwrap_err().kind(), ErrorKind::ColumnType);
    writer.remove_segment().unwrap();
}

#[test]
fn held_snapshot_stays_while_versions_go_by() {
    let (mut writer, reader) = segment("held");
    writer.put("trades", &batch()).unwrap();
    let held = reader.snapshot().unwrap();
    for n in 0..200_usize {
        let batch = batch().slice(0, 1 + n % 3);
        writer.put("trades", &batch).unwrap();
        let audit = writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered, "after {n}");
        assert_eq!(held.frame("trades").unwrap().batches().unwrap()[0].num_rows(), 3);
    }
    assert_eq!(reader.snapshot().unwrap().version(), 202);
    assert!(!writer.holders().is_empty());
    drop(held);
    writer.trim(0).unwrap();
    assert!(writer.holders().is_empty());
    writer.remove_segment().unwrap();
}

#[test]
fn history_keeps_older_versions_readable_and_no_more() {
    let name = format!("test-history-{}", std::process::id());
    let mut writer = WriterOptions::new().history(3).create(&name).unwrap();
    let reader = Reader::open(&name).unwrap();
    for n in 1..=100 {
        writer.put("trades", &batch().slice(0, n % 4)).unwrap();
    }
    writer.trim(0).unwrap();
    let newest = writer.version();
    for version in newest - 2..=newest {
        let snapshot = reader.snapshot_at(version).unwrap();
        assert_eq!(snapshot.version(), version);
        assert_eq!(snapshot.frame("trades").unwrap().num_rows(), (version - 1) % 4);
    }
    for version in [0, 1, newest - 3, newest + 1] {
        assert_eq!(reader.snapshot_at(version).unwrap_err().kind(), ErrorKind::VersionGone, "{version}");
    }
    writer.remove_segment().unwrap();
}

#[test]
fn trim_gives_back_the_pages_that_an_earlier_writer_left() {
    let name = format!("test-trim-{}", std::process::id());
    let mut writer = Writer::create(&name).unwrap();
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.5; 1 << 20]));
    writer.put("large", &RecordBatch::try_from_iter([("n", numbers)]).unwrap()).unwrap();
    let small = batch();
    writer.put("large", &small).unwrap();
    drop(writer);
    let mut writer = Writer::open(&name).unwrap();
    assert!(writer.allocated_bytes() > 8 << 20, "nothing goes unasked");
    assert!(writer.trim(0).unwrap() >= 8 << 20);
    assert!(writer.allocated_bytes() < 4 << 20);
    let reader = Reader::open(&name).unwrap();
    assert_eq!(reader.snapshot().unwrap().frame("large").unwrap().batches().unwrap(), [small]);
    writer.remove_segment().unwrap();
}

#[test]
fn put_that_fails_leaves_nothing_behind() {
    let (mut writer, reader) = segment("metadata");
    let long = "x".repeat(300 << 20);
    let schema = batch().schema().as_ref().clone().with_metadata([("key".to_owned(), long)].into());
    let long = batch().with_schema(Arc::new(schema)).unwrap();
    let mut transaction = writer.begin().unwrap();
    assert_eq!(transaction.put("trades", &long).unwrap_err().kind(), ErrorKind::CapacityExceeded);
    transaction.put("trades", &batch()).unwrap();
    transaction.commit().unwrap();
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
    assert_eq!(reader.snapshot().unwrap().frame("trades").unwrap().batches().unwrap(), [batch()]);
    writer.remove_segment().unwrap();
}
