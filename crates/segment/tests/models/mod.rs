//! Models of the protocol: the very functions that run on a mapping, on words that loom watches.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a model fails by a panic")]

pub mod death;
pub mod entry;
pub mod fork;
pub mod pin;
pub mod slot;
pub mod wait;
pub mod world;

/// Preemptions of a thread in one execution, unless `LOOM_MAX_PREEMPTIONS` sets all of them.
const PREEMPTIONS: usize = 3;

/// Searches a model's executions, with so many preemptions fewer than usual if it is a large one.
///
/// With `SHMFRAME_FULL=1` there are more: two for most models, one for a large one. Each takes minutes at most then; with
/// one more, some would take hours.
pub fn search(model: impl Fn() + Send + Sync + 'static, fewer: usize) {
    let full = std::env::var("SHMFRAME_FULL").is_ok_and(|value| value == "1");
    let more = match (full, fewer) {
        (false, _) => 0,
        (true, 0) => 2,
        (true, _) => 1,
    };
    check(model, (PREEMPTIONS + more).saturating_sub(fewer));
}

/// Searches the largest models, with one preemption fewer than usual, whatever is asked for: with one more, half an hour is
/// not enough for one of them.
pub fn search_largest(model: impl Fn() + Send + Sync + 'static) {
    check(model, PREEMPTIONS - 1);
}

fn check(model: impl Fn() + Send + Sync + 'static, preemptions: usize) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check(model);
}
