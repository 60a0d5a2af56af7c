//! The front door: re-exports of everything a user needs.
#![forbid(unsafe_code)]

pub use arrow;
pub use shmframe_reader::{Follow, Frame, Reader, ReaderOptions, Snapshot, Wait};
pub use shmframe_writer::{
    Audit, Batches, Error, ErrorKind, Holder, Report, Result, Transaction, TrimPolicy, Trust, Writer,
    WriterOptions, remove_segment,
};
