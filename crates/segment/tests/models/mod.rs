//! Models of the protocol: the very functions that run on a mapping, on words that loom watches.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a model fails by a panic")]

pub mod death;
pub mod entry;
pub mod fork;
pub mod pin;
pub mod slot;
pub mod wait;
pub mod world;

/// Preemptions of a thread in one execution, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
const PREEMPTIONS: usize = 3;

/// Searches a model's executions, with so many preemptions fewer than usual if it is a large one.
pub fn search(model: impl Fn() + Send + Sync + 'static, fewer: usize) {
    let mut builder = loom::model::Builder::new();
    let bound = builder.preemption_bound.unwrap_or(PREEMPTIONS);
    builder.preemption_bound = Some(bound.saturating_sub(fewer));
    builder.check(model);
}
