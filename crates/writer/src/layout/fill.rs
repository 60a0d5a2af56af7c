//! From a plan and its destinations to the tasks that write them.

use std::mem::take;
use std::ops::Range;

use arrow::array::{Array, ArrayRef};

use super::bits::Open;
use super::dictionary::{KeyMap, KeyPlan};
use super::list_views::Rows;
use super::plan::{Plan, Rule};
use super::ranges::Places;
use super::source::{self, Valid};
use super::task::{Bitmap, Compact, Task, Work, run_all};
use super::unions::{self, UnionPlan};
use super::views::{Block, DataPlace, DataPlaces, Kept, VIEW_SIZE, ViewPlan};
use shmframe_format::addressing::OffsetWidth;

/// The most bytes that one task copies (views: see `Limits`).
pub(crate) const TASK_SIZE: usize = 4 << 20;

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
        let total = destinations.iter().map(|destination| destination.len()).sum();
        let mut destinations = destinations.into_iter();
        fill(total, threads, size, |filler| {
            filler.nodes(self, 0..self.nodes.len(), &mut || destinations.next().unwrap_or_default());
        });
    }
}

/// Makes tasks of at most `size` bytes, `total` in all, and runs them on up to `threads` threads.
pub(crate) fn fill<'a>(total: usize, threads: usize, size: usize, make: impl FnOnce(&mut Filler<'a, '_>)) {
    let threads = threads.min(total / size);
    if threads <= 1 {
        return make(&mut Filler { size, emit: &mut |task: Task<'a>| task.run() });
    }
    let mut tasks = Vec::new();
    make(&mut Filler { size, emit: &mut |task| tasks.push(task) });
    run_all(tasks, threads, size);
}

/// Makes tasks and hands them to `emit`.
pub(crate) struct Filler<'a, 'e> {
    size: usize,
    emit: &'e mut dyn FnMut(Task<'a>),
}

impl<'a> Filler<'a, '_> {
    /// Whole nodes of a plan: each of their buffers goes to the next destination.
    pub(crate) fn nodes(
        &mut self,
        plan: &'a Plan,
        nodes: Range<usize>,
        next: &mut impl FnMut() -> &'a mut [u8],
    ) {
        for index in nodes {
            let (node, rule) = (&plan.nodes[index], &plan.sources[index].rule);
            let pieces = plan.pieces_of(index);
            let rows = node.length as usize;
            if node.has_validity {
                self.bits(pieces, Bitmap::Validity, Open::default(), rows, next());
            }
            match rule {
                Rule::NoBuffers => {}
                Rule::Bits => self.bits(pieces, Bitmap::Values, Open::default(), rows, next()),
                Rule::Fixed(width) => self.fixed(pieces, *width, next()),
                Rule::Strings(width) => {
                    self.offsets_from_zero(pieces, *width, next());
                    self.string_bytes(pieces, next());
                }
                Rule::Lists(width) => self.offsets_from_zero(pieces, *width, next()),
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
                Rule::Views(views) => {
                    let destination = next();
                    self.views(pieces, views, DataPlaces::AsPlanned, destination, next);
                }
            }
        }
    }

    pub(crate) fn fixed(&mut self, pieces: &'a [ArrayRef], width: usize, destination: &'a mut [u8]) {
        self.joined(pieces.iter().map(|piece| source::fixed(piece, width)), destination);
    }

    pub(crate) fn string_bytes(&mut self, pieces: &'a [ArrayRef], destination: &'a mut [u8]) {
        self.joined(pieces.iter().map(|piece| source::bytes(piece)), destination);
    }

    fn emit(&mut self, destination: &'a mut [u8], work: Work<'a>) {
        (self.emit)(Task { destination, work });
    }

    pub(crate) fn bytes(&mut self, source: &'a [u8], destination: &'a mut [u8]) {
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

    /// The bits of `open`, and behind them those of the first `rows` rows.
    pub(crate) fn bits(
        &mut self,
        pieces: &'a [ArrayRef],
        which: Bitmap,
        mut open: Open,
        rows: usize,
        mut destination: &'a mut [u8],
    ) {
        let (mut skip, mut left) = (0, rows);
        while left > 0 {
            // Tasks meet between bytes, so that no two of them write the same one.
            let rows = left.min(self.size.div_ceil(8) * 64 - open.count);
            let window = cut(&mut destination, (open.count + rows).div_ceil(8));
            self.emit(window, Work::Bits { pieces, which, open: take(&mut open), skip, rows });
            left -= rows;
            skip += rows;
        }
    }

    fn offsets_from_zero(
        &mut self,
        pieces: &'a [ArrayRef],
        width: OffsetWidth,
        mut destination: &'a mut [u8],
    ) {
        cut(&mut destination, width.bytes()).fill(0);
        self.offsets(pieces, width, 0, destination);
    }

    /// Where the rows of the pieces end, if they begin at `base`.
    pub(crate) fn offsets(
        &mut self,
        pieces: &'a [ArrayRef],
        width: OffsetWidth,
        mut base: usize,
        mut destination: &'a mut [u8],
    ) {
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

    /// Views, whose planned data buffers go to `places`; their bytes go to the next destinations, one for each data buffer
    /// that gets some.
    pub(crate) fn views(
        &mut self,
        pieces: &'a [ArrayRef],
        plan: &'a ViewPlan,
        places: DataPlaces<'a>,
        destination: &'a mut [u8],
        next: &mut impl FnMut() -> &'a mut [u8],
    ) {
        let mut data = Data { next, buffer: None, rest: &mut [] };
        match plan {
            ViewPlan::Compacted(blocks) => self.compacted(pieces, blocks, places, destination, &mut data),
            ViewPlan::Kept(kept) => {
                self.rebased(pieces, kept, places, destination);
                for (planned, buffer) in kept.buffers.iter().enumerate() {
                    let here = data.cut(places.of(planned).buffer, buffer.len());
                    self.bytes(buffer.as_slice(), here);
                }
            }
        }
    }

    fn compacted<N: FnMut() -> &'a mut [u8]>(
        &mut self,
        pieces: &'a [ArrayRef],
        blocks: &[Block],
        places: DataPlaces<'a>,
        mut destination: &'a mut [u8],
        data: &mut Data<'a, '_, N>,
    ) {
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
            let (mut place, mut bytes): (_, &mut [u8]) = ((0, 0), &mut []);
            if block.length > 0 {
                let DataPlace { buffer, offset } = places.of(block.buffer);
                place = (buffer, offset + block.offset);
                bytes = data.cut(buffer, block.length);
            }
            let views = &views[block.first..][..block.rows];
            self.emit(here, Work::Compact(Compact { views, buffers, valid, place, data: bytes }));
        }
    }

    fn rebased(
        &mut self,
        pieces: &'a [ArrayRef],
        kept: &'a Kept,
        places: DataPlaces<'a>,
        mut destination: &'a mut [u8],
    ) {
        let mut planned = kept.places.as_slice();
        for piece in pieces {
            let (views, buffers) = source::views(piece);
            let (mine, rest) = planned.split_at(buffers.len());
            planned = rest;
            for (first, rows) in self.ranges(piece.len(), VIEW_SIZE) {
                let views = &views[first..][..rows];
                let valid = Valid::of(piece, first);
                let here = cut(&mut destination, rows * VIEW_SIZE);
                self.emit(here, Work::Rebase { views, planned: mine, places, valid });
            }
        }
    }

    /// Cuts rows of so many bytes into ranges, each its first row and its length, that one task can take.
    fn ranges(&self, rows: usize, width: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let step = (self.size / width).max(1);
        (0..rows).step_by(step).map(move |first| (first, step.min(rows - first)))
    }
}

/// The destinations of data buffers, one after the other.
struct Data<'a, 'n, N> {
    next: &'n mut N,
    /// The buffer whose destination is being used up.
    buffer: Option<usize>,
    rest: &'a mut [u8],
}

impl<'a, N: FnMut() -> &'a mut [u8]> Data<'a, '_, N> {
    fn cut(&mut self, buffer: usize, bytes: usize) -> &'a mut [u8] {
        if self.buffer.replace(buffer) != Some(buffer) {
            self.rest = (self.next)();
        }
        cut(&mut self.rest, bytes)
    }
}

fn cut<'a>(rest: &mut &'a mut [u8], bytes: usize) -> &'a mut [u8] {
    let (here, behind) = take(rest).split_at_mut(bytes);
    *rest = behind;
    here
}
