//! The rows of a frame of which some are wanted.

use super::condition::{BoundCondition, Condition};
use super::sound;
use anyhow::Result;
use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use core::ops::Range;
use shmframe_reader::Frame;
use std::sync::Arc;

/// Rows of a part at the most.
pub const PIECE: usize = 8192;

/// Which columns are wanted, and for which rows.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Names, in the order in which they are shown; none: all columns.
    pub columns: Vec<String>,
    /// What holds for the wanted rows; none: all rows.
    pub condition: Option<Condition>,
}

impl Selection {
    /// The frame with the columns that are needed, and how its rows are told.
    ///
    /// # Errors
    /// If a column is missing, or a condition does not fit its column's type.
    pub fn of(&self, frame: &Frame) -> Result<(Frame, Shape)> {
        if let Some(condition) = &self.condition {
            condition.check_values(&frame.schema())?;
        }
        let asked = self.condition.iter().flat_map(Condition::columns);
        let mut needed: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let shown = needed.len();
        let frame = if self.columns.is_empty() {
            frame.clone()
        } else {
            for column in asked {
                if !needed.contains(&column) {
                    needed.push(column);
                }
            }
            frame.select(&needed)?
        };
        let all = frame.schema();
        let shown = if self.columns.is_empty() { all.fields().len() } else { shown };
        let schema = Arc::new(all.project(&(0..shown).collect::<Vec<_>>())?);
        let condition = self.condition.as_ref().map(|condition| condition.bind(&all)).transpose()?;
        Ok((frame, Shape { schema, condition }))
    }
}

/// How the rows of a frame are told: which columns are shown, of those that are read, and for which rows.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The columns that are shown: the first ones of those that are read.
    schema: SchemaRef,
    condition: Option<BoundCondition>,
}

/// Rows with their numbers.
#[derive(Clone, Debug)]
pub struct Part {
    /// The absolute number of each row: rows keep theirs when others are dropped from the front.
    pub numbers: Vec<u64>,
    /// The rows.
    pub batch: RecordBatch,
}

impl Part {
    /// Of its rows, these.
    #[must_use]
    pub fn slice(&self, rows: Range<usize>) -> Self {
        let batch = self.batch.slice(rows.start, rows.len());
        Self { numbers: self.numbers[rows].to_vec(), batch }
    }

    /// Of its rows, those at these places.
    ///
    /// # Errors
    /// If Arrow cannot take them.
    pub fn take(&self, rows: &[u32]) -> Result<Self> {
        let numbers = rows.iter().map(|row| self.numbers[*row as usize]).collect();
        let places = UInt32Array::from(rows.to_vec());
        let taken: Vec<ArrayRef> = self
            .batch
            .columns()
            .iter()
            .map(|column| take(column, &places, None))
            .collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let batch = RecordBatch::try_new_with_options(self.batch.schema(), taken, &options)?;
        Ok(Self { numbers, batch })
    }
}

/// The rows of a frame, in place, and which of them are wanted.
#[derive(Clone, Debug)]
pub struct FrameRows {
    /// The frame's name.
    pub frame: String,
    /// The absolute number of the first row.
    first: u64,
    rows: u64,
    batches: Vec<RecordBatch>,
    shape: Shape,
}

impl FrameRows {
    /// All rows of a frame.
    ///
    /// # Errors
    /// Those of [`Selection::of`], and of reading.
    pub fn read(frame: &Frame, selection: &Selection) -> Result<Self> {
        let (frame, shape) = selection.of(frame)?;
        Ok(Self::new(&frame, frame.first_position().row(), frame.batches()?, shape))
    }

    /// Some rows of a frame, from the one with this absolute number on.
    pub fn new(frame: &Frame, first: u64, batches: Vec<RecordBatch>, shape: Shape) -> Self {
        let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        Self { frame: frame.name().to_owned(), first, rows, batches, shape }
    }

    /// The columns that are shown.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.shape.schema)
    }

    /// How many rows there are, wanted or not.
    pub fn len(&self) -> u64 {
        self.rows
    }

    /// The absolute number of the first row.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The rows with all columns that are read.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// The absolute number of the last row; of none, that of the first.
    pub fn last(&self) -> u64 {
        self.first.saturating_add(self.rows.saturating_sub(1))
    }

    /// Whether all rows are wanted.
    pub fn is_unconditional(&self) -> bool {
        self.shape.condition.is_none()
    }

    /// The same rows with these columns alone; they are among those that are shown.
    ///
    /// # Errors
    /// If one is missing.
    pub fn only(&self, columns: &[String]) -> Result<Self> {
        let schema = self.schema();
        let indices: Vec<usize> =
            columns.iter().map(|column| schema.index_of(column)).collect::<Result<_, _>>()?;
        let batches = self.batches.iter().map(|batch| batch.project(&indices)).collect::<Result<_, _>>()?;
        let shape = Shape { schema: Arc::new(schema.project(&indices)?), condition: None };
        Ok(Self { frame: self.frame.clone(), batches, shape, ..*self })
    }

    /// Some rows from this one on, counted from the first, up to [`PIECE`] of them, sound ones; none behind the last.
    pub fn rows_from(&self, row: u64) -> Result<Option<RecordBatch>> {
        let mut start = 0;
        for batch in &self.batches {
            let end = start + batch.num_rows() as u64;
            if row < end {
                let from = row - start;
                return sound(batch.slice(from as usize, PIECE.min((end - row) as usize))).map(Some);
            }
            start = end;
        }
        Ok(None)
    }

    /// These rows, counted from the first, in pieces of [`PIECE`] rows at the most. Nothing of them is read.
    pub fn pieces(&self, rows: Range<u64>) -> impl DoubleEndedIterator<Item = Piece<'_>> {
        let mut start = 0;
        let starts = self.batches.iter().map(move |batch| {
            let at = start;
            start += batch.num_rows() as u64;
            (at, batch)
        });
        let starts: Vec<_> = starts.collect();
        starts.into_iter().flat_map(move |(start, batch)| {
            let end = start + batch.num_rows() as u64;
            let within = rows.start.clamp(start, end)..rows.end.clamp(start, end);
            let count = (within.end - within.start).div_ceil(PIECE as u64);
            (0..count).map(move |piece| {
                let from = within.start + piece * PIECE as u64;
                let to = within.end.min(from + PIECE as u64);
                Piece { rows: self, batch, start, range: from..to }
            })
        })
    }
}

/// A few thousand rows of a frame, not read yet.
pub struct Piece<'a> {
    rows: &'a FrameRows,
    batch: &'a RecordBatch,
    /// Where the batch starts.
    start: u64,
    /// Its rows, counted from the frame's first.
    pub range: Range<u64>,
}

impl Piece<'_> {
    /// Its rows with all columns that are read; sound ones.
    fn whole(&self) -> Result<RecordBatch> {
        let count = (self.range.end - self.range.start) as usize;
        sound(self.batch.slice((self.range.start - self.start) as usize, count))
    }

    fn part(&self, whole: &RecordBatch) -> Result<Part> {
        let shape = &self.rows.shape;
        let columns = whole.columns()[..shape.schema.fields().len()].to_vec();
        let options = RecordBatchOptions::new().with_row_count(Some(whole.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&shape.schema), columns, &options)?;
        let numbers = self.range.clone().map(|row| self.rows.first + row).collect();
        Ok(Part { numbers, batch })
    }

    /// Its rows of one column; sound ones.
    pub fn column(&self, index: usize) -> Result<ArrayRef> {
        let count = (self.range.end - self.range.start) as usize;
        let column = self.batch.column(index).slice((self.range.start - self.start) as usize, count);
        sound::check(self.batch.schema().field(index).name(), &column)?;
        Ok(column)
    }

    /// Of its rows, those that are wanted.
    pub fn wanted(&self) -> Result<Part> {
        let whole = self.whole()?;
        let part = self.part(&whole)?;
        match &self.rows.shape.condition {
            None => Ok(part),
            Some(condition) => part.take(&places(&condition.holds(&whole)?)),
        }
    }

    /// Of its rows, all, wanted or not.
    pub fn all(&self) -> Result<Part> {
        self.part(&self.whole()?)
    }

    /// The places of the wanted rows in it.
    pub fn wanted_places(&self) -> Result<Vec<u32>> {
        match &self.rows.shape.condition {
            None => Ok((0..(self.range.end - self.range.start) as u32).collect()),
            Some(condition) => Ok(places(&condition.holds(&self.whole()?)?)),
        }
    }
}

/// These rows, if they are sound.
fn sound(rows: RecordBatch) -> Result<RecordBatch> {
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        sound::check(field.name(), column)?;
    }
    Ok(rows)
}

/// Where it is true; null is not.
fn places(holds: &BooleanArray) -> Vec<u32> {
    (0..holds.len()).filter(|row| holds.is_valid(*row) && holds.value(*row)).map(|row| row as u32).collect()
}
