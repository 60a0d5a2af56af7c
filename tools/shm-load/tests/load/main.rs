//! The tool as a process, and what readers see of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod appending;
mod ending;
mod errors;
mod following;
mod formats;
mod place;
mod publishing;
mod tables;
