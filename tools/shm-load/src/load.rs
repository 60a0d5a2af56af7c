//! Files become versions: all of them one, or each batch one.

use crate::pieces::Pieces;
use crate::progress::Progress;
use crate::published::{Closing, Published};
use anyhow::{Error, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use core::num::NonZeroU64;
use shmframe_writer::{ErrorKind, Transaction, Writer};

/// What is said where rows cannot be added because of their types.
const OTHER_TYPES: &str =
    "the file does not go with the frame (--schema gives columns the types that `shm-dump schema` shows)";

/// The frame that is filled.
#[derive(Clone, Copy)]
pub struct Goal<'a> {
    pub frame: &'a str,
    /// Rows that are kept; none: all.
    pub retain: Option<NonZeroU64>,
}

/// What becomes of the rows that the frame has.
#[derive(Clone, Copy)]
pub enum Before {
    IsReplaced,
    Stays,
}

impl Goal<'_> {
    /// The schema of the frame, if it is there.
    pub fn schema(self, writer: &mut Writer) -> Result<Option<SchemaRef>> {
        Ok(writer.begin()?.schema(self.frame)?)
    }

    /// Closes a transaction: keeps what is to be kept, and publishes.
    fn commit(self, mut transaction: Transaction<'_>) -> Result<u64> {
        if let Some(rows) = self.retain {
            transaction.keep_last(self.frame, rows.get())?;
        }
        Ok(transaction.commit()?)
    }

    /// Adds rows in a version of their own.
    pub fn append(self, writer: &mut Writer, batch: &RecordBatch) -> Result<u64> {
        let mut transaction = writer.begin()?;
        self.add(&mut transaction, batch)?;
        self.commit(transaction)
    }

    /// Adds rows.
    fn add(self, transaction: &mut Transaction<'_>, batch: &RecordBatch) -> Result<()> {
        transaction.append(self.frame, batch).map_err(|error| match error.kind() {
            ErrorKind::SchemaMismatch => Error::new(error).context(OTHER_TYPES),
            _ => error.into(),
        })
    }
}

/// Loads everything in one version. After an error there is none.
pub fn in_one_version(
    writer: &mut Writer,
    goal: Goal<'_>,
    before: Before,
    pieces: &mut Pieces<'_>,
    progress: &Progress,
) -> Result<Published> {
    stage(writer, goal, before, pieces, progress).map_err(Closing::with_nothing_published)
}

fn stage(
    writer: &mut Writer,
    goal: Goal<'_>,
    before: Before,
    pieces: &mut Pieces<'_>,
    progress: &Progress,
) -> Result<Published> {
    let schema = pieces.schema()?;
    let mut transaction = writer.begin()?;
    let mut published = Published::default();
    let mut is_first = true;
    // Batches go into shared memory as they are read: nobody sees them before the commit.
    let mut add = |batch: &RecordBatch| match before {
        Before::IsReplaced if core::mem::take(&mut is_first) => Ok(transaction.put(goal.frame, batch)?),
        _ => goal.add(&mut transaction, batch),
    };
    while let Some((name, piece)) = pieces.next()? {
        add(&piece.batch)?;
        published.add(name, &piece.batch, piece.line);
        progress.show(pieces.position(), &published);
    }
    if published.rows == 0 {
        add(&RecordBatch::new_empty(schema))?;
    }
    published.commit(goal.commit(transaction)?);
    Ok(published)
}

/// Adds rows, each batch in a version of its own. After an error what was published stays.
pub fn in_versions(
    writer: &mut Writer,
    goal: Goal<'_>,
    pieces: &mut Pieces<'_>,
    progress: &Progress,
) -> Result<Published> {
    let mut published = Published::default();
    match append_all(writer, goal, pieces, progress, &mut published) {
        Ok(()) => Ok(published),
        Err(error) => Err(published.after(error)),
    }
}

fn append_all(
    writer: &mut Writer,
    goal: Goal<'_>,
    pieces: &mut Pieces<'_>,
    progress: &Progress,
    published: &mut Published,
) -> Result<()> {
    let schema = pieces.schema()?;
    while let Some((name, piece)) = pieces.next()? {
        let version = goal.append(writer, &piece.batch)?;
        published.add(name, &piece.batch, piece.line);
        published.commit(version);
        progress.show(pieces.position(), published);
    }
    if published.versions == 0 {
        published.commit(goal.append(writer, &RecordBatch::new_empty(schema))?);
    }
    Ok(())
}
