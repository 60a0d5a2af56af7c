//! Forks, with live snapshots and writers in parent and child. Each test plays a scenario of `fork_role` in processes of
//! its own: a test process has threads, and a fork wants one.

use std::path::PathBuf;
use std::process::Command;

/// A directory for one test's segment, removed whatever happens.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        // What is left is reported by the gate.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn play(scenario: &str) {
    let name = format!("shmframe-fork-{}-{}", std::process::id(), scenario.replace(' ', "-"));
    let directory = Directory(PathBuf::from("/dev/shm").join(name));
    std::fs::create_dir(&directory.0).expect("a directory for the segment");
    // It ends by itself: every process of a scenario has a watchdog.
    let output = Command::new(env!("CARGO_BIN_EXE_fork_role")).arg(scenario).arg(&directory.0).output();
    let output = output.expect("the role starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scenario}: {}\n{said}", output.status);
}

#[test]
fn each_order_of_ends_keeps_the_bytes_until_the_last_one() {
    play("ends of two");
}

#[test]
fn child_of_a_child_keeps_the_bytes_until_the_last_one() {
    play("ends of three");
}

#[test]
fn parent_and_child_each_hold_exactly_their_own() {
    play("exact");
}

#[test]
fn child_that_lets_go_leaves_what_the_parent_holds() {
    play("child lets go");
}

#[test]
fn child_does_not_keep_an_empty_slot_alive() {
    play("empty slot");
}

#[test]
fn full_registry_leaves_spread_pins_protected() {
    play("full registry");
}

#[test]
fn reader_opened_in_the_child_works() {
    play("opened in child");
}

#[test]
fn ten_thousand_children_use_up_no_slot() {
    play("children");
}

#[test]
fn ten_thousand_children_between_new_snapshots_use_up_no_slot() {
    play("children and pins");
}

#[test]
fn ten_thousand_children_beside_a_resting_writer_use_up_no_slot() {
    play("children and pins at rest");
}

#[test]
fn fork_from_one_of_many_pinning_threads_loses_no_pin() {
    play("many threads");
}

#[test]
fn snapshot_let_go_by_another_thread_during_the_fork_stays_the_childs() {
    play("shared place");
}

#[test]
fn streams_of_the_parent_and_new_ones_go_on_in_a_child() {
    play("streams");
}

#[test]
fn writer_in_a_child_is_refused_and_harms_nothing() {
    play("writer refused");
}

#[test]
fn transaction_in_a_child_is_refused_and_the_parents_commits() {
    play("transaction refused");
}

#[test]
fn lease_of_a_killed_writer_is_free_though_its_child_lives() {
    play("writer killed");
}

#[test]
fn writer_that_takes_turns_is_refused_in_a_child() {
    play("writers in turns");
}

#[test]
fn started_program_has_nothing_of_a_segment() {
    play("program started");
}

#[test]
fn child_of_a_fork_during_the_first_use_works() {
    play("first use");
}
