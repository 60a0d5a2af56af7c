//! `stats`.

use crate::support::{Directory, trades};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use shmframe_arbitrary::{Limits, batches, every_kind};

/// A column's line without what depends on the layout.
fn line(place: &Directory, arguments: &[&str]) -> Value {
    let [mut line] = <[Value; 1]>::try_from(place.json(&[&["stats", "ticks"], arguments].concat())).unwrap();
    let fields = line.as_object_mut().unwrap();
    for field in ["schema_version", "kind", "frame", "type", "buffers"] {
        fields.remove(field).unwrap();
    }
    line
}

#[test]
fn stats_tell_what_is_in_a_column() {
    let (place, mut writer) = Directory::with_trades(&trades(0..10_000));
    writer.append("trades", &trades(10_000..20_000)).unwrap();
    let mut size = line(&place, &["size"]);
    // 8 bytes and a bit for each row, with a little room at the end of a bitmap.
    let bytes = size["bytes"].take().as_u64().unwrap();
    assert!((162_500..162_700).contains(&bytes), "{bytes}");
    let expected = json!({
        "column": "size", "rows": 20_000, "nulls": 4000, "min": 0, "max": 199_980, "mean": 99_990.0,
        "distinct": 16_000, "distinct_is_exact": true, "bytes": null,
    });
    assert_eq!(size, expected);
    let symbol = line(&place, &["symbol"]);
    assert_eq!((&symbol["min"], &symbol["max"], &symbol["mean"]), (&json!("A"), &json!("C"), &Value::Null));
    let price = line(&place, &["price", "--distinct", "100"]);
    assert_eq!((&price["distinct"], &price["distinct_is_exact"]), (&json!(100), &json!(false)));
    let price = line(&place, &["price", "--distinct", "0"]);
    assert_eq!((&price["distinct"], &price["distinct_is_exact"]), (&Value::Null, &json!(false)));
}

#[test]
fn stats_of_every_type_are_told() {
    let limits = Limits { batches: 9, rows: 300, ..Limits::default() };
    let drawn = batches(&every_kind(), &limits).new_tree(&mut TestRunner::deterministic()).unwrap().current();
    let place = Directory::new();
    let mut writer = place.writer("kinds", 1);
    writer.put("all", drawn.as_slice()).unwrap();
    let told = place.json(&["stats", "kinds"]);
    assert_eq!(told.len(), every_kind().fields().len());
    let nulls = |index: usize| -> u64 {
        drawn.iter().map(|batch| batch.column(index).logical_null_count() as u64).sum()
    };
    for (index, line) in told.iter().enumerate() {
        assert_eq!(line["nulls"], json!(nulls(index)), "{line}");
        assert!(line["distinct"].as_u64().unwrap_or(0) <= line["rows"].as_u64().unwrap(), "{line}");
    }
    let table = place.table(&["stats", "kinds"]);
    assert!(table.lines().count() > told.len(), "{table}");
}

#[test]
fn stats_of_an_empty_frame_or_a_missing_column_are_told_or_refused() {
    let (place, _writer) = Directory::with_trades(&trades(0..0));
    let price = line(&place, &["price"]);
    assert_eq!((&price["rows"], &price["min"], &price["mean"]), (&json!(0), &Value::Null, &Value::Null));
    assert_eq!(place.run(&["stats", "ticks", "cost"]).status, Some(3));
}
