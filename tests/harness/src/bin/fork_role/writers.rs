//! A writer in a forked child is an error there, and harms nobody.

use crate::process;
use crate::segment::{FRAME, NAME, contents};
use crate::writing::{commit, create};
use anyhow::{Context, Result, bail, ensure};
use nix::unistd::Pid;
use shmframe::{ErrorKind, Reader, Writer};
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::path::Path;

/// Every call that writes, or looks at what the writer maps, fails with the one kind of error.
fn expect_refused<T>(what: &str, result: shmframe::Result<T>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::WriterInChild && error.place().contains(".shmf") => Ok(()),
        Err(error) => bail!("{what}: another error: {error}"),
        Ok(_) => bail!("{what} worked in a child"),
    }
}

fn expect_all_refused(writer: &mut Writer) -> Result<()> {
    let batch = contents(1)?;
    expect_refused("put", writer.put(FRAME, &batch))?;
    expect_refused("remove", writer.remove(FRAME))?;
    expect_refused("begin", writer.begin().map(drop))?;
    expect_refused("trim", writer.trim(0))?;
    expect_refused("audit", writer.audit())?;
    expect_refused("wait_for_space", writer.wait_for_space(1, std::time::Duration::ZERO))?;
    expect_refused("stats", writer.stats())?;
    // These change nothing and look at nothing that the child does not have.
    ensure!(writer.holders().is_empty() && writer.allocated_bytes() > 0, "what the parent knew");
    ensure!(writer.quota().is_some(), "the quota that the parent knew");
    ensure!(writer.version() > 1, "the version that the parent knew");
    Ok(())
}

/// The lines of this process's memory map that overlap a range: first and last address, and permissions.
fn mapped(range: Option<(usize, usize)>) -> Result<Vec<(usize, usize, String, String)>> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let mut found = Vec::new();
    for line in maps.lines() {
        let (addresses, rest) = line.split_once(' ').context("addresses")?;
        let (start, end) = addresses.split_once('-').context("a range")?;
        let (start, end) = (usize::from_str_radix(start, 16)?, usize::from_str_radix(end, 16)?);
        if range.is_none_or(|range| start < range.1 && range.0 < end) {
            found.push((start, end, rest.get(..4).context("permissions")?.to_owned(), line.to_owned()));
        }
    }
    Ok(found)
}

/// Where this process maps the segment's data for writing.
fn writable() -> Result<(usize, usize)> {
    let data = format!("{NAME}.shmf/data");
    let mut lines = mapped(None)?;
    lines.retain(|(_, _, permissions, line)| permissions == "rw-s" && line.ends_with(&data));
    let [(start, end, ..)] = lines.as_slice() else { bail!("one writable mapping: {lines:?}") };
    Ok((*start, *end))
}

fn expect_nothing_accessible(range: (usize, usize)) -> Result<()> {
    let lines = mapped(Some(range))?;
    ensure!(lines.iter().all(|(_, _, permissions, _)| permissions == "---p"), "accessible: {lines:?}");
    let covered: usize = lines.iter().map(|line| line.1.min(range.1) - line.0.max(range.0)).sum();
    ensure!(covered == range.1 - range.0, "something else can come to lie in {range:?}: {lines:?}");
    Ok(())
}

/// The child of a writer that lives, and a child of that child.
pub fn refused(directory: &Path) -> Result<()> {
    process::watch();
    let mut writer = create(directory, 512)?;
    let range = writable()?;
    let reader = Reader::options().directory(directory).open(NAME)?;
    for generations in [1, 2] {
        let child =
            process::fork(|| descend(generations, &mut || play_child(directory, &mut writer, range)))?;
        process::wait(child)?;
        commit(&mut writer, 100)?;
        ensure!(reader.latest() == writer.version(), "the parent's commits are seen");
        let audit = writer.audit()?;
        ensure!(audit.working == audit.recovered, "leaked: {audit:?}");
    }
    let mut writer = Some(writer);
    let child = process::fork(|| {
        // The child's copy of it: the parent still has its own.
        drop(writer.take());
        expect_nothing_accessible(range)?;
        expect_lease_taken(directory)?;
        crate::segment::check_snapshot(&reader.snapshot()?)
    })?;
    process::wait(child)?;
    let mut writer = writer.context("the parent's writer")?;
    commit(&mut writer, 100)
}

fn expect_lease_taken(directory: &Path) -> Result<()> {
    let opened = Writer::options().directory(directory).open(NAME);
    let kind = opened.err().context("the lease was free")?.kind();
    ensure!(kind == ErrorKind::LeaseTaken, "{kind:?}");
    Ok(())
}

fn descend(generations: u32, play: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    if generations == 1 {
        return play();
    }
    process::wait(process::fork(|| descend(generations - 1, play))?)
}

fn play_child(directory: &Path, writer: &mut Writer, range: (usize, usize)) -> Result<()> {
    expect_nothing_accessible(range)?;
    expect_all_refused(writer)?;
    let reader = Reader::options().directory(directory).open(NAME)?;
    let snapshot = reader.snapshot()?;
    ensure!(snapshot.version() == writer.version(), "reading goes on");
    crate::segment::check_snapshot(&snapshot)
}

/// A transaction that the parent began: refused in the child, whose drop of it harms nothing; the parent commits it.
pub fn transaction(directory: &Path) -> Result<()> {
    process::watch();
    let mut writer = create(directory, 512)?;
    for way in ["put", "remove", "remove another", "commit", "drop"] {
        let next = writer.version() + 1;
        let batch = contents(next)?;
        let mut begun = writer.begin()?;
        begun.put(FRAME, &batch)?;
        let mut begun = Some(begun);
        let child = process::fork(|| {
            // The child's copy of it: the parent still has its own.
            let mut begun = begun.take().context("the transaction")?;
            match way {
                "put" => expect_refused(way, begun.put("another", &batch)),
                "remove" => expect_refused(way, begun.remove(FRAME).and_then(|()| begun.commit())),
                "remove another" => expect_refused(way, begun.remove("another")),
                "commit" => expect_refused(way, begun.commit()),
                _ => Ok(()),
            }
        })?;
        process::wait(child).with_context(|| way.to_owned())?;
        let committed = begun.context("the parent's transaction")?.commit()?;
        ensure!(committed == next, "committed {committed} instead of {next}");
    }
    commit(&mut writer, 100)?;
    let audit = writer.audit()?;
    ensure!(audit.working == audit.recovered, "leaked: {audit:?}");
    Ok(())
}

/// A child that lives when the writer is killed: the lease is free at once, also for the child.
pub fn killed(directory: &Path) -> Result<()> {
    process::watch();
    process::adopt_orphans()?;
    let (mut told, tell) = std::io::pipe()?;
    let (wait, go) = std::io::pipe()?;
    let mut go = Some(go);
    let parent = process::fork(|| {
        // Only the conductor's end is left: when that goes, the child's wait is over.
        drop(go.take());
        write_until_killed(directory, tell, wait)
    })?;
    let mut pid = [0; 4];
    told.read_exact(&mut pid)?;
    let child = Pid::from_raw(i32::from_le_bytes(pid));
    process::end(parent)?;
    let mut writer = Writer::options().directory(directory).open(NAME).context("the lease is free")?;
    commit(&mut writer, 100)?;
    let audit = writer.audit()?;
    ensure!(audit.working == audit.recovered, "leaked: {audit:?}");
    drop(writer);
    go.context("the child's signal")?.write_all(b"!")?;
    process::wait(child)?;
    // What the child wrote, with a writer of its own.
    let reader = Reader::options().directory(directory).open(NAME)?;
    crate::segment::check_snapshot(&reader.snapshot()?)
}

fn write_until_killed(directory: &Path, mut tell: PipeWriter, mut wait: PipeReader) -> Result<()> {
    process::die_with_parent()?;
    let mut writer = create(directory, 512)?;
    process::fork(|| {
        // From the child: it gives the lease up before anything of its own runs, but not before it runs at all.
        tell.write_all(&std::process::id().to_le_bytes())?;
        wait.read_exact(&mut [0])?;
        expect_all_refused(&mut writer)?;
        let mut own = Writer::options().directory(directory).open(NAME).context("the child's own writer")?;
        commit(&mut own, 10)
    })?;
    loop {
        commit(&mut writer, 1)?;
    }
}

/// Where writers take turns, the lease is free between commits, for a child too; the parent's writer is not its own.
pub fn turns(directory: &Path) -> Result<()> {
    process::watch();
    drop(create(directory, 512)?);
    let open = || Writer::options().directory(directory).several_writers().open(NAME);
    let mut writer = open()?;
    commit(&mut writer, 3)?;
    let child = process::fork(|| {
        expect_all_refused(&mut writer)?;
        let mut own = open()?;
        commit(&mut own, 40)
    })?;
    process::wait(child)?;
    let version = writer.begin()?.commit()?;
    ensure!(version == 45 + 1, "version {version}: the parent caught up with its child");
    Ok(())
}
