//! Which record holds which schema.

use arrow::datatypes::SchemaRef;
use shmframe_format::table::RecordReference;
use std::collections::HashMap;
use std::sync::Arc;

/// The schema records of the newest version's frames, as far as this writer wrote them.
///
/// They are known for one epoch: whoever had the lease meanwhile may have replaced the frames.
#[derive(Debug, Default)]
pub(crate) struct SchemaRecords {
    epoch: u64,
    records: HashMap<String, (SchemaRef, RecordReference)>,
}

impl SchemaRecords {
    /// What is known under `epoch`: nothing, if it was learned under another one.
    pub(crate) fn under(&mut self, epoch: u64) -> &mut Self {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.records.clear();
        }
        self
    }

    /// The record that holds this schema for this frame, if it is known.
    pub(crate) fn find(&self, frame: &str, schema: &SchemaRef) -> Option<RecordReference> {
        let (known, reference) = self.records.get(frame)?;
        (Arc::ptr_eq(known, schema) || known == schema).then_some(*reference)
    }

    /// Notes what a commit made of a frame.
    pub(crate) fn note(&mut self, frame: String, record: Option<(SchemaRef, RecordReference)>) {
        match record {
            Some(record) => drop(self.records.insert(frame, record)),
            None => drop(self.records.remove(&frame)),
        }
    }
}
