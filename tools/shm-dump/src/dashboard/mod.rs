//! The live dashboard of a segment: `shm-dump watch --tui`.
//!
//! Three rooms: the [`model`] is what is remembered between two looks, changed by looks and by keys; [`draw`] makes a picture of it; the
//! [`event_loop`] has the terminal, the keys and the ticks. Looks are taken by [`worker`] threads: however long one takes, keys are heard.

mod draw;
mod event_loop;
mod history;
mod keys;
mod model;
#[cfg(test)]
mod samples;
mod screen;
mod selection;
mod worker;

pub use event_loop::{Task, run};
