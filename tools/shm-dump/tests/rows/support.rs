//! What the tests of rows need besides.

pub use crate::harness::Directory;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use serde_json::Value;
use shmframe_writer::Writer;
use std::sync::Arc;

impl Directory {
    /// A segment `ticks` with a frame `trades` of these rows.
    pub fn with_trades(batch: &RecordBatch) -> (Self, Writer) {
        let place = Self::new();
        let mut writer = place.writer("ticks", 8);
        writer.put("trades", batch).unwrap();
        (place, writer)
    }

    pub fn writer(&self, name: &str, history: u64) -> Writer {
        self.options().history(history).create(name).unwrap()
    }

    /// The lines of JSON that a command prints which succeeds and says nothing else.
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let ran = self.run(arguments);
        assert_eq!((ran.status, ran.said.as_str()), (Some(0), ""), "{arguments:?}: {ran:?}");
        ran.json()
    }

    /// What a command prints for people which succeeds.
    pub fn table(&self, arguments: &[&str]) -> String {
        self.run(&[arguments, &["--format", "table"]].concat()).with_status(0).out
    }
}

/// A batch of nullable columns.
pub fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

/// Rows of trades: symbols A, B and C in turn, prices that are the row's number, every fifth size missing.
pub fn trades(rows: core::ops::Range<i64>) -> RecordBatch {
    let symbol = rows.clone().map(|row| ["A", "B", "C"][row as usize % 3]);
    let size = rows.clone().map(|row| (row % 5 != 4).then_some(row * 10));
    batch([
        ("symbol", Arc::new(StringArray::from_iter_values(symbol)) as ArrayRef),
        ("price", Arc::new(Float64Array::from_iter_values(rows.clone().map(|row| row as f64)))),
        ("size", Arc::new(Int64Array::from_iter(size))),
    ])
}

/// The absolute numbers of rows.
pub fn numbers(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["row"].as_u64().unwrap()).collect()
}
