//! The commands that show and compare rows: the real program, on segments that a writer made.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod comparing;
mod counting;
mod exporting;
mod following;
#[path = "../harness/mod.rs"]
mod harness;
mod pages;
mod showing;
mod support;
