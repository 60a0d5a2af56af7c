//! What cannot be loaded is told: file, line, column, value, and what to do; and nothing is published.

use crate::place::{Place, rows};
use crate::tables::{arrow_file, arrow_stream, path, table};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use shmframe_writer::WriterOptions;

/// A place with a frame of one row, `old`.
fn with_old_rows() -> Place {
    let place = Place::new();
    place.file("old.csv", "a,b\n7,old\n");
    place.load(&["s/t", "old.csv"]).loaded();
    place
}

fn assert_old_rows(place: &Place) {
    let reader = place.reader("s");
    assert_eq!(reader.latest(), 2, "nothing was published");
    assert_eq!(rows(&reader, "t").column(0).as_primitive::<Int64Type>().values(), &[7]);
}

#[test]
fn error_in_the_last_line_leaves_the_old_frame_to_readers() {
    let place = with_old_rows();
    let reader = place.reader("s");
    let before = reader.snapshot().unwrap();
    let mut text = "a,b\n".to_owned();
    for row in 0..20_000 {
        text += &format!("{row},\"two\nlines\"\n");
    }
    place.file("bad.csv", text + "12x,end\n");
    let ended = place.load(&["s/t", "bad.csv", "--batch-rows", "1000"]);
    let said =
        ["bad.csv:40002: column \"a\": \"12x\" is no Int64", "--schema 'a:utf8'", "nothing was published"];
    ended.assert_failed(1, &said);
    assert_eq!((reader.latest(), rows(&reader, "t").num_rows()), (before.version(), 1));
    assert_old_rows(&place);
    place.load(&["s/t", "old.csv"]).loaded();
}

#[test]
fn bad_lines_are_told_by_file_line_and_column() {
    let place = with_old_rows();
    for (name, text, said) in [
        (
            "type.csv",
            "a,b\n1,x\n\n1.5,y\n",
            "type.csv:4: column \"a\": \"1.5\" is no Int64: give the column another type (--schema 'a:float64')",
        ),
        ("few.csv", "a,b\r\n1,x\r\n2\r\n", "few.csv:3: 1 field in \"2\", and 2 columns"),
        ("many.csv", "a,b\n1,x\n2,y,z\n", "many.csv:3: 3 fields"),
        ("latin.csv", "a,b\n1,x\n2,caf\u{e9}\n", ""),
        ("type.tsv", "a\tb\n1\tx\nz\ty", "type.tsv:3: column \"a\": \"z\" is no Int64"),
        ("type.jsonl", "{\"a\":1}\n\n{\"a\":\"z\"}\n", "type.jsonl:3: column \"a\": \"z\" is no Int64"),
        (
            "fraction.jsonl",
            "{\"a\":1}\n{\"a\":1.5}\n",
            "fraction.jsonl:2: column \"a\": \"1.5\" is no Int64: give the column another type (--schema 'a:float64')",
        ),
        ("key.jsonl", "{\"a\":1}\n{\"b\":1}\n", "key.jsonl:2: \"b\" is a key that no column has"),
        ("broken.jsonl", "{\"a\":1}\n{\"a\":\n", "broken.jsonl:2: \"{\\\"a\\\":\" is no JSON object"),
        ("array.json", "[{\"a\":1}]\n", "array.json:1: an array, where an object a line is expected"),
    ] {
        let bytes =
            if name == "latin.csv" { b"a,b\n1,x\n2,caf\xE9\n".to_vec() } else { text.as_bytes().to_vec() };
        place.file(name, bytes);
        let said = if said.is_empty() { "latin.csv:3: column \"b\": is no UTF-8" } else { said };
        place.load(&["s/t", name, "--infer-rows", "1"]).assert_failed(1, &[said, "nothing was published"]);
    }
    assert_old_rows(&place);
}

#[test]
fn values_are_not_cut_off_to_fit() {
    let place = with_old_rows();
    for (values, schema, said) in [
        (["1.99", "1.995"], "b:Decimal128(10, 2)", "\"1.995\" does not fit Decimal128(10, 2)"),
        (["1", "1e400"], "b:float64", "\"1e400\" does not fit Float64: it is too large"),
        (["1", "1e39"], "b:float32", "\"1e39\" does not fit Float32: it is too large"),
        (["2024-01-01", "2024-01-02 12:00:00"], "b:date", "does not fit Date32: it has a time of day"),
        (
            ["2024-01-01T12:00:00", "2024-01-01T12:00:00.123456789"],
            "a:int64",
            "give the column another type (--schema 'b:Timestamp(ns)')",
        ),
        (["12:00:00", "12:00:00.5"], "b:Time32(s)", "its fraction of a second is finer"),
        (["1.99", "1.995"], "b:Dictionary(Int32, Decimal128(10, 2))", "it has more decimal places"),
    ] {
        let [fits, cut] = values;
        place.file("cut.csv", format!("a,b\n1,{fits}\n2,\n3,{cut}\n"));
        place.file("cut.jsonl", format!("{{\"b\":\"{fits}\"}}\n{{}}\n{{\"b\":\"{cut}\"}}\n"));
        let arguments = ["s/t", "--schema", schema, "--infer-rows", "1"];
        let loaded = place.load(&[&arguments[..], &["cut.csv"]].concat());
        loaded.assert_failed(1, &["cut.csv:4: column \"b\": ", said, "nothing was published"]);
        if schema.starts_with("b:") && !schema.contains("Dictionary") {
            let loaded = place.load(&[&arguments[..], &["cut.jsonl"]].concat());
            loaded.assert_failed(1, &["cut.jsonl:3: column \"b\": ", said, "nothing was published"]);
        }
    }
    place.file("whole.csv", "b\n1.990\n-inf\n");
    place.load(&["new/t", "whole.csv", "--schema", "b:float64"]).loaded();
    assert_old_rows(&place);
}

#[test]
fn names_and_keys_that_stand_twice_are_told() {
    let place = with_old_rows();
    place.file("names.csv", "a,b,a\n1,2,3\n");
    place.file("keys.jsonl", "{\"a\":1,\"a\":2}\n{\"a\":3}\n");
    place.file("later.jsonl", "{\"a\":1}\n{\"a\":3,\"a\":2}\n");
    for (name, said) in [
        ("names.csv", "names.csv:1: two columns are called \"a\""),
        ("keys.jsonl", "keys.jsonl:1: \"a\" is a key that stands twice"),
        ("later.jsonl", "later.jsonl:2: \"a\" is a key that stands twice"),
    ] {
        place.load(&["s/t", name, "--infer-rows", "1"]).assert_failed(1, &[said, "nothing was published"]);
    }
    assert_old_rows(&place);
}

#[test]
fn values_of_several_shapes_become_text_as_the_error_advises() {
    let place = with_old_rows();
    place.file("mixed.jsonl", "{\"a\":1}\n{\"a\":[1]}\n");
    let advice = "text does, which jq -c '.[\"a\"] |= tojson' makes of all values";
    place.load(&["s/t", "mixed.jsonl"]).assert_failed(1, &["mixed.jsonl:1: column \"a\"", advice]);
    place
        .load(&["s/t", "mixed.jsonl", "--schema", "a:utf8"])
        .assert_failed(1, &["mixed.jsonl:2: column \"a\"", advice]);
    place.file("text.jsonl", "{\"a\":\"1\"}\n{\"a\":\"[1]\"}\n");
    place.load(&["new/t", "text.jsonl"]).loaded();
    assert_old_rows(&place);
}

#[test]
fn errors_in_the_rows_that_types_are_inferred_from_are_told_by_line_too() {
    let place = with_old_rows();
    for (name, text, said) in [
        ("few.csv", "a,b\n1,x\n2\n", "few.csv:3: 1 field"),
        ("broken.jsonl", "{\"a\":1}\n{\"a\"\n", "broken.jsonl:2: "),
        ("mixed.jsonl", "{\"a\":1}\n{\"a\":{\"b\":1}}\n", "mixed.jsonl"),
    ] {
        place.file(name, text);
        place.load(&["s/t", name]).assert_failed(1, &[said, "nothing was published"]);
    }
    assert_old_rows(&place);
}

#[test]
fn quote_that_is_not_closed_does_not_swallow_the_rest() {
    let place = with_old_rows();
    let text = "a,b\n1,x\n2,\"cut\n3,y\n4,z\n";
    place.file("cut.csv", text);
    place.file("cut.tsv", text.replace(',', "\t"));
    place.file("header.csv", "a,\"b\n1,2\n");
    for (arguments, said) in [
        (&["s/t", "cut.csv"][..], "cut.csv:3: a quote opens here"),
        (&["s/t", "cut.csv", "--append"], "cut.csv:3: a quote opens here"),
        (&["s/t", "cut.tsv"], "cut.tsv:3: a quote opens here"),
        (&["s/t", "header.csv"], "header.csv:1: a quote opens here"),
    ] {
        place.load(arguments).assert_failed(1, &[said, "is the file cut off?", "nothing was published"]);
    }
    let followed =
        place.load_from(&["s/t", "--follow", "--as", "csv", "-", "--every", "1min"], text.as_bytes());
    followed.assert_failed(1, &["standard input:3: a quote opens here"]);
    assert_old_rows(&place);
}

#[test]
fn files_that_hold_no_rows_are_told() {
    let place = with_old_rows();
    place.file("empty.csv", "");
    place.file("empty.jsonl", "");
    place.file("header.csv", "a,b\n");
    place.file("empty.parquet", "");
    std::fs::create_dir(place.path("directory")).unwrap();
    place.load(&["s/t", "none.csv"]).assert_failed(1, &["none.csv", "No such file"]);
    place.load(&["s/t", "old.csv", "none.csv"]).assert_failed(1, &["none.csv", "No such file"]);
    place.load(&["s/t", "directory"]).assert_failed(2, &["directory", "is a directory"]);
    place.load(&["s/t", "empty.csv"]).assert_failed(1, &["empty.csv", "is empty"]);
    place.load(&["s/t", "empty.jsonl"]).assert_failed(1, &["empty.jsonl", "is empty"]);
    place.load(&["s/t", "empty.parquet"]).assert_failed(1, &["empty.parquet", "is empty"]);
    place.load(&["s/t", "header.csv"]).assert_failed(1, &["header.csv", "a header and no rows", "--schema"]);
    assert_old_rows(&place);
    place.load(&["s/t", "header.csv", "--schema", "a:int64,b:date"]).loaded();
    assert_eq!((place.rows("s", "t").num_rows(), place.rows("s", "t").num_columns()), (0, 2));
}

#[test]
fn files_that_are_something_else_are_told() {
    let place = with_old_rows();
    let parquet = path("airlines").to_str().unwrap().to_owned();
    place.file("a.csv.gz", b"\x1F\x8B\x08rest");
    place.file("zip.csv", b"\x1F\x8B\x08rest");
    place.file("binary.csv", b"a,b\n\0\x01");
    place.file("wide.csv", b"\xFF\xFEa\0,\0");
    place.file("no.parquet", "a,b\n1,2\n");
    place.file("no.arrow", "a,b\n1,2\n");
    place.file("what", "a,b\n1,2\n");
    place
        .load(&["s/t", "a.csv.gz"])
        .assert_failed(1, &["compressed (gzip)", "zcat a.csv.gz | shm-load ... --as csv -"]);
    place.load(&["s/t", "zip.csv"]).assert_failed(1, &["compressed (gzip)"]);
    place.load_from(&["s/t", "-"], b"\x1F\x8B\x08restrest").assert_failed(1, &["compressed (gzip)"]);
    place.load(&["s/t", "binary.csv"]).assert_failed(1, &["binary.csv: is no text: byte 4 is 0"]);
    place.load(&["s/t", "wide.csv"]).assert_failed(1, &["UTF-16", "iconv"]);
    place
        .load(&["s/t", &parquet, "--as", "csv"])
        .assert_failed(1, &["is no text, but parquet: say --as parquet"]);
    place.load(&["s/t", "no.parquet"]).assert_failed(1, &["no.parquet: is not readable as Parquet"]);
    place.load(&["s/t", "no.arrow"]).assert_failed(1, &["no.arrow: is not readable as Arrow IPC"]);
    place.load(&["s/t", "what"]).assert_failed(2, &["what: its name does not tell the format"]);
    assert_old_rows(&place);
}

#[test]
fn files_of_other_columns_than_the_first_are_told() {
    let place = with_old_rows();
    place.file("name.csv", "a,c\n1,x\n");
    place.file("few.csv", "a\n1\n");
    place.file("type.csv", "a,b\nx,y\n");
    place
        .load(&["s/t", "old.csv", "name.csv"])
        .assert_failed(1, &["name.csv: column 2 is \"c\", and \"b\" in old.csv"]);
    place.load(&["s/t", "old.csv", "few.csv"]).assert_failed(1, &["few.csv: column \"b\" is missing"]);
    place
        .load(&["s/t", "old.csv", "type.csv"])
        .assert_failed(1, &["type.csv:2: column \"a\": \"x\" is no Int64"]);
    let [airlines, airports] = ["airlines", "airports"].map(|name| path(name).to_str().unwrap().to_owned());
    place.load(&["s/t", &airlines, &airports]).assert_failed(1, &["airports.parquet: column 1 is \"faa\""]);
    assert_old_rows(&place);
}

#[test]
fn rows_of_another_schema_are_not_appended() {
    let place = with_old_rows();
    place.file("other.csv", "a,b\n1.5,x\n");
    let ended = place.load(&["s/t", "--append", "other.csv", "--schema", "a:float64"]);
    ended.assert_failed(1, &["\"a\" has the type Float64, not Int64", "--schema", "nothing was published"]);
    assert_old_rows(&place);
}

#[test]
fn command_lines_that_make_no_sense_are_told() {
    let place = with_old_rows();
    for (arguments, said) in [
        (&["s", "old.csv"][..], "names no frame"),
        (&["s/t@3", "old.csv"], "names a version"),
        (&["s/t*", "old.csv"], "is a pattern"),
        (&["s/t", "-", "-", "--as", "csv"], "named twice"),
        (&["s/t", "old.csv", "--schema", "c:int64"], "there are these: a, b"),
        (&["s/t", "old.csv", "--schema", "a:nothing"], "is no type"),
        (&["s/t", "old.csv", "--schema", "a:List(Int64)"], "cannot be read from text"),
        (&["s/t", "old.csv", "--one-version"], "--append"),
        (&["s/t", "old.csv", "--every", "1s"], "--follow"),
        (&["s/t", "--follow", "old.csv", "old.csv"], "one file"),
        (&["s/t", "x.jsonl", "--as", "jsonl", "--no-header"], "--no-header goes with csv"),
        (&["s/t"], "FILE"),
    ] {
        place.load(arguments).assert_failed(2, &[said]);
    }
    assert_old_rows(&place);
}

#[test]
fn segment_that_was_created_for_nothing_goes_again() {
    let place = Place::new();
    place.file("bad.csv", "a\n1\nx\n");
    place.load(&["new/t", "bad.csv", "--infer-rows", "1"]).assert_failed(1, &["bad.csv:3"]);
    assert_eq!(std::fs::read_dir(place.segments()).unwrap().count(), 0);
}

#[test]
fn stream_that_is_no_parquet_is_refused_before_it_ends() {
    let place = Place::new();
    let mut running = place.start(&["s/t", "--as", "parquet", "-"]);
    running.write(b"a,b\n1,2\n");
    running.wait().assert_failed(1, &["standard input: is not readable as Parquet", "PAR1"]);
    assert_eq!(std::fs::read_dir(place.segments()).unwrap().count(), 0);
}

/// What Arrow and Parquet do with damaged files is looked at byte by byte where they are read; here, that it ends well.
#[test]
fn damaged_file_leaves_neither_rows_nor_a_segment() {
    let place = Place::new();
    let rows = table("airlines");
    let parquet = std::fs::read(path("airlines")).unwrap();
    for (name, bytes) in
        [("a.arrow", arrow_file(&rows)), ("a.arrows", arrow_stream(&rows)), ("a.parquet", parquet)]
    {
        let mut refused = 0;
        for at in (0..bytes.len().min(400)).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[at] = 0xFF;
            place.file(name, damaged);
            let ended = place.load(&["s/t", name]);
            assert!(!ended.said.contains("panicked"), "byte {at}: {ended:?}");
            if ended.status == Some(0) {
                std::fs::remove_dir_all(place.segments().join("s.shmf")).unwrap();
            } else {
                ended.assert_failed(1, &[name, "nothing was published"]);
                refused += 1;
            }
            assert_eq!(std::fs::read_dir(place.segments()).unwrap().count(), 0, "{name}, byte {at}");
        }
        assert!(refused > 0, "{name}");
    }
}

#[test]
fn live_writer_is_named_or_waited_for() {
    let place = with_old_rows();
    let writer = WriterOptions::new().directory(place.segments()).label("other").open("s").unwrap();
    let id = std::process::id().to_string();
    let ended = place.load(&["s/t", "old.csv"]);
    ended.assert_failed(8, &["lease is taken", &id, "s.shmf", "stop that writer", "(--wait-writer SECONDS)"]);
    assert!(!ended.said.contains("lease_timeout") && !ended.said.contains("several_writers"), "{ended:?}");
    place
        .load(&["s/t", "old.csv", "--wait-writer", "1"])
        .assert_failed(8, &["wait for longer (--wait-writer"]);
    let running = place.start(&["s/t", "old.csv", "--wait-writer", "100"]);
    drop(writer);
    assert_eq!(running.end().loaded()["version"], 3);
}

#[test]
fn error_is_told_although_the_new_segment_cannot_be_taken_away_either() {
    let place = Place::new();
    let mut running = place.start(&["s/t", "--as", "csv", "-"]);
    place.reader_of_new("s");
    std::fs::rename(place.segments().join("s.shmf"), place.segments().join("moved.shmf")).unwrap();
    running.write(b"a,b\n1,2\n3\n");
    running.end().assert_failed(1, &["standard input:3: ", "nothing was published"]);
}
