//! Replacing frames does not take more and more memory: bytes are counted, not estimated.

use shmframe::arrow::array::RecordBatch;
use shmframe::{Writer, WriterOptions};
use shmframe_model::{Scratch, numbers};

/// Rounds of a test.
const ROUNDS: usize = 100;

/// Asserts that `step`, done a hundred times, allocates no more than it did after the third time.
fn no_growth(
    what: &str,
    options: impl FnOnce(&Scratch) -> WriterOptions,
    step: impl FnMut(&mut Writer, usize),
) {
    no_growth_beyond(0, what, options, step);
}

/// Asserts that `step`, done a hundred times, allocates at most `spare` bytes more than it did after the third time.
fn no_growth_beyond(
    spare: usize,
    what: &str,
    options: impl FnOnce(&Scratch) -> WriterOptions,
    mut step: impl FnMut(&mut Writer, usize),
) {
    let scratch = Scratch::new();
    let mut writer = options(&scratch).create("memory").unwrap();
    let mut third = 0;
    for round in 1..=ROUNDS {
        step(&mut writer, round);
        let now = writer.allocated_bytes();
        if round == 3 {
            third = now;
        }
        assert!(
            round <= 3 || now <= third + spare as u64,
            "{what}: {now} bytes after {round} rounds, {third} after the third"
        );
    }
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered, "{what}");
    assert!(third > 0, "{what}");
}

const SIZES: [usize; 3] = [1 << 10, 100 << 10, 10 << 20];

#[test]
fn hundredth_replacement_takes_no_more_memory_than_the_third() {
    for size in SIZES {
        let batch = numbers(0, size / 8);
        no_growth(&format!("{size} bytes"), Scratch::writer, |writer, _| {
            writer.put("frame", &batch).unwrap();
        });
    }
}

#[test]
fn hundredth_transaction_takes_no_more_memory_than_the_third() {
    let batches = SIZES.map(|size| numbers(0, size / 8));
    no_growth("three frames", Scratch::writer, |writer, _| {
        let mut transaction = writer.begin().unwrap();
        for (name, batch) in ["small", "middle", "large"].iter().zip(&batches) {
            transaction.put(name, batch).unwrap();
        }
        transaction.commit().unwrap();
    });
}

/// Small requests are cut off free extents of up to 1 MiB. So it may happen that as many bytes are free as the middle
/// frame needs, but nowhere in a row; then it gets one extent more, and later rounds find that one free: they do not add
/// another. (An extent: the values, and up to two pages for the records and for where it starts.)
const ONE_EXTENT: usize = SIZES[1] + (2 << 12);

#[test]
fn mixed_rounds_take_at_most_one_extent_more_than_the_third() {
    let batches = SIZES.map(|size| numbers(0, size / 8));
    let round = |writer: &mut Writer, round: usize| {
        writer.put("alone", &batches[1]).unwrap();
        let mut dropped = writer.begin().unwrap();
        dropped.put("large", &batches[2]).unwrap();
        drop(dropped);
        let mut transaction = writer.begin().unwrap();
        transaction.put("small", &batches[0]).unwrap();
        transaction.put("large", &batches[2]).unwrap();
        transaction.put("small", &batches[round % 2]).unwrap();
        transaction.commit().unwrap();
        writer.put("passing", &batches[0]).unwrap();
        writer.remove("passing").unwrap();
    };
    no_growth_beyond(ONE_EXTENT, "mixed", Scratch::writer, round);
    let turns = |scratch: &Scratch| scratch.writer().several_writers();
    no_growth_beyond(ONE_EXTENT, "mixed, writers take turns", turns, round);
}

/// A table is loaded anew every night, by a program of its own: never more is free than in use, but for what comes next.
#[test]
fn writers_one_after_the_other_leave_a_bounded_rest() {
    for (size, columns) in [(100 << 10, 1), (3 << 20, 1), (700 << 10, 12)] {
        let scratch = Scratch::new();
        drop(scratch.writer().create("memory").unwrap());
        let mut second = 0;
        for round in 1..=60 {
            // Never twice of the same length.
            let rows = size / 8 + (round * 977) % 4096;
            let column = numbers(0, rows).column(0).clone();
            let columns = (0..columns).map(|index| (format!("column {index}"), column.clone()));
            let batch = RecordBatch::try_from_iter(columns).unwrap();
            let mut writer = scratch.writer().open("memory").unwrap();
            let mut transaction = writer.begin().unwrap();
            transaction.put("frame", &batch.slice(0, rows / 2)).unwrap();
            transaction.append("frame", &batch.slice(rows / 2, rows.div_ceil(2))).unwrap();
            transaction.commit().unwrap();
            let now = writer.allocated_bytes();
            if round == 2 {
                second = now;
            }
            assert!(
                round < 3 || now <= second / 2 * 5,
                "{now} bytes after {round} rounds, {second} after two"
            );
            let audit = writer.audit().unwrap();
            assert_eq!(audit.working, audit.recovered);
        }
    }
}

/// Refused changes inside of transactions that are committed.
#[test]
fn refused_changes_take_no_memory() {
    let large = numbers(0, 1);
    no_growth(
        "refused",
        |scratch| scratch.writer().capacity(4 << 20),
        |writer, round| {
            let mut transaction = writer.begin().unwrap();
            let too_large = numbers(round as i64, 1 << 20);
            assert!(transaction.put("too large", &too_large).is_err());
            transaction.put("frame", &large).unwrap();
            transaction.commit().unwrap();
        },
    );
}

#[test]
fn memory_that_readers_let_go_of_is_used_again() {
    let batch = numbers(0, 100 << 7);
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("memory").unwrap();
    let reader = scratch.reader().open("memory").unwrap();
    let mut third = 0;
    for round in 1..=100 {
        // One of four versions is held, for a while.
        let mut held = Vec::new();
        for _ in 0..8 {
            writer.put("frame", &batch).unwrap();
            held.push(reader.snapshot().unwrap());
            held.drain(..held.len().saturating_sub(2));
        }
        if round == 3 {
            third = writer.allocated_bytes();
        }
        assert!(round <= 3 || writer.allocated_bytes() <= third, "round {round}");
    }
    writer.trim(0).unwrap();
    assert!(writer.allocated_bytes() < third);
}
