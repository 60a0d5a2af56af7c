//! Following a segment as a stream (feature `futures`), whatever the executor.

use crate::follow::{Follow, Followed};
use crate::snapshot::Snapshot;
use crate::watch::Watched;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use shmframe_format::Result;

/// A [`Follow`] as a stream: see [`Follow::into_stream`].
#[derive(Debug)]
pub struct FollowStream {
    follow: Follow,
    watched: Watched,
}

impl Follow {
    /// The same as a stream, for any executor. One thread waits for all streams of a [`crate::Reader`], and ends within
    /// 100 ms after the last of them; a snapshot is taken when the stream is polled.
    ///
    /// A forked child has no such thread: a stream that is made there, or was made before and is polled there, gets
    /// another one. What a waker of the parent held, that was to be woken at the fork, stays in the child until it ends.
    ///
    /// # Errors
    /// [`crate::ErrorKind::System`] if no thread can be started.
    pub fn into_stream(self) -> Result<FollowStream> {
        let watched = self.reader().watched()?;
        Ok(FollowStream { follow: self, watched })
    }
}

impl FollowStream {
    /// What is there without waiting; nothing if there is nothing to say yet.
    fn look(&mut self) -> Option<Option<Result<Snapshot>>> {
        match self.follow.next_within(Duration::ZERO) {
            Ok(Followed::Snapshot(snapshot)) => Some(Some(Ok(snapshot))),
            Ok(Followed::Ended) => Some(None),
            Ok(Followed::TimedOut) => None,
            Err(error) => Some(Some(Err(error))),
        }
    }
}

impl Stream for FollowStream {
    type Item = Result<Snapshot>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let before = this.follow.reader().clone();
        if let Some(next) = this.look() {
            return Poll::Ready(next);
        }
        if !this.follow.reader().is_same(&before) || !this.watched.is_here() {
            // It goes on with the next segment, whose reader has a thread of its own; or in a forked child.
            match this.follow.reader().watched() {
                Ok(watched) => this.watched = watched,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        // A version that comes between the look and this is seen by the thread: it compares with what is newest.
        let stop = this.follow.stop_handle();
        this.watched.ask(this.follow.seen(), stop, context.waker().clone());
        Poll::Pending
    }
}

impl FusedStream for FollowStream {
    fn is_terminated(&self) -> bool {
        self.follow.has_ended()
    }
}
