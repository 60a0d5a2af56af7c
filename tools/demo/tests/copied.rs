//! The count of copied bytes: zero for arrays that the reader hands out, not zero for any that somebody copied.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../shared/placement.rs"]
mod placement;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, StructArray,
    UInt32Array,
};
use arrow::compute::take_record_batch;
use arrow::datatypes::Int32Type;
use placement::Placement;
use shmframe_reader::{Frame, Reader};
use shmframe_writer::Writer;
use std::sync::Arc;

/// Columns with validity, with offsets, and with children.
fn batch() -> RecordBatch {
    let numbers = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as ArrayRef;
    let flags = Arc::new(BooleanArray::from(vec![true, false, true])) as ArrayRef;
    let carriers: DictionaryArray<Int32Type> = ["UA", "EV", "UA"].into_iter().collect();
    let fields = StructArray::try_from(vec![("number", numbers.clone()), ("flag", flags)]).unwrap();
    RecordBatch::try_from_iter([
        ("number", numbers),
        ("name", Arc::new(StringArray::from(vec!["one", "two", "three"])) as ArrayRef),
        ("carrier", Arc::new(carriers)),
        ("struct", Arc::new(fields)),
        ("plain", Arc::new(Int32Array::from(vec![4, 5, 6]))),
    ])
    .unwrap()
}

fn with_frame(test: &str, check: impl FnOnce(&Frame, &[RecordBatch])) {
    let name = format!("test-demo-copied-{test}-{}", std::process::id());
    let mut writer = Writer::create(&name).unwrap();
    writer.put("frame", &batch()).unwrap();
    let frame = Reader::open(&name).unwrap().snapshot().unwrap().frame("frame").unwrap();
    // The snapshot outlives its segment, and a check that fails leaves nothing.
    writer.remove_segment().unwrap();
    check(&frame, &frame.batches().unwrap());
}

fn placement(frame: &Frame, batches: &[RecordBatch]) -> Placement {
    let mut placement = Placement::default();
    placement.add_batches(batches, |address| frame.contains_address(address));
    placement
}

#[test]
fn arrays_as_the_reader_hands_them_out_count_as_in_place() {
    with_frame("in-place", |frame, batches| {
        assert_eq!(batches, [batch()]);
        let Placement { in_place, copied } = placement(frame, batches);
        assert_eq!((in_place, copied), (frame.num_bytes(), 0));
        let slices: Vec<_> = batches.iter().map(|batch| batch.slice(1, 2)).collect();
        assert_eq!(placement(frame, &slices).copied, 0);
    });
}

#[test]
fn copied_batch_counts_every_byte() {
    with_frame("copy", |frame, batches| {
        let copy = take_record_batch(&batches[0], &UInt32Array::from(vec![0, 1, 2])).unwrap();
        assert_eq!(copy, batches[0]);
        let Placement { in_place, copied } = placement(frame, &[copy]);
        assert!(copied > 0);
        // The values of a dictionary are shared by what was taken from it.
        assert!(in_place < frame.num_bytes() / 2, "{in_place} of {} bytes in place", frame.num_bytes());
        assert_eq!(placement(frame, &[batch()]).in_place, 0);
    });
}

#[test]
fn one_copied_child_among_columns_in_place_is_found() {
    with_frame("child", |frame, batches| {
        let mut columns = batches[0].columns().to_vec();
        let fields = columns[3].to_data();
        let own = batch().column(3).to_data().child_data()[0].clone();
        let mut children = fields.child_data().to_vec();
        children[0] = own;
        columns[3] = arrow::array::make_array(fields.into_builder().child_data(children).build().unwrap());
        let mixed = RecordBatch::try_new(batches[0].schema(), columns).unwrap();
        assert_eq!(mixed, batches[0]);
        let Placement { in_place, copied } = placement(frame, &[mixed]);
        // Three numbers of eight bytes; which of them are null fits into a word, which might be an open one.
        assert_eq!(copied, 24);
        assert!(in_place > 0);
    });
}

#[test]
fn open_word_is_no_copy_but_a_longer_bitmap_is() {
    with_frame("words", |frame, _| {
        let batch = |rows: usize| {
            let flags = (0..rows).map(|row| (row % 3 > 0).then_some(row % 2 == 0));
            let flags: BooleanArray = flags.collect();
            RecordBatch::try_from_iter([("flag", Arc::new(flags) as ArrayRef)]).unwrap()
        };
        assert_eq!(placement(frame, &[batch(64)]), Placement::default());
        assert_eq!(placement(frame, &[batch(72)]).copied, 18);
    });
}
