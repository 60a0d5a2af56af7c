//! A frame that grows by the segment's own means: `x`, numbers with nulls, and `y`, numbers without.

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use shmframe::{Frame, Reader, Snapshot, Trust};
use shmframe_format::addressing::Addressing::{self, Bitmap, Values};
use shmframe_format::table::NodeItem;
use shmframe_model::{Scratch, for_each_buffer};
use shmframe_segment::{
    BufferDraft, BufferGrowth, FrameDraft, GrowthDraft, Identity, LastChunk, Location, Start, Store,
    StoreOptions,
};
use std::ops::Range;
use std::sync::Arc;

const BUFFERS: [Addressing; 3] = [Bitmap(1), Values(64), Values(64)];
const ROOM: u64 = 1 << 16;

pub(super) struct Feed {
    pub(super) scratch: Scratch,
    pub(super) store: Store,
    pub(super) reader: Reader,
    /// Rows that there were ever.
    pub(super) rows: u64,
    /// The row where the last chunk begins, and the first of its rows that is seen.
    chunk: (u64, u64),
}

/// Row `row` of `x`.
fn x(row: u64) -> Option<i64> {
    (row % 5 != 2).then_some(row as i64)
}

/// The rows as a batch.
pub(super) fn batch(rows: Range<u64>) -> RecordBatch {
    let columns: [ArrayRef; 2] = [
        Arc::new(rows.clone().map(x).collect::<Int64Array>()),
        Arc::new(Float64Array::from_iter_values(rows.map(|row| row as f64))),
    ];
    RecordBatch::try_new(schema(), columns.into()).unwrap()
}

fn schema() -> SchemaRef {
    let fields = [Field::new("x", DataType::Int64, true), Field::new("y", DataType::Float64, false)];
    Arc::new(Schema::new(Vec::from(fields)))
}

fn node(length: u64, nulls: u64, validity: u32) -> NodeItem {
    NodeItem { length, nulls, buffers: 1 + validity, children: 0, validity, pieces: 0 }
}

/// What `rows` add to each buffer of a chunk that begins at `start`; the bitmap in whole words.
fn bytes(start: u64, rows: &Range<u64>) -> [Vec<u8>; 3] {
    let words = (rows.start - start) / 64..(rows.end - start) / 64;
    let xs = rows.clone().flat_map(|row| x(row).unwrap_or(0).to_le_bytes());
    let ys = rows.clone().flat_map(|row| (row as f64).to_le_bytes());
    [
        words.flat_map(|word| bits(start + word * 64, start + word * 64 + 64).to_le_bytes()).collect(),
        xs.collect(),
        ys.collect(),
    ]
}

/// Validity of at most 64 rows.
fn bits(from: u64, to: u64) -> u64 {
    (from..to).map(|row| u64::from(x(row).is_some()) << (row - from)).sum()
}

fn nulls(rows: Range<u64>) -> u64 {
    rows.filter(|row| x(*row).is_none()).count() as u64
}

impl Feed {
    pub(super) fn new() -> Self {
        let scratch = Scratch::new();
        let location = Location::new(Some(scratch.path()), "s", Trust::default()).unwrap();
        let options = StoreOptions { capacity: 64 << 20, history: Some(8), ..StoreOptions::default() };
        let store = Store::create(&location, options).unwrap();
        let reader = scratch.reader().open("s").unwrap();
        let mut feed = Self { scratch, store, reader, rows: 0, chunk: (0, 0) };
        feed.put(Identity::New, 0);
        feed
    }

    /// Puts a frame whose first row has this number, without rows.
    pub(super) fn put(&mut self, identity: Identity, first: u64) {
        let message = shmframe_segment::to_message(&schema()).unwrap();
        let draft = FrameDraft {
            name: "frame",
            schema: shmframe_segment::Schema::Message(&message),
            rows: 0,
            identity,
            nodes: vec![node(0, 0, 1), node(0, 0, 0)],
            buffers: BUFFERS.map(|addressing| BufferDraft { length: 0, addressing, room: ROOM }).into(),
        };
        let mut transaction = self.store.begin().unwrap();
        transaction.put_frame(draft, |_| ()).unwrap();
        transaction.commit().unwrap();
        (self.rows, self.chunk) = (first, (first, first));
    }

    /// Appends rows to the last chunk.
    pub(super) fn append(&mut self, count: u64) {
        let added = self.rows..self.rows + count;
        self.grow(LastChunk::Grows, [0, 1, 2].map(Start::Stays), self.chunk, added);
    }

    /// Appends rows as another chunk, whose buffers go on in the runs; `y` elsewhere, if asked for.
    pub(super) fn append_chunk(&mut self, count: u64, y: Option<Start>) {
        let follows = |buffer| Start::Follows { buffer, shared: 0 };
        let starts = [follows(0), follows(1), y.unwrap_or(follows(2))];
        let added = self.rows..self.rows + count;
        self.grow(LastChunk::IsFollowed, starts, (self.rows, self.rows), added);
    }

    /// Drops rows of the last chunk from the front.
    pub(super) fn drop_front(&mut self, count: u64) {
        let chunk = (self.chunk.0, self.chunk.1 + count);
        self.grow(LastChunk::Grows, [0, 1, 2].map(Start::Stays), chunk, self.rows..self.rows);
    }

    fn grow(&mut self, chunk: LastChunk, starts: [Start; 3], from: (u64, u64), added: Range<u64>) {
        let (start, seen) = from;
        let bytes = bytes(start, &added);
        let end = added.end;
        let open_word = bits(start + (end - start) / 64 * 64, end);
        let buffer = |index: usize| BufferGrowth {
            start: starts[index],
            addressing: BUFFERS[index],
            added: bytes[index].len() as u64,
            open_word: if index == 0 { open_word } else { 0 },
        };
        let mut transaction = self.store.begin().unwrap();
        let frame = transaction.frame_records("frame").unwrap().unwrap();
        let draft = GrowthDraft {
            schema: shmframe_segment::Schema::Unchanged(frame.schema_reference()),
            frame,
            chunk,
            rows: end - seen,
            nodes: &[node(end - start, nulls(seen..end), 1), node(end - start, 0, 0)],
            buffers: &[0, 1, 2].map(buffer),
        };
        let fill = |places: Vec<&mut [u8]>| {
            places.into_iter().zip(&bytes).for_each(|(place, bytes)| place.copy_from_slice(bytes));
        };
        transaction.grow_frame(draft, fill).unwrap();
        transaction.commit().unwrap();
        (self.rows, self.chunk) = (end, from);
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.reader.snapshot().unwrap()
    }

    pub(super) fn frame(&self) -> Frame {
        self.snapshot().frame("frame").unwrap()
    }
}

/// Checks that batches are these rows, in place; open words are 8 bytes elsewhere.
pub(super) fn assert_rows(frame: &Frame, batches: &[RecordBatch], rows: Range<u64>) {
    let mut at = rows.start;
    for found in batches {
        let end = at + found.num_rows() as u64;
        assert_eq!(found, &batch(at..end), "rows {at} to {end}");
        for column in found.columns() {
            column.to_data().validate_full().unwrap();
            for_each_buffer(&column.to_data(), &mut |bytes| {
                let open_word = bytes.len() == 8;
                assert!(bytes.is_empty() || open_word || frame.contains_address(bytes.as_ptr()), "a copy");
            });
        }
        at = end;
    }
    assert_eq!(at, rows.end);
}
