//! Snapshots that are held for a while, to see that no byte of them changes.

use crate::reading::counted;
use crate::reading::placement::Placement;
use anyhow::{Result, ensure};
use arrow::array::{Array as _, ArrayData, RecordBatch};
use arrow::buffer::NullBuffer;
use shmframe_reader::Snapshot;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher as _};

/// Of how many versions that are taken one is held.
const EVERY: u64 = 20;
/// How many are held at a time.
const AT_MOST: usize = 3;

/// Snapshots that are held; the oldest is checked and let go when there are too many.
#[derive(Default)]
pub struct Held {
    snapshots: VecDeque<HeldSnapshot>,
    offered: u64,
    /// How many snapshots were checked.
    pub checks: u64,
}

struct HeldSnapshot {
    snapshot: Snapshot,
    /// The arrays as they were handed out.
    batches: Vec<RecordBatch>,
    fingerprint: u64,
}

impl Held {
    /// Takes every now and then a snapshot to hold, the first one too.
    pub fn offer(&mut self, snapshot: &Snapshot, placement: &mut Placement) -> Result<()> {
        if self.offered.is_multiple_of(EVERY) {
            let batches = all_batches(snapshot, placement)?;
            let fingerprint = fingerprint(&batches);
            self.snapshots.push_back(HeldSnapshot { snapshot: snapshot.clone(), batches, fingerprint });
        }
        self.offered += 1;
        if self.snapshots.len() > AT_MOST { self.check_oldest(placement) } else { Ok(()) }
    }

    /// Checks all that are still held, and lets them go.
    pub fn close(&mut self, placement: &mut Placement) -> Result<()> {
        while !self.snapshots.is_empty() {
            self.check_oldest(placement)?;
        }
        Ok(())
    }

    fn check_oldest(&mut self, placement: &mut Placement) -> Result<()> {
        let Some(held) = self.snapshots.pop_front() else { return Ok(()) };
        let version = held.snapshot.version();
        let same = fingerprint(&held.batches) == held.fingerprint;
        ensure!(same, "bytes of version {version} changed while it was held");
        let again = all_batches(&held.snapshot, placement)?;
        ensure!(fingerprint(&again) == held.fingerprint, "version {version} reads differently than before");
        self.checks += 1;
        Ok(())
    }
}

fn all_batches(snapshot: &Snapshot, placement: &mut Placement) -> Result<Vec<RecordBatch>> {
    let mut all = Vec::new();
    for name in snapshot.frames()? {
        let frame = snapshot.frame(&name)?;
        all.extend(counted(&frame, frame.batches()?, placement));
    }
    Ok(all)
}

/// A hash of all bytes of all buffers.
fn fingerprint(batches: &[RecordBatch]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for column in batches.iter().flat_map(RecordBatch::columns) {
        hash(&column.to_data(), &mut hasher);
    }
    hasher.finish()
}

fn hash(array: &ArrayData, hasher: &mut DefaultHasher) {
    hasher.write_usize(array.len());
    let validity = array.nulls().map(NullBuffer::buffer);
    for buffer in array.buffers().iter().chain(validity) {
        hasher.write_usize(buffer.len());
        hasher.write(buffer.as_slice());
    }
    for child in array.child_data() {
        hash(child, hasher);
    }
}
