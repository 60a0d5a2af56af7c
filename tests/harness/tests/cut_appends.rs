//! Count, then cut, while a frame grows: the writer is killed at every step of its appends, and readers see each row once.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use shmframe::arrow::array::{ArrayData, RecordBatch};
use shmframe::{Reader, Snapshot, Writer};
use shmframe_harness::control::Control;
use shmframe_harness::cut::{self, Cutter};
use shmframe_harness::pattern::{self, Contents, FEED};
use shmframe_harness::place::Place;
use shmframe_harness::role::Role;
use shmframe_harness::watchdog::Watchdog;
use shmframe_harness::workload::{APPENDS, append};

const CUT: &str = env!("CARGO_BIN_EXE_cut_role");
const READER: &str = env!("CARGO_BIN_EXE_reader_role");

/// Rows that the next writer adds.
const MORE: u64 = 9;

fn cutter(place: &Place) -> Cutter<'_> {
    Cutter { executable: CUT, place, control: Control::create() }
}

/// A segment with a feed of 20 rows or without, its version, what it holds, and the bytes that it takes.
fn prepare(cutter: &Cutter<'_>, segment: &str, rows: u64) -> (u64, Contents, u64) {
    let mut writer = cutter.place.writer().create(segment).unwrap();
    let empty = {
        writer.trim(0).unwrap();
        writer.allocated_bytes()
    };
    let mut contents = Contents::new();
    if rows > 0 {
        add(&mut writer, rows);
        contents.insert(FEED.to_owned(), (rows, 0));
    }
    cutter.begin(writer.version());
    (writer.version(), contents, empty)
}

fn add(writer: &mut Writer, rows: u64) -> u64 {
    let mut transaction = writer.begin().unwrap();
    append(&mut transaction, rows).unwrap();
    transaction.commit().unwrap()
}

/// Checks that the next writer goes on with the feed, and that the segment takes no more memory than is promised.
fn check_next(
    cutter: &Cutter<'_>,
    reader: &Reader,
    segment: &str,
    before: &Contents,
    empty: u64,
) -> Contents {
    let mut writer = cutter.place.writer().open(segment).unwrap();
    cut::check_audit(&mut writer);
    // What it knows of the runs is what recovery found: nothing was written on yet.
    writer.trim(0).unwrap();
    assert_eq!(pattern::contents(&reader.snapshot().unwrap()), *before);
    let version = add(&mut writer, MORE);
    let mut expected = before.clone();
    expected.entry(FEED.to_owned()).or_insert((0, 0)).0 += MORE;
    assert_eq!(pattern::contents(&reader.snapshot().unwrap()), expected);
    cut::check_audit(&mut writer);
    writer.trim(0).unwrap();
    cut::check_audit(&mut writer);
    let most = empty + promised(&reader.snapshot().unwrap());
    let allocated = writer.allocated_bytes();
    assert!(allocated <= most, "{allocated} bytes are allocated, {most} are promised at most");
    drop(writer);
    cutter.begin(version);
    expected
}

/// Bytes that the frames of a version may take, and their records: 2.3 times the data (it has a column in pieces), and a page for
/// each buffer.
fn promised(snapshot: &Snapshot) -> u64 {
    let mut bytes = 64 << 10;
    for name in snapshot.frames().unwrap() {
        let frame = snapshot.frame(&name).unwrap();
        let batches = frame.batches().unwrap();
        let columns = batches.iter().flat_map(RecordBatch::columns);
        let buffers: usize = columns.map(|column| buffers(&column.to_data())).sum();
        bytes += frame.num_bytes() * 23 / 10 + 4096 * buffers as u64;
    }
    bytes
}

fn buffers(data: &ArrayData) -> usize {
    let below: usize = data.child_data().iter().map(buffers).sum();
    usize::from(data.nulls().is_some()) + data.buffers().len() + below
}

/// A position of the feed, the rows that follow it, and those that were dropped before them.
fn rows(reader: &mut Role, position: &str) -> (String, u64, u64) {
    let reply = reader.ask(&format!("rows {position}"));
    let [position, rows, dropped] = reply.split(' ').collect::<Vec<_>>().try_into().unwrap();
    (position.to_owned(), rows.parse().unwrap(), dropped.parse().unwrap())
}

#[test]
fn writer_killed_at_every_step_of_its_appends_loses_nothing_and_readers_see_each_row_once() {
    let _watchdog = Watchdog::seconds(if cut::full() { 1800 } else { 900 });
    let place = Place::new("cut-appends");
    let cutter = cutter(&place);
    let (base, contents, empty) = prepare(&cutter, "counted", 20);
    let versions = APPENDS.versions(base, &contents);
    let total = cutter.count(&APPENDS, "counted");
    let (reader, visible) = cutter.check_visible("counted", base, &versions);
    assert_eq!(visible, base + versions.len() as u64 - 1);
    let kept = reader.snapshot().unwrap().frame(FEED).unwrap().num_rows();
    assert!((4105..4105 + 64).contains(&kept), "{kept} rows are kept");
    let expected = check_next(&cutter, &reader, "counted", versions.last().unwrap(), empty);
    cutter.check_take_over(&reader, "counted", visible + 1, &expected);
    let mut following = Role::start(READER, &place, None, &[]);
    let mut dropped_at = 0;
    assert!(total >= 1000, "{total} steps");
    for nth in 1..=total {
        let segment = format!("cut-{nth}");
        prepare(&cutter, &segment, 20);
        following.ask(&format!("open {segment}"));
        let (position, begun, _) = rows(&mut following, "begin");
        assert_eq!(begun, 20);
        let held = place.reader().open(&segment).unwrap().snapshot().unwrap();
        cutter.kill_at(&APPENDS, &segment, nth);
        // What was held before is there, and the reader that lives on misses no row and sees none twice.
        assert_eq!(pattern::contents(&held), contents);
        drop(held);
        let (reader, visible) = cutter.check_visible(&segment, base, &versions);
        let before = &versions[(visible - base) as usize];
        let (position, seen, dropped) = rows(&mut following, &position);
        assert_eq!(20 + seen + dropped, before[FEED].0);
        dropped_at += u64::from(dropped > 0);
        let expected = check_next(&cutter, &reader, &segment, before, empty);
        // Another process goes on from the position, where there is one to be started for it.
        let (_, seen, dropped) = match nth % 16 {
            0 => {
                let mut restarted = Role::start(READER, &place, None, &[]);
                restarted.ask(&format!("open {segment}"));
                let answer = rows(&mut restarted, &position);
                restarted.quit();
                answer
            }
            _ => rows(&mut following, &position),
        };
        assert_eq!((seen, dropped), (MORE, 0));
        following.ask("close");
        cutter.check_take_over(&reader, &segment, visible + 1, &expected);
    }
    following.quit();
    assert_eq!(place.entries(), [""; 0]);
    assert!(dropped_at > 0, "no cut after rows were dropped");
    println!("appends: {total} cuts");
}
