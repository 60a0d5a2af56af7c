//! Scripted work for one process, which is killed at each of its steps in turn, and what each version of it holds.

use crate::control::{Control, Word};
use crate::pattern::{self, Contents, FEED};
use shmframe::{Error, ReadModifyWrite, Transaction, Writer, WriterOptions};

/// One operation. All but the last make a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Puts a frame of so many rows.
    Put(&'static str, u64),
    /// Puts frames `left` and `right` of so many rows in one version.
    Pair(u64),
    /// Removes a frame.
    Remove(&'static str),
    /// Puts a frame of so many rows, with the token of its version.
    Tokened(&'static str, u64),
    /// Makes a frame, column by column, what this version would have put.
    Columns(&'static str),
    /// Adds so many rows to the feed.
    Append(u64),
    /// Keeps the last so many rows of the feed.
    KeepLast(u64),
    /// Gives all free pages back.
    Trim,
}

use Operation::{Append, Columns, KeepLast, Pair, Put, Remove, Tokened, Trim};

/// How a workload comes by its writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// It creates the segment.
    Create,
    /// It opens the segment.
    Open,
    /// It opens the segment as one of several writers.
    TakeTurns,
}

/// A script.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// By what name the role knows it.
    pub name: &'static str,
    /// How it comes by its writer.
    pub begin: Begin,
    /// What it does.
    pub operations: &'static [Operation],
    /// Whether it removes the segment at the end.
    pub removes: bool,
}

/// A segment comes to be, and gets a frame.
pub const CREATION: Workload =
    Workload { name: "creation", begin: Begin::Create, operations: &[Put("a", 3)], removes: false };

/// Everything that makes a version: small and larger puts, a transaction of two frames, a removal, a trim between.
pub const COMMITS: Workload = Workload {
    name: "commits",
    begin: Begin::Open,
    operations: &[
        Put("a", 3),
        Put("b", 6000),
        Pair(10),
        Remove("a"),
        Put("a", 70),
        Trim,
        Put("b", 2),
        Put("c", 900),
    ],
    removes: false,
};

/// Commits with tokens and without.
pub const TOKENS: Workload = Workload {
    name: "tokens",
    begin: Begin::Open,
    operations: &[Put("a", 9), Tokened("b", 3), Put("a", 2), Tokened("a", 700), Remove("b"), Tokened("b", 1)],
    removes: false,
};

/// Columns of frames change.
pub const COLUMNS: Workload = Workload {
    name: "columns",
    begin: Begin::Open,
    operations: &[Columns("a"), Columns("c"), Put("b", 30), Columns("b"), Trim, Columns("a")],
    removes: false,
};

/// A feed comes to be, grows while it is small, beyond that, and in place; loses its oldest rows, and goes on.
pub const APPENDS: Workload = Workload {
    name: "appends",
    begin: Begin::Open,
    operations: &[
        Append(10),
        Append(70),
        Append(3000),
        Append(3),
        Append(130),
        KeepLast(1500),
        Append(64),
        Put("a", 3),
        Append(1),
        Trim,
        Append(700),
        KeepLast(100),
        Append(5),
        Append(4000),
    ],
    removes: false,
};

/// Old versions leave the ring while readers hold some of them; what the others covered is used again.
pub const RECLAIM: Workload = Workload {
    name: "reclaim",
    begin: Begin::Open,
    operations: &[Put("a", 20), Put("a", 21), Pair(5), Put("b", 900), Trim, Put("a", 22), Put("b", 901)],
    removes: false,
};

/// A writer takes over what a killed one left, and goes on.
pub const RECOVERY: Workload =
    Workload { name: "recovery", begin: Begin::Open, operations: &[Put("a", 5)], removes: false };

/// One of several writers commits.
pub const TURNS: Workload = Workload {
    name: "turns",
    begin: Begin::TakeTurns,
    operations: &[Put("a", 4), Put("b", 600), Remove("a")],
    removes: false,
};

/// A segment is removed.
pub const REMOVAL: Workload =
    Workload { name: "removal", begin: Begin::Open, operations: &[], removes: true };

const ALL: [Workload; 9] = [CREATION, COMMITS, TOKENS, COLUMNS, APPENDS, RECLAIM, RECOVERY, TURNS, REMOVAL];

impl Operation {
    /// What the version `stamp`, made by this from a version that holds `before`, holds; nothing if none is made.
    #[must_use]
    pub fn after(self, before: &Contents, stamp: u64) -> Option<Contents> {
        let mut contents = before.clone();
        match self {
            Put(frame, rows) | Tokened(frame, rows) => {
                _ = contents.insert(frame.to_owned(), (stamp, rows));
            }
            Columns(frame) => contents.get_mut(frame)?.0 = stamp,
            Pair(rows) => {
                for frame in ["left", "right"] {
                    contents.insert(frame.to_owned(), (stamp, rows));
                }
            }
            Remove(frame) => drop(contents.remove(frame)),
            Append(rows) => contents.entry(FEED.to_owned()).or_insert((0, 0)).0 += rows,
            KeepLast(_) => {}
            Trim => return None,
        }
        Some(contents)
    }
}

impl Workload {
    /// The workload of this name.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn named(name: &str) -> Self {
        ALL.into_iter().find(|workload| workload.name == name).unwrap()
    }

    /// What each version holds, beginning with the one before the first operation, which is `version`.
    #[must_use]
    pub fn versions(&self, version: u64, before: &Contents) -> Vec<Contents> {
        let mut versions = vec![before.clone()];
        for operation in self.operations {
            let stamp = version + versions.len() as u64;
            versions.extend(operation.after(&versions[versions.len() - 1], stamp));
        }
        versions
    }

    /// Does it, and tells `control` before and after each commit.
    ///
    /// # Errors
    /// The first error; nothing in here should fail.
    pub fn run(&self, segment: &str, control: &Control) -> Result<(), Error> {
        let options = WriterOptions::new().label(self.name);
        let mut writer = match self.begin {
            Begin::Create => {
                control.set(Word::Announced, 1);
                options.create(segment)?
            }
            Begin::Open => options.open(segment)?,
            Begin::TakeTurns => options.several_writers().open(segment)?,
        };
        control.set(Word::Committed, writer.version());
        for operation in self.operations {
            carry_out(&mut writer, *operation, control)?;
        }
        if self.removes { writer.remove_segment() } else { Ok(()) }
    }
}

/// Makes the rows of a frame, column by column, those of version `stamp`: replaced, dropped and inserted, renamed and
/// moved.
fn change_columns(transaction: &mut Transaction<'_>, frame: &str, stamp: u64) -> Result<(), Error> {
    let before = transaction.snapshot()?.frame(frame)?;
    let batch = pattern::batch(frame, stamp, before.num_rows());
    for name in ["stamp", "value", "text"] {
        transaction.replace_column(frame, name, &batch[name])?;
    }
    transaction.drop_column(frame, "even")?;
    let field = batch.schema().field(3).clone();
    transaction.insert_column(frame, 0, field, &batch["even"])?;
    transaction.rename_column(frame, "even", "odd")?;
    transaction.move_column(frame, "odd", 3)?;
    transaction.rename_column(frame, "odd", "even")
}

/// Adds so many rows to the feed, from the first that it does not have.
///
/// # Errors
/// The first error; nothing in here should fail.
pub fn append(transaction: &mut Transaction<'_>, rows: u64) -> Result<(), Error> {
    let feed = transaction.snapshot()?.find(FEED)?;
    let first = feed.map_or(0, |feed| feed.position().row());
    transaction.append(FEED, &pattern::feed(first..first + rows))
}

/// The token that a commit of version `stamp` gives.
#[must_use]
pub fn token(stamp: u64) -> u128 {
    u128::from(stamp) << 64 | u128::from(!stamp)
}

fn carry_out(writer: &mut Writer, operation: Operation, control: &Control) -> Result<(), Error> {
    let stamp = writer.version() + 1;
    let commit = |commit: &mut dyn FnMut() -> Result<u64, Error>| {
        control.set(Word::Announced, stamp);
        let version = commit()?;
        assert_eq!(version, stamp);
        control.set(Word::Committed, version);
        Ok(())
    };
    match operation {
        Put(frame, rows) => {
            let batch = pattern::batch(frame, stamp, rows);
            commit(&mut || writer.put(frame, &batch))
        }
        Pair(rows) => {
            let batches = ["left", "right"].map(|frame| pattern::batch(frame, stamp, rows));
            commit(&mut || {
                let mut transaction = writer.begin()?;
                transaction.put("left", &batches[0])?;
                transaction.put("right", &batches[1])?;
                transaction.commit()
            })
        }
        Remove(frame) => commit(&mut || writer.remove(frame)),
        Tokened(frame, rows) => {
            let batch = pattern::batch(frame, stamp, rows);
            commit(&mut || {
                let mut transaction = writer.begin()?;
                transaction.token(token(stamp));
                transaction.put(frame, &batch)?;
                transaction.commit()
            })
        }
        Columns(frame) => commit(&mut || {
            let mut transaction = writer.begin()?;
            change_columns(&mut transaction, frame, stamp)?;
            transaction.commit()
        }),
        Append(rows) => commit(&mut || {
            let mut transaction = writer.begin()?;
            append(&mut transaction, rows)?;
            transaction.commit()
        }),
        KeepLast(rows) => commit(&mut || writer.keep_last(FEED, rows)),
        Trim => writer.trim(0).map(drop),
    }
}
