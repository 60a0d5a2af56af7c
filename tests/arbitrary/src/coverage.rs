//! What a run has drawn.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;

use crate::children::children;
use crate::shape::shapes;
use crate::{Kind, Shape};

/// Records which kinds and shapes were drawn; threads may share it.
#[derive(Debug, Default)]
pub struct Coverage(Mutex<Drawn>);

#[derive(Debug, Default)]
struct Drawn {
    kinds: BTreeSet<Kind>,
    shapes: BTreeSet<Shape>,
}

impl Coverage {
    /// Of nothing so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records one case. A kind counts if an array of it has rows, at any depth.
    pub fn record(&self, schema: &SchemaRef, batches: &[RecordBatch]) {
        let mut kinds = BTreeSet::new();
        batches.iter().flat_map(RecordBatch::columns).for_each(|column| add_kinds(column, &mut kinds));
        let mut drawn = self.drawn();
        drawn.kinds.append(&mut kinds);
        drawn.shapes.append(&mut shapes(schema, batches));
    }

    /// The kinds that were never drawn.
    #[must_use]
    pub fn missing_kinds(&self) -> Vec<Kind> {
        let drawn = self.drawn();
        Kind::ALL.iter().copied().filter(|kind| !drawn.kinds.contains(kind)).collect()
    }

    /// The shapes that were never drawn.
    #[must_use]
    pub fn missing_shapes(&self) -> Vec<Shape> {
        let drawn = self.drawn();
        Shape::ALL.iter().copied().filter(|shape| !drawn.shapes.contains(shape)).collect()
    }

    /// Checks that everything was drawn.
    ///
    /// # Panics
    ///
    /// If a kind or a shape is missing; the message lists them.
    #[track_caller]
    pub fn assert_complete(&self) {
        let (kinds, shapes) = (self.missing_kinds(), self.missing_shapes());
        assert!(kinds.is_empty() && shapes.is_empty(), "never drawn: kinds {kinds:?}, shapes {shapes:?}");
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add_kinds(array: &ArrayRef, kinds: &mut BTreeSet<Kind>) {
    if array.is_empty() {
        return;
    }
    kinds.extend(Kind::of(array.data_type()));
    children(array).iter().for_each(|child| add_kinds(child, kinds));
}

#[cfg(test)]
mod tests {
    use proptest::test_runner::{Config, TestRunner};

    use super::*;
    use crate::{Limits, batches, every_kind, schema_and_batches};

    #[test]
    fn kinds_and_shapes_that_were_not_drawn_are_listed() {
        let coverage = Coverage::new();
        assert_eq!(coverage.missing_kinds(), Kind::ALL);
        coverage.record(&every_kind(), &[]);
        assert_eq!(coverage.missing_kinds(), Kind::ALL, "without rows, nothing was drawn");
        assert!(!coverage.missing_shapes().contains(&Shape::NoBatches));
        let failure = std::panic::catch_unwind(|| coverage.assert_complete()).unwrap_err();
        let message = failure.downcast_ref::<String>().unwrap();
        assert!(message.contains("Utf8View") && message.contains("NoColumns"), "{message}");
    }

    fn config(cases: u32) -> Config {
        Config { cases, source_file: Some(file!()), ..Config::default() }
    }

    #[test]
    fn run_of_ordinary_length_draws_everything() {
        let coverage = Coverage::new();
        let limits = Limits::default();
        let record = |schema: &SchemaRef, batches: &[RecordBatch]| {
            for array in batches.iter().flat_map(RecordBatch::columns) {
                array.to_data().validate_full().unwrap();
            }
            coverage.record(schema, batches);
        };
        let mut runner = TestRunner::new(config(200));
        let drawn = schema_and_batches(&limits);
        runner
            .run(&drawn, |(schema, batches)| {
                record(&schema, &batches);
                Ok(())
            })
            .unwrap();
        let schema = every_kind();
        let mut runner = TestRunner::new(config(8));
        runner
            .run(&batches(&schema, &limits), |batches| {
                record(&schema, &batches);
                Ok(())
            })
            .unwrap();
        coverage.assert_complete();
    }
}
