//! What a change does to the frames, and what is handed to a writer for it.

use super::columns;
use super::held::Frames;
use super::operation::{Bad, Change, Content, Filled, Kept, Name, Piece, Source};
use super::rows::{Rows, count, part};
use crate::builder::fill_rows;
use arrow::array::{Int64Array, NullArray, RecordBatch};
use arrow::datatypes::Int64Type;
use shmframe::{Columns, ErrorKind, Result, Transaction, Writer};
use shmframe_model::{nested, numbers};
use std::rc::Rc;
use std::sync::Arc;

/// A change of a certain frame.
#[derive(Clone, Debug)]
pub enum Step {
    Put(Vec<RecordBatch>),
    Append(Vec<RecordBatch>),
    Build(Vec<RecordBatch>, Filled),
    Fill(Vec<RecordBatch>, Filled),
    Widen(Vec<RecordBatch>),
    /// These errors may come of it, for what cannot be said beforehand; so with the next.
    Compact(&'static [ErrorKind]),
    Reserve(u64, &'static [ErrorKind]),
    Remove,
    Columns(columns::Step),
    KeepLast(u64),
    DropBefore(u64),
}

impl Step {
    pub fn within(&self, transaction: &mut Transaction<'_>, frame: &str) -> Result<()> {
        match self {
            Self::Put(batches) => transaction.put(frame, batches),
            Self::Append(batches) => transaction.append(frame, batches),
            Self::Build(batches, filled) => {
                let schema = batches[0].schema();
                transaction.build(frame, &schema, count(batches), |columns| fill(columns, batches, *filled))
            }
            Self::Fill(batches, filled) => {
                transaction.append_with(frame, count(batches), |columns| fill(columns, batches, *filled))
            }
            Self::Widen(batches) => transaction.append_new_columns(frame, batches),
            Self::Compact(_) => transaction.compact(frame),
            Self::Reserve(rows, _) => transaction.reserve(frame, *rows),
            Self::Remove => transaction.remove(frame),
            Self::Columns(step) => step.within(transaction, frame),
            Self::KeepLast(rows) => transaction.keep_last(frame, *rows),
            Self::DropBefore(row) => transaction.drop_rows_before(frame, *row),
        }
    }

    pub fn alone(&self, writer: &mut Writer, frame: &str) -> Result<u64> {
        match self {
            Self::Put(batches) => writer.put(frame, batches),
            Self::Append(batches) => writer.append(frame, batches),
            Self::Build(batches, filled) => {
                let mut builder = writer.build(frame, &batches[0].schema(), count(batches))?;
                fill(&mut builder.columns()?, batches, *filled)?;
                builder.publish()
            }
            Self::Fill(batches, filled) => {
                writer.append_with(frame, count(batches), |columns| fill(columns, batches, *filled))
            }
            Self::Widen(batches) => writer.append_new_columns(frame, batches),
            Self::Compact(_) => writer.compact(frame),
            Self::Reserve(rows, _) => writer.reserve(frame, *rows),
            Self::Remove => writer.remove(frame),
            Self::Columns(step) => step.alone(writer, frame),
            Self::KeepLast(rows) => writer.keep_last(frame, *rows),
            Self::DropBefore(row) => writer.drop_rows_before(frame, *row),
        }
    }

    /// Whether it fills columns in place, for which a transaction takes its turn.
    pub fn takes_turn(&self) -> bool {
        matches!(self, Self::Build(..) | Self::Fill(..))
    }

    /// Whether it may come to this error, though nothing is wrong with it: the frame is then as it was.
    pub fn may_fail(&self, kind: ErrorKind) -> bool {
        matches!(self, Self::Compact(kinds) | Self::Reserve(_, kinds) if kinds.contains(&kind))
    }
}

fn fill(columns: &mut Columns<'_>, batches: &[RecordBatch], filled: Filled) -> Result<()> {
    fill_rows(columns, batches)?;
    match filled {
        Filled::Whole => Ok(()),
        Filled::Abandoned => columns.take::<Int64Type>("no such column").map(drop),
    }
}

/// Why a change is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Whatever stands in the segment.
    AtOnce(ErrorKind),
    /// For what stands in the segment: where writers take turns, the commit says so.
    InTurn(ErrorKind),
}

impl Refused {
    pub fn kind(self) -> ErrorKind {
        let (Self::AtOnce(kind) | Self::InTurn(kind)) = self;
        kind
    }
}

/// The frames as a transaction sees them.
#[derive(Clone)]
pub struct Model {
    pub tables: Vec<Rc<Vec<RecordBatch>>>,
    pub frames: Frames,
    /// Frames that there ever were.
    pub identities: u64,
}

impl Model {
    pub fn new(tables: Vec<Vec<RecordBatch>>) -> Self {
        Self { tables: tables.into_iter().map(Rc::new).collect(), frames: Frames::new(), identities: 0 }
    }

    /// Makes a change: the frame's name, what to do, and whether it is refused. None if it cannot be said what it would come to.
    pub fn change(&mut self, change: &Change) -> Option<(String, Step, std::result::Result<(), Refused>)> {
        let name = frame(change.name());
        let (step, done) = match change {
            Change::Put(_, content) => {
                let batches = self.content(*content);
                self.put(&name, batches.clone());
                (Step::Put(batches), Ok(()))
            }
            Change::Append(_, source) => self.append(&name, *source),
            Change::Build(_, content, filled) => self.build(&name, *content, *filled),
            Change::Fill(_, table, piece, filled) => self.fill(&name, (*table, *piece), *filled),
            Change::Widen(_, table, piece, new) => self.widen(&name, (*table, *piece), *new)?,
            Change::Compact(_) => self.compact(&name),
            Change::Reserve(_, rows) => self.reserve(&name, *rows),
            Change::Remove(_) => (Step::Remove, self.frames.remove(&name).map(drop).ok_or(MISSING)),
            Change::Columns(_, change) => self.columns(&name, *change)?,
            Change::Keep(_, kept) => self.keep(&name, *kept),
            Change::Bad(bad) => {
                let (refused, name, step) = refused(*bad);
                return Some((name, step, Err(refused)));
            }
        };
        Some((name, step, done))
    }

    pub(super) fn identity(&mut self) -> u64 {
        self.identities += 1;
        self.identities
    }

    pub(super) fn content(&self, content: Content) -> Vec<RecordBatch> {
        match content {
            Content::Table(index, least) => {
                let table = &self.tables[index % self.tables.len()];
                cut(table, Piece { first: 0, rows: usize::MAX, least })
            }
            Content::Numbers(rows) => vec![numbers(rows as i64, rows)],
        }
    }

    pub(super) fn put(&mut self, name: &str, batches: Vec<RecordBatch>) {
        let rows = Rows::put(self.identity(), batches);
        self.frames.insert(name.to_owned(), Rc::new(rows));
    }

    fn append(&mut self, name: &str, source: Source) -> (Step, std::result::Result<(), Refused>) {
        let standing = self.frames.get(name).map(Rc::clone);
        let batches = match source {
            Source::Table(index, piece) => cut(&self.tables[index % self.tables.len()], piece),
            Source::Fitting(index, piece) => cut(&self.fitting(standing.as_deref(), index), piece),
            Source::Numbers(rows) => vec![numbers(rows as i64, rows)],
        };
        let done = match standing {
            None => {
                self.put(name, batches.clone());
                Ok(())
            }
            Some(rows) if rows.schema().fields() != batches[0].schema().fields() => {
                Err(Refused::InTurn(ErrorKind::SchemaMismatch))
            }
            Some(_) => {
                self.rows(name, |rows| rows.append(&batches));
                Ok(())
            }
        };
        (Step::Append(batches), done)
    }

    /// Batches of a frame's fields: those of a table, or else of the frame itself.
    pub(super) fn fitting(&self, rows: Option<&Rows>, index: usize) -> Vec<RecordBatch> {
        let Some(rows) = rows else { return self.tables[index % self.tables.len()].to_vec() };
        let fits = |table: &&Rc<Vec<RecordBatch>>| table[0].schema().fields() == rows.schema().fields();
        let table = self.tables.iter().find(fits);
        table.map_or_else(|| rows.batches().to_vec(), |table| table.to_vec())
    }

    fn keep(&mut self, name: &str, kept: Kept) -> (Step, std::result::Result<(), Refused>) {
        let Some(rows) = self.frames.get(name) else { return (Step::KeepLast(1), Err(MISSING)) };
        let (end, standing) = (rows.end(), count(rows.batches()) as u64);
        let (step, row) = match kept {
            Kept::Last(rows) => (Step::KeepLast(rows), end.saturating_sub(rows)),
            Kept::LastShare(share) => {
                let rows = (standing as f64 * share) as u64;
                (Step::KeepLast(rows), end.saturating_sub(rows))
            }
            Kept::From(row) => (Step::DropBefore(row), row),
            Kept::FromShare(share) => {
                let row = end - (standing as f64 * share) as u64;
                (Step::DropBefore(row), row)
            }
        };
        self.rows(name, |rows| rows.drop_before(row));
        (step, Ok(()))
    }

    pub(super) fn rows(&mut self, name: &str, change: impl FnOnce(&mut Rows)) {
        if let Some(rows) = self.frames.get_mut(name) {
            change(Rc::make_mut(rows));
        }
    }

    fn columns(
        &mut self,
        name: &str,
        change: columns::Change,
    ) -> Option<(Step, std::result::Result<(), Refused>)> {
        let standing = self.frames.get(name).map(Rc::clone);
        if standing.as_ref().is_some_and(|rows| rows.first().is_none()) && change.counts_rows() {
            return None;
        }
        let sources: Vec<_> = self.tables.iter().map(|table| table[0].clone()).collect();
        let (step, after) = columns::resolve(change, standing.as_ref().map(|rows| rows.batches()), &sources);
        let done = match (standing, after) {
            (Some(rows), Ok(batches)) => {
                let rows = rows.with_columns(self.identity(), batches);
                self.frames.insert(name.to_owned(), Rc::new(rows));
                Ok(())
            }
            (_, after) => Err(Refused::InTurn(after.err().unwrap_or(ErrorKind::FrameMissing))),
        };
        Some((Step::Columns(step), done))
    }
}

pub const MISSING: Refused = Refused::InTurn(ErrorKind::FrameMissing);

pub fn frame(name: Name) -> String {
    format!("frame {name}")
}

/// Some rows, and all of them again and again up to about so many rows; not in very many batches, which takes long to compare.
pub fn cut(batches: &[RecordBatch], Piece { first, rows, least }: Piece) -> Vec<RecordBatch> {
    let first = first % (count(batches) + 1);
    let mut taken = part(batches, first, rows);
    let mut all = batches.iter().filter(|batch| batch.num_rows() > 0).cycle();
    let mut missing = least.saturating_sub(count(&taken));
    while let Some(batch) = all.next().filter(|_| missing > 0 && taken.len() < 100) {
        missing = missing.saturating_sub(batch.num_rows());
        taken.push(batch.clone());
    }
    taken
}

/// A batch that cannot be put, and why; or nothing to remove.
fn refused(bad: Bad) -> (Refused, String, Step) {
    let at_once = |kind, name: &str, batches| (Refused::AtOnce(kind), name.to_owned(), Step::Put(batches));
    match bad {
        Bad::Name => at_once(ErrorKind::InvalidName, "a/b", vec![numbers(0, 1)]),
        Bad::NoBatches => at_once(ErrorKind::InvalidArgument, &frame(0), Vec::new()),
        Bad::Type => at_once(ErrorKind::TypeNotSupported, &frame(0), vec![nested("x", 100)]),
        Bad::Schema => {
            let other = RecordBatch::try_from_iter([("x", Arc::new(NullArray::new(1)) as _)]).unwrap();
            at_once(ErrorKind::SchemaMismatch, &frame(0), vec![numbers(0, 1), other])
        }
        Bad::Capacity(name) => {
            // Zeroed pages that nobody touches.
            let values = Int64Array::from(vec![0; 64 << 20]);
            let batch = RecordBatch::try_from_iter([("too long", Arc::new(values) as _)]).unwrap();
            (Refused::InTurn(ErrorKind::CapacityExceeded), frame(name), Step::Put(vec![batch]))
        }
        Bad::Remove => (MISSING, "no such frame".to_owned(), Step::Remove),
        Bad::Keep => (MISSING, "no such frame".to_owned(), Step::KeepLast(1)),
    }
}
