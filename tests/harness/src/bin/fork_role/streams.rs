//! Forks while other threads make, poll and drop streams.

use crate::process;
use crate::segment::{NAME, check_snapshot, open};
use crate::stage::Stage;
use anyhow::{Context as _, Result, anyhow, ensure};
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_core::Stream;
use shmframe::{FollowStream, Reader, Snapshot};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;
use std::thread::{self, Thread};

const THREADS: usize = 3;
const FORKS: usize = 300;
const SLOTS: u32 = 64;

/// Children drop a stream of the parent, go on with another one, and make one of their own: whatever other threads of
/// the parent had locked.
pub fn go_on(directory: &Path) -> Result<()> {
    let stage = Stage::open(directory, SLOTS)?;
    let parent = process::fork(|| {
        process::die_with_parent()?;
        fork_among_streams(directory)
    })?;
    process::wait(parent)?;
    stage.close()
}

fn fork_among_streams(directory: &Path) -> Result<()> {
    let reader = open(directory)?;
    let over = AtomicBool::new(false);
    let mut kept = reader.follow().into_stream()?;
    let seen = next(&mut kept)?.version();
    thread::scope(|scope| {
        let busy: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| make_and_drop(&reader, &over))).collect();
        let forked = (0..FORKS).try_for_each(|round| {
            let unused = reader.follow().into_stream()?;
            let child = process::fork(|| {
                process::die_with_parent()?;
                follow(&reader, &mut kept, unused, seen)
            })?;
            process::wait(child).with_context(|| format!("child {round}"))
        });
        over.store(true, Ordering::Relaxed);
        for thread in busy {
            thread.join().map_err(|_| anyhow!("a thread panicked"))??;
        }
        forked
    })?;
    ensure!(next(&mut kept)?.version() > seen, "the parent's stream went back");
    Ok(())
}

/// Takes the locks of the reader's streams as often as it can.
fn make_and_drop(reader: &Reader, over: &AtomicBool) -> Result<()> {
    while !over.load(Ordering::Relaxed) {
        let mut stream = reader.follow().after(u64::MAX).into_stream()?;
        ensure!(poll(&mut stream).is_pending(), "there is no newer version of {NAME}");
    }
    Ok(())
}

/// What a child does: each stream is woken for a second version.
fn follow(reader: &Reader, kept: &mut FollowStream, unused: FollowStream, mut seen: u64) -> Result<()> {
    drop(unused);
    let mut own = reader.follow().into_stream()?;
    for _ in 0..2 {
        for stream in [&mut *kept, &mut own] {
            let snapshot = next(stream)?;
            check_snapshot(&snapshot)?;
            ensure!(snapshot.version() >= seen, "the child went back");
            seen = snapshot.version();
        }
    }
    Ok(())
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn poll(stream: &mut FollowStream) -> Poll<Option<shmframe::Result<Snapshot>>> {
    let waker = Arc::new(Unpark(thread::current())).into();
    Pin::new(stream).poll_next(&mut Context::from_waker(&waker))
}

/// The next version: polls, and sleeps until it is woken.
fn next(stream: &mut FollowStream) -> Result<Snapshot> {
    loop {
        match poll(stream) {
            Poll::Ready(next) => return Ok(next.context("the stream ended")??),
            Poll::Pending => thread::park(),
        }
    }
}
