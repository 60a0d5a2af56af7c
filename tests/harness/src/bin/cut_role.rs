//! Runs a workload: `cut_role WORKLOAD SEGMENT N`. Kills itself just before its N-th step; with N of 0 counts the steps.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in here fails a test")]

use shmframe_harness::control::{Control, Word};
use shmframe_harness::serve::die_with_parent;
use shmframe_harness::workload::Workload;
use shmframe_segment::steps;

fn main() {
    die_with_parent();
    let arguments: Vec<String> = std::env::args().collect();
    let [_, workload, segment, nth] = arguments.as_slice() else { panic!("{arguments:?}") };
    let (workload, nth) = (Workload::named(workload), nth.parse::<u64>().unwrap());
    let control = Control::from_environment();
    let before = steps::total();
    if nth > 0 {
        steps::arm(nth, steps::Action::Kill);
    }
    workload.run(segment, &control).unwrap();
    steps::disarm();
    control.set(Word::Steps, steps::total() - before);
    control.set(Word::Done, 1);
}
