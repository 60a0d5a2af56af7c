//! The protocol under the model checker: every model passes. `loom_edges.rs` shows what each of them can see.
#![cfg(loom)]

mod models;

mod death {
    use crate::models::death;

    #[test]
    fn killed_writer_loses_nothing() {
        death::killed_writer_loses_nothing(2);
    }

    #[test]
    fn killed_recovery_is_repeated() {
        death::killed_recovery_is_repeated();
    }

    #[test]
    fn killed_claimer_leaves_a_slot() {
        death::killed_claimer_leaves_a_slot();
    }
}

mod restless {
    #[test]
    fn restless_slot_is_named() {
        crate::models::slot::restless_slot_is_named();
    }
}

mod largest {
    #[test]
    fn two_claimers_and_a_reaper() {
        crate::models::search_largest(crate::models::slot::two_claimers_and_a_reaper);
    }

    #[test]
    fn two_reapers_and_a_claimer() {
        crate::models::search_largest(crate::models::slot::two_reapers_and_a_claimer);
    }
}

macro_rules! pass {
    ($($of:ident { $($model:ident $(- $fewer:literal)?),* $(,)? })*) => { $(
        mod $of {
            $(
                #[test]
                fn $model() {
                    crate::models::search(crate::models::$of::$model, 0 $(+ $fewer)?);
                }
            )*
        }
    )* };
}

pass! {
    pin {
        pinned_bytes_stay, word_is_used_again - 1, known_version_is_pinned_again, late_pin_is_tried_again - 1, two_slots_of_one_attachment - 1,
        two_readers - 1, kept_version_is_pinned_or_gone, two_threads_of_one_slot, join_while_unpinned, join_of_another_version,
    }
    entry {
        entry_is_read_whole, kept_version_is_always_found, peek_without_a_pin, cut_publish_never_happened,
        doubled_entry_is_settled,
    }
    wait {
        waiter_wakes, waiter_for_the_second_version, two_waiters - 1, dead_waiter_costs_one_wake, removal_wakes,
        next_writer_wakes,
    }
    slot {
        two_claimers, claim_while_reaped - 1, dead_pins_cost_nothing,
    }
    fork {
        moved_pin_holds, moved_pin_holds_though_its_old_slot_is_claimed, moved_pin_holds_though_its_old_slot_is_reaped_by_others, unpin_while_moved, pin_while_moved, join_while_moved, child_keeps_what_the_fork_found - 1,
        child_keeps_the_pins, unpin_while_moved_twice, moved_pin_holds_in_a_slot_that_was_not_used_before - 1,
    }
}
