//! System calls: every one of the crate, in one room, counted.
//!
//! Each function is one call with its errors left as they are; callers turn them into the project's error, because
//! only they know what the call was for.

pub(crate) mod clock;
pub(crate) mod descriptor;
pub(crate) mod futex;
pub(crate) mod limits;
pub(crate) mod lock;
pub(crate) mod map;
