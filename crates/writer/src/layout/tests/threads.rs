//! Large copies, shared out.

use std::sync::Arc;

use arrow::array::*;

use super::rebuild::{batches_of, fill};
use crate::layout::Plan;

/// Larger than several of the tasks that `Plan::fill` makes.
const ROWS: usize = 3_000_000;

fn large() -> Vec<ArrayRef> {
    let valid = |row: usize| !row.is_multiple_of(11);
    vec![
        Arc::new(Int64Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as i64)))),
        Arc::new(StringArray::from_iter((0..ROWS).map(|row| valid(row).then_some(&"abcdefg"[..row % 8])))),
    ]
}

#[test]
fn threads_write_the_same_bytes() {
    for array in large() {
        let (schema, batches) = batches_of(&[array.slice(1, 5), array.clone(), array.slice(3, ROWS / 2)]);
        let plan = Plan::new(&schema, &batches).unwrap();
        let expected = fill(&plan, 1, usize::MAX / 16);
        for threads in [1, 2, 5] {
            let mut found: Vec<_> = expected.iter().map(|buffer| vec![0xA5; buffer.len()]).collect();
            plan.fill(found.iter_mut().map(Vec::as_mut_slice).collect(), threads);
            assert!(found == expected, "{threads} threads");
        }
    }
}

#[test]
#[should_panic(expected = "one destination for each buffer")]
fn destination_of_another_length_is_refused() {
    let (schema, batches) = batches_of(&[Arc::new(Int8Array::from(vec![1, 2]))]);
    let plan = Plan::new(&schema, &batches).unwrap();
    plan.fill(vec![&mut [0; 3]], 1);
}
