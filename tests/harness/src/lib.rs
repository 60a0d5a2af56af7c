//! Cross-process tests of shmframe: real processes that are really stopped and killed.
//!
//! A test spawns *roles*, small programs of this package, and talks to them over pipes, a line at a time
//! ([`role`], [`serve`]). What test and roles share besides is a [`control`] block, made with crates that have
//! nothing in common with the code under test. [`place`] gives each test a directory of its own, [`watchdog`] ends
//! what hangs, [`pattern`] and [`growing`] make rows that tell which version they belong to, and [`cut`] kills a [`workload`] at
//! each of its steps, one after the other. [`namespace`] starts roles where processes, users or mounts are counted anew.
#![deny(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in here fails a test")]

pub mod control;
pub mod cut;
pub mod growing;
pub mod namespace;
pub mod operation;
pub mod pattern;
pub mod place;
pub mod registry;
pub mod role;
pub mod serve;
pub mod watchdog;
pub mod workload;
