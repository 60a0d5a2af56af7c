//! `diff`.

use crate::support::{Directory, batch, trades};
use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use shmframe_arbitrary::{Limits, batches, every_kind};
use std::sync::Arc;

/// The status and the lines of a comparison.
fn diff(place: &Directory, arguments: &[&str]) -> (i32, Vec<Value>) {
    let ran = place.run(&[&["diff"], arguments].concat());
    assert_eq!(ran.said, "");
    (ran.status.unwrap(), ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The counts of a summary: dropped, added, differing.
fn counts(line: &Value) -> [u64; 3] {
    ["dropped", "added", "differing"].map(|field| line[field].as_u64().unwrap())
}

/// Trades where the price of one row is another.
fn changed(row: usize) -> RecordBatch {
    let rows = trades(0..10_000);
    let price = (0..10_000).map(|at| if at == row { -1.0 } else { at as f64 });
    let price: ArrayRef = Arc::new(Float64Array::from_iter_values(price));
    batch([("symbol", rows.column(0).clone()), ("price", price), ("size", rows.column(2).clone())])
}

#[test]
fn versions_of_a_frame_differ_in_rows_that_came_and_went() {
    let (place, mut writer) = Directory::with_trades(&trades(0..100_000));
    let first = format!("ticks/trades@{}", writer.version());
    writer.append("trades", &trades(100_000..100_010)).unwrap();
    let (status, lines) = diff(&place, &[&first, "ticks/trades"]);
    assert_eq!((status, counts(&lines[0])), (5, [0, 10, 0]));
    assert_eq!((&lines[0]["same_frame"], &lines[0]["equal"]), (&json!(true), &json!(false)));
    let (_, lines) = diff(&place, &["ticks/trades", &first]);
    assert_eq!(counts(&lines[0]), [10, 0, 0]);
    writer.keep_last("trades", 1000).unwrap();
    let (_, lines) = diff(&place, &[&first, "ticks/trades"]);
    let [dropped, added, differing] = counts(&lines[0]);
    assert!((98_900..=99_010).contains(&dropped) && (added, differing) == (10, 0), "{lines:?}");
    let (status, lines) = diff(&place, &["ticks/trades", "ticks"]);
    assert_eq!((status, lines.len(), &lines[0]["equal"]), (0, 1, &json!(true)));
}

#[test]
fn frame_that_was_put_anew_is_compared_row_by_row() {
    let (place, mut writer) = Directory::with_trades(&trades(0..10_000));
    let first = format!("ticks/trades@{}", writer.version());
    writer.put("trades", &changed(8500)).unwrap();
    let (status, lines) = diff(&place, &[&first, "ticks/trades"]);
    assert_eq!((status, counts(&lines[0]), lines.len()), (5, [0, 0, 1], 2));
    let row = json!({
        "schema_version": 1, "kind": "row_difference", "row_before": 8500, "row_after": 8500,
        "before": { "price": 8500.0 }, "after": { "price": -1.0 },
    });
    assert_eq!(lines[1], row);
    assert_eq!(diff(&place, &[&first, "ticks/trades", "-c", "symbol,size"]).0, 0);
    assert_eq!(diff(&place, &[&first, "ticks/trades", "-n", "0"]).1.len(), 1);
    writer.put("trades", &trades(0..9000)).unwrap();
    assert_eq!(counts(&diff(&place, &[&first, "ticks/trades"]).1[0]), [1000, 0, 0]);
}

#[test]
fn column_that_was_replaced_is_noticed() {
    let (place, mut writer) = Directory::with_trades(&trades(0..10_000));
    let first = format!("ticks/trades@{}", writer.version());
    writer.replace_column("trades", "price", changed(77).column(1)).unwrap();
    let (status, lines) = diff(&place, &[&first, "ticks/trades"]);
    assert_eq!((status, counts(&lines[0]), &lines[1]["row_after"]), (5, [0, 0, 1], &json!(77)));
}

#[test]
fn schemas_are_compared_field_by_field_and_shared_columns_value_by_value() {
    let (place, mut writer) = Directory::with_trades(&trades(0..100));
    let rows = trades(0..100);
    let other = batch([("price", rows.column(2).clone()), ("size", rows.column(2).clone())]);
    writer.put("other", &other).unwrap();
    let (status, lines) = diff(&place, &["ticks/trades", "ticks/other"]);
    assert_eq!((status, counts(&lines[0])), (5, [0, 0, 0]));
    assert_eq!(lines[0]["compared_columns"], json!(["size"]));
    let changes: Vec<_> =
        lines[1..].iter().map(|line| (line["column"].as_str(), line["change"].as_str())).collect();
    let expected = [("symbol", "removed"), ("price", "moved"), ("price", "type"), ("size", "moved")];
    assert_eq!(changes, expected.map(|(column, change)| (Some(column), Some(change))));
}

#[test]
fn frames_of_two_segments_with_the_same_rows_are_equal_whatever_their_chunks() {
    let limits = Limits { batches: 9, rows: 300, ..Limits::default() };
    let drawn = batches(&every_kind(), &limits).new_tree(&mut TestRunner::deterministic()).unwrap().current();
    let place = Directory::new();
    let (mut one, mut two) = (place.writer("one", 1), place.writer("two", 1));
    one.put("all", drawn.as_slice()).unwrap();
    two.put("all", &drawn[0]).unwrap();
    for rows in &drawn[1..] {
        two.append("all", rows).unwrap();
    }
    let (status, lines) = diff(&place, &["one/all", "two/all"]);
    assert_eq!((status, lines.len()), (0, 1), "{lines:?}");
    assert_eq!(lines[0]["same_frame"], json!(false));
}

#[test]
fn people_are_told_the_result_and_what_differs() {
    let (place, mut writer) = Directory::with_trades(&trades(0..10_000));
    writer.put("other", &changed(5)).unwrap();
    let ran = place.run(&["diff", "ticks/trades", "ticks/other", "--format", "table"]);
    assert_eq!(ran.status, Some(5));
    for part in ["they differ", "price=5.0", "price=-1.0", "compared row by row"] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert_eq!(place.run(&["diff", "ticks/trades", "ticks/none"]).status, Some(3));
}
