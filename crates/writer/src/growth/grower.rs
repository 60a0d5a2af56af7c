//! Columns that grow in place, node by node: what becomes of each of their buffers.

use super::chunk::{BufferPlan, ChunkDraft, How, Whose};
use super::known_values::Learned;
use super::last::{Last, Standing, StandingNode};
use super::room::{Claim, Content};
use crate::layout::bits::Open;
use crate::layout::kind::Kind;
use crate::layout::plan::{NodePlan, Plan};
use crate::layout::planner::Limits;
use crate::layout::task::{Bitmap, open_bits};
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field};
use shmframe_format::Error;
use shmframe_format::addressing::{Addressing, WORD_ROWS};
use shmframe_format::columns::Span;
use shmframe_format::table::NodeItem;
use shmframe_segment::{BufferGrowth, Start};

/// What becomes of the last chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It has more rows.
    Extends,
    /// Another one begins, with these bitmaps.
    Begins(Validity, Data),
}

/// What becomes of bytes of strings and of long views in a new chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// They go on in their buffers, as long as those have room.
    GoesOn,
    /// Other buffers begin: those of the chunks before come free with them, when their rows are dropped.
    BeginsAnew,
}

/// Which nodes of columns that grow in place have validity bitmaps in a new chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Nowhere,
    /// All that may have nulls: else each column's first null would begin a chunk.
    Everywhere,
}

/// Why a chunk does not come to be.
pub(super) enum Stop {
    /// The last chunk cannot have these rows, another one must begin.
    NewChunk,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

pub(super) type Attempt<T> = Result<T, Stop>;

/// Reads what stands in the frame.
pub(super) trait ReadBack {
    /// The rows of a tree of the last chunk, nodes and buffers counted from those of the chunk.
    fn tree(&self, tree: &Span, data_type: &DataType) -> shmframe_format::Result<ArrayRef>;
}

/// Puts the last chunk together.
pub(super) struct Grower<'g, 'v> {
    pub(super) way: Way,
    pub(super) last: Option<&'g Last<'g>>,
    /// The rows that are added, as they would be put.
    pub(super) plan: &'g Plan,
    pub(super) limits: &'g Limits,
    pub(super) back: &'g dyn ReadBack,
    pub(super) values: Learned<'v>,
    pub(super) draft: &'g mut ChunkDraft,
}

/// A node and what it stands in.
#[derive(Clone, Copy)]
struct Shape<'t> {
    data_type: &'t DataType,
    /// Whether it may have nulls, those of its parents included.
    nullable: bool,
    /// How many values each row of the column has here.
    values: u32,
    /// Whether it stands in a list of a fixed size.
    in_list: bool,
}

/// Where the walk over a column is, in the plan and in what stands there.
pub(super) struct Cursor {
    node: usize,
    /// Its next node, and the first buffer of that.
    standing: Option<(usize, usize)>,
    /// Rows of the column that stand there.
    rows: u64,
}

/// A node's own buffers, to be continued.
#[derive(Clone, Copy)]
pub(super) struct Own<'o> {
    pub(super) way: Way,
    pub(super) whose: Whose,
    /// Its number in its plan.
    pub(super) node: usize,
    /// The node that it goes on from.
    pub(super) standing: Option<&'o StandingNode>,
    /// Rows of the column that stand there, if rows can be told apart, and the values of each; none in a dictionary.
    pub(super) rows: Option<(u64, u32)>,
}

impl Own<'_> {
    /// Whether bytes of which rows cannot be cut begin anew; values of a dictionary never do.
    pub(super) fn begins_anew(&self) -> bool {
        matches!(self.way, Way::Begins(_, Data::BeginsAnew)) && self.rows.is_some()
    }
}

impl Grower<'_, '_> {
    /// A column that grows in place; `standing` is what stands there, in place.
    pub(super) fn column(&mut self, field: &Field, node: usize, standing: Option<&Span>) -> Attempt<()> {
        let rows = standing.zip(self.last).and_then(|(span, last)| last.nodes(span.nodes.clone()).first());
        let mut cursor = Cursor {
            node,
            standing: standing.map(|span| (span.nodes.start, span.buffers.start)),
            rows: rows.map_or(0, |root| root.length),
        };
        let (data_type, nullable) = (field.data_type(), field.is_nullable());
        self.node(Shape { data_type, nullable, values: 1, in_list: false }, &mut cursor)
    }

    fn node(&mut self, shape: Shape<'_>, cursor: &mut Cursor) -> Attempt<()> {
        let plan = self.plan;
        let node = cursor.node;
        let planned = &plan.nodes[node];
        let standing = cursor.next(self.last);
        let own = Own {
            way: self.way,
            whose: Whose::Rows,
            node,
            standing: standing.as_ref(),
            rows: Some((cursor.rows, shape.values)),
        };
        let item = self.draft.begin_node(self.item(planned, standing.as_ref()));
        self.validity(shape, planned, own, item)?;
        let Some(kind) = Kind::of(shape.data_type) else { return Err(Stop::NewChunk) };
        match kind {
            Kind::Bits => self.bitmap(own, Bitmap::Values)?,
            Kind::Fixed(width) => self.fixed(own, width)?,
            Kind::Strings(width) => self.strings(own, width)?,
            Kind::Views => self.views(own)?,
            Kind::Keys { width, keys, values } => {
                return self.dictionary(own, (width, keys, values), item, cursor);
            }
            // No buffers of their own; `Kind::grows` leaves the others out.
            _ => {}
        }
        self.draft.end_node(item);
        match kind {
            Kind::Struct(fields) => {
                for field in fields {
                    let nullable = shape.nullable || field.is_nullable();
                    self.node(Shape { data_type: field.data_type(), nullable, ..shape }, cursor)?;
                }
            }
            Kind::FixedLists(_, field) => {
                let values = kind.values_below(shape.values).ok_or(Stop::NewChunk)?;
                let below = Shape { data_type: field.data_type(), nullable: true, values, in_list: true };
                self.node(below, cursor)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The item of a node before its buffers are known.
    fn item(&self, planned: &NodePlan, standing: Option<&StandingNode>) -> NodeItem {
        let (length, nulls) = match (self.way, standing) {
            (Way::Extends, Some(standing)) => (standing.item.length, standing.item.nulls),
            _ => (0, 0),
        };
        NodeItem {
            length: length + planned.length,
            nulls: nulls + planned.null_count,
            validity: 0,
            ..planned.item()
        }
    }

    fn validity(&mut self, shape: Shape<'_>, planned: &NodePlan, own: Own<'_>, item: usize) -> Attempt<()> {
        let stands = own.standing.is_some_and(|standing| standing.item.validity == 1);
        let wanted = match own.way {
            Way::Extends if planned.has_validity && !stands => return Err(Stop::NewChunk),
            Way::Extends => stands,
            Way::Begins(validity, _) => {
                let may = shape.nullable && !shape.in_list && *shape.data_type != DataType::Null;
                planned.has_validity || (validity == Validity::Everywhere && may)
            }
        };
        if wanted {
            self.draft.nodes[item].validity = 1;
            self.bitmap(own, Bitmap::Validity)?;
        }
        Ok(())
    }

    /// A bitmap: whole words go in place, the rest is the open word.
    fn bitmap(&mut self, own: Own<'_>, which: Bitmap) -> Attempt<()> {
        let (before, values) = own.rows.ok_or(Stop::NewChunk)?;
        let addressing = Addressing::Bitmap(values);
        let standing = match which {
            Bitmap::Validity => own.validity(self.last),
            Bitmap::Values => own.buffer(self.last, 0),
        };
        let open = match (own.way, standing) {
            (Way::Extends, Some(standing)) if values == 1 && standing.is_whole_to(before) => {
                Open { word: standing.open_word, count: (before % WORD_ROWS) as usize }
            }
            // What stands in place is not whole: a published byte would be stored to.
            (Way::Extends, _) => return Err(Stop::NewChunk),
            (Way::Begins(_, _), _) => Open::default(),
        };
        let pieces = self.plan.pieces_of(own.node);
        let rows = self.plan.nodes[own.node].length as usize;
        let words = (open.count + rows) / WORD_ROWS as usize;
        let (written, open_word) = match words {
            0 => (0, open_bits(pieces, which, open, 0, rows)),
            _ => {
                let written = words * WORD_ROWS as usize - open.count;
                (written, open_bits(pieces, which, Open::default(), written, rows - written))
            }
        };
        let added = words as u64 * (WORD_ROWS / 8);
        let start = self.start(own.way, standing, addressing, added)?;
        let growth = BufferGrowth { start, addressing, added, open_word };
        let claim = Claim::of(Content::Rows, (rows as u64).div_ceil(8), 0);
        let how = if words == 0 { How::Nothing } else { How::Bits(which, open, written) };
        self.push(own, growth, claim, standing, how);
        Ok(())
    }

    /// Values of a fixed width.
    pub(super) fn fixed(&mut self, own: Own<'_>, width: usize) -> Attempt<()> {
        let added = self.planned(own).length * width as u64;
        self.addressed(own, Kind::Fixed(width), added, How::Fixed(width))
    }

    /// A buffer behind the validity bitmap that goes on with what each row has as much of as any other.
    pub(super) fn addressed(&mut self, own: Own<'_>, kind: Kind<'_>, added: u64, how: How) -> Attempt<()> {
        let addressing = own.rows.map_or(Addressing::Bytes, |(_, values)| kind.addressing(values));
        let standing = own.buffer(self.last, 0);
        self.check_standing(own, standing, addressing)?;
        let start = self.start(own.way, standing, addressing, added)?;
        let growth = BufferGrowth { start, addressing, added, open_word: 0 };
        let claim = self.claim(own, Content::Rows, added);
        self.push(own, growth, claim, standing, how);
        Ok(())
    }

    /// Refuses to go on in a buffer that has not exactly the bytes of its rows.
    pub(super) fn check_standing(
        &self,
        own: Own<'_>,
        standing: Option<Standing>,
        addressing: Addressing,
    ) -> Attempt<()> {
        let (Way::Extends, Some((rows, _)), Some(standing)) = (own.way, own.rows, standing) else {
            return Ok(());
        };
        let fits =
            standing.addressing() == Some(addressing) && addressing.length(rows) == Some(standing.length);
        if fits { Ok(()) } else { Err(Stop::NewChunk) }
    }

    /// Where a buffer goes on that is continued at its end.
    pub(super) fn start(
        &self,
        way: Way,
        standing: Option<Standing>,
        addressing: Addressing,
        added: u64,
    ) -> Attempt<Start> {
        match (way, standing) {
            (Way::Extends, Some(standing)) if standing.has_room(added) => Ok(Start::Stays(standing.index)),
            (Way::Extends, _) => Err(Stop::NewChunk),
            (Way::Begins(_, _), Some(standing)) if standing.has_room_behind(0, added, addressing) => {
                Ok(Start::Follows { buffer: standing.index, shared: 0 })
            }
            (Way::Begins(_, _), _) => Ok(Start::New { room: 0 }),
        }
    }

    /// What a buffer may come to need of which so much is added.
    pub(super) fn claim(&self, own: Own<'_>, content: Content, added: u64) -> Claim {
        match own.rows {
            Some(_) => Claim::of(content, added, self.planned(own).length),
            None => Claim::of(Content::Values, added, self.plan.rows),
        }
    }

    pub(super) fn push(
        &mut self,
        own: Own<'_>,
        growth: BufferGrowth,
        claim: Claim,
        standing: Option<Standing>,
        how: How,
    ) {
        let before = standing.map(|standing| standing.place.capacity);
        self.draft.push(BufferPlan { growth, claim, before }, (own.whose, own.node), how);
    }

    /// What is planned of a node.
    pub(super) fn planned(&self, own: Own<'_>) -> NodePlan {
        self.draft.plan_of(self.plan, own.whose).nodes[own.node]
    }
}

impl Cursor {
    /// Moves on to the next node, and gives what stands there.
    pub(super) fn next(&mut self, last: Option<&Last<'_>>) -> Option<StandingNode> {
        self.node += 1;
        let (node, buffer) = self.standing?;
        let standing = last?.node(node, buffer)?;
        self.standing = Some((node + 1, standing.buffers.end));
        Some(standing)
    }
}

impl Own<'_> {
    /// The validity bitmap that stands there.
    fn validity(&self, last: Option<&Last<'_>>) -> Option<Standing> {
        let standing = self.standing.filter(|standing| standing.item.validity == 1)?;
        last?.buffer(standing.buffers.start)
    }

    /// A buffer that stands there, counted behind the validity bitmap.
    pub(super) fn buffer(&self, last: Option<&Last<'_>>, index: usize) -> Option<Standing> {
        let standing = self.standing?;
        let index = standing.buffers.start + standing.item.validity as usize + index;
        last?.buffer(index).filter(|_| index < standing.buffers.end)
    }
}
