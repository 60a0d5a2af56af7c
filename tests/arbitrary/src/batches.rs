//! Several batches of one schema.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::arrays::array;
use crate::{Limits, schema};

/// The most different batches that others are slices of.
const BASES: usize = 3;

/// Draws batches of a schema, none or several. Some are slices of one another and share its dictionaries, others have
/// dictionaries of their own; all columns may be slices in themselves.
pub fn batches(schema: &SchemaRef, limits: &Limits) -> BoxedStrategy<Vec<RecordBatch>> {
    let bases = vec(base(schema, limits), 1..=BASES);
    let cut = prop_oneof![
        2 => Just((0.0, 1.0)),
        5 => (0.0..1.0, 0.0..1.0),
        1 => (0.0..1.0, Just(0.0)),
    ];
    let cuts = vec((any::<prop::sample::Index>(), cut), 0..=limits.batches);
    (bases, cuts)
        .prop_map(|(bases, cuts)| {
            let slice = |(which, (start, share)): (prop::sample::Index, (f64, f64))| {
                let base = which.get(&bases);
                let first = (base.num_rows() as f64 * start) as usize;
                let rows = ((base.num_rows() - first) as f64 * share) as usize;
                base.slice(first, rows)
            };
            cuts.into_iter().map(slice).collect()
        })
        .boxed()
}

/// Draws a schema, and batches of it.
pub fn schema_and_batches(limits: &Limits) -> impl Strategy<Value = (SchemaRef, Vec<RecordBatch>)> + use<> {
    let limits = limits.clone();
    schema(&limits).prop_flat_map(move |schema| {
        let batches = batches(&schema, &limits);
        (Just(schema), batches)
    })
}

fn base(schema: &SchemaRef, limits: &Limits) -> impl Strategy<Value = RecordBatch> + use<> {
    let schema = Arc::clone(schema);
    let most = limits.dictionary;
    prop_oneof![1 => Just(0), 9 => 1..=limits.rows].prop_flat_map(move |rows| {
        let fields = schema.fields().iter();
        let columns: Vec<_> =
            fields.map(|field| array(field.data_type(), rows, field.is_nullable(), most)).collect();
        let schema = Arc::clone(&schema);
        columns.prop_map(move |columns| {
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
                .expect("columns as the schema says")
        })
    })
}
