//! What live versions cover, and what has pages.

use super::inspection;
use shmframe_model::{Files, Scratch, numbers};
use shmframe_segment::{
    Coverage, EntryFault, EntryPlace, Finding, FoundEntry, Inspection, SegmentState, TrimPolicy, What,
};
use std::sync::Arc;

/// Nothing is wrong, and every byte of the file that has a page is accounted for.
fn check(inspection: &Arc<Inspection>) -> Coverage {
    let coverage = inspection.coverage().unwrap();
    assert!(coverage.problems.is_empty(), "{:?}", coverage.problems);
    let (live, allowance) = (coverage.bytes(..), coverage.allowance(inspection.header().geometry()));
    let allocated = inspection.allocated().unwrap();
    assert!(allocated.bytes <= live + allowance.bytes(), "{allocated:?}, {live} live, {allowance:?}");
    assert!(
        allocated.bytes >= live + allowance.tables + allowance.rounding,
        "{allocated:?}, {live} live, {allowance:?}"
    );
    let written: u64 = allocated.written.iter().map(|range| range.end - range.start).sum();
    assert!(
        written <= allocated.bytes && allocated.written.windows(2).all(|pair| pair[0].end < pair[1].start)
    );
    coverage
}

#[test]
fn every_range_is_told_with_its_frame_and_the_versions_that_cover_it() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().history(3).create("s").unwrap();
    writer.put("first", &numbers(0, 100)).unwrap();
    writer.put("second", &numbers(0, 20_000)).unwrap();
    writer.put("first", &numbers(0, 200)).unwrap();
    let inspection = inspection(&scratch);
    let coverage = check(&inspection);
    let versions: Vec<u64> = coverage.versions.iter().map(|live| live.version).collect();
    assert_eq!((versions.as_slice(), coverage.latest), (&[1, 2, 3, 4][..], 4));
    let of = |name: &str| {
        let ranges = coverage.ranges.iter().filter(|range| range.frame.as_deref() == Some(name));
        let mut found: Vec<_> =
            ranges.map(|range| (range.what, range.written, range.live(), range.is_run())).collect();
        found.sort_by_key(|(what, written, ..)| (*written, format!("{what:?}")));
        found
    };
    assert_eq!(
        of("first"),
        [
            (What::Extent(0), 2, (2, 3), false),
            (What::Layout, 2, (2, 3), false),
            (What::Schema, 2, (2, 4), false),
            (What::State, 2, (2, 3), false),
            (What::Extent(0), 4, (4, 4), false),
            (What::Layout, 4, (4, 4), false),
            (What::State, 4, (4, 4), false),
        ]
    );
    assert!(of("second").contains(&(What::Extent(0), 3, (3, 4), true)));
    let roots = coverage.ranges.iter().filter(|range| range.what == What::Root).count();
    assert_eq!(roots, 4);
    // 200 numbers, their padding, and records.
    let first = coverage.bytes_by_frame(4..=4)[&Some("first".into())];
    assert!((1600 + 64..3000).contains(&first), "{first}");
    assert_eq!(coverage.bytes_by_frame(2..=4).values().sum::<u64>(), coverage.bytes(2..=4));
    assert!(coverage.bytes(4..=4) < coverage.bytes(..) && coverage.bytes(5..) == 0);
}

#[test]
fn rows_that_only_an_older_version_sees_are_counted_once_and_for_that_version() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().history(8).create("s").unwrap();
    writer.append("t", &numbers(0, 20_000)).unwrap();
    writer.append("t", &numbers(0, 20_000)).unwrap();
    writer.keep_last("t", 10_000).unwrap();
    let coverage = check(&inspection(&scratch));
    let run = coverage.ranges.iter().find(|range| range.is_run()).unwrap();
    let used: Vec<_> =
        run.uses().map(|part| (part.first, (part.used.end - part.used.start) / 8000)).collect();
    assert_eq!(used, [(2, 20), (3, 40), (4, 10)]);
    assert_eq!((run.used().end - run.used().start) / 8000, 40);
    let data = |version: u64| coverage.bytes(version..=version) / 8000;
    assert_eq!((data(2), data(3), data(4)), (20, 40, 10));
}

#[test]
fn pages_that_nobody_accounts_for_are_seen() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().trim(TrimPolicy::KeepFree(0)).create("s").unwrap();
    for round in 0..100 {
        writer.put("t", &numbers(round, 1000 * (round as usize % 40))).unwrap();
        writer.append("t", &numbers(round, 1000)).unwrap();
    }
    writer.trim(0).unwrap();
    let inspection = inspection(&scratch);
    let coverage = check(&inspection);
    let leak = 4 << 20;
    let files = scratch.files("s");
    let at = files.geometry().capacity() - leak;
    let flags = nix::fcntl::FallocateFlags::FALLOC_FL_KEEP_SIZE;
    nix::fcntl::fallocate(files.open("data"), flags, at as i64, leak as i64).unwrap();
    let allowance = coverage.allowance(&files.geometry());
    let allocated = inspection.allocated().unwrap().bytes;
    assert!(allocated > coverage.bytes(..) + allowance.bytes(), "{allocated}, {allowance:?}");
    drop(writer);
    // The next writer finds them, free as they are, and gives them back.
    let mut writer = scratch.writer().open("s").unwrap();
    writer.trim(0).unwrap();
    check(&inspection);
}

/// Where the words of the entry of this version stand in the ring.
fn ring_entry(files: &Files, version: u64) -> u64 {
    files.geometry().ring_offset() + version % 64 * 64
}

#[test]
fn version_that_cannot_be_walked_is_a_finding_and_the_others_still_come() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().history(4).create("s").unwrap();
    for round in 0..3 {
        writer.put("t", &numbers(round, 1000)).unwrap();
    }
    let inspection = inspection(&scratch);
    let before = inspection.coverage().unwrap();
    let state = before.ranges.iter().find(|range| range.what == What::State && range.written == 3).unwrap();
    scratch.files("s").write("data", state.offset + 80, b"damage");
    let after = inspection.coverage().unwrap();
    let [Finding::Version { version: 3, error }] = after.problems.as_slice() else {
        panic!("{:?}", after.problems)
    };
    assert!(error.to_string().contains("\"t\""), "{error}");
    let versions: Vec<u64> = after.versions.iter().map(|live| live.version).collect();
    assert_eq!(versions, [1, 2, 4]);
    assert_eq!(after.bytes(4..=4), before.bytes(4..=4));
    assert_eq!(after.bytes(3..=3), 0);
}

#[test]
fn newest_version_without_an_entry_is_a_finding() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().history(4).create("s").unwrap();
    writer.put("t", &numbers(0, 1000)).unwrap();
    let files = scratch.files("s");
    files.write("data", ring_entry(&files, 2) + 16, &[1]);
    let coverage = inspection(&scratch).coverage().unwrap();
    assert!(matches!(coverage.problems[..], [Finding::NoEntry { version: 2 }]), "{:?}", coverage.problems);
    assert_eq!(coverage.versions.len(), 1);
}

#[test]
fn entries_are_told_with_their_place_and_what_is_wrong_with_them() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().history(4).create("s").unwrap();
    for round in 0..5 {
        writer.put("t", &numbers(round, 10)).unwrap();
    }
    let (files, inspection) = (scratch.files("s"), inspection(&scratch));
    let whole = inspection.entries().unwrap();
    assert!(whole.iter().all(|entry| entry.fault.is_none()));
    assert_eq!(whole.iter().map(FoundEntry::version).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let newest = whole.last().unwrap();
    assert_eq!((newest.place, newest.offset), (EntryPlace::Ring(6), ring_entry(&files, 6)));
    assert_eq!(newest.entry, files.newest_entry());
    let words = files.read("data", ring_entry(&files, 6), 64);
    files.write("data", ring_entry(&files, 7), &words);
    files.write("data", ring_entry(&files, 3), &[1]);
    files.write("data", ring_entry(&files, 4) + 16, &[77]);
    files.write("data", files.geometry().publication_offset(), &5_u64.to_le_bytes());
    let retained = files.geometry().retained_offset() + 3 * 64;
    files.write("data", retained, &files.read("data", ring_entry(&files, 2), 64));
    let found: Vec<_> =
        inspection.entries().unwrap().iter().map(|found| (found.place, found.fault)).collect();
    assert_eq!(
        found,
        [
            (EntryPlace::Ring(1), None),
            (EntryPlace::Ring(2), None),
            (EntryPlace::Ring(3), Some(EntryFault::Odd)),
            (EntryPlace::Ring(4), Some(EntryFault::Checksum)),
            (EntryPlace::Ring(5), None),
            (EntryPlace::Ring(6), Some(EntryFault::Unpublished)),
            (EntryPlace::Ring(7), Some(EntryFault::Misplaced)),
            (EntryPlace::Retained(3), None),
        ]
    );
    let live: Vec<u64> = inspection.versions().unwrap().iter().map(|live| live.version).collect();
    assert_eq!(live, [1, 2, 5]);
}

#[test]
fn words_of_the_publication_block_have_names_and_units() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().history(5).label("feed").quota(64 << 20).create("s").unwrap();
    writer.put("t", &numbers(0, 10)).unwrap();
    let words = inspection(&scratch).publication().unwrap();
    assert_eq!((words.latest, words.epoch, words.history, words.quota), (2, 1, 5, Some(64 << 20)));
    assert_eq!((words.writer_pid, words.writer_label.as_str()), (u64::from(std::process::id()), "feed"));
    assert_eq!((words.state, words.floor <= 2), (SegmentState::Open, true));
    let reserve = words.reserve.unwrap();
    assert_eq!(reserve.end - reserve.start, 128 << 10);
    let inspection = inspection(&scratch);
    writer.remove_segment().unwrap();
    assert_eq!(inspection.publication().unwrap().state, SegmentState::Removed);
}

#[test]
fn coverage_beside_a_writer_finds_nothing_wrong() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().history(4).create("s").unwrap();
    writer.put("t", &numbers(0, 1000)).unwrap();
    let inspection = inspection(&scratch);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0.. {
                writer.put("t", &numbers(round, 1000)).unwrap();
                writer.put("u", &numbers(round, 10)).unwrap();
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
            }
        });
        let mut walked = 0;
        for _ in 0..300 {
            let coverage = inspection.coverage().unwrap();
            assert!(coverage.problems.is_empty(), "{:?}", coverage.problems);
            walked += coverage.versions.len();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(walked > 0, "no version stayed long enough");
    });
}
