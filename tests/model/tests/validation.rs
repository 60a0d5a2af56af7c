//! Contents are looked at when a reader asks for it, and then never handed out damaged.

use arrow::array::{Array, RecordBatch};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use shmframe::{ErrorKind, Reader, Validation};
use shmframe_arbitrary::Kind;
use shmframe_model::{Files, Scratch, all_types, cases, for_each_buffer};
use std::ops::Range;

/// A segment with a frame of all types, and where the buffers of each column stand in `data`.
struct Segment {
    scratch: Scratch,
    files: Files,
    columns: Vec<(String, Vec<Range<u64>>)>,
}

impl Segment {
    fn new() -> Self {
        let scratch = Scratch::new();
        let mut writer = scratch.writer().create("s").unwrap();
        writer.put("frame", &table()).unwrap();
        let files = scratch.files("s");
        let mut segment = Self { scratch, files, columns: Vec::new() };
        let batch = segment.reader(Validation::Layout).snapshot().unwrap().frame("frame").unwrap();
        let batch = batch.batches().unwrap().remove(0);
        for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
            let mut places = Vec::new();
            for_each_buffer(&column.to_data(), &mut |bytes| {
                if !bytes.is_empty() {
                    let offset = offset_in_file(bytes.as_ptr() as u64, &segment.files);
                    assert_eq!(segment.files.read("data", offset, bytes.len()), bytes);
                    places.push(offset..offset + bytes.len() as u64);
                }
            });
            if !places.is_empty() {
                segment.columns.push((field.name().clone(), places));
            }
        }
        segment
    }

    fn reader(&self, validation: Validation) -> Reader {
        self.scratch.reader().validation(validation).open("s").unwrap()
    }

    fn places(&self, column: &str) -> &[Range<u64>] {
        &self.columns.iter().find(|(name, _)| name == column).unwrap().1
    }
}

fn table() -> RecordBatch {
    all_types(Kind::ALL.iter().map(|kind| (format!("{kind:?}"), kind.example())))
}

/// Where in `data` stands what is mapped at an address.
fn offset_in_file(address: u64, files: &Files) -> u64 {
    let path = files.path("data").display().to_string();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let mut offsets = maps.lines().filter(|line| line.ends_with(&path)).filter_map(|line| {
        let mut words = line.split_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let offset = words.nth(1)?;
        (number(start)..number(end)).contains(&address).then(|| address - number(start) + number(offset))
    });
    offsets.next().unwrap()
}

fn column(reader: &Reader, name: &str) -> shmframe::Result<RecordBatch> {
    Ok(reader.snapshot()?.frame("frame")?.select(&[name])?.batches()?.remove(0))
}

#[test]
fn damaged_contents_are_refused_or_still_valid() {
    let segment = Segment::new();
    let (refused, valid) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let damage = vec((any::<Index>(), any::<Index>(), prop_oneof![any::<u8>(), Just(0), Just(0xFF)]), 1..4);
    let check = |which: Index, damage: Vec<(Index, Index, u8)>| {
        let (name, places) = which.get(&segment.columns);
        let mut before = Vec::new();
        for (place, at, byte) in damage {
            let place = place.get(places);
            let offset = place.start + at.index((place.end - place.start) as usize) as u64;
            before.push((offset, segment.files.read("data", offset, 1)));
            segment.files.write("data", offset, &[byte]);
        }
        match column(&segment.reader(Validation::Full), name) {
            Ok(batch) => {
                valid.set(valid.get() + 1);
                let array = batch.column(0);
                array.to_data().validate_full().unwrap();
                // Looks at every value.
                assert_eq!(
                    arrow::compute::concat(&[array, array]).unwrap().slice(0, array.len()).len(),
                    array.len()
                );
            }
            Err(error) => {
                refused.set(refused.get() + 1);
                assert_eq!(error.kind(), ErrorKind::Corrupt);
                let text = error.to_string();
                assert!(
                    text.contains("frame \"frame\"") && text.contains(&format!("column {name:?}")),
                    "{text}"
                );
            }
        }
        for (offset, byte) in before.into_iter().rev() {
            segment.files.write("data", offset, &byte);
        }
    };
    let config = Config { cases: cases(1000, 20_000), failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&(any::<Index>(), damage), |(which, damage)| {
            check(which, damage);
            Ok(())
        })
        .unwrap();
    assert!(refused.get() > 100 && valid.get() > 100, "{} refused, {} valid", refused.get(), valid.get());
    for (name, _) in &segment.columns {
        let sent = table().column_by_name(name).unwrap().clone();
        assert_eq!(column(&segment.reader(Validation::Full), name).unwrap().column(0), &sent, "mended");
    }
}

#[test]
fn contents_are_taken_on_trust_unless_asked_otherwise() {
    let segment = Segment::new();
    // Validity, offsets, bytes: one that is no UTF-8.
    segment.files.write("data", segment.places("Utf8")[2].start, &[0xFF]);
    column(&segment.reader(Validation::Layout), "Utf8").unwrap();
    assert_eq!(Validation::default(), Validation::Layout);
    column(&segment.scratch.reader().open("s").unwrap(), "Utf8").unwrap();
    let error = column(&segment.reader(Validation::Full), "Utf8").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(std::error::Error::source(&error).is_some(), "the cause is Arrow's");
}

#[test]
fn contents_are_looked_at_once_for_each_state_of_a_frame() {
    let segment = Segment::new();
    let reader = segment.reader(Validation::Full);
    column(&reader, "Utf8").unwrap();
    let place = segment.places("Utf8")[2].start;
    segment.files.write("data", place, &[0xFF]);
    // Another version, the same frame.
    let mut writer = segment.scratch.writer().open("s").unwrap();
    writer.put("other", &shmframe_model::numbers(0, 1)).unwrap();
    column(&reader, "Utf8").unwrap();
    // A column that nobody asked for yet was not looked at.
    segment.files.write("data", segment.places("LargeUtf8")[2].start, &[0xFF]);
    assert_eq!(column(&reader, "LargeUtf8").unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(column(&segment.reader(Validation::Full), "Utf8").unwrap_err().kind(), ErrorKind::Corrupt);
    writer.put("frame", &table()).unwrap();
    column(&reader, "LargeUtf8").unwrap();
}

#[test]
fn runs_that_end_too_early_are_refused_even_without_a_look_at_contents() {
    let segment = Segment::new();
    let ends = &segment.places("RunEndEncodedInt64")[0];
    segment.files.write("data", ends.end - 8, &[6]);
    let error = column(&segment.reader(Validation::Layout), "RunEndEncodedInt64").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}
