//! How much of a frame is touched to show some of its rows.

use crate::support::{Directory, batch, numbers};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::Arc;

/// Rows of one batch, some 40 MB.
const ROWS: i64 = 1 << 20;
/// Pages that may be touched at the most.
const PAGES: u64 = 200;
/// Pages that one fault may bring, the kernel's default: some of them are touched without a fault of their own.
const AROUND: u64 = 16;
/// Bytes of a page.
const PAGE: u64 = 4096;
/// The least bytes of a large frame.
const LARGE: usize = 1_000_000_000;

fn rows(count: i64) -> RecordBatch {
    let text = (0..count).map(|row| (row % 7 > 0).then(|| format!("a text of row {row}")));
    batch([
        ("time", Arc::new(Int64Array::from_iter_values(0..count)) as ArrayRef),
        (
            "price",
            Arc::new(Float64Array::from_iter((0..count).map(|row| (row % 3 > 0).then_some(row as f64)))),
        ),
        ("text", Arc::new(StringArray::from_iter(text))),
    ])
}

/// A segment with a frame `small`, and a frame `large` of a gigabyte.
fn place() -> (Directory, shmframe_writer::Writer) {
    let place = Directory::new();
    let mut writer = place.writer("ticks", 1);
    writer.put("small", &rows(100)).unwrap();
    let rows = rows(ROWS);
    let bytes: usize = rows.columns().iter().map(|column| column.get_buffer_memory_size()).sum();
    let parts = vec![rows; LARGE.div_ceil(bytes)];
    writer.put("large", parts.as_slice()).unwrap();
    (place, writer)
}

/// The page faults of a process that has ended but was not waited for.
fn faults(mut child: Child) -> (u64, String) {
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let stat = loop {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        if fields.starts_with('Z') {
            break fields.to_owned();
        }
        std::thread::yield_now();
    };
    assert!(child.wait().unwrap().success());
    (stat.split(' ').nth(7).unwrap().parse().unwrap(), out)
}

/// Bytes of the segment's data that are mapped into a process and present there.
fn resident(child: &Child, place: &Directory) -> u64 {
    let data = place.path().join("ticks.shmf/data");
    let maps = fs::read_to_string(format!("/proc/{}/smaps", child.id())).unwrap();
    let mut lines = maps.lines();
    let mut bytes = 0;
    while lines.any(|line| line.ends_with(data.to_str().unwrap())) {
        let present = lines.by_ref().find_map(|line| line.strip_prefix("Rss:")).unwrap();
        bytes += present.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024;
    }
    bytes
}

#[test]
fn rows_of_a_gigabyte_are_shown_without_touching_more_than_200_pages() {
    let (place, _writer) = place();
    for (command, pages_a_fault) in [("head", AROUND), ("tail", 1), ("sample", 1)] {
        let least = |frame| {
            let run = |_| {
                let (faults, out) = faults(place.command(&[command, frame]).spawn().unwrap());
                assert_eq!(out.lines().count(), 10);
                faults
            };
            (0..5).map(run).min().unwrap()
        };
        let (small, large) = (least("ticks/small"), least("ticks/large"));
        let pages = large.saturating_sub(small) * pages_a_fault;
        assert!(pages <= PAGES, "{command}: {large} faults, {small} for a small frame");
    }
    let mut child = place.command(&["tail", "-f", "ticks/large"]).spawn().unwrap();
    let shown = BufReader::new(child.stdout.take().unwrap()).lines().take(10).count();
    let touched = resident(&child, &place) / PAGE;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(shown, 10);
    assert!((1..=PAGES).contains(&touched), "{touched} pages are present");
    let last = numbers(&place.json(&["tail", "ticks/large", "-n", "1"]))[0];
    assert!(last > 10 * ROWS as u64, "{last}");
}
