//! How data gets into a shmframe segment: Arrow layout, frames, transactions.
#![forbid(unsafe_code)]

// The frames are the first to use it; until they stand, only its tests do.
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "used by the frames, which come next"))]
mod layout;
