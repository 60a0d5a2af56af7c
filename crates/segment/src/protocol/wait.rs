//! Waiting: a futex word that the writer bumps, and a flag that tells it that somebody waits.
//!
//! The flag saves the writer a system call per commit. A waiter that dies leaves the flag set: one spare wake.
//! A writer that dies between its store of `latest` and the wake leaves waiters asleep until their cap, or until
//! the next writer bumps `wake` (recovery does).

use crate::edges::Edge;
use crate::sync::{Access, Ordering, ReadWord, ReadWrite, Word32};
use crate::words::{Control, Registry, STATE_REMOVED};
use core::time::Duration;

/// How a thread sleeps until a word changes.
pub trait Sleep {
    /// Returns at once if `word` does not hold `expected`; else sleeps until a wake, or for `cap` at the most.
    fn sleep<W: ReadWord<Value = u32>>(&self, word: &W, expected: u32, cap: Duration);
    /// Wakes all who sleep on `word`.
    fn wake(&self, word: &Word32);
}

/// What a wait saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitOutcome {
    /// A version newer than the one asked about.
    Newer(u64),
    /// The segment was removed.
    Removed,
    /// Nothing of it, yet: the sleep ended.
    Nothing,
}

/// Looks for a version newer than `version`, sleeping once, for `cap` at the most, if there is none.
pub fn wait_newer<A: Access>(
    control: Control<'_, A>,
    registry: Registry<'_>,
    sleep: &impl Sleep,
    version: u64,
    cap: Duration,
) -> WaitOutcome {
    let publication = control.publication;
    let wake = publication.wake.read();
    // Edge FlagBeforeWake: if this is the bumped value, the flag's clearing lies behind us.
    Edge::FlagBeforeWake.fence(Ordering::Acquire);
    registry.waiting.store(1, Ordering::Relaxed);
    // Edge FlagBeforeLatest / LatestBeforeFlag: either the writer sees the flag, or we see its version.
    Edge::FlagBeforeLatest.fence(Ordering::SeqCst);
    if Edge::WaitRecheck.holds() {
        match look(control, version) {
            WaitOutcome::Nothing => {}
            seen => return seen,
        }
    }
    sleep.sleep(&publication.wake, wake, cap);
    look(control, version)
}

/// What there is to see without waiting.
fn look<A: Access>(control: Control<'_, A>, version: u64) -> WaitOutcome {
    if control.publication.state.read() == STATE_REMOVED {
        return WaitOutcome::Removed;
    }
    let latest = control.publication.latest.read();
    // Edge Commit, the reader's end, for callers that go on to read what the version says.
    Edge::Commit.fence(Ordering::Acquire);
    if latest > version { WaitOutcome::Newer(latest) } else { WaitOutcome::Nothing }
}

/// Wakes all waiters, if there are any. Called after a store of `latest`.
pub fn wake_waiters(control: Control<'_, ReadWrite>, registry: Registry<'_>, sleep: &impl Sleep) {
    // Edge LatestBeforeFlag: see FlagBeforeLatest.
    Edge::LatestBeforeFlag.fence(Ordering::SeqCst);
    if registry.waiting.load(Ordering::Relaxed) != 0 {
        if Edge::FlagBeforeWake.holds() {
            registry.waiting.store(0, Ordering::Relaxed);
            wake_all(control, sleep);
        } else {
            wake_all(control, sleep);
            registry.waiting.store(0, Ordering::Relaxed);
        }
    }
}

/// Marks the segment as removed and wakes all waiters. The directory goes afterwards.
pub fn mark_removed(control: Control<'_, ReadWrite>, sleep: &impl Sleep) {
    control.publication.state.store(STATE_REMOVED, Ordering::Relaxed);
    wake_all(control, sleep);
}

/// Wakes all waiters, whether the flag is set or not: after a take-over and at removal.
pub fn wake_all(control: Control<'_, ReadWrite>, sleep: &impl Sleep) {
    let wake = &control.publication.wake;
    // Edge FlagBeforeWake: a waiter that sees the new value sees its flag cleared, and sets it again.
    wake.store(wake.own().wrapping_add(1), Ordering::Release);
    sleep.wake(wake);
}
