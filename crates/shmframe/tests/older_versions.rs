//! Older versions by number: held in the place of those who hold them already.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use shmframe::{Reader, Snapshot, Writer, arrow};
use std::path::Path;
use std::sync::Arc;

fn batch(value: i64) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![value]));
    RecordBatch::try_from_iter([("x", column)]).unwrap()
}

fn value(snapshot: &Snapshot) -> i64 {
    snapshot.frame("t").unwrap().column::<Int64Type>("x").unwrap()[0]
}

/// The pin words of the first slot that are in use.
fn pins(segment: &Path) -> Vec<u64> {
    let registry = std::fs::read(segment.join("readers")).unwrap();
    let (words, _) = registry[4096 + 128..4096 + 512].as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word)).filter(|pin| *pin != 0).collect()
}

#[test]
fn snapshots_of_two_versions_in_turn_take_two_words() {
    let name = format!("test-in-turn-{}", std::process::id());
    let mut writer = Writer::options().history(8).create(&name).unwrap();
    for row in 2..=6 {
        writer.put("t", &batch(row)).unwrap();
    }
    let reader = Reader::open(&name).unwrap();
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(reader.snapshot_at(3).unwrap());
        held.push(reader.snapshot().unwrap());
    }
    assert_eq!(pins(&reader.path()), [3, 6]);
    for snapshot in &held {
        assert_eq!(value(snapshot), snapshot.version().cast_signed());
    }
    drop(held);
    assert_eq!(pins(&reader.path()), Vec::<u64>::new());
    writer.remove_segment().unwrap();
}

#[test]
fn version_that_this_process_holds_is_there_by_number_though_history_dropped_it() {
    let name = format!("test-held-by-number-{}", std::process::id());
    let mut writer = Writer::create(&name).unwrap();
    writer.put("t", &batch(2)).unwrap();
    let reader = Reader::open(&name).unwrap();
    let held = reader.snapshot().unwrap();
    for row in 3..=200 {
        writer.put("t", &batch(row)).unwrap();
    }
    let again = reader.snapshot_at(2).unwrap();
    drop(held);
    for row in 201..=300 {
        writer.put("t", &batch(row)).unwrap();
    }
    assert_eq!((again.version(), value(&again)), (2, 2));
    drop(again);
    assert!(reader.snapshot_at(2).is_err());
    writer.remove_segment().unwrap();
}

#[test]
fn stats_say_what_this_process_holds() {
    let name = format!("test-stats-{}", std::process::id());
    let mut writer = Writer::create(&name).unwrap();
    writer.put("t", &batch(2)).unwrap();
    let reader = Reader::open(&name).unwrap();
    let before = reader.stats();
    assert_eq!((before.slots, before.words), (0, 0));
    let first = reader.snapshot().unwrap();
    let array = first.frame("t").unwrap().batches().unwrap();
    let second = reader.snapshot().unwrap();
    writer.put("t", &batch(3)).unwrap();
    let third = reader.snapshot().unwrap();
    let stats = reader.stats();
    assert_eq!((stats.slots, stats.words), (1, 2));
    assert_eq!(stats.versions.into_iter().collect::<Vec<_>>(), [(2, 2), (3, 1)]);
    assert!(stats.mapped_bytes >= before.mapped_bytes + (1 << 30), "the heap is mapped");
    drop((first, second, third));
    assert_eq!(reader.stats().versions.into_keys().collect::<Vec<_>>(), [2], "an array holds it");
    drop(array);
    assert_eq!(reader.stats().words, 0);
    writer.remove_segment().unwrap();
}
