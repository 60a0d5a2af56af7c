//! Every edge of the protocol is needed: without it, a model fails. `loom_protocol.rs` shows that all of them pass.
#![cfg(loom)]

#[allow(dead_code, reason = "some models need no edge of their own")]
mod models;

use models::{entry, fork, pin, slot, wait};
use shmframe_segment::edges::{Edge, break_edge};
use std::panic;
use std::thread;

/// What loom says when bytes are read and written at once.
const RACE: &str = "Causality violation";
/// What loom says when everybody sleeps.
const ASLEEP: &str = "deadlock";

/// An edge, a model that fails without it, and what the failure says.
const NEEDED: &[(Edge, fn(), &str)] = &[
    (Edge::Commit, pin::late_pin_is_tried_again, "looks damaged"),
    (Edge::PinBeforeFloor, pin::pinned_bytes_stay, RACE),
    (Edge::PinBeforeFloor, pin::kept_version_is_pinned_or_gone, RACE),
    (Edge::PinRecheck, pin::kept_version_is_pinned_or_gone, RACE),
    (Edge::FloorBeforeScan, pin::pinned_bytes_stay, RACE),
    (Edge::PinRecheck, pin::pinned_bytes_stay, RACE),
    (Edge::Unpin, pin::pinned_bytes_stay, RACE),
    (Edge::EntryOpen, entry::entry_is_read_whole, "a whole entry"),
    (Edge::EntryOpen, entry::peek_without_a_pin, "a copy of another version"),
    (Edge::EntryClose, entry::entry_is_read_whole, "a whole entry"),
    (Edge::EntryCheck, entry::entry_is_read_whole, "a whole entry"),
    (Edge::EntryCheck, entry::peek_without_a_pin, "a copy of another version"),
    (Edge::RetainBeforeErase, entry::kept_version_is_always_found, "an entry is missing"),
    (Edge::FlagBeforeLatest, wait::waiter_wakes, ASLEEP),
    (Edge::LatestBeforeFlag, wait::waiter_wakes, ASLEEP),
    (Edge::WaitRecheck, wait::waiter_wakes, ASLEEP),
    (Edge::FlagBeforeWake, wait::waiter_for_the_second_version, ASLEEP),
    (Edge::FloorAfterLatest, pin::late_pin_is_tried_again, "looks damaged"),
    (Edge::EraseAfter, entry::doubled_entry_is_settled, "looks damaged"),
    (Edge::EraseAfter, entry::kept_version_is_always_found, "an entry is missing"),
    (Edge::ClaimUnderLock, slot::two_claimers, "one slot, two claimers"),
    (Edge::MarkBeforeClear, fork::moved_pin_holds_though_its_old_slot_is_claimed, RACE),
    (Edge::MarkBeforeClear, fork::moved_pin_holds_though_its_old_slot_is_reaped_by_others, RACE),
    (Edge::MarkRecheck, fork::moved_pin_holds_though_its_old_slot_is_claimed, RACE),
    (Edge::UsedBeforePin, pin::pinned_bytes_stay, RACE),
    (Edge::UsedRecheck, fork::moved_pin_holds_in_a_slot_that_was_not_used_before, RACE),
    (Edge::RehomeBeforeClose, fork::moved_pin_holds, RACE),
    (Edge::ReapBeforeScan, slot::dead_pins_cost_nothing, "a dead reader's version is still there"),
    (Edge::BusyBeforeFreeze, fork::pin_while_moved, "a pin"),
    (Edge::HomeAfterFreeze, fork::pin_while_moved, "a pin"),
    (Edge::FreezeBeforeLook, fork::pin_while_moved, "a pin"),
    (Edge::NoteWhenIdle, fork::child_keeps_what_the_fork_found, RACE),
    (Edge::NoteBeforeFork, fork::child_keeps_what_the_fork_found, RACE),
    (Edge::ThawRecheck, fork::unpin_while_moved, "a pin is left behind"),
];

#[test]
fn every_edge_has_a_model() {
    for edge in Edge::ALL {
        assert!(NEEDED.iter().any(|(needed, ..)| needed == edge), "no model needs the edge {edge:?}");
    }
}

/// One test, because the edge that is left out is left out for the whole process.
#[test]
fn models_fail_without_their_edge() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let failures: Vec<_> = NEEDED.iter().map(|(edge, model, _)| failure_without(*edge, *model)).collect();
    panic::set_hook(usual);
    for ((edge, _, expected), failure) in NEEDED.iter().zip(failures) {
        let failure = failure.unwrap_or_else(|| panic!("the model passes without the edge {edge:?}"));
        assert!(failure.contains(expected), "without {edge:?}: expected `{expected}`, found `{failure}`");
    }
}

/// What a model's failure says when an edge is left out.
fn failure_without(edge: Edge, model: fn()) -> Option<String> {
    break_edge(Some(edge));
    let result = thread::spawn(move || models::search(model, 0)).join();
    break_edge(None);
    result.err().map(|payload| match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().copied().unwrap_or_default().to_owned(),
    })
}
