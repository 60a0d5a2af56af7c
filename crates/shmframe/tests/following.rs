//! Following: what is given, when a wait ends, and how it is stopped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use arrow::array::{ArrayRef, Int32Array, RecordBatch};
use shmframe::{Follow, Followed, Reader, Writer, arrow};
use std::sync::Arc;
use std::time::Duration;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(600);

fn segment(test: &str) -> (Writer, Reader) {
    let name = format!("test-{test}-{}", std::process::id());
    let writer = Writer::create(&name).unwrap();
    (writer, Reader::open(&name).unwrap())
}

fn batch() -> RecordBatch {
    let column: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    RecordBatch::try_from_iter([("x", column)]).unwrap()
}

fn version(next: Followed) -> u64 {
    let Followed::Snapshot(snapshot) = next else { panic!("{next:?} instead of a version") };
    snapshot.version()
}

#[test]
fn next_within_gives_a_version_or_says_that_the_time_is_up_or_that_there_is_no_more() {
    let (mut writer, reader) = segment("within");
    let mut follow = reader.follow();
    assert_eq!(version(follow.next_within(Duration::ZERO).unwrap()), 1);
    for _ in 0..2 {
        let waited = follow.next_within(Duration::from_millis(5)).unwrap();
        assert!(matches!(waited, Followed::TimedOut), "{waited:?}");
    }
    writer.put("t", &batch()).unwrap();
    assert_eq!(version(follow.next_within(LONG).unwrap()), 2, "a timeout is not the end");
    writer.remove_segment().unwrap();
    for _ in 0..2 {
        let ended = follow.next_within(LONG).unwrap();
        assert!(matches!(ended, Followed::Ended), "{ended:?}");
    }
    assert!(follow.next().is_none());
}

fn stop_while_waiting(follow: &mut Follow) {
    let stop = follow.stop_handle();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| follow.next());
        // It waits by now, or not yet: both end.
        std::thread::sleep(Duration::from_millis(20));
        stop.stop();
        assert!(waiting.join().unwrap().is_none());
    });
    assert!(follow.next().is_none(), "stopped for good");
}

#[test]
fn stop_handle_ends_a_wait_for_a_version() {
    let (writer, reader) = segment("stop");
    let mut follow = reader.follow().after(1);
    stop_while_waiting(&mut follow);
    writer.remove_segment().unwrap();
}

#[test]
fn stop_handle_ends_a_wait_for_the_next_segment() {
    let (writer, reader) = segment("stop-reopening");
    let mut follow = reader.follow().reopening();
    writer.remove_segment().unwrap();
    stop_while_waiting(&mut follow);
}

#[test]
fn debug_says_in_one_short_line_which_one_it_is() {
    let (mut writer, reader) = segment("debug");
    writer.put("t", &batch()).unwrap();
    let snapshot = reader.snapshot().unwrap();
    let frame = snapshot.frame("t").unwrap();
    assert_eq!(format!("{reader:?}"), format!("Reader {{ segment: {:?}, latest: 2 }}", reader.path()));
    assert_eq!(format!("{snapshot:#?}"), "Snapshot { version: 2, frames: 1 }");
    assert_eq!(format!("{frame:?}"), "Frame { name: \"t\", version: 2, rows: 3, columns: 1 }");
    writer.remove_segment().unwrap();
}

#[test]
fn version_that_is_still_to_come_is_told_from_one_that_is_gone() {
    let (mut writer, reader) = segment("gone");
    let message = |version| reader.snapshot_at(version).unwrap_err().to_string();
    assert!(message(2).contains("version 2 is not published yet"), "{}", message(2));
    assert!(message(0).contains("version 0 is no longer kept: expected one of 1 to 1"), "{}", message(0));
    for _ in 0..40 {
        writer.put("t", &batch()).unwrap();
    }
    assert!(message(1).contains("version 1 is no longer kept"), "{}", message(1));
    writer.remove_segment().unwrap();
}
