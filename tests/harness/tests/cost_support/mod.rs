//! What the tests of cost share: a segment, frames of any size, and the turn to count.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use shmframe::{Reader, Writer, arrow};
use shmframe_segment::steps::{self, Step};

/// Steps are counted for the process as a whole, so tests of one file that count take turns.
static TURN: Mutex<()> = Mutex::new(());

/// A segment of one test, removed at its end, also where the test fails.
pub struct Segment {
    pub name: String,
    pub writer: Option<Writer>,
    _turn: MutexGuard<'static, ()>,
}

impl Segment {
    pub fn create(test: &str) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("cost-{test}-{}", std::process::id());
        let writer = Some(Writer::create(&name).unwrap());
        Self { name, writer, _turn: turn }
    }

    pub fn writer(&mut self) -> &mut Writer {
        self.writer.as_mut().unwrap()
    }

    pub fn reader(&self) -> Reader {
        Reader::open(&self.name).unwrap()
    }

    /// Puts `batch` until reclaims and the pages of the heap have come to rest.
    pub fn settle(&mut self, frame: &str, batch: &RecordBatch) {
        for _ in 0..200 {
            self.writer().put(frame, batch).unwrap();
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            let _ = writer.remove_segment();
        }
    }
}

/// A frame of `columns` columns and about `bytes` bytes of values.
pub fn frame_of(bytes: usize, columns: usize) -> RecordBatch {
    let rows = bytes / columns / 8;
    let column = |number: usize| -> (String, ArrayRef) {
        let values = (0..rows).map(|row| (row + number + 1) as f64);
        (format!("c{number}"), Arc::new(Float64Array::from_iter_values(values)))
    };
    RecordBatch::try_from_iter((0..columns).map(column)).unwrap()
}

/// The system calls that `work` makes through the segment crate.
pub fn system_calls(work: impl FnOnce()) -> u64 {
    let before = steps::count(Step::SystemCall);
    work();
    steps::count(Step::SystemCall) - before
}
