//! From a plan and its destinations to the tasks that write them.

use std::mem::take;

use arrow::array::{Array, ArrayRef};

use super::dictionary::{KeyMap, KeyPlan};
use super::list_views::Rows;
use super::plan::{Plan, Rule};
use super::ranges::Places;
use super::source::{self, Valid};
use super::task::{Bitmap, Compact, Task, Work, run_all};
use super::unions::{self, UnionPlan};
use super::views::{Block, Kept, VIEW_SIZE, ViewPlan};
use shmframe_format::addressing::OffsetWidth;

/// The most bytes that one task copies (views: see `Limits`).
const TASK_SIZE: usize = 4 << 20;

impl Plan {
    /// Writes every byte of every buffer, and each once, whatever stood there.
    ///
    /// `destinations` are one slice for each buffer, each of the length that the plan says. Up to `threads` threads
    /// share the work, this one among them; fewer if there is little of it.
    ///
    /// # Panics
    ///
    /// If the destinations are not as many, or not as long, as the plan says.
    pub(crate) fn fill(&self, destinations: Vec<&mut [u8]>, threads: usize) {
        self.fill_in(destinations, threads, TASK_SIZE);
    }

    /// [`Plan::fill`] with tasks of at most `size` bytes.
    pub(super) fn fill_in(&self, destinations: Vec<&mut [u8]>, threads: usize, size: usize) {
        assert!(
            destinations.iter().map(|destination| destination.len() as u64).eq(self.buffer_lengths()),
            "one destination for each buffer, of its length"
        );
        let total: usize = destinations.iter().map(|destination| destination.len()).sum();
        let threads = threads.min(total / size);
        let mut tasks = Vec::new();
        if threads <= 1 {
            Filler { size, emit: Task::run }.plan(self, destinations);
        } else {
            Filler { size, emit: |task| tasks.push(task) }.plan(self, destinations);
            run_all(tasks, threads, size);
        }
    }
}

/// Makes tasks and hands them to `emit`.
struct Filler<E> {
    size: usize,
    emit: E,
}

impl<'a, E: FnMut(Task<'a>)> Filler<E> {
    fn plan(&mut self, plan: &'a Plan, destinations: Vec<&'a mut [u8]>) {
        let mut destinations = destinations.into_iter();
        let mut next = || destinations.next().unwrap_or_default();
        for (node, source) in plan.nodes.iter().zip(&plan.sources) {
            let pieces = &plan.pieces[source.pieces.clone()];
            let rows = node.length as usize;
            if node.has_validity {
                self.bits(pieces, Bitmap::Validity, rows, next());
            }
            match &source.rule {
                Rule::NoBuffers => {}
                Rule::Bits => self.bits(pieces, Bitmap::Values, rows, next()),
                Rule::Fixed(width) => {
                    self.joined(pieces.iter().map(|piece| source::fixed(piece, *width)), next());
                }
                Rule::Strings(width) => {
                    self.offsets(pieces, *width, next());
                    self.joined(pieces.iter().map(|piece| source::bytes(piece)), next());
                }
                Rule::Lists(width) => self.offsets(pieces, *width, next()),
                Rule::ListViews(width, places) => {
                    self.list_views(pieces, *width, Some(places), next());
                    self.list_views(pieces, *width, None, next());
                }
                Rule::SparseUnion => self.joined(pieces.iter().map(source::type_ids), next()),
                Rule::DenseUnion(plan) => {
                    self.joined(pieces.iter().map(source::type_ids), next());
                    self.union_offsets(pieces, plan, next());
                }
                Rule::Keys(width, keys) => self.keys(pieces, *width, keys, next()),
                Rule::Views(ViewPlan::Compacted(blocks)) => {
                    let views = next();
                    self.compacted(pieces, blocks, views, &mut next);
                }
                Rule::Views(ViewPlan::Kept(kept)) => {
                    self.rebased(pieces, kept, next());
                    for buffer in &kept.buffers {
                        self.bytes(buffer.as_slice(), next());
                    }
                }
            }
        }
    }

    fn emit(&mut self, destination: &'a mut [u8], work: Work<'a>) {
        (self.emit)(Task { destination, work });
    }

    fn bytes(&mut self, source: &'a [u8], destination: &'a mut [u8]) {
        for (source, destination) in source.chunks(self.size).zip(destination.chunks_mut(self.size)) {
            self.emit(destination, Work::Bytes(source));
        }
    }

    /// Sources behind each other.
    fn joined(&mut self, sources: impl Iterator<Item = &'a [u8]>, mut destination: &'a mut [u8]) {
        for source in sources {
            self.bytes(source, cut(&mut destination, source.len()));
        }
    }

    fn bits(&mut self, pieces: &'a [ArrayRef], which: Bitmap, rows: usize, mut destination: &'a mut [u8]) {
        let (mut first, mut skip, mut left) = (0, 0, rows);
        while left > 0 {
            // Tasks meet between bytes, so that no two of them write the same one.
            let rows = left.min(self.size * 8);
            let window = cut(&mut destination, rows.div_ceil(8));
            self.emit(window, Work::Bits { pieces: &pieces[first..], which, skip, rows });
            left -= rows;
            skip += rows;
            while left > 0 && skip >= pieces[first].len() {
                skip -= pieces[first].len();
                first += 1;
            }
        }
    }

    fn offsets(&mut self, pieces: &'a [ArrayRef], width: OffsetWidth, mut destination: &'a mut [u8]) {
        cut(&mut destination, width.bytes()).fill(0);
        let mut base = 0;
        for piece in pieces {
            let offsets = source::offsets(piece);
            for (first, rows) in self.ranges(piece.len(), width.bytes()) {
                let ends = cut(&mut destination, rows * width.bytes());
                self.emit(ends, Work::Offsets { offsets, first, base });
            }
            base += offsets.span(piece.len()).len();
        }
    }

    /// Offsets if there are places, else sizes.
    fn list_views(
        &mut self,
        pieces: &'a [ArrayRef],
        width: OffsetWidth,
        places: Option<&'a [Places]>,
        mut destination: &'a mut [u8],
    ) {
        for (number, piece) in pieces.iter().enumerate() {
            let (offsets, sizes) = source::list_views(piece);
            let places = places.map(|places| &places[number]);
            for (first, rows) in self.ranges(piece.len(), width.bytes()) {
                let valid = Valid::of(piece, first);
                let here = cut(&mut destination, rows * width.bytes());
                let views = Rows { offsets, sizes, valid, first };
                self.emit(here, Work::ListViews { rows: views, places, width });
            }
        }
    }

    fn union_offsets(&mut self, pieces: &'a [ArrayRef], plan: &'a UnionPlan, mut destination: &'a mut [u8]) {
        for (number, piece) in pieces.iter().enumerate() {
            let rows = unions::rows(piece);
            for (first, count) in self.ranges(piece.len(), unions::OFFSET_SIZE) {
                let here = cut(&mut destination, count * unions::OFFSET_SIZE);
                self.emit(here, Work::UnionOffsets { plan, piece: number, rows: rows.part(first, count) });
            }
        }
    }

    fn keys(
        &mut self,
        pieces: &'a [ArrayRef],
        width: usize,
        plan: &'a KeyPlan,
        mut destination: &'a mut [u8],
    ) {
        for (number, piece) in pieces.iter().enumerate() {
            let keys = source::keys(piece, width);
            let map = plan.of_piece(number);
            if matches!(map, KeyMap::Shift(0)) && piece.null_count() == 0 {
                self.bytes(keys, cut(&mut destination, keys.len()));
                continue;
            }
            for (first, rows) in self.ranges(piece.len(), width) {
                let keys = &keys[first * width..][..rows * width];
                let valid = Valid::of(piece, first);
                self.emit(cut(&mut destination, keys.len()), Work::Keys { keys, width, valid, map });
            }
        }
    }

    fn compacted(
        &mut self,
        pieces: &'a [ArrayRef],
        blocks: &[Block],
        mut destination: &'a mut [u8],
        next: &mut impl FnMut() -> &'a mut [u8],
    ) {
        let mut data: &mut [u8] = &mut [];
        for block in blocks {
            let (views, buffers) = source::views(&pieces[block.piece]);
            let valid = Valid::of(&pieces[block.piece], block.first);
            let here = cut(&mut destination, block.rows * VIEW_SIZE);
            if block.length == 0 && valid.all() {
                let bytes = views.inner().as_slice();
                let bytes = &bytes[block.first * VIEW_SIZE..][..here.len()];
                self.emit(here, Work::Bytes(bytes));
                continue;
            }
            if block.length > 0 && block.offset == 0 {
                data = next();
            }
            self.emit(
                here,
                Work::Compact(Compact {
                    views: &views[block.first..][..block.rows],
                    buffers,
                    valid,
                    place: (block.buffer, block.offset),
                    data: cut(&mut data, block.length),
                }),
            );
        }
    }

    fn rebased(&mut self, pieces: &'a [ArrayRef], kept: &'a Kept, mut destination: &'a mut [u8]) {
        let mut places = kept.places.as_slice();
        for piece in pieces {
            let (views, buffers) = source::views(piece);
            let (here, rest) = places.split_at(buffers.len());
            places = rest;
            for (first, rows) in self.ranges(piece.len(), VIEW_SIZE) {
                let views = &views[first..][..rows];
                let valid = Valid::of(piece, first);
                self.emit(
                    cut(&mut destination, rows * VIEW_SIZE),
                    Work::Rebase { views, places: here, valid },
                );
            }
        }
    }

    /// Cuts rows of so many bytes into ranges, each its first row and its length, that one task can take.
    fn ranges(&self, rows: usize, width: usize) -> impl Iterator<Item = (usize, usize)> + use<'a, E> {
        let step = (self.size / width).max(1);
        (0..rows).step_by(step).map(move |first| (first, step.min(rows - first)))
    }
}

fn cut<'a>(rest: &mut &'a mut [u8], bytes: usize) -> &'a mut [u8] {
    let (here, behind) = take(rest).split_at_mut(bytes);
    *rest = behind;
    here
}
