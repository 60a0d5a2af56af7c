//! Tests of the whole, in one process. `shmframe_model` says which claims stand where.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod builder;
mod c_data;
mod columns;
mod errors;
mod golden;
mod growing;
mod growing_reads;
mod hostile;
mod inspector;
mod integration;
mod keeping;
mod looking;
mod memory;
mod operations;
mod options;
mod quota;
mod read_modify_write;
mod real_data;
mod round_trip;
mod stats;
mod takeover;
mod validation;
