//! The conductor of a test: the writer and the readers that it starts, and how they end.

use crate::line::{Actor, Desk};
use crate::process;
use crate::reading::Reading;
use crate::segment::{Slot, slots};
use crate::writing::{self, Report};
use anyhow::{Context, Result, ensure};
use nix::unistd::Pid;
use std::path::{Path, PathBuf};

/// Commits after which a version has long left the ring, and its bytes, if they were free, have been written over.
const MANY: u32 = 80;

/// How an actor stops using what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It drops everything, and lives on.
    Drop,
    /// It exits, and drops nothing.
    Exit,
    /// It is killed.
    Kill,
}

/// A segment with a writer that commits all the time.
pub struct Stage {
    directory: PathBuf,
    desk: Desk,
    writer: Actor,
    /// Free bytes while nobody holds anything.
    free: u64,
    /// Bytes that an old version keeps in use; not known until one is held.
    cost: Option<u64>,
}

impl Stage {
    /// Creates the segment and starts its writer.
    pub fn open(directory: &Path, slots: u32) -> Result<Self> {
        process::watch();
        process::adopt_orphans()?;
        let desk = Desk::open(directory)?;
        process::fork(|| {
            process::die_with_parent()?;
            writing::play(directory, slots)
        })?;
        let mut writer = desk.answer()?;
        writer.ask("commit 100")?;
        let free = writing::ask(&mut writer)?.free;
        writer.ask("run")?;
        Ok(Self { directory: directory.to_owned(), desk, writer, free, cost: None })
    }

    /// Starts a process that reads.
    pub fn reader(&self) -> Result<Actor> {
        process::fork(|| {
            process::die_with_parent()?;
            Reading::new(&self.directory).play()
        })?;
        let mut reader = self.desk.answer()?;
        reader.ask("open")?;
        Ok(reader)
    }

    /// Lets an actor fork, and returns its child.
    pub fn fork(&self, parent: &mut Actor) -> Result<Actor> {
        let pid = parent.ask("fork")?;
        let child = self.desk.answer()?;
        ensure!(child.pid.to_string() == pid, "another process called");
        Ok(child)
    }

    /// Lets the writer go on for long enough to write over all bytes that nobody holds.
    pub fn go_on(&mut self) -> Result<()> {
        self.writer.ask(&format!("commit {MANY}")).map(drop)
    }

    /// Lets the writer rest between orders, or not.
    pub fn writer(&mut self, order: &str) -> Result<()> {
        self.writer.ask(order).map(drop)
    }

    /// Fails unless exactly these versions are held, each at the cost of one version's bytes.
    pub fn expect_held(&mut self, versions: &[&str]) -> Result<()> {
        self.go_on()?;
        let Report { free, held } = writing::ask(&mut self.writer)?;
        let expected: Vec<u64> = versions.iter().map(|version| version.parse()).collect::<Result<_, _>>()?;
        ensure!(held == expected, "versions {held:?} are held instead of {expected:?}");
        let cost = self.free - free;
        let each = *self.cost.get_or_insert(cost / held.len() as u64);
        ensure!(cost == each * held.len() as u64 && each > 0, "{held:?} cost {cost} bytes, each one {each}");
        Ok(())
    }

    /// Fails unless the writer has all bytes back at once: nothing more is committed before it looks.
    pub fn expect_all_free(&mut self) -> Result<()> {
        let report = writing::ask(&mut self.writer)?;
        let all = Report { free: self.free, held: Vec::new() };
        ensure!(report == all, "{report:?} instead of {all:?}");
        Ok(())
    }

    /// Ends an actor's use of what it holds; `parent` is the actor that has to wait for it, if not the conductor.
    pub fn end(&self, actor: &mut Actor, end: End, parent: Option<&mut Actor>) -> Result<()> {
        let wait = match end {
            End::Drop => return actor.ask("drop-all").map(drop),
            End::Exit => {
                actor.ask("exit")?;
                "wait"
            }
            End::Kill => {
                process::kill(actor.pid)?;
                "wait-killed"
            }
        };
        match (parent, end) {
            (Some(parent), _) => parent.ask(&format!("{wait} {}", actor.pid)).map(drop),
            (None, End::Kill) => process::wait_killed(actor.pid),
            (None, _) => process::wait(actor.pid),
        }
    }

    pub fn slots(&self) -> Result<Vec<Slot>> {
        slots(&self.directory)
    }

    /// The slots that living processes hold and that `pid` claimed.
    pub fn slots_of(&self, pid: Pid) -> Result<Vec<Slot>> {
        let mut slots = self.slots()?;
        slots.retain(|slot| slot.locked && slot.pid == u64::from(pid.as_raw().cast_unsigned()));
        Ok(slots)
    }

    /// The directory of the test.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends the writer, and sees that it was well until now.
    pub fn close(mut self) -> Result<()> {
        self.writer.ask("rest").context("the writer")?;
        process::end(self.writer.pid)
    }
}
