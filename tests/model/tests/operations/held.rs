//! A version that somebody holds, and the copy made when it was taken.

use super::met::Met;
use super::rows::Rows;
use arrow::array::RecordBatch;
use shmframe::{Frame, Snapshot};
use shmframe_model::{Copied, assert_batches_in_place, assert_grown, for_each_buffer};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

/// The frames of a version, as they were sent.
pub type Frames = BTreeMap<String, Rc<Rows>>;

pub struct Held {
    pub version: u64,
    snapshot: Option<Snapshot>,
    pub sent: Frames,
    /// How many of the arrays are of each frame.
    batches: Vec<usize>,
    /// Arrays that lie in the segment, and private copies of their bytes.
    arrays: Vec<(RecordBatch, Copied)>,
    /// The bytes of the arrays lie in here, in one mapping; those that do not are copies, of bitmaps.
    places: Option<Range<*const u8>>,
}

impl Held {
    pub fn take(snapshot: Snapshot, sent: Frames, met: &mut Met) -> Self {
        let (mut batches, mut arrays, mut places) = (Vec::new(), Vec::new(), None);
        for (name, rows) in &sent {
            let frame = snapshot.frame(name).unwrap();
            assert_eq!(Some(frame.first_position().row()), rows.first());
            let received = assert_grown(rows.batches(), &frame);
            met.frame(rows, &frame, &received);
            batches.push(received.len());
            received.iter().for_each(|batch| add_places(&frame, batch, &mut places));
            arrays.extend(received.into_iter().map(copied));
        }
        Self { version: snapshot.version(), snapshot: Some(snapshot), sent, batches, arrays, places }
    }

    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    /// Everything is as it was when this was taken (I1).
    pub fn check(&self) {
        for (array, copy) in &self.arrays {
            assert!(copy.is_of(array), "version {}: bytes of an array changed", self.version);
        }
        let Some(snapshot) = &self.snapshot else { return };
        assert_eq!(snapshot.version(), self.version);
        assert_eq!(snapshot.num_frames(), self.sent.len() as u64);
        let names: Vec<&String> = self.sent.keys().collect();
        assert!(snapshot.frames().unwrap().iter().eq(names), "version {}: other frames", self.version);
        let mut arrays = self.arrays.iter();
        for (name, count) in self.sent.keys().zip(&self.batches) {
            let frame = snapshot.frame(name).unwrap();
            let batches = frame.batches().unwrap();
            assert!(batches.iter().eq(arrays.by_ref().take(*count).map(|(array, _)| array)));
            assert_batches_in_place(&frame, &batches);
        }
        assert!(snapshot.find("no such frame").unwrap().is_none());
    }

    pub fn keep_arrays(&mut self) {
        self.snapshot = None;
    }

    /// Keeps a slice of every second column, and a clone of that.
    pub fn keep_slices(&mut self) {
        self.check();
        self.snapshot = None;
        let kept = self.arrays.iter().filter(|(array, _)| array.num_columns() > 0).map(|(array, _)| {
            let columns: Vec<usize> = (0..array.num_columns()).step_by(2).collect();
            let rows = array.num_rows();
            array.project(&columns).unwrap().slice(rows / 3, rows - rows / 3)
        });
        self.arrays = kept.flat_map(|array| [array.clone(), array]).map(copied).collect();
    }

    /// Whether anything of this holds the version; none if that cannot be told: only buffers without bytes are left.
    pub fn holds(&self) -> Option<bool> {
        let (mut buffers, mut inside) = (0, self.snapshot.is_some());
        for (array, _) in &self.arrays {
            for column in array.columns() {
                for_each_buffer(&column.to_data(), &mut |bytes| {
                    buffers += 1;
                    inside |= self.places.as_ref().is_some_and(|places| places.contains(&bytes.as_ptr()));
                });
            }
        }
        if inside || buffers == 0 { Some(inside) } else { None }
    }
}

fn copied(array: RecordBatch) -> (RecordBatch, Copied) {
    let copy = Copied::of(&array);
    (array, copy)
}

fn add_places(frame: &Frame, batch: &RecordBatch, places: &mut Option<Range<*const u8>>) {
    for column in batch.columns() {
        for_each_buffer(&column.to_data(), &mut |bytes| {
            if frame.contains_address(bytes.as_ptr()) && !bytes.is_empty() {
                let bytes = bytes.as_ptr_range();
                let places = places.get_or_insert_with(|| bytes.clone());
                *places = places.start.min(bytes.start)..places.end.max(bytes.end);
            }
        });
    }
}
