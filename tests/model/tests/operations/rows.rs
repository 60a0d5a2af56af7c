//! The rows of a frame, as the model knows them.

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use std::sync::Arc;

/// A frame's rows, with their numbers, and which frame it is.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Another one for each frame that was put, and each change of columns.
    pub identity: u64,
    /// How often rows were added since the frame was put.
    pub appends: u64,
    /// How often its columns changed.
    pub changes: u64,
    /// How often it was made one run again.
    pub compacts: u64,
    /// At least one; all rows from the number `least` on.
    batches: Vec<RecordBatch>,
    /// The number of the first row is one of these: which one, the segment has to say (rows go in whole words).
    least: u64,
    most: u64,
}

impl Rows {
    /// Those of a frame that is put.
    pub fn put(identity: u64, batches: Vec<RecordBatch>) -> Self {
        Self { identity, appends: 0, changes: 0, compacts: 0, batches, least: 0, most: 0 }
    }

    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    pub fn schema(&self) -> SchemaRef {
        self.batches[0].schema()
    }

    /// The number of the next row.
    pub fn end(&self) -> u64 {
        self.least + count(&self.batches) as u64
    }

    /// The number of the first row, if it is known.
    pub fn first(&self) -> Option<u64> {
        (self.least == self.most).then_some(self.least)
    }

    /// The same rows with other columns: another frame.
    pub fn with_columns(&self, identity: u64, batches: Vec<RecordBatch>) -> Self {
        Self { identity, changes: self.changes + 1, batches, ..*self }
    }

    /// Adds rows, whose schema may have other metadata.
    pub fn append(&mut self, batches: &[RecordBatch]) {
        let schema = self.schema();
        let added = batches.iter().map(|batch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let columns = batch.columns().to_vec();
            RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options).unwrap()
        });
        self.batches.extend(added);
        self.appends += 1;
    }

    /// Drops the rows before this one, but for up to 63 of them.
    pub fn drop_before(&mut self, row: u64) {
        let row = row.min(self.end());
        let least = self.least.max(row.saturating_sub(63));
        self.most = self.most.max(row);
        self.batches = self.since(least);
        self.least = least;
    }

    /// The segment says that this is the number of the first row. Whether rows stay beyond those that were asked for.
    pub fn settle(&mut self, first: u64) -> bool {
        let range = self.least..=self.most;
        assert!(range.contains(&first), "the first row is {first}, not one of {range:?}");
        self.batches = self.since(first);
        let more = first < self.most;
        (self.least, self.most) = (first, first);
        more
    }

    /// The rows from this one on; at least one batch.
    pub fn since(&self, row: u64) -> Vec<RecordBatch> {
        let skipped = row.saturating_sub(self.least) as usize;
        part(&self.batches, skipped, usize::MAX)
    }
}

pub fn count(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

/// So many rows of batches, or what there is of them; at least one batch.
pub fn part(batches: &[RecordBatch], first: usize, rows: usize) -> Vec<RecordBatch> {
    let (mut skipped, mut missing) = (first, rows);
    let mut taken = Vec::new();
    for batch in batches {
        let from = skipped.min(batch.num_rows());
        let count = missing.min(batch.num_rows() - from);
        if count > 0 {
            taken.push(batch.slice(from, count));
        }
        (skipped, missing) = (skipped - from, missing - count);
    }
    if taken.is_empty() {
        taken.push(batches[0].slice(0, 0));
    }
    taken
}
