//! The way of an append: into a new frame, into a small one that is written anew, or behind the rows that stand there.

use super::chunk::ChunkDraft;
use super::differences::DifferenceKind;
use super::grower::{Attempt, Data, Grower, ReadBack, Stop, Validity, Way};
use super::known_values::{FrameValues, Learned};
use super::last::{Last, packed};
use super::room::{self, SMALL_FRAME};
use crate::layout::error::{LENGTH_LIMIT, LayoutError};
use crate::layout::kind::Kind;
use crate::layout::plan::Plan;
use crate::layout::planner::Limits;
use crate::operation::node_items;
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Schema as ArrowSchema, SchemaRef};
use shmframe_format::columns::Span;
use shmframe_format::{Error, ErrorKind, Result};
use shmframe_segment::{
    BufferDraft, FrameDraft, FrameRecords, GrowthDraft, Identity, LastChunk, Schema, Staging, Validation,
    build_column, build_tree,
};

/// How many chunks the rows of a frame come to stand in from which rows are dropped, if it has strings or views.
const CHUNKS: u64 = 8;
/// Rows that such a chunk has at the least.
const LEAST_CHUNK: u64 = 512;

/// Adds rows, as planned, to a frame of this schema, which is theirs. `draft` is memory to work in, whatever stands there.
///
/// # Errors
/// [`ErrorKind::DirectoryFull`], [`ErrorKind::QuotaExceeded`], [`ErrorKind::CapacityExceeded`], [`ErrorKind::Corrupt`]; the
/// transaction is then as it was before.
pub(crate) fn append(
    staging: &mut Staging<'_>,
    (frame, schema): (FrameRecords, &SchemaRef),
    (plan, draft): (&Plan, &mut ChunkDraft),
    values: &mut FrameValues,
    (threads, limits): (usize, &Limits),
) -> Result<()> {
    if plan.rows() == 0 {
        return Ok(());
    }
    check_row_numbers(&frame, plan.rows())?;
    if is_small(&frame)
        && let Some(plan) = plan_anew(staging, &frame, schema, plan, limits)?
    {
        values.clear();
        let buffers = room::put_with_room(staging, &plan);
        return write_anew(staging, &frame, (&plan, buffers), threads);
    }
    grow(staging, (frame, schema), (plan, draft), values, (threads, limits))
}

/// Refuses rows that numbers cannot count: rows without bytes, such as nulls without a type, come in any number.
fn check_row_numbers(frame: &FrameRecords, added: u64) -> Result<()> {
    let state = frame.state();
    let end = state.first_row.checked_add(state.rows).and_then(|end| end.checked_add(added));
    match end.is_some_and(|end| end <= LENGTH_LIMIT as u64) {
        true => Ok(()),
        false => Err(LayoutError::TooManyRows { path: "(all)".to_owned() }.into()),
    }
}

/// Whether a frame is so small that it is written anew, and stands packed.
pub(super) fn is_small(frame: &FrameRecords) -> bool {
    let (state, layout) = (frame.state(), frame.layout());
    let bytes: u64 = state.buffers.iter().map(|buffer| buffer.length).sum();
    let mut buffers = state.buffers.iter().zip(&layout.buffers);
    // One that could not be written anew before has runs, and several chunks.
    bytes <= SMALL_FRAME
        && state.chunks.len() <= 1
        && buffers.all(|(state, place)| place.capacity == packed(state.length))
}

/// The rows of a small frame, and those behind them, as one chunk; none if they cannot be.
fn plan_anew(
    staging: &Staging<'_>,
    frame: &FrameRecords,
    schema: &SchemaRef,
    plan: &Plan,
    limits: &Limits,
) -> Result<Option<Plan>> {
    let copies = staging.copied(frame)?;
    let spans: Vec<Span> = Span::trees(&frame.state().nodes).collect();
    if frame.state().chunks.len() != 1 || spans.len() != schema.fields().len() {
        return Ok(None);
    }
    let standing = frame.state().rows;
    let mut columns = Vec::with_capacity(spans.len());
    for ((span, field), planned) in spans.iter().zip(schema.fields()).zip(plan.columns()) {
        let mut arrays = build_column(&copies, standing, span, field.data_type(), Validation::Full)?;
        arrays.extend_from_slice(plan.pieces_of(planned.nodes.start));
        columns.push(arrays);
    }
    match Plan::of_columns(schema, columns, standing + plan.rows(), limits) {
        Ok(plan) => Ok(Some(plan)),
        // Together they are too many for offsets, run ends or keys, or their ordered dictionaries differ: in two chunks they
        // are not.
        Err(error) if matches!(error.kind(), ErrorKind::CapacityExceeded | ErrorKind::SchemaMismatch) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Puts a frame anew: the same one, with the rows of this plan, in buffers with this room.
pub(super) fn write_anew(
    staging: &mut Staging<'_>,
    frame: &FrameRecords,
    (plan, buffers): (&Plan, Vec<BufferDraft>),
    threads: usize,
) -> Result<()> {
    let draft = FrameDraft {
        name: frame.name(),
        schema: Schema::Unchanged(frame.schema_reference()),
        rows: plan.rows(),
        identity: Identity::Same { generation: frame.state().generation, first_row: frame.state().first_row },
        nodes: node_items(plan),
        buffers,
    };
    staging.put_frame(draft, |destinations| plan.fill(destinations, threads)).map(drop)
}

/// A chunk that is put together, with what was learned of dictionaries.
struct Grown<'v> {
    values: Learned<'v>,
    chunk: LastChunk,
    rows: u64,
}

fn grow(
    staging: &mut Staging<'_>,
    (frame, schema): (FrameRecords, &SchemaRef),
    (plan, draft): (&Plan, &mut ChunkDraft),
    values: &mut FrameValues,
    (threads, limits): (usize, &Limits),
) -> Result<()> {
    let Grown { values, chunk, rows } =
        put_together(staging, (&frame, schema), (plan, draft), values, limits)?;
    draft.give_room(|| room::share(staging));
    let (name, schema) = (frame.shared_name(), Schema::Unchanged(frame.schema_reference()));
    let (nodes, buffers) = (&*draft.nodes, &*draft.buffers);
    let growth = GrowthDraft { frame, schema, chunk, rows, nodes, buffers };
    staging.grow_frame(growth, |destinations| draft.fill(plan, destinations, threads))?;
    if !values.added.is_empty()
        && let Some(frame) = staging.frame_records(&name)?
    {
        values.note(&frame);
    }
    Ok(())
}

/// Puts the last chunk together: the one that stands there with more rows, or else another one.
fn put_together<'v>(
    staging: &Staging<'_>,
    (frame, schema): (&FrameRecords, &SchemaRef),
    (plan, draft): (&Plan, &mut ChunkDraft),
    values: &'v mut FrameValues,
    limits: &Limits,
) -> Result<Grown<'v>> {
    let last = Last::of(frame);
    let back = FrameBack { staging, frame, last: last.as_ref() };
    let generation = frame.state().generation;
    let mut grower = Grower {
        way: Way::Extends,
        last: last.as_ref(),
        plan,
        limits,
        back: &back,
        values: Learned { generation, known: values, added: Vec::new() },
        draft,
    };
    let data = last.as_ref().map_or(Data::GoesOn, |last| retained_data(frame, last, schema));
    if let (Some(last), Data::GoesOn) = (&last, data) {
        match grower.chunk(schema) {
            Ok(()) => {
                let rows = last.rows() + plan.rows();
                return Ok(Grown { values: grower.values, chunk: LastChunk::Grows, rows });
            }
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::NewChunk) => {}
        }
    }
    grower.way = Way::Begins(validity(schema, plan, last.as_ref()), data);
    grower.values.added.clear();
    grower.chunk(schema).map_err(|stop| match stop {
        Stop::Failed(error) => error,
        Stop::NewChunk => Error::from(DifferenceKind::Misfit),
    })?;
    Ok(Grown { values: grower.values, chunk: LastChunk::IsFollowed, rows: plan.rows() })
}

/// Whether the bytes of strings and long views begin anew: where rows are dropped from the front, once the last chunk has an
/// eighth of the frame's rows. Rows cannot be cut off such bytes: they come free with their chunks.
fn retained_data(frame: &FrameRecords, last: &Last<'_>, schema: &ArrowSchema) -> Data {
    if frame.state().first_row == 0 {
        return Data::GoesOn;
    }
    // Rows that were dropped from the chunk count: their bytes stand there as well.
    let columns = last.columns();
    let lengths = columns.filter_map(|column| last.nodes(column.nodes).first().map(|root| root.length));
    let length = lengths.max().unwrap_or(0);
    let is_long = length >= LEAST_CHUNK.max(frame.state().rows / CHUNKS);
    let has_data =
        |field: &arrow::datatypes::FieldRef| Kind::grows(field, 1) && Kind::has_data(field.data_type());
    if is_long && schema.fields().iter().any(has_data) { Data::BeginsAnew } else { Data::GoesOn }
}

/// Which bitmaps a new chunk has: all, if a column that grows in place has nulls, or had some in the chunk before.
fn validity(schema: &ArrowSchema, plan: &Plan, last: Option<&Last<'_>>) -> Validity {
    let mut standing = last.into_iter().flat_map(Last::columns);
    for (field, planned) in schema.fields().iter().zip(plan.columns()) {
        let stands = last.zip(standing.next());
        let had = stands.is_some_and(|(last, column)| last.has_validity(&column));
        let has = plan.nodes[planned.nodes].iter().any(|node| node.has_validity);
        if (had || has) && Kind::grows(field, 1) {
            return Validity::Everywhere;
        }
    }
    Validity::Nowhere
}

impl Grower<'_, '_> {
    /// Puts all columns together, from nothing.
    fn chunk(&mut self, schema: &ArrowSchema) -> Attempt<()> {
        self.draft.clear();
        let (plan, last) = (self.plan, self.last);
        let mut standing = last.into_iter().flat_map(Last::columns);
        for (field, planned) in schema.fields().iter().zip(plan.columns()) {
            let there = standing.next();
            let there = there.as_ref();
            let in_place = there.filter(|column| last.is_some_and(|last| !last.is_in_pieces(column)));
            let grows = plan.sources[planned.nodes.start].grows
                && fits(plan, &mut planned.nodes.start.clone(), field.data_type(), Within::Column);
            match (self.way, in_place) {
                (Way::Extends, Some(column)) if grows => {
                    self.column(field, planned.nodes.start, Some(column))?;
                }
                (Way::Begins(_, _), column) if grows => self.column(field, planned.nodes.start, column)?,
                _ => self.pieces(field, &planned, there)?,
            }
        }
        Ok(())
    }
}

/// What a node stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Column,
    /// A list of a fixed size: there are no bitmaps below.
    List,
}

/// Whether the planned rows of a node can stand in a column that grows in place; moves `node` behind its tree.
fn fits(plan: &Plan, node: &mut usize, data_type: &DataType, within: Within) -> bool {
    let planned = &plan.nodes[*node];
    *node += 1;
    let own = within == Within::Column || !planned.has_validity;
    let below = match Kind::of(data_type) {
        Some(Kind::Struct(fields)) => {
            let mut fits_all = true;
            for field in fields {
                fits_all &= fits(plan, node, field.data_type(), within);
            }
            fits_all
        }
        Some(Kind::FixedLists(_, field)) => fits(plan, node, field.data_type(), Within::List),
        // Values of a dictionary have no bitmaps either.
        Some(Kind::Keys { values, .. }) => fits(plan, node, values, Within::List),
        _ => true,
    };
    own && below
}

/// A frame that is read back as a transaction sees it.
struct FrameBack<'a> {
    staging: &'a Staging<'a>,
    frame: &'a FrameRecords,
    last: Option<&'a Last<'a>>,
}

impl ReadBack for FrameBack<'_> {
    fn tree(&self, tree: &Span, data_type: &DataType) -> Result<ArrayRef> {
        let last = self.last.ok_or(DifferenceKind::Misfit)?;
        let copies = self.staging.copied(self.frame)?;
        build_tree(&copies, &last.in_frame(tree), data_type, Validation::Full)
    }
}
