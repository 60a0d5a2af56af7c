//! A version that somebody holds, and the copy made when it was taken.

use arrow::array::RecordBatch;
use shmframe::Snapshot;
use shmframe_model::{Copied, assert_arrived, assert_in_place};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The frames of a version, as they were sent.
pub type Frames = BTreeMap<String, Rc<Vec<RecordBatch>>>;

pub struct Held {
    pub version: u64,
    snapshot: Option<Snapshot>,
    sent: Frames,
    /// Arrays that lie in the segment, and private copies of their bytes.
    arrays: Vec<(RecordBatch, Copied)>,
}

impl Held {
    pub fn take(snapshot: Snapshot, sent: Frames) -> Self {
        let mut arrays = Vec::new();
        for (name, sent) in &sent {
            let frame = snapshot.frame(name).unwrap();
            assert_arrived(sent, &frame);
            arrays.extend(frame.batches().unwrap().into_iter().map(copied));
        }
        Self { version: snapshot.version(), snapshot: Some(snapshot), sent, arrays }
    }

    /// Everything is as it was when this was taken (I1).
    pub fn check(&self) {
        for (array, copy) in &self.arrays {
            assert!(Copied::of(array) == *copy, "version {}: bytes of an array changed", self.version);
        }
        let Some(snapshot) = &self.snapshot else { return };
        assert_eq!(snapshot.version(), self.version);
        assert_eq!(snapshot.num_frames(), self.sent.len() as u64);
        let names: Vec<&String> = self.sent.keys().collect();
        assert!(snapshot.frames().unwrap().iter().eq(names), "version {}: other frames", self.version);
        for ((name, _), (array, _)) in self.sent.iter().zip(&self.arrays) {
            let frame = snapshot.frame(name).unwrap();
            assert_eq!(frame.batches().unwrap(), std::slice::from_ref(array));
            assert_in_place(&frame, array);
        }
        assert!(snapshot.find("no such frame").unwrap().is_none());
    }

    pub fn keep_arrays(&mut self) {
        self.snapshot = None;
    }

    /// Keeps a slice of every second column, and a clone of that. Returns whether anything that holds is left.
    pub fn keep_slices(&mut self) -> bool {
        self.check();
        self.snapshot = None;
        let kept = self.arrays.iter().filter(|(array, _)| array.num_columns() > 0).map(|(array, _)| {
            let columns: Vec<usize> = (0..array.num_columns()).step_by(2).collect();
            let rows = array.num_rows();
            array.project(&columns).unwrap().slice(rows / 3, rows - rows / 3)
        });
        self.arrays = kept.flat_map(|array| [array.clone(), array]).map(copied).collect();
        self.holds()
    }

    /// Whether anything of this holds the version: an array without buffers does not.
    pub fn holds(&self) -> bool {
        let mut buffers = 0;
        for (array, _) in &self.arrays {
            for column in array.columns() {
                shmframe_model::for_each_buffer(&column.to_data(), &mut |_| buffers += 1);
            }
        }
        self.snapshot.is_some() || buffers > 0
    }
}

fn copied(array: RecordBatch) -> (RecordBatch, Copied) {
    let copy = Copied::of(&array);
    (array, copy)
}
