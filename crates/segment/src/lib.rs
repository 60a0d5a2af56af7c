//! Where the bytes of a shmframe segment live.
//!
//! The one crate that may say `unsafe`. It owns the files and mappings of a segment, the protocol over their
//! shared words, the writer lease, reader slots and pins, extents and the tokens that reach them ([`Staged`] to
//! write, [`Frozen`] to read), recovery, waiting and fork. It knows records (`shmframe-format`), and nothing of
//! Arrow but the one function that builds arrays over frozen bytes (feature `arrow`).

#[cfg(not(all(target_os = "linux", target_endian = "little", target_pointer_width = "64")))]
compile_error!(
    "shmframe runs on 64-bit little-endian Linux only: its locks, futexes and sparse files are Linux's"
);

pub mod edges;
pub mod protocol;
pub mod steps;
pub mod sync;
#[cfg(not(loom))]
mod sys;
pub mod words;
