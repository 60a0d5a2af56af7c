//! A reader's side: a process's attachment, its slots and pins, and the frozen bytes of a pinned version.

#[cfg(feature = "arrow")]
pub(crate) mod arrays;
pub(crate) mod attachment;
#[cfg(feature = "arrow")]
mod column_types;
#[cfg(feature = "arrow")]
pub(crate) mod columns;
pub(crate) mod frame;
pub(crate) mod frame_bytes;
pub(crate) mod pin;
pub(crate) mod set_once;
pub(crate) mod slots;
pub(crate) mod usage;
pub(crate) mod version;
mod versions;
pub(crate) mod view;
