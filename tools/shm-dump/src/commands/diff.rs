//! `shm-dump diff`: what two frames, or two versions of one, differ in.

use crate::comparing::{Change, ColumnDifference, Differing, RowDifferences, shared};
use crate::frames;
use crate::rows::{FrameRows, Selection, ValueWriter, short};
use crate::session::{Look, Session};
use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned};
use shmframe_cli::{Exit, Failure, Target, words};
use shmframe_reader::Frame;
use std::collections::BTreeMap;

/// Show what two frames, or two versions of a frame, differ in
///
/// Of two versions of one frame, rows are the same that have the same number: they never change. Other frames are
/// compared row by row, from the first. Ends with status 5 if there is a difference.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump diff ticks/trades@12 ticks/trades
  shm-dump diff ticks/trades backup/trades -c symbol,price
  shm-dump diff ticks/trades backup/trades > /dev/null && echo equal")]
pub struct DiffOptions {
    /// The first frame
    before: Target,
    /// The second frame
    after: Target,
    /// The columns to compare; unset: all
    #[arg(long, short, value_name = "COLUMN,...", value_delimiter = ',')]
    columns: Vec<String>,
    /// How many rows that differ to show
    #[arg(long = "rows", short = 'n', value_name = "ROWS", default_value_t = 5)]
    count: usize,
}

/// What two frames differ in, in short.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Difference {
    /// The first frame, and its version.
    before: String,
    /// The second frame, and its version.
    after: String,
    /// Whether nothing differs.
    equal: bool,
    /// Whether both are versions of one frame, whose rows are told by their numbers.
    same_frame: bool,
    /// How many differences the schemas have.
    schema_differences: u64,
    /// Rows of the first frame.
    rows_before: u64,
    /// Rows of the second frame.
    rows_after: u64,
    /// Rows of the first frame that the second has not: dropped from the front of the same frame, or at the end.
    dropped: u64,
    /// Rows at the end of the second frame that the first has not.
    added: u64,
    /// Rows that both have and whose values differ.
    differing: u64,
    /// The columns whose values were compared: those that both have, of the same type.
    compared_columns: Vec<String>,
    /// Columns that one of them has, or that are of different types: their values were not compared.
    not_compared_columns: Vec<String>,
}

impl Record for Difference {
    const KIND: &'static str = "difference";
    const HEADS: &'static [&'static str] =
        &["BEFORE", "AFTER", "RESULT", "SCHEMA", "ROWS", "DROPPED", "ADDED", "DIFFERING", "COMPARED"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        let count = |count, none| match count {
            0 => toned(none, Tone::Faint),
            count => (words::count(count, exact), Tone::Warning),
        };
        let how = if self.same_frame { "versions of one frame" } else { "compared row by row" };
        let rows = |rows| words::count(rows, exact);
        vec![
            cell(&self.before),
            cell(&self.after),
            if self.equal { toned("equal", Tone::Good) } else { toned("they differ", Tone::Warning) },
            count(self.schema_differences, "the same"),
            cell(format!("{} and {}; {how}", rows(self.rows_before), rows(self.rows_after))),
            count(self.dropped, "none"),
            count(self.added, "none"),
            count(self.differing, "none"),
            self.compared_cell(),
        ]
    }
}

impl Difference {
    fn compared_cell(&self) -> Cell {
        let compared = words::counted(self.compared_columns.len() as u64, "column");
        match &self.not_compared_columns[..] {
            [] => cell(compared),
            others => toned(format!("{compared}, but not {}", others.join(", ")), Tone::Warning),
        }
    }
}

/// A difference between the schemas of two frames.
#[derive(Debug, JsonSchema, Serialize)]
pub struct SchemaDifference {
    /// The column; null if the schema itself differs.
    column: Option<String>,
    /// What differs.
    change: Change,
    /// What the first frame has.
    before: Option<String>,
    /// What the second frame has.
    after: Option<String>,
}

impl Record for SchemaDifference {
    const KIND: &'static str = "schema_difference";
    const HEADS: &'static [&'static str] = &["COLUMN", "DIFFERENCE", "BEFORE", "AFTER"];

    fn cells(&self, _exact: bool) -> Vec<Cell> {
        let change = match self.change {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Moved => "moved",
            Change::Type => "type",
            Change::Nulls => "nulls",
            Change::Metadata => "metadata",
        };
        let text = |text: &Option<String>| cell(text.as_deref().unwrap_or_default());
        vec![
            cell(self.column.as_deref().unwrap_or("(schema)")),
            cell(change),
            text(&self.before),
            text(&self.after),
        ]
    }
}

/// A row that both frames have and that differs.
#[derive(Debug, JsonSchema, Serialize)]
pub struct RowDifference {
    /// Its absolute number in the first frame.
    row_before: u64,
    /// Its absolute number in the second frame.
    row_after: u64,
    /// The values that differ, in the first frame.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    before: Box<RawValue>,
    /// The values that differ, in the second frame.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    after: Box<RawValue>,
    /// For people: the values that differ.
    #[serde(skip)]
    texts: [String; 2],
}

impl Record for RowDifference {
    const KIND: &'static str = "row_difference";
    const HEADS: &'static [&'static str] = &["#ROW", "#ROW AFTER", "BEFORE", "AFTER"];

    fn cells(&self, _exact: bool) -> Vec<Cell> {
        let [before, after] = &self.texts;
        vec![cell(self.row_before), cell(self.row_after), cell(before), cell(after)]
    }
}

/// A frame of one of the targets.
struct Side {
    told: String,
    frame: Frame,
    rows: FrameRows,
}

pub fn run(session: &mut Session, options: &DiffOptions) -> Result<Exit> {
    let (before, after) = sides(session, options)?;
    let (schema_before, schema_after) = (before.rows.schema(), after.rows.schema());
    let columns = ColumnDifference::all(&schema_before, &schema_after);
    let compared = shared(&schema_before, &schema_after);
    let same_frame = is_same_frame(options, &before.frame, &after.frame);
    let (dropped, added, rows) = if same_frame {
        let (dropped, added) = moved(&before.rows, &after.rows);
        (dropped, added, RowDifferences::default())
    } else {
        let (old, new) = (before.rows.len(), after.rows.len());
        (
            old.saturating_sub(new),
            new.saturating_sub(old),
            compare(session, options, (&before, &after), &compared)?,
        )
    };
    let equal = columns.is_empty() && dropped == 0 && added == 0 && rows.differing == 0;
    let difference = Difference {
        before: before.told,
        after: after.told,
        equal,
        same_frame,
        schema_differences: columns.len() as u64,
        rows_before: before.rows.len(),
        rows_after: after.rows.len(),
        dropped,
        added,
        differing: rows.differing,
        not_compared_columns: not_shared(&schema_before, &schema_after, &compared),
        compared_columns: compared,
    };
    session.output.record(&difference)?;
    print_differences(session, columns, &rows.first)?;
    Ok(if equal { Exit::Success } else { Exit::NotMet })
}

/// The columns of both that are not among those compared.
fn not_shared(before: &Schema, after: &Schema, compared: &[String]) -> Vec<String> {
    let mut others: Vec<String> = Vec::new();
    for field in before.fields().iter().chain(after.fields()) {
        if !compared.contains(field.name()) && !others.contains(field.name()) {
            others.push(field.name().clone());
        }
    }
    others
}

/// Both frames. Those of one segment are seen through one look, so that it cannot be another one meanwhile.
fn sides(session: &Session, options: &DiffOptions) -> Result<(Side, Side)> {
    let selection = Selection { columns: options.columns.clone(), condition: None };
    let first = session.open(&options.before.place)?;
    let other = if options.before.place == options.after.place {
        None
    } else {
        Some(session.open(&options.after.place)?)
    };
    let side = |look: &Look, target: &Target| {
        look.view(target.version, |view| {
            let frame = frames::one(target, view)?;
            let rows = FrameRows::read(&frame, &selection)?;
            let told =
                Target { frame: Some(rows.frame.clone()), version: Some(view.version()), ..target.clone() };
            Ok(Side { told: told.to_string(), frame, rows })
        })
    };
    Ok((side(&first, &options.before)?, side(other.as_ref().unwrap_or(&first), &options.after)?))
}

/// Whether both are versions of one frame: then rows with the same number are the same.
fn is_same_frame(options: &DiffOptions, before: &Frame, after: &Frame) -> bool {
    let generation = |frame: &Frame| frame.first_position().generation();
    options.before.place == options.after.place
        && before.name() == after.name()
        && generation(before) == generation(after)
}

/// How many rows of the one are not in the other, by their numbers: dropped, added.
fn moved(before: &FrameRows, after: &FrameRows) -> (u64, u64) {
    let end = |rows: &FrameRows| rows.first() + rows.len();
    let both = end(before).min(end(after)).saturating_sub(before.first().max(after.first()));
    (before.len() - both, after.len() - both)
}

fn compare(
    session: &Session,
    options: &DiffOptions,
    (before, after): (&Side, &Side),
    columns: &[String],
) -> Result<RowDifferences> {
    if columns.is_empty() {
        return Ok(RowDifferences::default());
    }
    let selection = Selection { columns: columns.to_vec(), condition: None };
    let bar = session.progress(before.rows.len().min(after.rows.len()));
    let (old, new) = (before.rows.only(&selection.columns)?, after.rows.only(&selection.columns)?);
    let found = RowDifferences::find(&old, &new, options.count, |rows| bar.inc(rows))?;
    bar.finish_and_clear();
    Ok(found)
}

fn print_differences(
    session: &mut Session,
    columns: Vec<ColumnDifference>,
    rows: &[Differing],
) -> Result<()> {
    if !columns.is_empty() {
        let columns = columns.into_iter().map(|found| SchemaDifference {
            column: found.column,
            change: found.change,
            before: found.before,
            after: found.after,
        });
        session.output.text("")?;
        session.output.records(&columns.collect::<Vec<_>>(), "")?;
    }
    if !rows.is_empty() {
        let rows = rows.iter().map(RowDifference::new).collect::<Result<Vec<_>>>()?;
        session.output.text("")?;
        session.output.records(&rows, "")?;
    }
    Ok(())
}

impl RowDifference {
    fn new(found: &Differing) -> Result<Self> {
        let [old, new] = &found.values;
        Ok(Self {
            row_before: found.numbers[0],
            row_after: found.numbers[1],
            before: values(old)?,
            after: values(new)?,
            texts: [told(old), told(new)],
        })
    }
}

/// The one row as JSON.
fn values(row: &RecordBatch) -> Result<Box<RawValue>> {
    let mut found = None;
    ValueWriter::new().each(row, |_, values| {
        found = Some(values.to_owned());
        Ok(())
    })?;
    found.ok_or_else(|| Failure::new(Exit::Failed, "a row that differs has no values").into())
}

/// The one row for people.
fn told(row: &RecordBatch) -> String {
    let schema = row.schema();
    let values = schema.fields().iter().zip(row.columns());
    values
        .map(|(field, column)| format!("{}={}", field.name(), short::value(column, 0, short::LONGEST)))
        .collect::<Vec<_>>()
        .join(", ")
}
