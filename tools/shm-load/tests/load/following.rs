//! Growing files and streams.

use crate::place::{Place, wait_for_rows};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

fn column(rows: &RecordBatch, column: usize) -> Vec<i64> {
    rows.column(column).as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn rows_of_a_stream_appear_as_their_lines_become_complete() {
    let place = Place::new();
    let mut running = place.start(&["s/t", "--follow", "--as", "csv", "-"]);
    running.write(b"a,b\n1,2\n3,");
    let reader = place.reader_of_new("s");
    assert_eq!(column(&wait_for_rows(&reader, "t", 1), 1), [2]);
    running.write(b"4\n5,\"6");
    assert_eq!(column(&wait_for_rows(&reader, "t", 2), 1), [2, 4]);
    running.write(b"\"\n7,8");
    wait_for_rows(&reader, "t", 3);
    let loaded = running.end().loaded();
    assert_eq!((&loaded["rows"], &loaded["versions"]), (&4.into(), &4.into()));
    assert_eq!(column(&place.rows("s", "t"), 0), [1, 3, 5, 7]);
}

#[test]
fn json_lines_are_followed_with_the_types_of_the_first_ones() {
    let place = Place::new();
    let mut running = place.start(&["s/t", "--follow", "--as", "jsonl", "-", "--every", "1ms"]);
    running.write(b"{\"a\":1}\n{\"a\"");
    let reader = place.reader_of_new("s");
    wait_for_rows(&reader, "t", 1);
    running.write(b":2}\n");
    wait_for_rows(&reader, "t", 2);
    running.write(b"{\"a\":\"x\"}\n");
    let ended = running.end();
    let published = "published: 2 rows of standard input, up to line 2, in versions up to 3";
    ended.assert_failed(1, &["standard input:3: column \"a\": \"x\" is no Int64", published]);
}

#[test]
fn growing_file_is_followed_until_interrupted_and_half_a_line_is_left() {
    let place = Place::new();
    place.file("live.csv", "a\n");
    let running = place.start(&["s/t", "--follow", "live.csv"]);
    let reader = place.reader_of_new("s");
    place.add("live.csv", "1\n2\n");
    wait_for_rows(&reader, "t", 2);
    place.add("live.csv", "3\n4");
    assert_eq!(column(&wait_for_rows(&reader, "t", 3), 0), [1, 2, 3]);
    running.signal("INT");
    assert_eq!(running.wait().loaded()["rows"], 3);
    assert_eq!(column(&place.rows("s", "t"), 0), [1, 2, 3]);
}

#[test]
fn truncated_and_replaced_files_are_read_from_their_beginning() {
    let place = Place::new();
    place.file("live.csv", "number\n1\n2\n3\nhalf");
    let running = place.start(&["s/t", "--follow", "live.csv"]);
    let reader = place.reader_of_new("s");
    wait_for_rows(&reader, "t", 3);
    place.file("live.csv", "number\n4\n");
    wait_for_rows(&reader, "t", 4);
    place.file("next.csv", "number\n5\n6\n");
    std::fs::rename(place.path("next.csv"), place.path("live.csv")).unwrap();
    assert_eq!(column(&wait_for_rows(&reader, "t", 6), 0), [1, 2, 3, 4, 5, 6]);
    running.signal("TERM");
    let ended = running.wait();
    assert_eq!(ended.loaded()["rows"], 6);
    assert!(
        ended.said.contains("live.csv: was truncated: read from its beginning again; 4 bytes"),
        "{ended:?}"
    );
    assert!(ended.said.contains("live.csv: was replaced by another file"), "{ended:?}");
}

#[test]
fn file_that_is_replaced_by_one_of_other_columns_ends_it() {
    let place = Place::new();
    place.file("live.csv", "number\n1\n");
    let running = place.start(&["s/t", "--follow", "live.csv"]);
    wait_for_rows(&place.reader_of_new("s"), "t", 1);
    place.file("next.csv", "other\n5\n6\n");
    std::fs::rename(place.path("next.csv"), place.path("live.csv")).unwrap();
    let published = "published: 1 row, none of them since the file began again, in versions up to 2";
    running
        .wait()
        .assert_failed(1, &["live.csv: column 1 is \"other\", and \"number\" in the rows before", published]);
    assert_eq!(place.rows("s", "t").num_rows(), 1);
}

#[test]
fn followed_rows_are_kept_up_to_a_number() {
    let place = Place::new();
    let lines: String = (0..1000).map(|number| format!("{number}\n")).collect();
    let arguments =
        ["s/t", "--follow", "--as", "csv", "-", "--no-header", "--batch-rows", "100", "--retain", "70"];
    let loaded = place.load_from(&arguments, lines.as_bytes()).loaded();
    assert_eq!((&loaded["rows"], &loaded["versions"]), (&1000.into(), &10.into()));
    let kept = place.rows("s", "t");
    assert!((70..134).contains(&kept.num_rows()), "{} rows", kept.num_rows());
    assert_eq!(column(&kept, 0).last(), Some(&999));
}

#[test]
fn stream_without_any_line_ends_well_and_leaves_nothing() {
    let place = Place::new();
    let loaded = place.load_from(&["s/t", "--follow", "--as", "csv", "-"], b"").loaded();
    assert_eq!((&loaded["rows"], &loaded["version"]), (&0.into(), &serde_json::Value::Null));
    assert_eq!(std::fs::read_dir(place.segments()).unwrap().count(), 0);
}

#[test]
fn formats_that_do_not_grow_are_not_followed() {
    let place = Place::new();
    place.file("a.parquet", "PAR1");
    place.load(&["s/t", "--follow", "a.parquet"]).assert_failed(2, &["--follow reads csv, tsv and jsonl"]);
}

#[test]
fn stream_that_shows_nothing_ends_well_when_it_is_interrupted() {
    let place = Place::new();
    let path = place.path("live.csv");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let running = place.start(&["s/t", "--follow", "live.csv"]);
    // Returns when the tool opens it, too: it listens for signals by then.
    let _stream = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    running.signal("INT");
    assert_eq!(running.wait().loaded()["rows"], 0);
    assert_eq!(std::fs::read_dir(place.segments()).unwrap().count(), 0);
}
