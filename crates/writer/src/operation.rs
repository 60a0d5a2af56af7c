//! One operation of a transaction, and how it is carried out in the segment.

use crate::columns::ColumnChange;
use crate::growth::{self, ChunkDraft, KnownDictionaries, differences};
use crate::layout::planner::Limits;
use crate::layout::{NodePlan, Plan};
use crate::null_rows::null_rows;
use crate::retention::Retained;
use crate::schema::Schemas;
use arrow::datatypes::SchemaRef;
use shmframe_format::table::{NodeItem, RecordReference};
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use shmframe_segment::{
    ColumnDraft, ColumnsDraft, FrameDraft, FrameRecords, Identity, Schema, Staging, from_message, to_message,
};
use std::sync::Arc;

#[derive(Debug)]
enum OperationKind {
    FrameMissing { frame: String, names: Vec<String> },
}

impl Describe for OperationKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::FrameMissing
    }

    fn report(&self) -> Report {
        let Self::FrameMissing { frame, names } = self;
        Report::new(
            format!("no frame {frame:?}"),
            format!("one of {names:?}"),
            "another name",
            "check the name",
        )
    }
}

shmframe_format::every_kind!(OperationKind {
    FrameMissing: OperationKind::FrameMissing { frame: "a".into(), names: vec!["b".into()] };
});

/// What is done to one frame.
#[allow(clippy::large_enum_variant, reason = "puts are what there is: a box costs more than the bytes")]
pub(crate) enum Operation {
    /// With the message of the schema, unless that stood in the newest version when the frame was handed in.
    Put(SchemaRef, Plan, Option<Vec<u8>>),
    Remove,
    Columns(ColumnChange),
    Retain(Retained),
    Compact,
    Reserve(u64),
    /// With the message of the schema, as for a put: the frame may be missing.
    Append(SchemaRef, Plan, NewColumns, Option<Vec<u8>>),
}

/// What operations are carried out with.
pub(crate) struct Means<'w> {
    pub(crate) values: KnownDictionaries<'w>,
    pub(crate) spare: &'w mut Spare,
    /// That copy.
    pub(crate) threads: usize,
}

/// Memory that one operation leaves to the next: it saves allocations.
#[derive(Default)]
pub(crate) struct Spare {
    pub(crate) plan: Plan,
    pub(crate) draft: ChunkDraft,
}

impl Spare {
    /// Keeps the memory of a plan that was carried out, and nothing that stands in it.
    pub(crate) fn keep(&mut self, mut plan: Plan) {
        plan.clear();
        self.plan = plan;
        self.draft.clear();
    }
}

/// What becomes of columns that appended rows have and their frame has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewColumns {
    AreErrors,
    /// If they are nullable: older rows are null there.
    AreAdded,
}

/// Carries out an operation: the transaction is as it was before if it fails.
pub(crate) fn carry_out(
    staging: &mut Staging<'_>,
    schemas: Schemas<'_>,
    means: &mut Means<'_>,
    frame: &str,
    operation: Operation,
) -> Result<()> {
    let place = |error: Error| error.at(format_args!("frame {frame:?}"));
    if matches!(operation, Operation::Remove | Operation::Put(..)) {
        means.values.forget(frame);
    }
    match operation {
        Operation::Remove => {
            if !staging.remove_frame(frame)? {
                return Err(missing(staging, frame));
            }
            schemas.learned.push((frame.to_owned(), None));
            Ok(())
        }
        Operation::Retain(retained) => {
            let records = staging.frame_records(frame)?.ok_or_else(|| missing(staging, frame))?;
            let state = records.state();
            let rows = retained.rows_to_drop(state.first_row, state.rows);
            staging.cut_front(records, rows).map(drop).map_err(place)
        }
        Operation::Compact => {
            let records = staging.frame_records(frame)?.ok_or_else(|| missing(staging, frame))?;
            compact(staging, schemas, means, &records).map_err(place)
        }
        Operation::Reserve(rows) => {
            let records = staging.frame_records(frame)?.ok_or_else(|| missing(staging, frame))?;
            reserve(staging, schemas, means, (&records, rows)).map_err(place)
        }
        Operation::Put(schema, plan, message) => {
            let done = put(staging, schemas, means.threads, frame, (&schema, &plan, message));
            means.spare.keep(plan);
            done.map_err(place)
        }
        Operation::Columns(change) => {
            let records = staging.frame_records(frame)?.ok_or_else(|| missing(staging, frame))?;
            change_columns(staging, schemas, means.threads, (frame, records), &change).map_err(place)
        }
        Operation::Append(schema, plan, new_columns, message) => {
            let rows = (&schema, &plan);
            let done = match (staging.frame_records(frame)?, new_columns) {
                (None, _) => put(staging, schemas, means.threads, frame, (&schema, &plan, message)),
                (Some(records), NewColumns::AreErrors) => append(staging, schemas, means, records, rows),
                (Some(records), NewColumns::AreAdded) => widen(staging, schemas, means, records, rows),
            };
            means.spare.keep(plan);
            done.map_err(place)
        }
    }
}

pub(crate) fn missing(staging: &Staging<'_>, frame: &str) -> Error {
    match staging.frame_names() {
        Ok(names) => {
            let error = Error::from(OperationKind::FrameMissing { frame: frame.to_owned(), names });
            error.at(staging.location().path().display())
        }
        Err(error) => error,
    }
}

fn put(
    staging: &mut Staging<'_>,
    schemas: Schemas<'_>,
    threads: usize,
    frame: &str,
    (schema, plan, message): (&SchemaRef, &Plan, Option<Vec<u8>>),
) -> Result<()> {
    with_schema(schemas, frame, schema, message, |schema| {
        let draft = FrameDraft {
            name: frame,
            schema,
            rows: plan.rows(),
            nodes: node_items(plan),
            identity: Identity::New,
            buffers: growth::put_with_room(staging, plan),
        };
        staging.put_frame(draft, |destinations| plan.fill(destinations, threads))
    })
}

/// Puts a frame of this schema: `put` is given its record, if that is known, else its message, and returns its record, which
/// is noted.
pub(crate) fn with_schema(
    schemas: Schemas<'_>,
    frame: &str,
    schema: &SchemaRef,
    message: Option<Vec<u8>>,
    put: impl FnOnce(Schema<'_>) -> Result<RecordReference>,
) -> Result<()> {
    let touched = schemas.learned.iter().any(|(name, _)| name == frame);
    let known = if touched { None } else { schemas.published.find(frame, schema) };
    let message = match (known, message) {
        (Some(_), _) => Vec::new(),
        (None, Some(message)) => message,
        (None, None) => to_message(schema)?,
    };
    let record = put(known.map_or(Schema::Message(&message), Schema::Unchanged))?;
    if known.is_none() {
        schemas.learned.push((frame.to_owned(), Some((Arc::clone(schema), record))));
    }
    Ok(())
}

pub(crate) fn append(
    staging: &mut Staging<'_>,
    schemas: Schemas<'_>,
    means: &mut Means<'_>,
    records: FrameRecords,
    (row_schema, plan): (&SchemaRef, &Plan),
) -> Result<()> {
    let (frame, reference) = (records.shared_name(), records.schema_reference());
    let known = schemas.of_record(&frame, &reference);
    let is_known = known.is_some();
    let schema = known.map_or_else(|| read_schema(staging, &records), Ok)?;
    differences::check(&schema, row_schema)?;
    let Means { values, spare, threads } = means;
    let (rows, limits) = ((plan, &mut spare.draft), (*threads, &Limits::ARROW));
    let mut frame_values = values.take(&frame);
    growth::append(staging, (records, &schema), rows, &mut frame_values, limits)?;
    values.bring_back(&frame, frame_values);
    if !is_known {
        schemas.learned.push((frame.to_string(), Some((schema, reference))));
    }
    Ok(())
}

fn compact(
    staging: &mut Staging<'_>,
    schemas: Schemas<'_>,
    means: &mut Means<'_>,
    records: &FrameRecords,
) -> Result<()> {
    let schema = schema_of(staging, &schemas, records)?;
    // What is known of its growing dictionaries is of runs that it leaves.
    let _ = means.values.take(records.name());
    growth::compact(staging, records, &schema, means.threads)
}

fn reserve(
    staging: &mut Staging<'_>,
    schemas: Schemas<'_>,
    means: &mut Means<'_>,
    (records, rows): (&FrameRecords, u64),
) -> Result<()> {
    let schema = schema_of(staging, &schemas, records)?;
    let _ = means.values.take(records.name());
    growth::reserve(staging, records, (&schema, rows), means.threads)
}

/// Gives the frame the columns that only the rows have, null so far, and appends the rows.
fn widen(
    staging: &mut Staging<'_>,
    schemas: Schemas<'_>,
    means: &mut Means<'_>,
    records: FrameRecords,
    rows: (&SchemaRef, &Plan),
) -> Result<()> {
    let frame = records.shared_name();
    let schema = schema_of(staging, &schemas, &records)?;
    let new = differences::new_columns(&schema, rows.0)?;
    let (savepoint, learned) = (staging.savepoint(&frame), schemas.learned.len());
    let Schemas { published, learned: all_learned } = schemas;
    let mut records = Some(records);
    let mut changed = Ok(());
    for (position, field) in new {
        changed = changed.and_then(|()| {
            let before = current(staging, &frame, records.take())?;
            let nulls = null_rows(&field, before.state().rows as usize)?;
            let change = ColumnChange::Insert(Some(position), field, nulls);
            let schemas = Schemas { published, learned: all_learned };
            change_columns(staging, schemas, means.threads, (&frame, before), &change)
        });
    }
    let done = changed.and_then(|()| {
        let before = current(staging, &frame, records)?;
        let schemas = Schemas { published, learned: all_learned };
        append(staging, schemas, means, before, rows)
    });
    if done.is_err() {
        staging.go_back(savepoint);
        all_learned.truncate(learned);
    }
    done
}

/// The records of a frame that is there, if they are not those.
fn current(staging: &Staging<'_>, frame: &str, records: Option<FrameRecords>) -> Result<FrameRecords> {
    match records {
        Some(records) => Ok(records),
        None => staging.frame_records(frame)?.ok_or_else(|| missing(staging, frame)),
    }
}

pub(crate) fn schema_of(
    staging: &Staging<'_>,
    schemas: &Schemas<'_>,
    records: &FrameRecords,
) -> Result<SchemaRef> {
    match schemas.of_record(records.name(), &records.schema_reference()) {
        Some(schema) => Ok(schema),
        None => read_schema(staging, records),
    }
}

fn read_schema(staging: &Staging<'_>, records: &FrameRecords) -> Result<SchemaRef> {
    Ok(Arc::new(from_message(&staging.schema_message(records)?)?))
}

fn change_columns(
    staging: &mut Staging<'_>,
    schemas: Schemas<'_>,
    threads: usize,
    (frame, records): (&str, FrameRecords),
    change: &ColumnChange,
) -> Result<()> {
    let reference = records.schema_reference();
    let before = schema_of(staging, &schemas, &records)?;
    let changed = change.apply(&before)?;
    let plans = changed.plans(&records.chunk_rows().collect::<Vec<_>>())?;
    let message = if changed.schema == before { Vec::new() } else { to_message(&changed.schema)? };
    let columns = changed.schema.fields().len();
    let added: Vec<ColumnDraft> = plans
        .iter()
        .map(|plan| ColumnDraft {
            nodes: node_items(plan),
            buffers: growth::column_with_room(staging, &records, plan, columns),
        })
        .collect();
    let draft = ColumnsDraft {
        schema: if message.is_empty() { Schema::Unchanged(reference) } else { Schema::Message(&message) },
        columns: &changed.sources,
        added,
        frame: records,
    };
    let record = staging.put_columns(draft, |mut destinations| {
        for plan in &plans {
            let others = destinations.split_off(plan.buffer_lengths().len());
            plan.fill(core::mem::replace(&mut destinations, others), threads);
        }
    })?;
    schemas.learned.push((frame.to_owned(), Some((changed.schema, record))));
    Ok(())
}

pub(crate) fn node_items(plan: &Plan) -> Vec<NodeItem> {
    plan.nodes().iter().map(NodePlan::item).collect()
}
