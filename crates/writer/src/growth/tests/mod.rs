//! Frames grow in a segment of their own, and are read back from what the records say.

mod any;
mod bitmaps;
mod dictionaries;
mod pieces;
mod runs;
mod strings;
mod types;

use super::known_values::FrameValues;
use super::{ChunkDraft, append, put_with_room};
use crate::layout::Plan;
use crate::layout::planner::Limits;
use crate::operation::node_items;
use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use shmframe_format::Result;
use shmframe_format::columns::Span;
use shmframe_format::table::{BufferItem, BufferStateItem, NodeItem};
use shmframe_segment::{
    FrameDraft, FrameRecords, Identity, Location, Store, StoreOptions, Trust, Validation, build_column,
    columns_of, to_message,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Rows that make a frame of one `Int64` column too large to be written anew: whole words.
const ROWS: usize = 10_048;

/// A frame that grows, and all that was sent to it.
struct Frame {
    store: Option<Store>,
    limits: Limits,
    values: FrameValues,
    sent: Vec<RecordBatch>,
}

/// One column of one chunk.
#[derive(Clone, Debug)]
struct Column {
    nodes: Vec<NodeItem>,
    places: Vec<BufferItem>,
    states: Vec<BufferStateItem>,
}

impl Frame {
    /// A frame of these rows, in a segment of its own.
    fn of(rows: &RecordBatch) -> Self {
        Self::within(rows, Limits::ARROW, StoreOptions::default().capacity)
    }

    fn within(rows: &RecordBatch, limits: Limits, capacity: u64) -> Self {
        static SEGMENTS: AtomicU32 = AtomicU32::new(0);
        let number = SEGMENTS.fetch_add(1, Ordering::Relaxed);
        let name = format!("test-growth-{}-{number}", std::process::id());
        let location = Location::new(None, &name, Trust::default()).unwrap();
        let store = Store::create(&location, StoreOptions { capacity, ..StoreOptions::default() }).unwrap();
        let mut frame = Self { store: Some(store), limits, values: FrameValues::new(), sent: Vec::new() };
        frame.put(rows);
        frame
    }

    /// Another writer takes over.
    fn reopen(&mut self) {
        let location = self.store().location().clone();
        self.store = None;
        self.values.clear();
        self.store = Some(Store::open(&location, StoreOptions::default()).unwrap());
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    fn put(&mut self, rows: &RecordBatch) {
        let plan = self.plan(rows).unwrap();
        let message = to_message(&rows.schema()).unwrap();
        let mut staging = self.store().begin().unwrap();
        let draft = FrameDraft {
            name: "f",
            schema: shmframe_segment::Schema::Message(&message),
            rows: plan.rows(),
            identity: Identity::New,
            nodes: node_items(&plan),
            buffers: put_with_room(&staging, &plan),
        };
        staging.put_frame(draft, |destinations| plan.fill(destinations, 1)).unwrap();
        staging.commit().unwrap();
        self.sent = vec![rows.clone()];
        self.check();
    }

    fn plan(&self, rows: &RecordBatch) -> Result<Plan> {
        crate::layout::planner::plan(&rows.schema(), core::slice::from_ref(rows), &self.limits)
    }

    /// Appends rows, and checks that they arrive and that nothing that was there has changed.
    fn append(&mut self, rows: &RecordBatch) {
        let before = self.records();
        let bytes = self.bytes(&before);
        self.stage(rows, |staging| assert!(staging.commit().unwrap() > 1)).unwrap();
        self.sent.push(rows.clone());
        self.check();
        assert_eq!(self.bytes(&before), bytes, "a published byte has changed");
    }

    /// Appends rows in a transaction that ends like this.
    fn stage(&mut self, rows: &RecordBatch, end: impl FnOnce(shmframe_segment::Staging<'_>)) -> Result<()> {
        let plan = self.plan(rows)?;
        let mut values = std::mem::take(&mut self.values);
        let limits = self.limits.clone();
        let mut staging = self.store().begin()?;
        let records = staging.frame_records("f")?.unwrap();
        let plan = (&plan, &mut ChunkDraft::default());
        append(&mut staging, (records, &rows.schema()), plan, &mut values, (1, &limits))?;
        let version = staging.version();
        end(staging);
        if self.store().latest() == version {
            self.values = values;
        }
        Ok(())
    }

    fn records(&mut self) -> FrameRecords {
        self.store().begin().unwrap().frame_records("f").unwrap().unwrap()
    }

    fn chunks(&mut self) -> usize {
        self.records().chunks().count()
    }

    /// A column of a chunk.
    fn column(&mut self, chunk: usize, column: usize) -> Column {
        let records = self.records();
        let chunk = records.chunks().nth(chunk).unwrap();
        let span = Span::trees(chunk.nodes).nth(column).unwrap();
        Column {
            nodes: chunk.nodes[span.nodes].to_vec(),
            places: chunk.places[span.buffers.clone()].to_vec(),
            states: chunk.states[span.buffers].to_vec(),
        }
    }

    /// A column of the last chunk.
    fn last(&mut self, column: usize) -> Column {
        let chunks = self.chunks();
        self.column(chunks - 1, column)
    }

    /// All bytes that these records have of the frame, published ones.
    fn bytes(&mut self, records: &FrameRecords) -> Vec<Vec<u8>> {
        let path = self.store().location().path().join("data");
        let file = std::fs::File::open(path).unwrap();
        let buffers = records.layout().buffers.iter().zip(&records.state().buffers);
        buffers
            .map(|(place, state)| {
                let mut bytes = vec![0; state.length as usize];
                std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, place.offset).unwrap();
                bytes
            })
            .collect()
    }

    /// The arrays of a column, chunk by chunk.
    fn arrays(&mut self, column: usize) -> Vec<ArrayRef> {
        let data_type = self.sent[0].column(column).data_type().clone();
        let staging = self.store().begin().unwrap();
        let records = staging.frame_records("f").unwrap().unwrap();
        let copies = staging.copied(&records).unwrap();
        let mut arrays = Vec::new();
        for (chunk, columns) in records.chunks().zip(columns_of(records.state())) {
            let span = &columns[column];
            arrays.extend(build_column(&copies, chunk.rows, span, &data_type, Validation::Full).unwrap());
        }
        arrays
    }

    /// The frame has what was sent.
    fn check(&mut self) {
        let columns = self.sent[0].num_columns();
        for column in 0..columns {
            let sent: Vec<_> = self.sent.iter().map(|batch| Arc::clone(batch.column(column))).collect();
            assert_rows(self.arrays(column), sent);
        }
        let rows: usize = self.sent.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(self.records().state().rows, rows as u64);
        let audit = self.store().audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        if let Some(store) = self.store.take() {
            store.remove().unwrap();
        }
    }
}

/// Both have the same rows, wherever they are cut.
fn assert_rows(found: Vec<ArrayRef>, sent: Vec<ArrayRef>) {
    let count = |arrays: &[ArrayRef]| arrays.iter().map(Array::len).sum::<usize>();
    assert_eq!(count(&found), count(&sent));
    let (mut left, mut right) = (found.into_iter(), sent.into_iter());
    let (mut one, mut other): (Option<ArrayRef>, Option<ArrayRef>) = (None, None);
    let full = |array: &ArrayRef| !array.is_empty();
    loop {
        one = one.filter(full).or_else(|| left.find(full));
        other = other.filter(full).or_else(|| right.find(full));
        let (Some(found), Some(sent)) = (&one, &other) else { return };
        let rows = found.len().min(sent.len());
        assert_eq!(&found.slice(0, rows), &sent.slice(0, rows));
        let rest = |array: &ArrayRef| array.slice(rows, array.len() - rows);
        (one, other) = (Some(rest(found)), Some(rest(sent)));
    }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<_> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    batch_of(&Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect())
}

fn batch_of(schema: &SchemaRef, columns: Vec<ArrayRef>) -> RecordBatch {
    RecordBatch::try_new(Arc::clone(schema), columns).unwrap()
}

/// Numbers that make a frame large.
fn numbers(rows: usize) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(0..rows as i64))
}

/// A nullable number.
fn number(data_type: &DataType, nulls: &[bool]) -> ArrayRef {
    let values: Int64Array =
        nulls.iter().enumerate().map(|(row, null)| (!null).then_some(row as i64)).collect();
    arrow::compute::cast(&values, data_type).unwrap()
}
