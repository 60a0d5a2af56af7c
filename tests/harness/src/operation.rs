//! One operation of a workload: how it is carried out, and what the version holds that it makes.

use crate::control::{Control, Word};
use crate::growing::{self, LATE, MARKED, TICKS};
use crate::pattern::{self, Contents};
use shmframe::{Error, ReadModifyWrite, Transaction, Writer};

/// One operation. All but the last make a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Puts a frame of so many rows.
    Put(&'static str, u64),
    /// Puts frames `left` and `right` of so many rows in one version.
    Pair(u64),
    /// Builds a frame of so many rows in place.
    Build(&'static str, u64),
    /// Removes a frame.
    Remove(&'static str),
    /// Puts a frame of so many rows, with the token of its version.
    Tokened(&'static str, u64),
    /// Makes a frame, column by column, what this version would have put.
    Columns(&'static str),
    /// Adds so many rows to a frame that grows.
    Append(&'static str, u64),
    /// Adds so many rows to [`TICKS`], straight behind those that stand there.
    Fill(u64),
    /// Adds so many rows to [`LATE`], with the columns that come late.
    Widen(u64),
    /// Changes the columns of [`MARKED`] to those that have the mark of this version.
    Mark,
    /// Keeps the last so many rows of a frame.
    KeepLast(&'static str, u64),
    /// Makes one run of each column of a frame.
    Compact(&'static str),
    /// Asks for room for so many rows more.
    Reserve(&'static str, u64),
    /// All of these in one version; none of them a trim.
    Together(&'static [Self]),
    /// Gives all free pages back.
    Trim,
}

use Operation::{
    Append, Build, Columns, Compact, Fill, KeepLast, Mark, Pair, Put, Remove, Reserve, Together, Tokened,
    Trim, Widen,
};

impl Operation {
    /// What the version `stamp`, made by this from a version that holds `before`, holds; nothing if none is made.
    #[must_use]
    pub fn after(self, before: &Contents, stamp: u64) -> Option<Contents> {
        let mut contents = before.clone();
        match self {
            Put(frame, rows) | Tokened(frame, rows) | Build(frame, rows) => {
                _ = contents.insert(frame.to_owned(), (stamp, rows));
            }
            Columns(frame) => contents.get_mut(frame)?.0 = stamp,
            Pair(rows) => {
                for frame in ["left", "right"] {
                    contents.insert(frame.to_owned(), (stamp, rows));
                }
            }
            Remove(frame) => drop(contents.remove(frame)),
            Append(MARKED, rows) => contents.entry(MARKED.to_owned()).or_insert((0, 0)).1 += rows,
            Append(frame, rows) => contents.entry(frame.to_owned()).or_insert((0, 0)).0 += rows,
            Fill(rows) => contents.get_mut(TICKS)?.0 += rows,
            Widen(rows) => {
                let (next, late) = contents.get_mut(LATE)?;
                *late = if *late == 0 { *next } else { *late };
                *next += rows;
            }
            Mark => contents.get_mut(MARKED)?.0 = stamp,
            KeepLast(..) | Compact(_) | Reserve(..) => {}
            Together(operations) => {
                for operation in operations {
                    contents = operation.after(&contents, stamp)?;
                }
            }
            Trim => return None,
        }
        Some(contents)
    }

    /// Does it, and tells `control` before and after the commit.
    ///
    /// # Errors
    /// The first error; nothing in here should fail.
    ///
    /// # Panics
    /// If it makes another version than the next one.
    pub fn carry_out(self, writer: &mut Writer, control: &Control) -> Result<(), Error> {
        let stamp = writer.version() + 1;
        let commit = |commit: &mut dyn FnMut() -> Result<u64, Error>| {
            control.set(Word::Announced, stamp);
            let version = commit()?;
            assert_eq!(version, stamp);
            control.set(Word::Committed, version);
            Ok(())
        };
        match self {
            Trim => writer.trim(0).map(drop),
            Build(frame, rows) => commit(&mut || {
                let batch = pattern::batch(frame, stamp, rows);
                let mut builder = writer.build(frame, &batch.schema(), rows as usize)?;
                growing::fill(&mut builder.columns()?, &batch)?;
                builder.publish()
            }),
            _ => commit(&mut || {
                let mut transaction = writer.begin()?;
                let before = match self {
                    Append(..) | Fill(_) | Widen(_) | Columns(_) | Mark | Together(_) => {
                        pattern::contents(&transaction.snapshot()?)
                    }
                    _ => Contents::new(),
                };
                self.within(&mut transaction, stamp, &before)?;
                transaction.commit()
            }),
        }
    }

    /// Does it as a part of the version `stamp`; `before` is what the transaction holds, as far as this goes on with it.
    fn within(self, transaction: &mut Transaction<'_>, stamp: u64, before: &Contents) -> Result<(), Error> {
        match self {
            Put(frame, rows) => transaction.put(frame, &pattern::batch(frame, stamp, rows)),
            Pair(rows) => {
                let mut put = |frame| transaction.put(frame, &pattern::batch(frame, stamp, rows));
                put("left")?;
                put("right")
            }
            Build(frame, rows) => {
                let batch = pattern::batch(frame, stamp, rows);
                transaction
                    .build(frame, &batch.schema(), rows as usize, |columns| growing::fill(columns, &batch))
            }
            Remove(frame) => transaction.remove(frame),
            Tokened(frame, rows) => {
                transaction.token(token(stamp));
                transaction.put(frame, &pattern::batch(frame, stamp, rows))
            }
            Columns(frame) => {
                let batch = pattern::batch(frame, stamp, before[frame].1);
                growing::change_columns(transaction, frame, &batch)
            }
            Append(frame, rows) => transaction.append(frame, &growing::next(frame, rows, before)),
            Fill(rows) => {
                let batch = growing::next(TICKS, rows, before);
                transaction.append_with(TICKS, rows as usize, |columns| growing::fill(columns, &batch))
            }
            Widen(rows) => {
                let first = before[LATE].0;
                transaction.append_new_columns(LATE, &growing::late(first..first + rows, 1))
            }
            Mark => {
                growing::change_columns(transaction, MARKED, &growing::marked(0..before[MARKED].1, stamp))
            }
            KeepLast(frame, rows) => transaction.keep_last(frame, rows),
            Compact(frame) => transaction.compact(frame),
            Reserve(frame, rows) => transaction.reserve(frame, rows),
            Together(operations) => {
                let mut before = before.clone();
                for operation in operations {
                    operation.within(transaction, stamp, &before)?;
                    before = operation.after(&before, stamp).unwrap_or(before);
                }
                Ok(())
            }
            Trim => Ok(()),
        }
    }
}

/// The token that a commit of version `stamp` gives.
#[must_use]
pub fn token(stamp: u64) -> u128 {
    u128::from(stamp) << 64 | u128::from(!stamp)
}
