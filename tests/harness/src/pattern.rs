//! Rows that tell which version they belong to: each value follows from the frame's name, the version's stamp and the
//! row.

use crate::growing;
use arrow::array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, ListArray, RecordBatch, StringArray, UInt64Array,
};
use arrow::datatypes::{Int32Type, UInt64Type};
use shmframe::arrow;
use shmframe::{Frame, Snapshot};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

/// What a version holds: for each frame its stamp and its rows. For a feed and ticks the number of the next row, and 0; for a
/// marked frame its mark and the number of the next row; for one with late columns the number of the next row, and the first
/// one that has them, 0 if there is none.
pub type Contents = BTreeMap<String, (u64, u64)>;

/// The rows of a frame as the version `stamp` writes them.
///
/// # Panics
/// If there are none: the stamp stands in the rows.
#[must_use]
pub fn batch(frame: &str, stamp: u64, rows: u64) -> RecordBatch {
    assert!(rows > 0);
    let seed = mix(frame.bytes().fold(stamp, |seed, byte| mix(seed ^ u64::from(byte))));
    let value = |row: u64| mix(seed ^ row);
    let text =
        |row: u64| (!value(row).is_multiple_of(5)).then(|| format!("{stamp}-{:x}", value(row) % 65_536));
    let columns: [(&str, ArrayRef); 4] = [
        ("stamp", Arc::new(UInt64Array::from(vec![stamp; rows as usize]))),
        ("value", Arc::new((0..rows).map(value).collect::<UInt64Array>())),
        ("text", Arc::new((0..rows).map(text).collect::<StringArray>())),
        ("even", Arc::new((0..rows).map(|row| Some(value(row) % 2 == 0)).collect::<BooleanArray>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

/// The frame that grows. Each of its values follows from the number of its row alone.
pub const FEED: &str = "feed";

/// These rows of a feed: numbers with and without nulls, strings, bits, a dictionary, and lists.
///
/// # Panics
/// Never: the columns are of one length.
#[must_use]
pub fn feed(rows: Range<u64>) -> RecordBatch {
    let value = |row: u64| (!mix(row).is_multiple_of(7)).then(|| mix(row));
    let text = |row: u64| (!mix(row).is_multiple_of(5)).then(|| format!("{:x}", mix(row) % 65_536));
    let symbols: Vec<String> = rows.clone().map(|row| format!("symbol {}", mix(row) % 50)).collect();
    let symbol: DictionaryArray<Int32Type> = symbols.iter().map(String::as_str).collect();
    let part = |row: u64| Some((0..row % 4).map(|part| Some((row + part) as i32)).collect::<Vec<_>>());
    let columns: [(&str, ArrayRef); 6] = [
        ("row", Arc::new(UInt64Array::from_iter_values(rows.clone()))),
        ("value", Arc::new(rows.clone().map(value).collect::<UInt64Array>())),
        ("text", Arc::new(rows.clone().map(text).collect::<StringArray>())),
        ("even", Arc::new(rows.clone().map(|row| Some(row % 2 == 0)).collect::<BooleanArray>())),
        ("symbol", Arc::new(symbol)),
        ("parts", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows.map(part)))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
}

/// How many rows a streaming writer gives to a frame: differs from version to version.
#[must_use]
pub fn rows_of(stamp: u64) -> u64 {
    1 + mix(stamp) % 200
}

/// Checks each value of a frame; its stamp and its rows.
///
/// # Panics
/// If a value is not what its version wrote.
#[must_use]
pub fn check(frame: &Frame) -> (u64, u64) {
    if let Some(contents) = growing::check(frame) {
        return contents;
    }
    let stamp = frame.column::<UInt64Type>("stamp").unwrap()[0];
    let [found] = frame.batches().unwrap().try_into().unwrap();
    let expected = batch(frame.name(), stamp, frame.num_rows());
    assert!(found == expected, "frame {:?} is not what version {stamp} wrote", frame.name());
    (stamp, frame.num_rows())
}

/// Checks each value of each frame of a snapshot; what it holds.
#[must_use]
pub fn contents(snapshot: &Snapshot) -> Contents {
    let frames = snapshot.frames().unwrap();
    frames.into_iter().map(|name| (name.clone(), check(&snapshot.frame(&name).unwrap()))).collect()
}

/// Checks a snapshot of which each commit wrote all frames: all are of its version.
///
/// # Panics
/// If a frame is of another version, or there is none.
pub fn check_one_version(snapshot: &Snapshot) {
    let contents = contents(snapshot);
    assert!(!contents.is_empty(), "version {} has no frames", snapshot.version());
    for (frame, (stamp, _)) in contents {
        assert_eq!(stamp, snapshot.version(), "frame {frame:?} of another version");
    }
}

/// A number that stands for every byte of every buffer of a snapshot, as they are in place.
#[must_use]
pub fn digest(snapshot: &Snapshot) -> u64 {
    let mut hasher = DefaultHasher::new();
    for name in snapshot.frames().unwrap() {
        name.hash(&mut hasher);
        for batch in snapshot.frame(&name).unwrap().batches().unwrap() {
            for column in batch.columns() {
                let data = column.to_data();
                data.buffers().iter().for_each(|buffer| buffer.as_slice().hash(&mut hasher));
                data.nulls().inspect(|nulls| nulls.validity().hash(&mut hasher));
            }
        }
    }
    hasher.finish()
}

/// Spreads a number (the finisher of splitmix64).
pub(crate) fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
