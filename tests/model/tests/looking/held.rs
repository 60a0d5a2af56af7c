//! What only one slot keeps in use: the same from outside as the writer says.

use super::slots::Slot;
use super::{inspection, registry};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use shmframe::Writer;
use shmframe_model::{Scratch, cases, numbers};
use std::cell::Cell;
use std::collections::BTreeMap;

const SLOTS: u32 = 3;
const WORDS: u64 = 4;
const FRAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Step {
    Put(usize, usize),
    Append(usize, usize),
    Keep(usize, u64),
    Remove(usize),
    Pin(usize, u64),
    Unpin(usize, u64),
    Reclaim,
}

fn step(rows: usize) -> impl Strategy<Value = Step> {
    let frame = || 0..FRAMES.len();
    let slot = || (0..SLOTS as usize, 0..WORDS);
    prop_oneof![
        3 => (frame(), 0..rows).prop_map(|(frame, rows)| Step::Put(frame, rows)),
        3 => (frame(), 1..rows).prop_map(|(frame, rows)| Step::Append(frame, rows)),
        2 => (frame(), 1..rows as u64).prop_map(|(frame, rows)| Step::Keep(frame, rows)),
        1 => frame().prop_map(Step::Remove),
        4 => slot().prop_map(|(slot, word)| Step::Pin(slot, word)),
        2 => slot().prop_map(|(slot, word)| Step::Unpin(slot, word)),
        1 => Just(Step::Reclaim),
    ]
}

fn apply(step: &Step, writer: &mut Writer, slots: &[Slot]) {
    // Whatever the frame is just now not good for is passed over.
    match step {
        Step::Put(frame, rows) => drop(writer.put(FRAMES[*frame], &numbers(0, *rows)).unwrap()),
        Step::Append(frame, rows) => drop(writer.append(FRAMES[*frame], &numbers(0, *rows)).unwrap()),
        Step::Keep(frame, rows) => drop(writer.keep_last(FRAMES[*frame], *rows)),
        Step::Remove(frame) => drop(writer.remove(FRAMES[*frame])),
        Step::Pin(slot, word) => slots[*slot].pin(*word, writer.version()),
        Step::Unpin(slot, word) => slots[*slot].pin(*word, 0),
        Step::Reclaim => drop(writer.trim(u64::MAX).unwrap()),
    }
}

/// What the writer says, and what is seen from outside.
fn both(scratch: &Scratch, writer: &Writer) -> [BTreeMap<u32, u64>; 2] {
    let coverage = inspection(scratch).coverage().unwrap();
    assert!(coverage.problems.is_empty(), "{:?}", coverage.problems);
    let said = writer.holders().into_iter().filter(|holder| holder.alone > 0);
    let said = said.map(|holder| (holder.slot, holder.alone)).collect();
    [said, coverage.held_alone(&registry(scratch).pins().unwrap()).unwrap()]
}

#[test]
fn bytes_that_a_slot_alone_holds_are_those_that_the_writer_says() {
    let seen = Cell::new(0);
    let case = |(history, steps): (u64, Vec<Step>)| {
        let scratch = Scratch::new();
        let mut writer = scratch.writer().history(history).create("s").unwrap();
        let files = scratch.files("s");
        let slots: Vec<Slot> = (0..SLOTS).map(|index| Slot::claim(&files, index)).collect();
        // Of runs, and of fronts, a running writer counts what it knows of their pages, and nobody else does.
        for step in steps.iter().filter(|step| !matches!(step, Step::Keep(..))) {
            apply(step, &mut writer, &slots);
            let [said, found] = both(&scratch, &writer);
            assert_eq!(said, found, "after {step:?}");
            seen.set(seen.get() + said.len());
        }
        Ok(())
    };
    TestRunner::new(config()).run(&histories(1000), case).unwrap();
    assert!(seen.get() > 100, "hardly any slot held anything");
}

#[test]
fn bytes_of_runs_that_a_slot_alone_holds_are_those_that_the_next_writer_says() {
    let seen = Cell::new(0);
    let case = |(history, steps): (u64, Vec<Step>)| {
        let scratch = Scratch::new();
        let mut writer = scratch.writer().history(history).create("s").unwrap();
        let files = scratch.files("s");
        let slots: Vec<Slot> = (0..SLOTS).map(|index| Slot::claim(&files, index)).collect();
        for (at, step) in steps.iter().enumerate() {
            apply(step, &mut writer, &slots);
            if at % 3 == 2 || at + 1 == steps.len() {
                // The first one reclaims versions that the second then does not find.
                for _ in 0..2 {
                    drop(writer);
                    writer = scratch.writer().open("s").unwrap();
                }
                let [said, found] = both(&scratch, &writer);
                assert_eq!(said, found, "after {step:?}");
                seen.set(seen.get() + said.len());
            }
        }
        Ok(())
    };
    TestRunner::new(config()).run(&histories(30_000), case).unwrap();
    assert!(seen.get() > 50, "hardly any slot held anything");
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(40, 400)) }
}

/// How long the history is, and what happens; frames get up to `rows` rows at once.
fn histories(rows: usize) -> impl Strategy<Value = (u64, Vec<Step>)> {
    (1..4_u64, prop::collection::vec(step(rows), 1..40))
}
