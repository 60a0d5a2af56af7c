//! `head`, `tail`, `cat`, `sample`.

use crate::support::{Directory, batch, numbers, trades};
use arrow::array::{ArrayRef, Int32Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::Schema;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::json;
use shmframe_arbitrary::{Limits, batches, every_kind};
use std::sync::Arc;

#[test]
fn head_and_tail_show_ten_rows_with_their_numbers() {
    let (place, _writer) = Directory::with_trades(&trades(0..1000));
    let rows = place.json(&["head", "ticks"]);
    assert_eq!(numbers(&rows), (0..10).collect::<Vec<_>>());
    let fifth = json!({
        "schema_version": 1, "kind": "row", "frame": "trades", "row": 4,
        "values": { "symbol": "B", "price": 4.0, "size": null },
    });
    assert_eq!(rows[4], fifth);
    assert_eq!(numbers(&place.json(&["tail", "ticks/trades"])), (990..1000).collect::<Vec<_>>());
}

#[test]
fn row_numbers_stay_when_rows_are_dropped_from_the_front() {
    let (place, mut writer) = Directory::with_trades(&trades(0..100_000));
    writer.append("trades", &trades(100_000..100_003)).unwrap();
    writer.keep_last("trades", 1000).unwrap();
    let first = numbers(&place.json(&["head", "ticks", "-n", "1"]))[0];
    assert!(first > 98_000, "{first}");
    let row = place.json(&["head", "ticks", "--where", "price = 100001"]);
    assert_eq!((numbers(&row), &row[0]["values"]["price"]), (vec![100_001], &json!(100_001.0)));
}

#[test]
fn rows_are_chosen_by_count_offset_and_condition() {
    let (place, _writer) = Directory::with_trades(&trades(0..20_000));
    for (arguments, rows) in [
        (&["head", "ticks", "-n", "2", "--offset", "9000"][..], &[9000, 9001][..]),
        (&["tail", "ticks", "-n", "2", "--offset", "9000"], &[10_998, 10_999]),
        (&["head", "ticks", "-n", "3", "--where", "symbol = 'B'"], &[1, 4, 7]),
        (
            &["head", "ticks", "-n", "2", "--offset", "1", "--where", "symbol = 'B' and size is null"],
            &[19, 34],
        ),
        (&["tail", "ticks", "-n", "2", "--where", "price < 10000"], &[9998, 9999]),
        (&["tail", "ticks", "-n", "2", "--offset", "1", "--where", "price < 10000"], &[9997, 9998]),
        (&["cat", "ticks", "--where", "price >= 8191 and price <= 8193"], &[8191, 8192, 8193]),
        (&["head", "ticks", "-n", "1", "--offset", "3000", "--where", "symbol = 'B'"], &[9001]),
        (&["tail", "ticks", "-n", "1", "--offset", "3000", "--where", "symbol = 'B'"], &[10_999]),
        (&["cat", "ticks", "--offset", "19999"], &[19_999]),
        (&["head", "ticks", "-n", "0"], &[]),
        (&["head", "ticks", "--offset", "20000"], &[]),
        (&["tail", "ticks", "--offset", "30000"], &[]),
        (&["cat", "ticks", "--where", "price < 0"], &[]),
    ] {
        assert_eq!(numbers(&place.json(arguments)), rows, "{arguments:?}");
    }
    assert_eq!(place.json(&["cat", "ticks"]).len(), 20_000);
}

#[test]
fn columns_are_shown_in_the_order_in_which_they_are_asked_for() {
    let (place, _writer) = Directory::with_trades(&trades(0..10));
    let ran = place.run(&["head", "ticks", "-n", "1", "-c", "size,symbol", "--where", "price = 3"]);
    assert_eq!(
        ran.out,
        "{\"schema_version\":1,\"kind\":\"row\",\"frame\":\"trades\",\"row\":3,\"values\":{\"size\":30,\"symbol\":\"A\"}}\n"
    );
    let ran = place.run(&["head", "ticks", "-c", "cost"]);
    assert_eq!(ran.status, Some(3));
    assert!(ran.said.contains("\"cost\"") && ran.said.contains("price"), "{}", ran.said);
    let ran = place.run(&["head", "ticks", "--where", "size = many"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.said.contains("\"many\" is no value"), "{}", ran.said);
}

#[test]
fn sample_with_a_seed_is_the_same_each_time_and_without_one_is_not() {
    let (place, _writer) = Directory::with_trades(&trades(0..30_000));
    let seeded = |seed| numbers(&place.json(&["sample", "ticks", "-n", "8", "--seed", seed]));
    let rows = seeded("7");
    assert_eq!(rows, seeded("7"));
    assert_ne!(rows, seeded("8"));
    assert!(rows.len() == 8 && rows.is_sorted());
    let random = || numbers(&place.json(&["sample", "ticks", "-n", "8"]));
    assert_ne!(random(), random());
    let rows = place.json(&["sample", "ticks", "--where", "symbol = 'C'", "--offset", "5", "-n", "20000"]);
    assert_eq!(numbers(&rows), (0..30_000).filter(|row| row % 3 == 2).skip(5).collect::<Vec<_>>());
}

#[test]
fn copied_segment_shows_the_same_rows() {
    let (place, _writer) = Directory::with_trades(&trades(0..100));
    let arguments = ["tail", "ticks", "-n", "3"];
    assert_eq!(place.json(&arguments), place.json(&[&arguments[..], &["--no-pin"]].concat()));
}

#[test]
fn csv_has_names_once_quotes_what_needs_it_and_leaves_nulls_empty() {
    let symbols = StringArray::from(vec![Some("a,b"), None, Some("say \"x\"")]);
    let rows = batch([
        ("symbol", Arc::new(symbols) as ArrayRef),
        ("size", Arc::new(Int32Array::from(vec![Some(1), Some(2), None]))),
    ]);
    let (place, _writer) = Directory::with_trades(&rows);
    let ran = place.run(&["cat", "ticks", "--csv"]);
    assert_eq!(ran.out, "symbol,size\n\"a,b\",1\n,2\n\"say \"\"x\"\"\",\n");
    assert_eq!(place.run(&["cat", "ticks", "--csv", "--json"]).status, Some(2));
    // The names are there also where no row is.
    for arguments in
        [&["head", "ticks", "--csv", "-n", "0"][..], &["cat", "ticks", "--csv", "--where", "size > 9"]]
    {
        assert_eq!(place.run(arguments).with_status(0).out, "symbol,size\n");
    }
    assert_eq!(place.run(&["cat", "ticks", "--csv", "-n", "0", "--no-headers"]).with_status(0).out, "");
}

#[test]
fn table_aligns_numbers_at_the_right_and_cuts_long_values_unless_told_not_to() {
    let long = "x".repeat(60);
    let rows = batch([
        ("text", Arc::new(StringArray::from(vec![Some("a\tb"), None, Some(&long)])) as ArrayRef),
        ("n", Arc::new(Int32Array::from(vec![5, 12_345, -1]))),
    ]);
    let (place, _writer) = Directory::with_trades(&rows);
    let table = place.table(&["head", "ticks"]);
    let cut = format!("{}…", "x".repeat(39));
    let expected = format!(
        "ROW  text                                          n\n  0  a\\tb                                          5\n  1  null                                      12345\n  2  {cut}     -1\n"
    );
    assert_eq!(table, expected);
    assert!(place.table(&["head", "ticks", "--no-trunc"]).contains(&long));
    assert_eq!(place.table(&["head", "ticks", "-n", "0"]), "no rows\n");
    assert!(!place.table(&["head", "ticks", "--no-headers"]).contains("ROW"));
}

#[test]
fn rows_of_every_type_can_be_shown_in_every_form() {
    let limits = Limits { batches: 9, rows: 300, ..Limits::default() };
    let drawn = batches(&every_kind(), &limits).new_tree(&mut TestRunner::deterministic()).unwrap();
    let drawn: Vec<RecordBatch> = drawn.current();
    let place = Directory::new();
    let mut writer = place.writer("kinds", 1);
    writer.put("all", drawn.as_slice()).unwrap();
    let rows = drawn.iter().map(RecordBatch::num_rows).sum::<usize>();
    assert!(rows > 50, "{rows}");
    let shown = place.json(&["cat", "kinds"]);
    assert_eq!(shown.len(), rows);
    assert_eq!(shown[0]["values"].as_object().unwrap().len(), drawn[0].num_columns());
    let told = shown.iter().filter(|row| row.to_string().contains("ERROR")).count();
    assert_eq!(told, 0);
    assert_eq!(place.json(&["sample", "kinds", "-n", "7"]).len(), 7);
    assert_eq!(place.table(&["cat", "kinds"]).lines().count(), rows + 1);
    assert!(place.run(&["cat", "kinds", "--csv"]).out.lines().count() > rows);
}

#[test]
fn frame_without_rows_or_columns_is_no_error() {
    let place = Directory::new();
    let mut writer = place.writer("ticks", 1);
    writer.put("empty", &trades(0..0)).unwrap();
    for command in ["head", "tail", "cat", "sample"] {
        assert_eq!(place.json(&[command, "ticks/empty"]), Vec::<serde_json::Value>::new(), "{command}");
        assert_eq!(place.table(&[command, "ticks/empty"]), "no rows\n", "{command}");
    }
    let options = RecordBatchOptions::new().with_row_count(Some(3));
    let bare = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).unwrap();
    writer.put("bare", &bare).unwrap();
    for command in ["head", "tail", "cat", "sample"] {
        let rows = place.json(&[command, "ticks/bare"]);
        assert_eq!((numbers(&rows), &rows[0]["values"]), (vec![0, 1, 2], &json!({})), "{command}");
        assert_eq!(place.table(&[command, "ticks/bare"]), "ROW\n  0\n  1\n  2\n", "{command}");
        assert_eq!(place.run(&[command, "ticks/bare", "--csv"]).status, Some(0), "{command}");
    }
    assert_eq!(place.json(&["stats", "ticks/bare"]), Vec::<serde_json::Value>::new());
    assert_eq!(place.json(&["diff", "ticks/bare", "ticks/bare"])[0]["equal"], true);
    let file = place.path().join("bare.arrow");
    for form in ["arrow", "arrows", "jsonl"] {
        let ran = place.run(&["export", "ticks/bare", "-o", file.to_str().unwrap(), "--as", form, "--force"]);
        assert_eq!(ran.status, Some(0), "{form}: {}", ran.said);
    }
}

#[test]
fn json_lines_of_rows_are_as_the_schema_says() {
    let (place, _writer) = Directory::with_trades(&trades(0..3));
    let schema: serde_json::Value = serde_json::from_str(&place.run(&["json-schema"]).out).unwrap();
    let kinds = schema["oneOf"].as_array().unwrap();
    let row = kinds.iter().find(|kind| kind["properties"]["kind"]["const"] == "row").unwrap();
    for line in place.json(&["head", "ticks"]) {
        let fields = line.as_object().unwrap();
        assert!(fields.keys().all(|field| row["properties"].get(field).is_some()), "{line}");
        let required = row["required"].as_array().unwrap();
        assert!(required.iter().all(|field| fields.contains_key(field.as_str().unwrap())), "{line}");
    }
}
