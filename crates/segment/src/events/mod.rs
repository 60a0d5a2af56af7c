//! What happens to segments, told to whoever listens: events of the `tracing` crate (feature `tracing`), or nothing.
//!
//! All have the target `shmframe` and, where one is known, the field `segment`: its directory. Nothing is told on the
//! way of a snapshot or of a commit that finds its memory ready.

#[cfg(not(feature = "tracing"))]
mod silent;
#[cfg(feature = "tracing")]
mod told;

#[cfg(not(feature = "tracing"))]
pub(crate) use silent::*;
#[cfg(feature = "tracing")]
pub(crate) use told::*;

use crate::files::location::Location;
use core::time::Duration;

/// What a recovery found.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "tracing"), allow(dead_code, reason = "nobody listens"))]
pub(crate) struct Recovery<'a> {
    /// Which segment.
    pub(crate) segment: &'a Location,
    /// The newest version.
    pub(crate) version: u64,
    /// Versions that live.
    pub(crate) live: usize,
    /// How long it took.
    pub(crate) took: Duration,
}
