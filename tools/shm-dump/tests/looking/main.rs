//! The commands that look at whole segments, and those that clear them away: the real program, on segments that are sound, in use,
//! damaged, left over.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod clearing;
mod damaged;
mod doctor;
mod foreign;
#[path = "../harness/mod.rs"]
mod harness;
mod listing;
mod mapping;
mod metrics;
mod readers;
mod schema;
mod support;
mod verifying;
