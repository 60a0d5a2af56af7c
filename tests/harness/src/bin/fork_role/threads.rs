//! Forks while other threads pin and unpin.

use crate::process;
use crate::segment::{arrays, check, check_snapshot, locked_slots, open};
use crate::stage::Stage;
use anyhow::{Context, Result, anyhow, ensure};
use nix::unistd::Pid;
use shmframe::{Reader, Snapshot};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const THREADS: usize = 16;
const FORKS: usize = 1_000;
/// How long a pinning thread rests between two pins.
const REST: Duration = Duration::from_micros(50);
/// Few enough that a slot lost per fork shows.
const SLOTS: u32 = 64;

/// One of many threads that pin forks; each child has what that thread held, and makes snapshots of its own.
pub fn many(directory: &Path) -> Result<()> {
    let stage = Stage::open(directory, SLOTS)?;
    let parent = process::fork(|| {
        process::die_with_parent()?;
        fork_among_threads(directory)
    })?;
    process::wait(parent)?;
    finish(stage)
}

fn finish(mut stage: Stage) -> Result<()> {
    stage.go_on()?;
    stage.expect_all_free()?;
    ensure!(locked_slots(stage.directory())? == 0, "a slot outlives its users");
    stage.close()
}

fn fork_among_threads(directory: &Path) -> Result<()> {
    let reader = open(directory)?;
    let over = AtomicBool::new(false);
    let kept = reader.snapshot()?;
    std::thread::scope(|scope| {
        let pinning: Vec<_> = (1..THREADS)
            .map(|thread| {
                let (reader, over) = (&reader, &over);
                scope.spawn(move || pin_and_unpin(reader, thread, over))
            })
            .collect();
        let forked = fork_often(&reader, directory, &kept);
        over.store(true, Ordering::Relaxed);
        for thread in pinning {
            thread.join().map_err(|_| anyhow!("a thread panicked"))??;
        }
        forked
    })?;
    check_snapshot(&kept)
}

/// Holds up to `most` versions at once; each one's bytes are looked at when it is taken and when it goes.
fn pin_and_unpin(reader: &Reader, most: usize, over: &AtomicBool) -> Result<()> {
    let mut held = VecDeque::new();
    while !over.load(Ordering::Relaxed) {
        let snapshot = reader.snapshot()?;
        held.push_back((snapshot.version(), arrays(&snapshot)?));
        if held.len() > most.min(4) {
            let (version, batch) = held.pop_front().context("a batch")?;
            check(&batch, version)?;
        }
        // Leaves the processors to the children now and then: they are in the same queue as all these threads.
        std::thread::sleep(REST);
    }
    held.iter().try_for_each(|(version, batch)| check(batch, *version))
}

fn fork_often(reader: &Reader, directory: &Path, kept: &Snapshot) -> Result<()> {
    for round in 0..FORKS {
        let own = reader.snapshot()?;
        let child = process::fork(|| {
            process::die_with_parent()?;
            check_snapshot(kept)?;
            let fresh = reader.snapshot()?;
            ensure!(fresh.version() >= own.version(), "the child went back");
            check_snapshot(&fresh)?;
            drop(fresh);
            check_snapshot(&own)
        })?;
        process::wait(child).with_context(|| format!("child {round}"))?;
        check_snapshot(&own)?;
        if round % 50 == 0 {
            let locked = locked_slots(directory)?;
            ensure!(locked <= THREADS, "{locked} slots are held by {THREADS} threads");
        }
    }
    Ok(())
}

/// What another thread of the parent lets go during a fork, the child goes on using: it finds the snapshot in a place
/// that all threads share, and keeps it for some time.
pub fn shared(directory: &Path) -> Result<()> {
    let stage = Stage::open(directory, SLOTS)?;
    let parent = process::fork(|| {
        process::die_with_parent()?;
        fork_beside_an_exchange(directory)
    })?;
    process::wait(parent)?;
    finish(stage)
}

const BESIDE: usize = 400;
/// Children that live at once.
const AT_ONCE: usize = 3;
const LIFE: Duration = Duration::from_millis(6);

fn fork_beside_an_exchange(directory: &Path) -> Result<()> {
    let reader = open(directory)?;
    let place = Mutex::new(None);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let exchange = scope.spawn(|| exchange(&reader, &place, &over));
        let forked = fork_and_look(&place);
        over.store(true, Ordering::Relaxed);
        exchange.join().map_err(|_| anyhow!("the thread panicked"))??;
        let found = forked?;
        ensure!(found > BESIDE / 20, "only {found} of {BESIDE} children found a snapshot");
        Ok(())
    })
}

/// Puts a snapshot in the place and takes it out again, at times that drift against those of the forks.
fn exchange(reader: &Reader, place: &Mutex<Option<Snapshot>>, over: &AtomicBool) -> Result<()> {
    let locked = || place.lock().map_err(|_| anyhow!("a thread panicked"));
    for round in (0_u64..).take_while(|_| !over.load(Ordering::Relaxed)) {
        let snapshot = reader.snapshot()?;
        *locked()? = Some(snapshot);
        pause(Duration::from_micros(round * 7 % 150));
        let gone = locked()?.take();
        drop(gone);
    }
    Ok(())
}

fn pause(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn fork_and_look(place: &Mutex<Option<Snapshot>>) -> Result<usize> {
    let mut children: VecDeque<Pid> = VecDeque::new();
    let mut found = 0;
    for _ in 0..BESIDE {
        let (mut told, tell) = std::io::pipe()?;
        let child = process::fork(|| {
            process::die_with_parent()?;
            // The other thread may have held the lock at the fork.
            let Ok(mut snapshot) = place.try_lock() else { return Ok(()) };
            let Some(snapshot) = snapshot.take() else { return Ok(()) };
            std::io::Write::write_all(&mut &tell, b"!")?;
            look(&snapshot)
        })?;
        drop(tell);
        found += std::io::Read::read(&mut told, &mut [0])?;
        children.push_back(child);
        if children.len() >= AT_ONCE {
            process::wait(children.pop_front().context("a child")?)?;
        }
    }
    children.into_iter().try_for_each(process::wait)?;
    Ok(found)
}

/// Looks at a snapshot's bytes again and again while the writer goes on.
fn look(snapshot: &Snapshot) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < LIFE {
        check_snapshot(snapshot)?;
        std::thread::sleep(Duration::from_micros(200));
    }
    check_snapshot(snapshot)
}
