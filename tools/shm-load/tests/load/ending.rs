//! Loads that are interrupted or killed.

use crate::place::{Place, Running, rows};
use crate::publishing::numbers;
use shmframe_writer::WriterOptions;

/// More than fits into the pipe and into what the tool reads ahead: once it is written, most of it was loaded.
const MANY: i64 = 1_000_000;

/// A load of many rows from a stream that does not end, so that it is in the middle.
fn in_the_middle(place: &Place, segment: &str) -> Running {
    let mut running = place.start(&[&format!("{segment}/t"), "--as", "csv", "-", "--batch-rows", "1000"]);
    running.write(numbers(0, MANY).as_bytes());
    running
}

#[test]
fn killed_load_leaves_the_old_version_and_the_next_one_works() {
    let place = Place::new();
    place.file("old.csv", numbers(0, 3));
    place.load(&["s/t", "old.csv"]).loaded();
    let reader = place.reader("s");
    let running = in_the_middle(&place, "s");
    running.signal("KILL");
    assert_eq!(running.wait().status, None);
    assert_eq!((reader.latest(), rows(&reader, "t").num_rows()), (2, 3));
    place.file("new.csv", numbers(0, 5));
    assert_eq!(place.load(&["s/t", "new.csv"]).loaded()["version"], 3);
    assert_eq!(rows(&reader, "t").num_rows(), 5);
}

#[test]
fn load_that_is_killed_in_a_new_segment_leaves_one_that_works() {
    let place = Place::new();
    let running = in_the_middle(&place, "s");
    running.signal("KILL");
    running.wait();
    assert_eq!(place.reader("s").latest(), 1);
    place.file("new.csv", numbers(0, 5));
    place.load(&["s/t", "new.csv"]).loaded();
    assert_eq!(place.rows("s", "t").num_rows(), 5);
}

#[test]
fn interrupted_load_publishes_nothing() {
    let place = Place::new();
    place.file("old.csv", numbers(0, 3));
    place.load(&["s/t", "old.csv"]).loaded();
    for (segment, signal) in [("s", "INT"), ("new", "TERM")] {
        let running = in_the_middle(&place, segment);
        running.signal(signal);
        running.wait().assert_failed(130, &["interrupted", "nothing was published"]);
    }
    assert_eq!((place.reader("s").latest(), place.rows("s", "t").num_rows()), (2, 3));
    assert!(!place.segments().join("new.shmf").exists());
}

#[test]
fn interrupted_append_says_what_is_published() {
    let place = Place::new();
    let mut running = place.start(&["s/t", "--append", "--as", "csv", "-", "--batch-rows", "100000"]);
    running.write(numbers(0, MANY).as_bytes());
    running.signal("INT");
    running.wait().assert_failed(130, &["interrupted", "rows of standard input, up to line "]);
    assert!(place.rows("s", "t").num_rows() >= 100_000);
}

#[test]
fn signals_that_come_early_leave_nothing_half_made() {
    let place = Place::new();
    // Each of these is a moment between the start of the process and the first bytes of its input.
    for moment in 0..60 {
        let running = place.start(&["new/t", "--as", "csv", "-"]);
        std::thread::sleep(core::time::Duration::from_micros(moment * 250));
        running.signal("TERM");
        let ended = running.wait();
        // Before it listens, the signal ends the process.
        assert!(matches!(ended.status, None | Some(130)), "{ended:?}");
        let left: Vec<_> = std::fs::read_dir(place.segments()).unwrap().collect();
        assert!(left.is_empty(), "{moment}: {left:?}");
    }
}

#[test]
fn load_that_waits_for_its_input_is_interrupted_and_its_new_segment_goes() {
    let place = Place::new();
    let mut running = place.start(&["new/t", "--as", "csv", "-", "--no-header"]);
    running.write(numbers(0, 20_000).as_bytes());
    place.reader_of_new("new");
    // As `timeout` does.
    running.signal("TERM");
    running.signal("TERM");
    running.wait().assert_failed(130, &["interrupted", "nothing was published"]);
    assert_eq!(std::fs::read_dir(place.segments()).unwrap().count(), 0);
}

#[test]
fn load_that_waits_for_another_writer_is_interrupted() {
    let place = Place::new();
    place.file("old.csv", numbers(0, 3));
    let writer = WriterOptions::new().directory(place.segments()).create("s").unwrap();
    let running = place.start(&["s/t", "old.csv", "--wait-writer", "100"]);
    running.wait_until_it_listens();
    running.signal("INT");
    running.wait().assert_failed(130, &["interrupted", "nothing was published"]);
    drop(writer);
}

#[test]
fn pipe_that_nobody_writes_is_given_up_when_interrupted() {
    let place = Place::new();
    let made = std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap();
    assert!(made.success());
    let running = place.start(&["new/t", "pipe", "--as", "csv"]);
    place.reader_of_new("new");
    running.signal("TERM");
    running.wait().assert_failed(130, &["interrupted", "nothing was published"]);
    let followed = place.start(&["new/t", "pipe", "--as", "csv", "--follow"]);
    place.reader_of_new("new");
    followed.signal("INT");
    assert_eq!(followed.wait().loaded()["rows"], 0);
    assert_eq!(std::fs::read_dir(place.segments()).unwrap().count(), 0);
}
