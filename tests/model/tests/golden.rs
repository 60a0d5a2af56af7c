//! Segments of earlier builds open, say what they said, and can be written on.

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type};
use shmframe::{Reader, Writer};
use shmframe_arbitrary::Kind;
use shmframe_format::header::{MAJOR, MINOR};
use shmframe_model::{Files, Scratch, all_types, assert_arrived, numbers, to_runs, write_runs};
use std::fs::{File, create_dir_all, read, write};
use std::path::PathBuf;
use std::sync::Arc;

/// The formats of which there is a segment, and how many types each had.
const FORMATS: [(&str, usize); 1] = [("v0.3", 65)];
const CAPACITY: u64 = 4 << 20;
const SMALL_FRAMES: usize = 40;

fn folder(format: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/golden").join(format)
}

/// The table of all types that a format had: new kinds come at any place, so they are found by their names.
fn known(types: &[String]) -> RecordBatch {
    let kinds = Kind::ALL.iter().map(|kind| (format!("{kind:?}"), kind.example()));
    let nested = DataType::Struct(
        vec![
            Field::new("text", DataType::Utf8View, true),
            Field::new(
                "inner",
                DataType::Struct(vec![Field::new("flag", DataType::Boolean, true)].into()),
                true,
            ),
        ]
        .into(),
    );
    let kinds = kinds.chain([("nested".to_owned(), nested)]);
    all_types(kinds.filter(|(name, _)| types.is_empty() || types.contains(name)))
}

/// Rows of a feed, with these numbers: in place, with nulls and texts, and in pieces.
fn feed(rows: std::ops::Range<i64>) -> RecordBatch {
    let lists = rows.clone().map(|row| Some((0..row % 3).map(Some).collect::<Vec<_>>()));
    let columns: [(&str, ArrayRef); 4] = [
        ("row", Arc::new(Int64Array::from_iter_values(rows.clone()))),
        (
            "half",
            Arc::new(
                rows.clone().map(|row| (row % 7 > 0).then_some(row as f64 / 2.0)).collect::<Float64Array>(),
            ),
        ),
        ("text", Arc::new(rows.clone().map(|row| Some(format!("{row}"))).collect::<StringArray>())),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

/// The number of the row behind the last one of the feed.
const FEED_END: i64 = 2615;

/// A frame that grew: a partial word of what was put, an open word of what was appended, several pieces, and rows that were
/// dropped from the front.
fn grow(writer: &mut Writer) {
    let mut transaction = writer.begin().unwrap();
    transaction.put("feed", &feed(0..2500)).unwrap();
    for start in (2500..FEED_END).step_by(23) {
        transaction.append("feed", &feed(start..start + 23)).unwrap();
    }
    transaction.keep_last("feed", 2300).unwrap();
    assert_eq!(transaction.commit().unwrap(), 3);
}

fn check_feed(reader: &Reader, end: i64) {
    let frame = reader.snapshot().unwrap().frame("feed").unwrap();
    assert_eq!(frame.first_position().row(), 256);
    let batches = frame.batches().unwrap();
    assert!(batches.len() > 2);
    assert_eq!(concat_batches(&frame.schema(), &batches).unwrap(), feed(256..end));
}

fn build(writer: &mut Writer) {
    writer.put("all types", &known(&[])).unwrap();
    grow(writer);
    writer.put("replaced", &numbers(0, 10)).unwrap();
    let mut transaction = writer.begin().unwrap();
    for rows in 0..SMALL_FRAMES {
        transaction.put(&format!("small {rows}"), &numbers(-1, rows)).unwrap();
    }
    transaction.put("replaced", &[numbers(7, 100), numbers(107, 100)]).unwrap();
    transaction.put("passing", &numbers(0, 1)).unwrap();
    transaction.commit().unwrap();
    assert_eq!(writer.remove("passing").unwrap(), 6);
}

fn check(reader: &Reader) -> usize {
    let snapshot = reader.snapshot().unwrap();
    assert_eq!(snapshot.num_frames(), 3 + SMALL_FRAMES as u64);
    assert!(snapshot.find("passing").unwrap().is_none());
    let frame = snapshot.frame("all types").unwrap();
    let types: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_arrived(&[known(&types)], &frame);
    assert_arrived(&[numbers(7, 200)], &snapshot.frame("replaced").unwrap());
    for rows in 0..SMALL_FRAMES {
        assert_arrived(&[numbers(-1, rows)], &snapshot.frame(&format!("small {rows}")).unwrap());
    }
    types.len() - 1
}

/// A segment of this format, as if it had been made since the machine was started.
fn unpack(format: &str, scratch: &Scratch) -> Files {
    let files = scratch.files("golden");
    create_dir_all(files.directory()).unwrap();
    let runs = |file: &str| read(folder(format).join(file)).unwrap();
    let data = File::create(files.path("data")).unwrap();
    data.set_len(CAPACITY).unwrap();
    write_runs(&runs("data.runs"), &data);
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let id = u128::from_str_radix(&id.trim().replace('-', ""), 16).unwrap();
    files.change_header(|header| header.boot = id.to_le_bytes());
    let readers = File::create(files.path("readers")).unwrap();
    readers.set_len(files.geometry().registry_size()).unwrap();
    write_runs(&runs("readers.runs"), &readers);
    File::create(files.path("lease")).unwrap();
    files
}

/// Writes the segment of the format that this build has.
fn bless() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().capacity(CAPACITY).history(3).label("golden").create("golden").unwrap();
    build(&mut writer);
    drop(writer);
    let (files, folder) = (scratch.files("golden"), folder(&format!("v{MAJOR}.{MINOR}")));
    create_dir_all(&folder).unwrap();
    for file in ["data", "readers"] {
        write(folder.join(format!("{file}.runs")), to_runs(files.open(file))).unwrap();
    }
}

#[test]
fn golden_segments_open_and_can_be_written_on() {
    if std::env::var("BLESS").is_ok_and(|value| value == "1") {
        bless();
    }
    for (format, types) in FORMATS {
        let scratch = Scratch::new();
        let files = unpack(format, &scratch);
        let reader = scratch.reader().open("golden").unwrap();
        assert_eq!((reader.latest(), files.publication().history), (6, 3));
        assert_eq!(check(&reader), types, "{format}: types");
        check_feed(&reader, FEED_END);
        assert_eq!(reader.snapshot_at(4).unwrap().frames().unwrap(), ["all types", "feed", "replaced"]);
        assert!(reader.snapshot_at(5).unwrap().find("passing").unwrap().is_some());
        let held = reader.snapshot().unwrap();
        let mut writer = scratch.writer().open("golden").unwrap();
        for round in 0..100 {
            assert_eq!(writer.put("replaced", &numbers(round, 50)).unwrap(), 7 + round as u64);
            let audit = writer.audit().unwrap();
            assert_eq!(audit.working, audit.recovered, "{format}");
        }
        assert_arrived(&[numbers(7, 200)], &held.frame("replaced").unwrap());
        assert_arrived(&[numbers(99, 50)], &reader.snapshot().unwrap().frame("replaced").unwrap());
        writer.append("feed", &feed(FEED_END..FEED_END + 100)).unwrap();
        check_feed(&reader, FEED_END + 100);
        writer.put("replaced", &numbers(7, 200)).unwrap();
        assert_eq!(check(&reader), types, "{format}: types, by then");
    }
}

#[test]
fn format_of_this_build_has_a_golden_segment() {
    let newest = format!("v{MAJOR}.{MINOR}");
    assert_eq!(FORMATS.last().unwrap().0, newest);
    let mut folders: Vec<String> = std::fs::read_dir(folder(""))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert!(folders.iter().eq(FORMATS.map(|(format, _)| format).iter()), "{folders:?}");
}

/// What this build writes reads as the golden one does: else `build` and `check` no longer fit together.
#[test]
fn fresh_segment_reads_like_the_golden_one() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().capacity(CAPACITY).create("golden").unwrap();
    build(&mut writer);
    assert_eq!(check(&scratch.reader().open("golden").unwrap()), Kind::ALL.len());
}
