//! Following a segment as a stream (feature `futures`): a thread of its own waits, whatever the executor.

use crate::follow::{Follow, StopHandle};
use crate::snapshot::Snapshot;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

#[derive(Debug)]
enum StreamKind {
    NoThread,
}

impl Describe for StreamKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::System
    }

    fn report(&self) -> Report {
        Report::new(
            "no thread that waits for versions",
            "a thread of the stream's own",
            "the system refused it",
            "see the cause; follow without a stream, or raise the limit on threads",
        )
    }
}

/// A [`Follow`] as a stream: see [`Follow::into_stream`].
///
/// Dropped, it ends its thread within 100 ms.
#[derive(Debug)]
pub struct FollowStream {
    desk: Arc<Desk>,
    stop: StopHandle,
}

/// Where the thread and whoever polls meet.
#[derive(Debug, Default)]
struct Desk {
    state: Mutex<State>,
    asked: Condvar,
}

#[derive(Debug, Default)]
enum State {
    /// Nobody asks: the thread looks for nothing, and holds no version.
    #[default]
    Idle,
    /// Whoever polls waits for the next version.
    Asked(Waker),
    /// Here it is.
    Found(Result<Snapshot>),
    /// There will be no more.
    Ended,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics under the lock; if it did, each state would be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until somebody asks; false if nobody will any more.
    fn wait_until_asked(&self) -> bool {
        let waits = |state: &mut State| matches!(state, State::Idle | State::Found(_));
        let state = self.asked.wait_while(self.state(), waits).unwrap_or_else(PoisonError::into_inner);
        !matches!(*state, State::Ended)
    }

    /// Leaves what was found, and wakes who asked; false if nobody asks any more.
    fn leave(&self, next: State) -> bool {
        let ends = matches!(next, State::Ended);
        let before = core::mem::replace(&mut *self.state(), next);
        match before {
            State::Asked(waker) => waker.wake(),
            // Closed meanwhile: what was found is dropped with its pin.
            State::Ended => *self.state() = State::Ended,
            State::Idle | State::Found(_) => {}
        }
        !ends
    }
}

impl Follow {
    /// The same as a stream, for any executor. One thread of its own waits for it, and holds a version only from the
    /// time that somebody polls until it is taken.
    ///
    /// A forked child has no such thread: there the stream stays pending.
    ///
    /// # Errors
    /// [`crate::ErrorKind::System`] if no thread can be started.
    pub fn into_stream(mut self) -> Result<FollowStream> {
        let desk = Arc::new(Desk::default());
        let stop = self.stop_handle();
        let threads = Arc::clone(&desk);
        let waiting = thread::Builder::new().name("shmframe follow".to_owned());
        let started = waiting.spawn(move || {
            while threads.wait_until_asked() {
                let next = self.next().map_or(State::Ended, State::Found);
                if !threads.leave(next) {
                    return;
                }
            }
        });
        started.map_err(|cause| Error::from(StreamKind::NoThread).because(cause))?;
        Ok(FollowStream { desk, stop })
    }
}

impl Stream for FollowStream {
    type Item = Result<Snapshot>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.desk.state();
        match core::mem::take(&mut *state) {
            State::Found(found) => Poll::Ready(Some(found)),
            State::Ended => {
                *state = State::Ended;
                Poll::Ready(None)
            }
            State::Idle | State::Asked(_) => {
                *state = State::Asked(context.waker().clone());
                self.desk.asked.notify_one();
                Poll::Pending
            }
        }
    }
}

impl FusedStream for FollowStream {
    fn is_terminated(&self) -> bool {
        matches!(*self.desk.state(), State::Ended)
    }
}

impl Drop for FollowStream {
    fn drop(&mut self) {
        self.stop.stop();
        let before = core::mem::replace(&mut *self.desk.state(), State::Ended);
        // Dropped outside the lock: a version, or somebody's waker.
        drop(before);
        self.desk.asked.notify_one();
    }
}

shmframe_format::every_kind!(StreamKind {
    NoThread: StreamKind::NoThread;
});
