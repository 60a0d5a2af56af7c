//! Whatever batches are drawn, they come back.

use std::cell::Cell;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use shmframe_arbitrary::{Coverage, Kind, Limits as Sizes, batches, every_kind, schema_and_batches};
use shmframe_format::ErrorKind;

use super::rebuild::round_trip_within;
use crate::layout::Plan;
use crate::layout::planner::Limits;

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, source_file: Some(file!()), ..Config::default() })
}

/// Arrow's limits, and ones so small that data buffers and blocks of views end all the time.
fn limits() -> impl Strategy<Value = Limits> {
    let small =
        (40..300_usize, 1..20_usize, 1..200_usize).prop_map(|(view_data, block_rows, block_bytes)| {
            // The longest drawn value has 39 characters of at most 4 bytes.
            Limits { view_data: view_data.max(4 * 39), block_rows, block_bytes, ..Limits::ARROW }
        });
    let few_keys = (1..40_usize).prop_map(|keys| Limits { keys, ..Limits::ARROW });
    prop_oneof![Just(Limits::ARROW), small, few_keys]
}

#[test]
fn drawn_batches_survive() {
    let sizes = Sizes::default();
    let coverage = Coverage::new();
    let (few_keys, refused) = (Cell::new(0), Cell::new(0));
    let survives = |schema: &SchemaRef, batches: &[RecordBatch], limits: &Limits| -> TestCaseResult {
        coverage.record(schema, batches);
        match round_trip_within(schema, batches, limits) {
            Err(error) if error.kind() == ErrorKind::CapacityExceeded && limits.keys < usize::MAX => {
                refused.set(refused.get() + 1);
                Ok(())
            }
            Err(error) => Err(TestCaseError::fail(error.to_string())),
            Ok(_) => {
                few_keys.set(few_keys.get() + u32::from(limits.keys < usize::MAX));
                Ok(())
            }
        }
    };
    // PROPTEST_CASES asks for more.
    runner(Config::default().cases.max(1024))
        .run(&(schema_and_batches(&sizes), limits()), |((schema, batches), limits)| {
            survives(&schema, &batches, &limits)
        })
        .unwrap();
    let schema = every_kind();
    runner(16)
        .run(&(batches(&schema, &sizes), limits()), |(batches, limits)| survives(&schema, &batches, &limits))
        .unwrap();
    coverage.assert_complete();
    assert!(
        few_keys.get() > 0 && refused.get() > 0,
        "dictionaries are merged, and refused where that is no help"
    );
}

#[test]
fn every_kind_that_is_drawn_is_supported() {
    assert_eq!(every_kind().fields().len(), Kind::ALL.len());
    Plan::new(&every_kind(), &[]).unwrap();
}
