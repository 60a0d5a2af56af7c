//! The actor that writes: it commits all the time, so that bytes that nobody holds are written over at once.

use crate::line::{Actor, Line};
use crate::segment::{FRAME, NAME, contents};
use anyhow::{Context, Result, bail, ensure};
use shmframe::{Trust, Writer};
use shmframe_segment::{Location, Store, StoreOptions};
use std::path::Path;

/// Creates the segment and obeys, until the conductor is gone.
///
/// `commit N` commits N versions; `run` commits between orders from then on, `rest` does no longer; `report` reclaims
/// and says what is free and who holds what.
pub fn play(directory: &Path, slots: u32) -> Result<()> {
    let mut writer = create(directory, slots)?;
    let mut line = Line::call(directory)?;
    let mut running = false;
    loop {
        while running && !line.is_called()? {
            commit(&mut writer, 1)?;
        }
        let Some(order) = line.order()? else { return Ok(()) };
        running = order == "run" || running && order != "rest";
        let outcome = obey(&mut writer, &order);
        line.reply(&outcome)?;
    }
}

/// A writer of a new segment with its first contents.
pub fn create(directory: &Path, slots: u32) -> Result<Writer> {
    let location = Location::new(Some(directory), NAME, Trust::default())?;
    let options = StoreOptions { capacity: 1 << 30, slots, ..StoreOptions::default() };
    drop(Store::create(&location, options)?);
    let mut writer = Writer::options().directory(directory).open(NAME)?;
    commit(&mut writer, 1)?;
    Ok(writer)
}

/// Commits some versions.
pub fn commit(writer: &mut Writer, count: u64) -> Result<()> {
    for _ in 0..count {
        let version = writer.version() + 1;
        let committed = writer.put(FRAME, &contents(version)?)?;
        ensure!(committed == version, "committed {committed} instead of {version}");
    }
    Ok(())
}

fn obey(writer: &mut Writer, order: &str) -> Result<String> {
    match order.split_once(' ').unwrap_or((order, "")) {
        ("run" | "rest", _) => Ok(String::new()),
        ("commit", count) => commit(writer, count.parse()?).map(|()| String::new()),
        ("report", _) => report(writer),
        _ => bail!("an unknown order"),
    }
}

fn report(writer: &mut Writer) -> Result<String> {
    // Reclaims, and gives no page back.
    writer.trim(u64::MAX)?;
    let audit = writer.audit()?;
    ensure!(audit.working == audit.recovered, "leaked: {audit:?}");
    let free: u64 = audit.working.iter().map(|range| range.end - range.start).sum();
    let mut held: Vec<u64> = writer.holders().into_iter().flat_map(|holder| holder.versions).collect();
    held.sort_unstable();
    held.dedup();
    // The newest version is nobody's burden.
    held.retain(|version| *version != writer.version());
    let held: Vec<String> = held.iter().map(u64::to_string).collect();
    Ok(format!("{free} {}", held.join(",")))
}

/// What the writer says of its segment.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// Free bytes of the heap.
    pub free: u64,
    /// The versions that readers hold, besides the newest.
    pub held: Vec<u64>,
}

/// Asks the writer to reclaim and to say what it has.
pub fn ask(writer: &mut Actor) -> Result<Report> {
    let reply = writer.ask("report")?;
    let (free, held) = reply.split_once(' ').unwrap_or((&reply, ""));
    let held = held.split(',').filter(|version| !version.is_empty()).map(str::parse);
    Ok(Report { free: free.parse()?, held: held.collect::<Result<_, _>>().context("versions")? })
}
