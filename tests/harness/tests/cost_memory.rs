//! What a snapshot, its batches and a put ask of memory: allocations, bytes, pages. None of it grows with the frame.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod cost_support;

use allocation_counter::{AllocationInfo, measure};
use arrow::array::Array;
use arrow::datatypes::Float64Type;
use cost_support::{Segment, frame_of};
use shmframe::{Frame, Reader, Writer, arrow};
use shmframe_segment::steps;

const SMALL: usize = 1 << 10;
const MEDIUM: usize = 1 << 20;
const LARGE: usize = 256 << 20;
const PAGE: u64 = 4096;

/// What of an allocation record says how much was asked for.
fn asked(info: AllocationInfo) -> (u64, u64) {
    (info.count_total, info.bytes_total)
}

/// Allocations of a snapshot that is taken, looked into and dropped.
fn snapshot_and_column(reader: &Reader) -> (u64, u64) {
    asked(measure(|| {
        let snapshot = reader.snapshot().unwrap();
        let column = snapshot.frame("frame").unwrap().column::<Float64Type>("c1").unwrap();
        assert!(column[0] > 0.0);
    }))
}

#[test]
fn snapshot_asks_for_the_same_memory_whatever_the_frame_and_its_age() {
    let mut seen = Vec::new();
    for bytes in [SMALL, MEDIUM, LARGE] {
        let mut segment = Segment::create("snapshot");
        segment.writer().put("frame", &frame_of(bytes, 2)).unwrap();
        let reader = segment.reader();
        drop(reader.snapshot().unwrap().frame("frame").unwrap());
        let costs: Vec<_> = (0..1000).map(|_| snapshot_and_column(&reader)).collect();
        assert!(costs.iter().all(|cost| *cost == costs[0]), "{bytes} bytes: from 1st to 1000th");
        seen.push(costs[0]);
    }
    println!("snapshot and column: {} allocations, {} bytes", seen[0].0, seen[0].1);
    assert_eq!(seen, [seen[0]; 3]);
    assert!(seen[0].0 <= 2 && seen[0].1 <= 128, "{seen:?}");
}

#[test]
fn snapshot_of_new_version_asks_for_the_same_memory_whatever_the_frame() {
    let mut seen = Vec::new();
    for bytes in [SMALL, MEDIUM, LARGE] {
        let mut segment = Segment::create("fresh");
        let batch = frame_of(bytes, 2);
        let reader = segment.reader();
        for _ in 0..3 {
            segment.writer().put("frame", &batch).unwrap();
            drop(reader.snapshot().unwrap().frame("frame").unwrap());
        }
        segment.writer().put("frame", &batch).unwrap();
        seen.push(snapshot_and_column(&reader));
    }
    println!("snapshot of a new version and column: {} allocations, {} bytes", seen[0].0, seen[0].1);
    assert_eq!(seen, [seen[0]; 3]);
    assert!(seen[0].0 <= 22 && seen[0].1 <= 2048, "{seen:?}");
}

/// Allocations of batches, and the pages of the reader's mapping that it has in its page table afterwards.
fn batches_of(bytes: usize) -> ((u64, u64), u64) {
    let mut segment = Segment::create("batches");
    segment.writer().put("frame", &frame_of(bytes, 10)).unwrap();
    let reader = segment.reader();
    let snapshot = reader.snapshot().unwrap();
    let frame = snapshot.frame("frame").unwrap();
    drop(frame.batches().unwrap());
    let mut batches = Vec::new();
    let info = measure(|| batches = frame.batches().unwrap());
    let data = batches[0].column(0).to_data();
    assert!(frame.contains_address(data.buffers()[0].as_ptr()), "in place");
    (asked(info), mapped_pages(&segment.name, &frame))
}

#[test]
fn batches_cost_the_same_for_any_number_of_rows_and_touch_no_column() {
    let (small, small_pages) = batches_of(MEDIUM);
    let (large, large_pages) = batches_of(LARGE);
    println!(
        "batches of 10 columns: {} allocations, {} bytes; {large_pages} of {} pages in the page table",
        large.0,
        large.1,
        LARGE as u64 / PAGE
    );
    assert_eq!(small, large);
    // Records stand behind the columns, and the kernel maps up to 16 pages around each that is touched.
    assert!(large_pages <= 64 && small_pages <= 64, "{small_pages}, {large_pages}");
}

#[test]
fn reading_a_column_does_bring_its_pages() {
    let mut segment = Segment::create("pages");
    segment.writer().put("frame", &frame_of(MEDIUM, 1)).unwrap();
    let reader = segment.reader();
    let snapshot = reader.snapshot().unwrap();
    let frame = snapshot.frame("frame").unwrap();
    let sum: f64 = frame.column::<Float64Type>("c0").unwrap().iter().sum();
    assert!(sum > 0.0 && mapped_pages(&segment.name, &frame) >= MEDIUM as u64 / PAGE);
}

/// Pages of the read-only mappings of `data` that stand in this process's page table.
fn mapped_pages(segment: &str, frame: &Frame) -> u64 {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let file = format!("{segment}.shmf/data");
    let mut found = false;
    let mut mine = false;
    let mut kilobytes = 0;
    for line in maps.lines() {
        if line.split_whitespace().next().is_some_and(|word| word.contains('-')) {
            mine = line.ends_with(&file) && line.contains(" r--s ");
            found |= mine;
        } else if let Some(rest) = line.strip_prefix("Rss:").filter(|_| mine) {
            kilobytes += rest.trim().trim_end_matches(" kB").parse::<u64>().unwrap();
        }
    }
    assert!(found, "frame {:?} of {segment} has no read-only mapping", frame.name());
    kilobytes * 1024 / PAGE
}

#[test]
fn put_copies_each_byte_once() {
    let mut segment = Segment::create("copies");
    for (bytes, columns) in [(SMALL, 2), (MEDIUM, 10), (LARGE, 10)] {
        let batch = frame_of(bytes, columns);
        segment.writer().put("frame", &batch).unwrap();
        let before = steps::bytes_copied();
        segment.writer().put("frame", &batch).unwrap();
        let copied = steps::bytes_copied() - before;
        let data: usize = batch.columns().iter().map(|column| column.to_data().buffers()[0].len()).sum();
        let records = copied - data as u64;
        println!("put of {data} bytes in {columns} columns: {records} bytes of records");
        // Root, layout and state: heads, and 64 bytes for each column.
        assert!(records <= 1024 + 64 * columns as u64, "{records}");
    }
}

#[test]
fn change_of_a_column_copies_no_byte_of_the_others() {
    let mut segment = Segment::create("columns");
    let batch = frame_of(MEDIUM, 10);
    segment.writer().put("frame", &batch).unwrap();
    let (column, names) = (batch.column(3), ["c3", "x"]);
    let mut copied = |change: &dyn Fn(&mut Writer, usize)| {
        change(segment.writer(), 0);
        let before = steps::bytes_copied();
        change(segment.writer(), 1);
        steps::bytes_copied() - before
    };
    let values = column.to_data().buffers()[0].len() as u64;
    let replaced = copied(&|writer, _| _ = writer.replace_column("frame", "c3", column).unwrap());
    let moved = copied(&|writer, round| _ = writer.move_column("frame", "c3", round).unwrap());
    let renamed =
        copied(&|writer, round| _ = writer.rename_column("frame", names[round], names[1 - round]).unwrap());
    let records = replaced - values;
    println!("columns: {records} bytes of records to replace one, {moved} to move, {renamed} to rename");
    // Root, layout and state; the schema, where it changes.
    for records in [records, moved, renamed] {
        assert!(records <= 2560, "{records}");
    }
}

#[test]
fn put_asks_for_the_same_memory_whatever_the_frame() {
    let mut seen = Vec::new();
    for bytes in [SMALL, MEDIUM, LARGE] {
        let mut segment = Segment::create("memory");
        let batch = frame_of(bytes, 1);
        segment.writer().put("frame", &batch).unwrap();
        let mut put = || _ = segment.writer().put("frame", &batch).unwrap();
        // The most of a few: which extents are free differs from put to put, and with it the work of the heap.
        let cost = (0..6).map(|_| asked(measure(&mut put))).max().unwrap();
        println!("put of {bytes} bytes: {} allocations, {} bytes", cost.0, cost.1);
        seen.push(cost);
    }
    // A large frame gets a run for each buffer.
    assert!(seen.iter().all(|(count, bytes)| *count <= 14 && *bytes <= 2 << 10), "{seen:?}");
}
