//! The actor that reads and forks: its child goes on with all that it holds, on a line of its own.

use crate::line::Line;
use crate::process;
use crate::segment::{arrays, check, check_snapshot, locked_slots, open, slots};
use anyhow::{Context, Result, bail, ensure};
use arrow::array::RecordBatch;
use nix::unistd::Pid;
use shmframe::{Reader, Snapshot};
use std::collections::BTreeMap;
use std::path::Path;

/// What an actor holds: its drop is what lets go.
#[derive(Debug)]
enum Held {
    Snapshot(Snapshot),
    /// Arrays alone: nothing else is left of the snapshot that they are from.
    Arrays(u64, RecordBatch),
}

impl Held {
    fn check(&self) -> Result<u64> {
        match self {
            Self::Snapshot(snapshot) => check_snapshot(snapshot).map(|()| snapshot.version()),
            Self::Arrays(version, batch) => check(batch, *version).map(|()| *version),
        }
    }
}

/// A process that reads.
#[derive(Debug)]
pub struct Reading<'d> {
    directory: &'d Path,
    reader: Option<Reader>,
    held: BTreeMap<String, Held>,
}

impl<'d> Reading<'d> {
    pub fn new(directory: &'d Path) -> Self {
        Self { directory, reader: None, held: BTreeMap::new() }
    }

    /// Obeys until it is told to exit, or the conductor is gone.
    ///
    /// `exit` ends the process with all that it holds, as `exit` does; `drop-all` lets go of it.
    pub fn play(&mut self) -> Result<()> {
        let mut line = Line::call(self.directory)?;
        while let Some(order) = line.order()? {
            if order == "exit" {
                return line.reply(&Ok(String::new()));
            }
            let outcome = self.obey(&order);
            line.reply(&outcome)?;
        }
        Ok(())
    }

    fn obey(&mut self, order: &str) -> Result<String> {
        let words: Vec<&str> = order.split(' ').collect();
        match words.as_slice() {
            ["open"] => self.reader = Some(open(self.directory)?),
            ["pin", name] => return self.pin(name, Held::Snapshot),
            ["pin-arrays", name] => {
                let snapshot = self.snapshot()?;
                let arrays = arrays(&snapshot)?;
                return self.pin(name, |_| Held::Arrays(snapshot.version(), arrays));
            }
            ["check"] => return self.check(),
            ["drop", name] => drop(self.held.remove(*name).context("nothing of this name")?),
            ["drop-all"] => {
                self.held.clear();
                self.reader = None;
            }
            ["fork"] => return Ok(process::fork(|| self.play())?.to_string()),
            ["wait", pid] => process::wait(Pid::from_raw(pid.parse()?))?,
            ["wait-killed", pid] => process::wait_killed(Pid::from_raw(pid.parse()?))?,
            ["children", count, between] => return self.children(count.parse()?, between),
            _ => bail!("an unknown order"),
        }
        Ok(String::new())
    }

    fn snapshot(&self) -> Result<Snapshot> {
        Ok(self.reader.as_ref().context("no reader")?.snapshot()?)
    }

    /// Holds the newest version, and says which it is.
    fn pin(&mut self, name: &str, hold: impl FnOnce(Snapshot) -> Held) -> Result<String> {
        let held = hold(self.snapshot()?);
        let version = held.check()?;
        self.held.insert(name.to_owned(), held);
        Ok(version.to_string())
    }

    /// Checks every byte of what is held.
    fn check(&self) -> Result<String> {
        for held in self.held.values() {
            held.check()?;
        }
        Ok(self.held.len().to_string())
    }

    /// Forks short-lived children one after the other; each checks what it got. One in three then goes without
    /// letting go, one lets go first, one makes a snapshot of its own. Says the most slots that were locked.
    fn children(&mut self, count: u32, between: &str) -> Result<String> {
        let open = process::open_descriptors()?;
        let mut most = 0;
        for round in 0..count {
            let child = process::fork(|| self.live_shortly(round % 3))?;
            process::wait(child)?;
            match between {
                "nothing" => {}
                // The old hold goes after the new one is there.
                "pin" => drop(self.pin("between", Held::Snapshot)?),
                _ => bail!("an unknown order"),
            }
            if round % 100 == 0 {
                self.check()?;
                most = most.max(locked_slots(self.directory)?);
            }
        }
        let open_now = process::open_descriptors()?;
        ensure!(open_now == open, "{open} descriptors before {count} children, {open_now} after");
        let claimed = slots(self.directory)?.iter().filter(|slot| slot.claimed).count();
        Ok(format!("{most} {claimed}"))
    }

    fn live_shortly(&mut self, way: u32) -> Result<()> {
        self.check()?;
        match way {
            0 => {}
            1 => self.held.clear(),
            _ => drop(self.pin("own", Held::Snapshot)?),
        }
        Ok(())
    }
}
