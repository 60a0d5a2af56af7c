//! What the bytes of a shmframe segment mean.
#![forbid(unsafe_code)]

mod error;

pub use error::{Describe, Error, ErrorKind, Report, Result};
