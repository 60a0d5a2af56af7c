//! What an append asks for, counted: it depends on the rows that are added and the columns, and on nothing else.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod cost_support;

use allocation_counter::measure;
use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
};
use arrow::datatypes::{Float64Type, Int32Type};
use cost_support::Segment;
use shmframe::{Writer, arrow};
use shmframe_segment::steps::{self, Step};
use std::collections::HashMap;
use std::sync::Arc;

/// Rows of an append.
const FEW: i64 = 3;

/// Trades: numbers, a symbol out of a few, a text, and a flag that is sometimes missing.
fn trades(rows: std::ops::Range<i64>) -> RecordBatch {
    let symbols = ["AAPL", "MSFT", "GOOG"];
    let symbol: DictionaryArray<Int32Type> = rows.clone().map(|row| symbols[row as usize % 3]).collect();
    let columns: [(&str, ArrayRef); 6] = [
        ("time", Arc::new(Int64Array::from_iter_values(rows.clone()))),
        ("symbol", Arc::new(symbol)),
        ("price", Arc::new(Float64Array::from_iter_values(rows.clone().map(|row| row as f64)))),
        ("size", Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| row * 100)))),
        (
            "venue",
            Arc::new(StringArray::from_iter_values(rows.clone().map(|row| format!("venue {}", row % 10)))),
        ),
        ("odd", Arc::new(rows.map(|row| (row % 3 > 0).then_some(row % 2 == 1)).collect::<BooleanArray>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

/// Two columns of numbers.
fn numbers(rows: std::ops::Range<i64>) -> RecordBatch {
    let column = |name: &'static str| -> (&str, ArrayRef) {
        (name, Arc::new(Float64Array::from_iter_values(rows.clone().map(|row| row as f64))))
    };
    RecordBatch::try_from_iter([column("x"), column("y")]).unwrap()
}

/// What one append and its commit asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cost {
    stored: u64,
    stores: u64,
    fences: u64,
    copies: u64,
    system_calls: u64,
    allocations: u64,
}

fn cost(work: impl FnOnce()) -> Cost {
    let kinds = [Step::Store, Step::Fence, Step::Copy, Step::SystemCall];
    let before = (kinds.map(steps::count), steps::bytes_copied());
    let allocations = measure(work).count_total;
    let after = (kinds.map(steps::count), steps::bytes_copied());
    let [stores, fences, copies, system_calls] = std::array::from_fn(|at| after.0[at] - before.0[at]);
    Cost { stored: after.1 - before.1, stores, fences, copies, system_calls, allocations }
}

/// Appends a batch so many times.
fn append(writer: &mut Writer, times: u64, batch: &RecordBatch) {
    for _ in 0..times {
        writer.append("ticks", batch).unwrap();
    }
}

/// The costs of a hundred appends, the most common one first.
fn costs(writer: &mut Writer, batch: &RecordBatch) -> Vec<(Cost, usize)> {
    let mut counts: HashMap<Cost, usize> = HashMap::new();
    for _ in 0..100 {
        *counts.entry(cost(|| append(writer, 1, batch))).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    counts
}

#[test]
fn millionth_append_costs_what_the_thousandth_did() {
    let times =
        if std::env::var("SHMFRAME_FULL").is_ok_and(|full| full == "1") { 10_000_000 } else { 300_000 };
    let mut segment = Segment::create("millions");
    let writer = segment.writer();
    writer.put("ticks", &numbers(0..20_000)).unwrap();
    let batch = numbers(0..FEW);
    append(writer, 1000, &batch);
    let first = costs(writer, &batch);
    append(writer, times, &batch);
    let last = costs(writer, &batch);
    println!("an append of 3 rows of 2 columns, and its commit: {:?}", first[0]);
    assert_eq!(first[0].0, last[0].0);
    assert!(first[0].1 >= 80 && last[0].1 >= 80, "{first:?}, {last:?}");
    assert_eq!(first[0].0.system_calls, 0);
    assert!(first[0].0.allocations <= 3, "{first:?}");
    let reader = segment.reader();
    let frame = reader.snapshot().unwrap().frame("ticks").unwrap();
    assert_eq!(frame.num_rows(), 20_000 + 3 * (1200 + times));
    let whole = frame.column::<Float64Type>("x").unwrap();
    assert_eq!(whole.len() as u64, frame.num_rows(), "one slice");
}

/// Adds three rows of two columns, straight behind those that stand there.
fn append_in_place(writer: &mut Writer) {
    let filled = writer.append_with("ticks", FEW as usize, |columns| {
        for name in ["x", "y"] {
            columns.take::<Float64Type>(name)?.copy_from_slice(&[1.0, 2.0, 3.0]);
        }
        Ok(())
    });
    filled.unwrap();
}

#[test]
fn rows_that_are_filled_in_place_store_what_an_append_stores_and_cost_few_allocations() {
    let mut segment = Segment::create("in-place");
    let writer = segment.writer();
    writer.put("ticks", &numbers(0..20_000)).unwrap();
    let batch = numbers(0..FEW);
    append(writer, 1000, &batch);
    let appended = costs(writer, &batch)[0].0;
    let few = |writer: &mut Writer| {
        let mut costs: Vec<Cost> = (0..101).map(|_| cost(|| append_in_place(writer))).collect();
        costs.sort_by_key(|cost| (cost.system_calls, cost.stores, cost.stored, cost.allocations));
        costs[50]
    };
    let first = few(writer);
    (0..20_000).for_each(|_| append_in_place(writer));
    let last = few(writer);
    println!("3 rows of 2 columns in place, and the commit: {first:?}; as a batch: {appended:?}");
    assert_eq!(first, last);
    assert_eq!((first.stored, first.system_calls), (appended.stored, 0));
    assert!(first.allocations <= 14, "{first:?}");
}

#[test]
fn append_of_any_columns_depends_on_its_rows_not_on_those_there() {
    let mut seen = Vec::new();
    // None of them fills its last word of a bitmap.
    for before in [20_001, 200_001, 2_000_001] {
        let mut segment = Segment::create("before");
        let writer = segment.writer();
        writer.put("ticks", &trades(0..before)).unwrap();
        let batch = trades(0..64);
        // A chunk of its own, with bitmaps, and symbols that are known.
        append(writer, 200, &batch);
        seen.push(costs(writer, &batch)[0].0);
    }
    println!("an append of 64 rows of 6 columns: {:?}", seen[0]);
    assert_eq!(seen, [seen[0]; 3]);
    assert_eq!(seen[0].system_calls, 0);
}

#[test]
fn commit_to_one_frame_of_ten_thousand_touches_at_most_three_times_the_bytes() {
    let batch = trades(0..64);
    let stored = |others: usize| {
        let mut segment = Segment::create("others");
        let writer = segment.writer();
        let mut transaction = writer.begin().unwrap();
        for other in 0..others {
            transaction.put(&format!("frame {other}"), &numbers(0..1)).unwrap();
        }
        transaction.commit().unwrap();
        writer.put("ticks", &trades(0..20_000)).unwrap();
        append(writer, 200, &batch);
        costs(writer, &batch)[0].0.stored
    };
    let rows = 64 * (8 + 4 + 8 + 8 + 4 + 7) + 2 * 8 * 6;
    let (one, many) = (stored(0) - rows, stored(9999) - rows);
    println!("bytes of records: {one} in a segment of one frame, {many} in one of 10,000");
    assert!(many <= 3 * one, "{many} bytes, {one} alone");
}

/// Bytes that a segment takes for a frame, beyond what it takes empty, at rest.
fn taken(rows: i64, step: i64, batch: impl Fn(std::ops::Range<i64>) -> RecordBatch) -> (u64, u64) {
    let mut segment = Segment::create("memory");
    let writer = segment.writer();
    writer.trim(0).unwrap();
    let empty = writer.allocated_bytes();
    let mut row = 0;
    while row < rows {
        writer.append("ticks", &batch(row..row + step)).unwrap();
        row += step;
    }
    writer.trim(0).unwrap();
    let taken = writer.allocated_bytes() - empty;
    let snapshot = segment.reader().snapshot().unwrap();
    (taken, snapshot.frame("ticks").unwrap().num_bytes())
}

#[test]
fn memory_grows_with_the_data() {
    let buffers = 10;
    for rows in [20_000, 300_000] {
        let (taken, data) = taken(rows, 100, trades);
        println!("{rows} rows in place: {taken} bytes for {data}");
        assert!(taken <= data * 13 / 10 + 4096 * buffers, "{rows} rows: {taken} bytes for {data}");
    }
}

#[test]
fn memory_of_columns_in_pieces_grows_with_the_data() {
    let lists = |rows: std::ops::Range<i64>| {
        let lists = rows.map(|row| Some((0..row % 5).map(Some).collect::<Vec<_>>()));
        let lists: ArrayRef =
            Arc::new(ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>(lists));
        RecordBatch::try_from_iter([("lists", lists)]).unwrap()
    };
    for rows in [20_000, 300_000] {
        let (taken, data) = taken(rows, 100, lists);
        println!("{rows} rows in pieces: {taken} bytes for {data}");
        assert!(taken <= data * 23 / 10 + 4096 * 4, "{rows} rows: {taken} bytes for {data}");
    }
}

/// The trades are of the types that grow in place.
#[test]
fn rows_that_are_appended_arrive() {
    let mut segment = Segment::create("arrive");
    for start in (0..3000).step_by(30) {
        segment.writer().append("ticks", &trades(start..start + 30)).unwrap();
    }
    let frame = segment.reader().snapshot().unwrap().frame("ticks").unwrap();
    let batches = frame.batches().unwrap();
    let all = arrow::compute::concat_batches(&frame.schema(), &batches).unwrap();
    assert_eq!(all, trades(0..3000));
    assert!(batches.len() <= 4, "{} batches", batches.len());
}
