//! Scripted work for one process, which is killed at each of its steps in turn, and what each version of it holds.

use crate::control::{Control, Word};
use crate::growing::{LATE, MARKED, TICKS};
use crate::operation::Operation::{
    self, Append, Build, Columns, Compact, Fill, KeepLast, Mark, Pair, Put, Remove, Reserve, Together,
    Tokened, Trim, Widen,
};
use crate::pattern::{Contents, FEED};
use shmframe::{Error, WriterOptions};

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
        Append(FEED, 10),
        Append(FEED, 70),
        Append(FEED, 3000),
        Append(FEED, 3),
        Append(FEED, 130),
        KeepLast(FEED, 1500),
        Append(FEED, 64),
        Put("a", 3),
        Append(FEED, 1),
        Trim,
        Append(FEED, 700),
        KeepLast(FEED, 100),
        Append(FEED, 5),
        Append(FEED, 4000),
    ],
    removes: false,
};

/// Rows are filled in place, while their frame is small, as a copy, and behind the others; room is reserved, runs are made one
/// again, and frames are built beside.
pub const FILLS: Workload = Workload {
    name: "fills",
    begin: Begin::Open,
    // Each string that is filled in is a step or two: few rows will do.
    operations: &[
        Build("a", 40),
        Fill(10),
        Fill(70),
        Append(TICKS, 3000),
        Fill(3),
        Fill(66),
        Reserve(TICKS, 20_000),
        Fill(64),
        KeepLast(TICKS, 1500),
        Fill(90),
        Build("a", 5),
        Compact(TICKS),
        Fill(1),
        Trim,
        Remove("a"),
        KeepLast(TICKS, 100),
        Fill(65),
        Compact(TICKS),
        Together(&[
            Fill(7),
            Build("a", 20),
            Append(TICKS, 3000),
            Reserve(TICKS, 100),
            Fill(80),
            Build("b", 3),
        ]),
    ],
    removes: false,
};

/// Frames grow, get other columns and more of them, go and come back, alone and together.
pub const SHAPES: Workload = Workload {
    name: "shapes",
    begin: Begin::Open,
    operations: &[
        Append(MARKED, 3000),
        Append(MARKED, 70),
        Mark,
        Append(MARKED, 65),
        Append(LATE, 3000),
        Widen(100),
        Append(LATE, 5),
        Append(FEED, 3000),
        Reserve(FEED, 9000),
        Append(FEED, 130),
        Remove(LATE),
        Mark,
        Compact(FEED),
        Together(&[
            Append(FEED, 9),
            Append(LATE, 40),
            Widen(7),
            Mark,
            Append(MARKED, 3),
            Compact(MARKED),
            Put("a", 3),
        ]),
        Trim,
        Together(&[Remove(MARKED), KeepLast(FEED, 100), Widen(2000), Build("a", 7)]),
        Append(FEED, 1),
    ],
    removes: false,
};

/// A writer takes over what a killed one left of a feed, goes on with it, and gives back what is free.
pub const FEEDS_ON: Workload =
    Workload { name: "feeds-on", begin: Begin::Open, operations: &[Append(FEED, 5), Trim], removes: false };

/// The same of rows that are filled in place.
pub const FILLS_ON: Workload =
    Workload { name: "fills-on", begin: Begin::Open, operations: &[Fill(5), Trim], removes: false };

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

const ALL: [Workload; 13] = [
    CREATION, COMMITS, TOKENS, COLUMNS, APPENDS, FILLS, SHAPES, FEEDS_ON, FILLS_ON, RECLAIM, RECOVERY, TURNS,
    REMOVAL,
];

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
            operation.carry_out(&mut writer, control)?;
        }
        if self.removes { writer.remove_segment() } else { Ok(()) }
    }
}
