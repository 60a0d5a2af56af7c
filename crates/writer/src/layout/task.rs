//! One piece of copying, and how many of them are shared out among threads.

use std::sync::{Mutex, PoisonError};
use std::thread;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::Buffer;

use super::bits::{BitWriter, Open};
use super::dictionary::{self, KeyMap};
use super::list_views;
use super::ranges::Places;
use super::source::{Offsets, Valid};
use super::strings;
use super::unions::{self, UnionPlan};
use super::views::{self, DataPlaces};
use shmframe_format::addressing::OffsetWidth;

/// Bytes to write, and how.
pub(super) struct Task<'a> {
    pub(super) destination: &'a mut [u8],
    pub(super) work: Work<'a>,
}

pub(super) enum Work<'a> {
    Bytes(&'a [u8]),
    Bits {
        pieces: &'a [ArrayRef],
        which: Bitmap,
        /// Bits in front of those of the rows.
        open: Open,
        skip: usize,
        rows: usize,
    },
    Offsets {
        offsets: Offsets<'a>,
        first: usize,
        base: usize,
    },
    Keys {
        keys: &'a [u8],
        width: usize,
        valid: Valid<'a>,
        map: KeyMap<'a>,
    },
    Compact(Compact<'a>),
    Rebase {
        views: &'a [u128],
        planned: &'a [u32],
        places: DataPlaces<'a>,
        valid: Valid<'a>,
    },
    /// Offsets if there are places, else sizes.
    ListViews {
        rows: list_views::Rows<'a>,
        places: Option<&'a Places>,
        width: OffsetWidth,
    },
    UnionOffsets {
        plan: &'a UnionPlan,
        piece: usize,
        rows: unions::Rows<'a>,
    },
}

/// Views to write together with their long values.
pub(super) struct Compact<'a> {
    pub(super) views: &'a [u128],
    pub(super) buffers: &'a [Buffer],
    pub(super) valid: Valid<'a>,
    /// Which data buffer the long values go to, and where in it they begin.
    pub(super) place: (usize, usize),
    pub(super) data: &'a mut [u8],
}

/// Which bits of an array.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bitmap {
    Validity,
    Values,
}

impl Task<'_> {
    /// How many bytes it writes.
    fn cost(&self) -> usize {
        let data = match &self.work {
            Work::Compact(compact) => compact.data.len(),
            Work::Bytes(_)
            | Work::Bits { .. }
            | Work::Offsets { .. }
            | Work::Keys { .. }
            | Work::Rebase { .. }
            | Work::ListViews { .. }
            | Work::UnionOffsets { .. } => 0,
        };
        self.destination.len() + data
    }

    pub(super) fn run(self) {
        let destination = self.destination;
        match self.work {
            Work::Bytes(source) => destination.copy_from_slice(source),
            Work::Bits { pieces, which, open, skip, rows } => {
                let mut writer = BitWriter::new(destination);
                writer.append_open(open);
                join_bits(pieces, which, skip, rows, writer);
            }
            Work::Offsets { offsets, first, base } => {
                strings::write_ends(offsets, first, base, destination);
            }
            Work::Keys { keys, width, valid, map } => {
                dictionary::write_keys(keys, width, valid, map, destination);
            }
            Work::Compact(Compact { views, buffers, valid, place, data }) => {
                views::compact(views, buffers, valid, place, destination, data);
            }
            Work::Rebase { views, planned, places, valid } => {
                views::rebase(views, (planned, places), valid, destination);
            }
            Work::ListViews { rows, places: Some(places), width } => {
                rows.write_offsets(places, width, destination);
            }
            Work::ListViews { rows, places: None, width } => rows.write_sizes(width, destination),
            Work::UnionOffsets { plan, piece, rows } => plan.write_offsets(piece, rows, destination),
        }
    }
}

/// The bits of `open`, and behind them those of `rows` rows behind the first `skip`; fewer than 64 together.
pub(crate) fn open_bits(pieces: &[ArrayRef], which: Bitmap, open: Open, skip: usize, rows: usize) -> u64 {
    let mut word = [0; 8];
    let mut writer = BitWriter::new(&mut word[..(open.count + rows).div_ceil(8)]);
    writer.append_open(open);
    join_bits(pieces, which, skip, rows, writer);
    u64::from_le_bytes(word)
}

/// Writes the bits of `rows` rows behind the first `skip`.
pub(super) fn join_bits(
    pieces: &[ArrayRef],
    which: Bitmap,
    mut skip: usize,
    mut rows: usize,
    mut writer: BitWriter<'_>,
) {
    for piece in pieces {
        if rows == 0 {
            break;
        }
        if skip >= piece.len() {
            skip -= piece.len();
            continue;
        }
        let count = rows.min(piece.len() - skip);
        let bits = match which {
            Bitmap::Validity => piece.nulls().map(arrow::buffer::NullBuffer::inner),
            Bitmap::Values => Some(piece.as_boolean().values()),
        };
        match bits {
            Some(bits) => writer.append(bits.values(), bits.offset() + skip, count),
            None => writer.append_set(count),
        }
        rows -= count;
        skip = 0;
    }
    writer.finish();
}

/// Runs all tasks on this thread and up to `threads - 1` others, at least `grain` bytes at a time.
pub(super) fn run_all(tasks: Vec<Task<'_>>, threads: usize, grain: usize) {
    let queue = Mutex::new(tasks.into_iter());
    let work = || {
        let mut share = Vec::new();
        loop {
            let mut cost = 0;
            {
                let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                while cost < grain {
                    let Some(task) = queue.next() else { break };
                    cost += task.cost();
                    share.push(task);
                }
            }
            if share.is_empty() {
                break;
            }
            share.drain(..).for_each(Task::run);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Without the thread, the others have more to do.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}
