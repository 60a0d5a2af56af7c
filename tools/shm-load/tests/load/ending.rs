//! Loads that are interrupted or killed.

use crate::place::{Place, Running, rows};
use crate::publishing::numbers;

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
