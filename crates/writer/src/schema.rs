//! Which record holds which schema.

use arrow::datatypes::SchemaRef;
use shmframe_format::table::RecordReference;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The schema records of the newest version's frames, as far as this writer wrote them.
///
/// They are known for one epoch: whoever had the lease meanwhile may have replaced the frames.
#[derive(Debug, Default)]
pub(crate) struct SchemaRecords {
    epoch: u64,
    records: BTreeMap<String, (SchemaRef, RecordReference)>,
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

    /// Whether a frame is known to have this schema. It is remembered as the frame's own: another one that is equal is compared
    /// field by field, this one by its address.
    pub(crate) fn meet(&mut self, frame: &str, schema: &SchemaRef) -> bool {
        let Some((known, _)) = self.records.get_mut(frame) else { return false };
        if Arc::ptr_eq(known, schema) {
            return true;
        }
        let is_equal = known == schema;
        if is_equal {
            *known = Arc::clone(schema);
        }
        is_equal
    }

    /// Notes what a commit made of a frame.
    pub(crate) fn note(&mut self, frame: String, record: Option<(SchemaRef, RecordReference)>) {
        match record {
            Some(record) => drop(self.records.insert(frame, record)),
            None => drop(self.records.remove(&frame)),
        }
    }
}

/// Where schemas stand: in the newest version, and in a transaction.
pub(crate) struct Schemas<'a> {
    pub(crate) published: &'a SchemaRecords,
    /// What a commit makes of the frames that the transaction touched, the last word last.
    pub(crate) learned: &'a mut Vec<(String, Option<(SchemaRef, RecordReference)>)>,
}

impl Schemas<'_> {
    /// The schema that this record of a frame holds, if it is known.
    pub(crate) fn of_record(&self, frame: &str, reference: &RecordReference) -> Option<SchemaRef> {
        let learned = self.learned.iter().rev().find(|(name, _)| name == frame);
        let known = match learned {
            Some((_, record)) => record.as_ref(),
            None => self.published.records.get(frame),
        };
        known.filter(|(_, known)| known == reference).map(|(schema, _)| Arc::clone(schema))
    }
}
