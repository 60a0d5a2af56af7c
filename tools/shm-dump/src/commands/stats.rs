//! `shm-dump stats`: what is in the columns of a frame.

use crate::frames;
use crate::rows::{Distinct, FrameRows, Selection, Summary, ValueWriter, short};
use crate::session::Session;
use anyhow::{Context, Result};
use arrow::array::ArrayRef;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned};
use shmframe_cli::{Exit, Target, words};

/// Characters of a value that people get at the most: those of a time to the second.
const LONGEST: usize = 20;
/// Digits of a mean that people get.
const DIGITS: i32 = 6;

/// Show what is in each column: nulls, least and greatest value, mean, different values, bytes
///
/// All rows are read. Different values are counted exactly, up to a limit.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump stats ticks/trades
  shm-dump stats ticks/trades price size
  shm-dump stats ticks/trades --distinct 0       without counting different values: faster")]
pub struct StatsOptions {
    /// Segment and frame; the segment alone if it has one frame
    target: Target,
    /// The columns; none: all
    columns: Vec<String>,
    /// Count different values up to this many; 0: do not count them. 16 to 32 bytes of memory for each
    #[arg(long, value_name = "VALUES", default_value_t = 1_000_000)]
    distinct: usize,
}

/// What is in a column.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ColumnStats {
    /// The frame's name.
    frame: String,
    /// The column's name.
    column: String,
    /// Its Arrow type, as Arrow's Rust library writes it.
    #[serde(rename = "type")]
    data_type: String,
    /// Rows.
    rows: u64,
    /// Rows that are null.
    nulls: u64,
    /// The least value, written as in a row; null if the type has no order, or there is none. NaN counts as greater than all
    /// other numbers, and is written as null.
    #[schemars(with = "serde_json::Value")]
    min: Option<Box<RawValue>>,
    /// The greatest value, likewise.
    #[schemars(with = "serde_json::Value")]
    max: Option<Box<RawValue>>,
    /// The mean of numbers, as a float of 64 bits; null for other types.
    mean: Option<f64>,
    /// How many different values there are, nulls left out; null if they were not counted.
    distinct: Option<u64>,
    /// Whether `distinct` is exact; if not, there are more.
    distinct_is_exact: bool,
    /// Bytes of the column's buffers that belong to the version's rows.
    bytes: u64,
    /// How many separate buffers the column has.
    buffers: u64,
    /// For people: the least, the greatest.
    #[serde(skip)]
    extremes: [String; 2],
}

impl Record for ColumnStats {
    const KIND: &'static str = "column_stats";
    const HEADS: &'static [&'static str] =
        &["COLUMN", "TYPE", "#NULLS", "#MIN", "#MAX", "#MEAN", "#DISTINCT", "#BYTES", "#BUFFERS"];
    const SPARED: &'static [&'static str] = &["#BUFFERS", "#BYTES", "#DISTINCT", "#MEAN"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        let distinct = self.distinct.map(|distinct| {
            format!("{}{}", if self.distinct_is_exact { "" } else { ">" }, words::count(distinct, exact))
        });
        let nulls = if self.nulls == 0 { Tone::Faint } else { Tone::Plain };
        let [min, max] = &self.extremes;
        vec![
            cell(&self.column),
            cell(&self.data_type),
            toned(words::count(self.nulls, exact), nulls),
            cell(min),
            cell(max),
            cell(
                self.mean
                    .map(|mean| if exact { mean.to_string() } else { rounded(mean) })
                    .unwrap_or_default(),
            ),
            cell(distinct.unwrap_or_default()),
            cell(words::bytes(self.bytes, exact)),
            cell(self.buffers),
        ]
    }
}

/// A number to its first few digits.
fn rounded(number: f64) -> String {
    let before = number.abs().log10().floor();
    if (-4.0..15.0).contains(&before) {
        let after = (DIGITS - 1 - before as i32).max(0) as usize;
        format!("{number:.after$}")
    } else if number == 0.0 || !number.is_finite() {
        number.to_string()
    } else {
        format!("{number:.*e}", DIGITS as usize - 1)
    }
}

pub fn run(session: &mut Session, options: &StatsOptions) -> Result<Exit> {
    let selection = Selection { columns: options.columns.clone(), condition: None };
    let rows = session
        .view(&options.target, |view| FrameRows::read(&frames::one(&options.target, view)?, &selection))?;
    let stats = summaries(session, &rows, options.distinct)?;
    let stats = stats.iter().enumerate().map(|(column, summary)| told(&rows, column, summary));
    let stats = stats.collect::<Result<Vec<_>>>()?;
    session.output.text(&format!("{}: {}", rows.frame, words::counted(rows.len(), "row")))?;
    session.output.records(&stats, "no columns")?;
    Ok(Exit::Success)
}

fn summaries(session: &Session, rows: &FrameRows, bound: usize) -> Result<Vec<Summary>> {
    let schema = rows.schema();
    let mut summaries: Vec<Summary> =
        schema.fields().iter().map(|field| Summary::new(field.data_type(), bound)).collect();
    for batch in rows.batches() {
        for (summary, column) in summaries.iter_mut().zip(batch.columns()) {
            summary.add_buffers(column);
        }
    }
    let bar = session.progress(rows.len() * summaries.len() as u64);
    for (index, summary) in summaries.iter_mut().enumerate() {
        let name = schema.field(index).name();
        bar.set_message(words::visible(name));
        for piece in rows.pieces(0..rows.len()) {
            let column = piece.column(index)?;
            summary.add(&column).with_context(|| format!("column {name:?}"))?;
            bar.inc(column.len() as u64);
        }
    }
    bar.finish_and_clear();
    Ok(summaries)
}

fn told(rows: &FrameRows, column: usize, summary: &Summary) -> Result<ColumnStats> {
    let (schema, writer) = (rows.schema(), ValueWriter::new());
    let field = schema.field(column);
    let json = |value: Option<&ArrayRef>| value.map(|value| writer.value(value, 0)).transpose();
    let shown =
        |value: Option<&ArrayRef>| value.map(|value| short::value(value, 0, LONGEST)).unwrap_or_default();
    let distinct = summary.distinct();
    let (buffers, bytes) = summary.memory();
    Ok(ColumnStats {
        frame: rows.frame.clone(),
        column: field.name().clone(),
        data_type: field.data_type().to_string(),
        rows: summary.rows,
        nulls: summary.nulls,
        min: json(summary.least())?,
        max: json(summary.greatest())?,
        mean: summary.mean(),
        distinct: distinct.map(|distinct| match distinct {
            Distinct::Exactly(count) | Distinct::AtLeast(count) => count,
        }),
        distinct_is_exact: matches!(distinct, Some(Distinct::Exactly(_))),
        bytes,
        buffers,
        extremes: [shown(summary.least()), shown(summary.greatest())],
    })
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn means_have_as_many_digits_whatever_their_size() {
        for (number, text) in [
            (2013.0, "2013.00"),
            (-0.001_234_567, "-0.00123457"),
            (1.0 / 3.0, "0.333333"),
            (12_345_678.9, "12345679"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (1.5e300, "1.50000e300"),
        ] {
            assert_eq!(rounded(number), text);
        }
    }
}
