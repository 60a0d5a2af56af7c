//! Somebody listens.

use super::{Location, Recovery};
use tracing::{debug, info, warn};

macro_rules! told {
    ($level:ident, $segment:expr, $($rest:tt)+) => {
        $level!(target: "shmframe", segment = %$segment.path().display(), $($rest)+)
    };
}

/// A segment was created.
pub(crate) fn created(segment: &Location) {
    told!(info, segment, "created");
}

/// A segment was removed.
pub(crate) fn removed(segment: &Location) {
    told!(info, segment, "removed");
}

/// A writer has the lease, after another one or after nobody.
pub(crate) fn taken_over(segment: &Location, epoch: u64) {
    told!(info, segment, epoch, "taken over");
}

/// A new holder of the lease has recovered what is live and what is free.
pub(crate) fn recovered(recovery: Recovery<'_>) {
    let Recovery { segment, version, live, took } = recovery;
    let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    told!(info, segment, version, live, nanoseconds, "recovered");
}

/// Slots of dead readers were cleared.
pub(crate) fn reaped(segment: &Location, slots: usize) {
    told!(info, segment, slots, "reaped");
}

/// Pages went back to the system.
pub(crate) fn trimmed(segment: &Location, bytes: u64) {
    told!(debug, segment, bytes, "trimmed");
}

/// Memory was asked for that is not to be had.
pub(crate) fn refused(segment: &Location, bytes: u64, error: &shmframe_format::Error) {
    told!(warn, segment, bytes, %error, "refused");
}

/// This process was forked while it held snapshots, or is the child: its pins have places of their own again.
///
/// Told at the first pin afterwards: in the handlers of a fork nothing may be called.
pub(crate) fn forked(segment: &Location, settled: bool) {
    told!(debug, segment, settled, "forked");
}
