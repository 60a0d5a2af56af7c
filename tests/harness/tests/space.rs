//! Space: a full file system can be emptied, also by the next writer; a disk is as good as shared memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use shmframe::{ErrorKind, Writer};
use shmframe_harness::place::Place;
use shmframe_harness::role::Role;
use shmframe_harness::watchdog::Watchdog;
use shmframe_harness::{cut, pattern};
use std::io::Write;

const WRITER: &str = env!("CARGO_BIN_EXE_writer_role");
const READER: &str = env!("CARGO_BIN_EXE_reader_role");
const NAME: &str = "quotes";

fn free_bytes(place: &Place) -> u64 {
    let status = nix::sys::statvfs::statvfs(place.path()).unwrap();
    status.blocks_available() * status.fragment_size()
}

/// Fills what is left of the file system with a file.
fn fill(place: &Place) {
    let mut file = std::fs::File::create(place.path().join("filler")).unwrap();
    let block = [1; 4096];
    while file.write_all(&block).is_ok() {}
    let _ = file.sync_all();
    assert!(free_bytes(place) < 4096);
}

/// A writer fills a segment, somebody else the rest; it removes some frames, is killed, and the next one removes all.
fn full_can_be_emptied(place: &Place) {
    let mut writer = Role::start(WRITER, place, None, &[]);
    writer.ask(&format!("create {NAME} quota={}", u64::MAX));
    let mut frames = 0;
    for rows in [8000, 900, 50, 1] {
        let error = loop {
            match writer.try_ask(&format!("put frame-{frames} {rows}")) {
                Ok(_) => frames += 1,
                Err(error) => break error,
            }
        };
        assert!(error.starts_with("DirectoryFull"), "{error}");
        fill(place);
    }
    // Pages of a put that failed went back to the system, where the filler took them.
    assert!(frames > 12, "{frames}");
    for frame in 0..5 {
        // Whatever a removal frees is the segment's until it is trimmed: nobody else fills it up.
        writer.ask(&format!("remove frame-{frame}"));
        fill(place);
    }
    writer.kill();
    fill(place);
    let mut writer = place.writer().open(NAME).unwrap();
    for frame in 5..frames {
        let removed = writer.remove(&format!("frame-{frame}"));
        removed.unwrap_or_else(|error| panic!("frame {frame} of {frames}: {error:?}"));
    }
    let reader = place.reader().open(NAME).unwrap();
    assert_eq!(reader.snapshot().unwrap().frames().unwrap(), [""; 0]);
    cut::check_audit(&mut writer);
    // What it held goes back to the file system.
    writer.trim(0).unwrap();
    assert!(free_bytes(place) > 1 << 20);
    writer.put("again", &pattern::batch("again", 1, 8000)).unwrap();
    writer.remove_segment().unwrap();
    assert_eq!(place.entries(), ["filler"]);
}

#[test]
fn full_tmpfs_can_be_emptied_by_its_writer_and_the_next() {
    let _watchdog = Watchdog::seconds(120);
    full_can_be_emptied(&Place::tmpfs("emptied", 6 << 20));
}

#[test]
fn full_ext4_can_be_emptied_by_its_writer_and_the_next() {
    let _watchdog = Watchdog::seconds(120);
    full_can_be_emptied(&Place::ext4("emptied-ext4", 16 << 20));
}

fn pair(writer: &mut Writer, rows: u64) -> u64 {
    let stamp = writer.version() + 1;
    let mut transaction = writer.begin().unwrap();
    for frame in ["left", "right"] {
        transaction.put(frame, &pattern::batch(frame, stamp, rows)).unwrap();
    }
    transaction.commit().unwrap()
}

#[test]
fn segment_on_ext4_works_like_one_in_shared_memory() {
    let _watchdog = Watchdog::seconds(120);
    let place = Place::ext4("cycle-ext4", 64 << 20);
    let mut writer = Role::start(WRITER, &place, None, &[]);
    writer.ask(&format!("create {NAME} label=first"));
    assert_eq!(writer.number("pair 20000"), 2);
    let mut reader = Role::start(READER, &place, None, &[]);
    reader.ask(&format!("open {NAME}"));
    assert_eq!(reader.number("hold old"), 2);
    assert_eq!(writer.number("pair 30000"), 3);
    writer.kill();
    assert_eq!(reader.number("check old"), 2);
    assert_eq!(reader.number("latest"), 3);
    let mut writer = place.writer().open(NAME).unwrap();
    for version in 4..100 {
        assert_eq!(pair(&mut writer, 20_000), version);
    }
    cut::check_audit(&mut writer);
    assert_eq!(reader.number("check old"), 2);
    let before = writer.allocated_bytes();
    reader.kill();
    assert!(writer.trim(0).unwrap() > 0);
    assert!(writer.allocated_bytes() < before);
    cut::check_audit(&mut writer);
    let snapshot = place.reader().open(NAME).unwrap().snapshot().unwrap();
    pattern::check_one_version(&snapshot);
    assert_eq!(snapshot.version(), 99);
    writer.remove_segment().unwrap();
    assert_eq!(place.entries(), [""; 0]);
    pattern::check_one_version(&snapshot);
}

#[test]
fn full_ext4_is_an_error_and_the_last_version_stays() {
    let _watchdog = Watchdog::seconds(120);
    let place = Place::ext4("full-ext4", 16 << 20);
    let mut writer = place.writer().create(NAME).unwrap();
    let version = pair(&mut writer, 1000);
    let before = writer.allocated_bytes();
    for _ in 0..3 {
        let error = writer.put("large", &pattern::batch("large", 1, 1_000_000)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DirectoryFull, "{error}");
        assert!(writer.allocated_bytes() <= before + (64 << 10));
        cut::check_audit(&mut writer);
    }
    let snapshot = place.reader().open(NAME).unwrap().snapshot().unwrap();
    assert_eq!(snapshot.version(), version);
    pattern::check_one_version(&snapshot);
}

#[test]
fn huge_pages_are_had_where_the_file_system_has_them() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::huge_tmpfs("huge", 256 << 20);
    let mut writer = place.writer().huge_pages().prefault(16 << 20).create(NAME).unwrap();
    assert!(writer.huge_bytes() >= 8 << 20, "{} bytes", writer.huge_bytes());
    let version = pair(&mut writer, 20_000);
    let snapshot = place.reader().open(NAME).unwrap().snapshot().unwrap();
    assert_eq!(snapshot.version(), version);
    pattern::check_one_version(&snapshot);
    cut::check_audit(&mut writer);
    let small = Place::tmpfs("not-huge", 64 << 20);
    let writer = small.writer().huge_pages().prefault(16 << 20).create(NAME).unwrap();
    assert_eq!(writer.huge_bytes(), 0, "a mount without them");
}
