//! The names of the packages that some steps are about.

/// Where the bytes live: the loom models, the counted steps, the only `unsafe`.
pub const SEGMENT: &str = "shmframe-segment";
/// Processes that are stopped and killed; turns the feature `steps` of the segment on.
pub const HARNESS: &str = "shmframe-harness";
/// The demo that a newcomer runs first.
pub const DEMO: &str = "shmframe-demo";
/// The measurements.
pub const BENCHES: &str = "shmframe-benches";
