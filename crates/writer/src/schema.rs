//! Schemas as Arrow IPC messages, and which record holds which.

use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use shmframe_format::table::RecordReference;
use std::collections::HashMap;
use std::sync::Arc;

/// The schema records of the newest version's frames, as far as this writer wrote them.
pub(crate) type SchemaRecords = HashMap<String, (SchemaRef, RecordReference)>;

/// The Arrow IPC schema message.
pub(crate) fn message(schema: &Schema) -> Vec<u8> {
    let mut dictionaries = DictionaryTracker::new(false);
    let generator = IpcDataGenerator::default();
    let options = IpcWriteOptions::default();
    generator.schema_to_bytes_with_dictionary_tracker(schema, &mut dictionaries, &options).ipc_message
}

/// The record that holds this schema for this frame, if it is known.
pub(crate) fn known(records: &SchemaRecords, frame: &str, schema: &SchemaRef) -> Option<RecordReference> {
    let (known, reference) = records.get(frame)?;
    (Arc::ptr_eq(known, schema) || known == schema).then_some(*reference)
}
