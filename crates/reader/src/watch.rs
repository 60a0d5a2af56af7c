//! One thread of a reader that waits for all of its streams (feature `futures`).
//!
//! It only waits and wakes: a stream that is polled takes its snapshot itself, which never waits. The thread is there while
//! there are streams, and holds no version.
//!
//! A forked child has no such thread, and what another thread had locked at the fork stays locked there: so whoever
//! comes here from the parent gets a new thread, and leaves the locks of the old one alone.

use crate::follow::StopHandle;
use crate::reader::{Reader, Wait};
use core::task::Waker;
use core::time::Duration;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use shmframe_segment::forks;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::thread;

/// How long one wait lasts: then it is seen who was stopped, who asks by now, and whether anybody is left.
const TICK: Duration = Duration::from_millis(100);

#[derive(Debug)]
enum WatchKind {
    NoThread,
}

impl Describe for WatchKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::System
    }

    fn report(&self) -> Report {
        Report::new(
            "no thread that waits for versions",
            "a thread for the reader's streams",
            "the system refused it",
            "see the cause; follow without a stream, or raise the limit on threads",
        )
    }
}

shmframe_format::every_kind!(WatchKind {
    NoThread: WatchKind::NoThread;
});

/// Where a reader finds its thread, while there is one.
#[derive(Debug)]
pub(crate) struct WatchPlace {
    /// The process that made it: see [`forks`].
    process: u64,
    watch: Mutex<Weak<Watch>>,
}

/// Where the thread and the streams of a reader meet.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The process that has the thread: see [`forks`].
    process: u64,
    asking: Mutex<Asking>,
    changed: Condvar,
}

/// Who waits for the thread; each stream at most once.
#[derive(Debug, Default)]
struct Asking {
    entries: Vec<Entry>,
    /// The number of the last stream.
    streams: u64,
    /// The thread has ended, or is about to.
    closed: bool,
}

#[derive(Debug)]
struct Entry {
    stream: u64,
    /// It waits for a version newer than this one.
    seen: u64,
    stop: StopHandle,
    waker: Waker,
}

/// A stream's hold on the thread, which ends when there is none.
#[derive(Debug)]
pub(crate) struct Watched {
    watch: Arc<Watch>,
    stream: u64,
}

impl Default for WatchPlace {
    fn default() -> Self {
        Self { process: forks(), watch: Mutex::default() }
    }
}

impl WatchPlace {
    /// Nothing where another thread of the parent had it locked at the fork.
    fn lock(&self) -> Option<MutexGuard<'_, Weak<Watch>>> {
        if self.process == forks() {
            return Some(self.watch.lock().unwrap_or_else(PoisonError::into_inner));
        }
        match self.watch.try_lock() {
            Ok(place) => Some(place),
            Err(TryLockError::Poisoned(place)) => Some(place.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl Watch {
    fn new() -> Self {
        Self { process: forks(), asking: Mutex::default(), changed: Condvar::new() }
    }

    /// Whether its thread is one of this process. If not, nobody may wait for its lock.
    fn is_here(&self) -> bool {
        self.process == forks()
    }

    fn asking(&self) -> MutexGuard<'_, Asking> {
        // Nothing panics under the lock; if it did, the entries would be whole.
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The least that anybody has seen; waits until somebody asks. Nothing if nobody can ask any more.
    fn least_seen(self: &Arc<Self>) -> Option<u64> {
        let mut asking = self.asking();
        loop {
            // The thread's own share is the last one.
            if Arc::strong_count(self) == 1 {
                asking.closed = true;
                return None;
            }
            if let Some(least) = asking.entries.iter().map(|entry| entry.seen).min() {
                return Some(least);
            }
            asking = self.changed.wait_timeout(asking, TICK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Wakes those for whom there is something to see.
    fn wake(&self, ready: impl Fn(&Entry) -> bool) {
        let mut woken = Vec::new();
        let mut asking = self.asking();
        let mut at = 0;
        while at < asking.entries.len() {
            if ready(&asking.entries[at]) {
                woken.push(asking.entries.swap_remove(at));
            } else {
                at += 1;
            }
        }
        drop(asking);
        // Foreign code: outside the lock.
        woken.into_iter().for_each(|entry| entry.waker.wake());
    }

    /// What the thread does until nobody is left.
    fn run(self: &Arc<Self>, reader: &Reader) {
        while let Some(seen) = self.least_seen() {
            match reader.wait_newer(seen, TICK) {
                Ok(Wait::Newer(newest)) => self.wake(|entry| entry.seen < newest || entry.stop.is_stopped()),
                Ok(Wait::TimedOut | Wait::NoWriter) => self.wake(|entry| entry.stop.is_stopped()),
                // Each stream looks for itself what there is: an end, an error, or the next segment, from time to time.
                Ok(Wait::Removed) | Err(_) => {
                    thread::sleep(TICK);
                    self.wake(|_| true);
                }
            }
        }
    }
}

impl Watched {
    /// A share of the reader's thread, which is started if there is none.
    ///
    /// # Errors
    /// [`ErrorKind::System`] if it cannot be started.
    pub(crate) fn new(place: &WatchPlace, reader: &Reader) -> Result<Self> {
        let mut place = place.lock();
        let found = place.as_ref().and_then(|place| place.upgrade()).filter(|watch| watch.is_here());
        if let Some(watched) = found.and_then(Self::of) {
            return Ok(watched);
        }
        let watch = Arc::new(Watch::new());
        let watched = Self { watch: Arc::clone(&watch), stream: 0 };
        // In a child that does not get at the place, each stream has a thread of its own.
        if let Some(place) = &mut place {
            **place = Arc::downgrade(&watch);
        }
        let reader = reader.clone();
        let waiting = thread::Builder::new().name("shmframe follow".to_owned());
        let started = waiting.spawn(move || watch.run(&reader));
        started.map_err(|cause| Error::from(WatchKind::NoThread).because(cause))?;
        Ok(watched)
    }

    /// A share of a thread, unless that has ended meanwhile.
    fn of(watch: Arc<Watch>) -> Option<Self> {
        let mut asking = watch.asking();
        if asking.closed {
            return None;
        }
        asking.streams += 1;
        let stream = asking.streams;
        drop(asking);
        Some(Self { watch, stream })
    }

    /// Whether its thread is one of this process. If not, another share must be taken.
    pub(crate) fn is_here(&self) -> bool {
        self.watch.is_here()
    }

    /// Lets `waker` be woken when there is a version newer than `seen`, or `stop` was called: instead of what was asked before.
    pub(crate) fn ask(&self, seen: u64, stop: StopHandle, waker: Waker) {
        let entry = Entry { stream: self.stream, seen, stop, waker };
        let mut asking = self.watch.asking();
        let before = asking.entries.iter().position(|entry| entry.stream == self.stream);
        let before = before.map(|at| asking.entries.swap_remove(at));
        asking.entries.push(entry);
        drop(asking);
        drop(before);
        self.watch.changed.notify_one();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.is_here() {
            return;
        }
        let mut asking = self.watch.asking();
        let mine = asking.entries.iter().position(|entry| entry.stream == self.stream);
        let mine = mine.map(|at| asking.entries.swap_remove(at));
        drop(asking);
        drop(mine);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// Another thread of the parent had both locks at the fork: nobody lets them go.
    #[test]
    fn locks_that_were_held_at_a_fork_are_not_waited_for_in_the_child() {
        let parent = forks().wrapping_sub(1);
        let place = WatchPlace { process: parent, watch: Mutex::default() };
        let watch = Arc::new(Watch { process: parent, ..Watch::new() });
        let (_place_held, _asking_held) = (place.watch.lock().unwrap(), watch.asking.lock().unwrap());
        assert!(place.lock().is_none());
        let watched = Watched { watch: Arc::clone(&watch), stream: 1 };
        assert!(!watched.is_here());
        drop(watched);
    }

    #[test]
    fn place_of_the_parent_that_nobody_holds_is_used_in_the_child() {
        let place = WatchPlace { process: forks().wrapping_sub(1), watch: Mutex::default() };
        assert!(place.lock().is_some());
        assert!(WatchPlace::default().lock().is_some());
    }
}
