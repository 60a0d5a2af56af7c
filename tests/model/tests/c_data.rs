//! The C Data Interface: an exported array keeps its version until its consumer releases it, and no longer.

use arrow::array::{Array, RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow::ffi::to_ffi;
use arrow::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};
use shmframe::Writer;
use shmframe_arbitrary::Kind;
use shmframe_model::{Files, Scratch, all_types, numbers};

struct Segment {
    writer: Writer,
    files: Files,
    scratch: Scratch,
}

impl Segment {
    fn new() -> Self {
        let scratch = Scratch::new();
        let mut writer = scratch.writer().create("c").unwrap();
        writer.put("frame", &table()).unwrap();
        Self { writer, files: scratch.files("c"), scratch }
    }

    /// The frame's batch, after everything that it was made with is gone.
    fn orphan(&self) -> RecordBatch {
        let reader = self.scratch.reader().open("c").unwrap();
        let snapshot = reader.snapshot().unwrap();
        let frame = snapshot.frame("frame").unwrap();
        frame.batches().unwrap().remove(0)
    }

    /// Version 2 is pinned, however much is written meanwhile.
    fn assert_pinned(&mut self) {
        for round in 0..70 {
            self.writer.put("frame", &numbers(round, 2000)).unwrap();
        }
        assert_eq!(self.files.pinned(), [2]);
    }

    fn assert_nothing_pinned(&mut self) {
        assert_eq!(self.files.pinned(), Vec::<u64>::new());
        assert!(self.files.slots().iter().all(|slot| !slot.claimed));
        self.writer.trim(0).unwrap();
        assert_eq!(self.writer.holders(), []);
    }
}

fn table() -> RecordBatch {
    all_types(Kind::ALL.iter().map(|kind| (format!("{kind:?}"), kind.example())))
}

#[test]
fn exported_array_keeps_its_version_until_it_is_released() {
    let kinds = table().num_columns();
    assert_eq!(kinds, Kind::ALL.len());
    for column in 0..kinds {
        let mut segment = Segment::new();
        let data = segment.orphan().column(column).to_data();
        if data.buffers().is_empty() && data.nulls().is_none() && data.child_data().is_empty() {
            // Null: there is nothing to keep.
            drop(data);
            segment.assert_nothing_pinned();
            continue;
        }
        let (array, schema) = to_ffi(&data).unwrap();
        drop(data);
        segment.assert_pinned();
        drop(schema);
        assert_eq!(segment.files.pinned(), [2], "column {column}");
        drop(array);
        segment.assert_nothing_pinned();
    }
}

#[test]
fn exported_stream_keeps_its_version_until_its_last_array_is_released() {
    let mut segment = Segment::new();
    let batch = segment.orphan();
    let schema = batch.schema();
    let batches = RecordBatchIterator::new([Ok(batch)], schema);
    let stream = FFI_ArrowArrayStream::new(Box::new(batches) as Box<dyn RecordBatchReader + Send>);
    segment.assert_pinned();
    let mut imported = ArrowArrayStreamReader::try_new(stream).unwrap();
    let batch = imported.next().unwrap().unwrap();
    assert!(imported.next().is_none());
    drop(imported);
    segment.assert_pinned();
    assert_eq!(batch, table());
    let last = batch.slice(3, 2).column_by_name("Utf8View").unwrap().clone();
    drop(batch);
    segment.assert_pinned();
    assert_eq!(last.to_data(), table().column_by_name("Utf8View").unwrap().slice(3, 2).to_data());
    drop(last);
    segment.assert_nothing_pinned();
}

#[test]
fn imported_arrays_lie_in_place() {
    let segment = Segment::new();
    let snapshot = segment.scratch.reader().open("c").unwrap().snapshot().unwrap();
    let frame = snapshot.frame("frame").unwrap();
    let batches = frame.batches().unwrap().into_iter().map(Ok);
    let batches = RecordBatchIterator::new(batches.collect::<Vec<_>>(), frame.schema());
    let stream = FFI_ArrowArrayStream::new(Box::new(batches) as Box<dyn RecordBatchReader + Send>);
    for batch in ArrowArrayStreamReader::try_new(stream).unwrap() {
        shmframe_model::assert_in_place(&frame, &batch.unwrap());
    }
}

#[test]
fn no_pin_is_left_when_the_last_array_is_gone() {
    let mut segment = Segment::new();
    let reader = segment.scratch.reader().open("c").unwrap();
    let mut arrays =
        reader.snapshot().unwrap().frame("frame").unwrap().batches().unwrap().remove(0).columns().to_vec();
    arrays.retain(|array| array.null_count() > 0);
    while let Some(array) = arrays.pop() {
        assert_eq!(segment.files.pinned(), [2], "with {} arrays", arrays.len() + 1);
        drop(array);
    }
    // The reader is still there, and holds nothing.
    assert_eq!(segment.files.pinned(), Vec::<u64>::new());
    let values = reader.snapshot().unwrap().frame("frame").unwrap().select(&["Int64"]).unwrap();
    assert_eq!(segment.files.pinned(), [2]);
    drop(values);
    drop(reader);
    segment.assert_nothing_pinned();
}
