//! The last chunk of a frame as it will be: its nodes, where its buffers stand, and how what is added to them is written.

use super::last::Last;
use super::room::{self, Claim};
use crate::layout::bits::Open;
use crate::layout::fill::{Filler, TASK_SIZE, fill};
use crate::layout::plan::{Plan, Rule};
use crate::layout::task::Bitmap;
use crate::layout::views::{DataPlace, DataPlaces};
use core::ops::Range;
use shmframe_format::addressing::{Addressing, OffsetWidth};
use shmframe_format::columns::Span;
use shmframe_format::table::NodeItem;
use shmframe_segment::{BufferGrowth, Start};

/// The last chunk, column by column as it is put together. It serves one append after the other: only its memory is kept.
#[derive(Default)]
pub(crate) struct ChunkDraft {
    pub(super) nodes: Vec<NodeItem>,
    pub(super) buffers: Vec<BufferGrowth>,
    /// What each buffer may come to need.
    claims: Vec<Claim>,
    /// For each buffer, the room of the run that it had before, if it had one.
    before: Vec<Option<u64>>,
    fillings: Vec<Filling>,
    /// Plans of other rows than those that are added.
    plans: Vec<Plan>,
}

/// A buffer, and what it may come to need.
pub(super) struct BufferPlan {
    pub(super) growth: BufferGrowth,
    pub(super) claim: Claim,
    /// The room of the run that it had before.
    pub(super) before: Option<u64>,
}

/// Which plan a node stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// That of the rows that are added.
    Rows,
    /// One of the chunk's own.
    Own(usize),
}

/// How the bytes of some buffers are written, from the arrays of a node.
struct Filling {
    whose: Whose,
    node: usize,
    how: How,
}

/// One buffer, unless it says more.
pub(super) enum How {
    /// There is nothing to write.
    Nothing,
    /// Whole words: those of `open`, and of so many rows.
    Bits(Bitmap, Open, usize),
    /// Values of so many bytes.
    Fixed(usize),
    /// Where rows end that begin at `base`; `Led` by that number itself.
    Offsets(OffsetWidth, usize, Lead),
    /// Bytes of strings.
    StringBytes,
    /// These.
    Bytes(Vec<u8>),
    /// Views, and behind them so many data buffers that get nothing, and so many that get the planned ones.
    Views { places: Vec<DataPlace>, untouched: usize, written: usize },
    /// All buffers of the whole nodes of a plan.
    Nodes(Range<usize>),
}

/// Whether offsets begin with the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// It stands there already.
    Stands,
    /// It is written.
    Written,
}

impl ChunkDraft {
    /// Begins a node; returns its number.
    pub(super) fn begin_node(&mut self, item: NodeItem) -> usize {
        self.nodes.push(NodeItem { buffers: self.buffers.len() as u32, ..item });
        self.nodes.len() - 1
    }

    /// Ends a node: it has all buffers that were added since it began.
    pub(super) fn end_node(&mut self, node: usize) {
        let item = &mut self.nodes[node];
        item.buffers = self.buffers.len() as u32 - item.buffers;
    }

    /// Adds a buffer that is written like this.
    pub(super) fn push(&mut self, plan: BufferPlan, (whose, node): (Whose, usize), how: How) {
        self.push_buffer(plan);
        self.fillings.push(Filling { whose, node, how });
    }

    /// Adds a buffer that is written with another one.
    pub(super) fn push_buffer(&mut self, BufferPlan { growth, claim, before }: BufferPlan) {
        self.buffers.push(growth);
        self.claims.push(claim);
        self.before.push(before);
    }

    /// Adds buffers that are written like this and do not grow: the trees of these nodes, as planned.
    pub(super) fn push_nodes(&mut self, plan: &Plan, whose: Whose, nodes: &Span) {
        self.nodes.extend(plan.nodes[nodes.nodes.clone()].iter().map(crate::layout::NodePlan::item));
        for &added in &plan.lengths[nodes.buffers.clone()] {
            let growth = BufferGrowth {
                start: Start::New { room: 0 },
                addressing: Addressing::Bytes,
                added,
                open_word: 0,
            };
            self.push_buffer(BufferPlan { growth, claim: Claim::default(), before: None });
        }
        let how = How::Nodes(nodes.nodes.clone());
        self.fillings.push(Filling { whose, node: nodes.nodes.start, how });
    }

    /// Adds the nodes of a plan of other rows, as [`ChunkDraft::push_nodes`].
    pub(super) fn push_own_nodes(&mut self, plan: Plan, nodes: &Span) {
        let whose = Whose::Own(self.plans.len());
        self.push_nodes(&plan, whose, nodes);
        self.plans.push(plan);
    }

    /// Adds a tree that stays as it stands.
    pub(super) fn push_standing(&mut self, last: &Last<'_>, tree: &Span) {
        self.nodes.extend_from_slice(last.nodes(tree.nodes.clone()));
        for index in tree.buffers.clone() {
            let (start, addressing) = (Start::Stays(index), Addressing::Bytes);
            let growth = BufferGrowth { start, addressing, added: 0, open_word: 0 };
            let plan = BufferPlan { growth, claim: Claim::default(), before: None };
            self.push(plan, (Whose::Rows, 0), How::Nothing);
        }
    }

    /// Adds a plan of other rows.
    pub(super) fn add_plan(&mut self, plan: Plan) -> Whose {
        self.plans.push(plan);
        Whose::Own(self.plans.len() - 1)
    }

    pub(super) fn plan_of<'p>(&'p self, rows: &'p Plan, whose: Whose) -> &'p Plan {
        match whose {
            Whose::Rows => rows,
            Whose::Own(index) => &self.plans[index],
        }
    }

    /// Where the draft stands, to go back to.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            nodes: self.nodes.len(),
            buffers: self.buffers.len(),
            fillings: self.fillings.len(),
            plans: self.plans.len(),
        }
    }

    /// Leaves out what was added since then.
    pub(super) fn go_back(&mut self, to: &Mark) {
        self.nodes.truncate(to.nodes);
        self.buffers.truncate(to.buffers);
        self.claims.truncate(to.buffers);
        self.before.truncate(to.buffers);
        self.fillings.truncate(to.fillings);
        self.plans.truncate(to.plans);
    }

    /// Gives buffers that stand elsewhere from now on their room, out of the frame's share.
    pub(super) fn give_room(&mut self, share: impl FnOnce() -> u64) {
        let is_new = |buffer: &BufferGrowth| matches!(buffer.start, Start::New { .. });
        let grows = |claim: &Claim| claim.bytes > 0;
        if !self.buffers.iter().zip(&self.claims).any(|(buffer, claim)| is_new(buffer) && grows(claim)) {
            return;
        }
        let share = share();
        let parts = room::share_out(share, &self.claims);
        let buffers = self.buffers.iter_mut().zip(&self.claims).zip(&self.before);
        for (((buffer, claim), before), part) in buffers.zip(parts) {
            if let Start::New { room } = &mut buffer.start
                && grows(claim)
            {
                *room = room::of_further_run(share, part, *before, (buffer.added, claim.limit));
            }
        }
    }

    /// Leaves out everything, and lets go of all arrays.
    pub(crate) fn clear(&mut self) {
        self.go_back(&Mark { nodes: 0, buffers: 0, fillings: 0, plans: 0 });
    }

    /// Writes what is added: one destination for each buffer.
    pub(super) fn fill(&self, rows: &Plan, destinations: Vec<&mut [u8]>, threads: usize) {
        let total = destinations.iter().map(|destination| destination.len()).sum();
        let mut destinations = destinations.into_iter();
        fill(total, threads, TASK_SIZE, |filler| {
            for filling in &self.fillings {
                let plan = match filling.whose {
                    Whose::Rows => rows,
                    Whose::Own(index) => &self.plans[index],
                };
                filling.fill(filler, plan, &mut || destinations.next().unwrap_or_default());
            }
        });
    }
}

/// Where a draft stood.
pub(super) struct Mark {
    nodes: usize,
    buffers: usize,
    fillings: usize,
    plans: usize,
}

impl Filling {
    fn fill<'a>(
        &'a self,
        filler: &mut Filler<'a, '_>,
        plan: &'a Plan,
        next: &mut impl FnMut() -> &'a mut [u8],
    ) {
        let pieces = plan.pieces_of(self.node);
        match &self.how {
            How::Nothing => skip(next, 1),
            How::Bits(which, open, rows) => filler.bits(pieces, *which, *open, *rows, next()),
            How::Fixed(width) => filler.fixed(pieces, *width, next()),
            How::Offsets(width, base, lead) => {
                let mut destination = next();
                if *lead == Lead::Written {
                    let (first, ends) = destination.split_at_mut(width.bytes());
                    first.copy_from_slice(&(*base as u64).to_le_bytes()[..width.bytes()]);
                    destination = ends;
                }
                filler.offsets(pieces, *width, *base, destination);
            }
            How::StringBytes => filler.string_bytes(pieces, next()),
            How::Bytes(bytes) => filler.bytes(bytes, next()),
            How::Views { places, untouched, written } => {
                let views = next();
                skip(next, *untouched);
                let mut data: Vec<_> = (0..*written).map(|_| next()).collect();
                let mut data = data.drain(..);
                if let Rule::Views(rule) = &plan.sources[self.node].rule {
                    let places = DataPlaces::At(places);
                    filler.views(pieces, rule, places, views, &mut || data.next().unwrap_or_default());
                }
            }
            How::Nodes(nodes) => filler.nodes(plan, nodes.clone(), next),
        }
    }
}

/// Passes over destinations that get nothing.
fn skip<'a>(next: &mut impl FnMut() -> &'a mut [u8], count: usize) {
    for _ in 0..count {
        next();
    }
}
