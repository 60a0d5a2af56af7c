//! One thread of a reader that waits for all of its streams (feature `futures`).
//!
//! It only waits and wakes: a stream that is polled takes its snapshot itself, which never waits. The thread is there while
//! there are streams, and holds no version.

use crate::follow::StopHandle;
use crate::reader::{Reader, Wait};
use core::task::Waker;
use core::time::Duration;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
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

/// Where the thread and the streams of a reader meet.
#[derive(Debug, Default)]
pub(crate) struct Watch {
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

impl Watch {
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
    pub(crate) fn new(place: &Mutex<Weak<Watch>>, reader: &Reader) -> Result<Self> {
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watched) = place.upgrade().and_then(Self::of) {
            return Ok(watched);
        }
        let watch = Arc::new(Watch::default());
        let watched = Self { watch: Arc::clone(&watch), stream: 0 };
        *place = Arc::downgrade(&watch);
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
        let mut asking = self.watch.asking();
        let mine = asking.entries.iter().position(|entry| entry.stream == self.stream);
        let mine = mine.map(|at| asking.entries.swap_remove(at));
        drop(asking);
        drop(mine);
    }
}
