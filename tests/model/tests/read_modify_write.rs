//! A transaction that reads what it builds on, tokens, and versions by number.

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use shmframe::{ErrorKind, ReadModifyWrite, Reader, Snapshot, Token, Wait, Writer};
use shmframe_model::{Scratch, assert_arrived, numbers};
use std::sync::Arc;
use std::time::Duration;

fn count(snapshot: &Snapshot) -> i64 {
    snapshot.frame("counter").unwrap().column::<Int64Type>("count").unwrap()[0]
}

fn counter(value: i64) -> RecordBatch {
    let count: ArrayRef = Arc::new(Int64Array::from(vec![value]));
    RecordBatch::try_from_iter([("count", count)]).unwrap()
}

fn add_one(writer: &mut Writer) -> u64 {
    let mut transaction = writer.begin().unwrap();
    let before = count(&transaction.snapshot().unwrap());
    transaction.put("counter", &counter(before + 1)).unwrap();
    transaction.commit().unwrap()
}

#[test]
fn transaction_reads_the_version_that_it_builds_on_and_not_its_own_changes() {
    for several in [false, true] {
        let scratch = Scratch::new();
        let options = if several { scratch.writer().several_writers() } else { scratch.writer() };
        let mut writer = options.create("base").unwrap();
        let sent = numbers(0, 1000);
        writer.put("t", &sent).unwrap();
        let mut transaction = writer.begin().unwrap();
        transaction.put("t", &numbers(5, 10)).unwrap();
        let snapshot = transaction.snapshot().unwrap();
        assert_eq!((snapshot.version(), transaction.base_version().unwrap()), (2, 2));
        assert_arrived(std::slice::from_ref(&sent), &snapshot.frame("t").unwrap());
        // What was read outlives the transaction, and holds its version.
        assert_eq!(transaction.commit().unwrap(), 3);
        for round in 0..200 {
            writer.put("t", &numbers(round, 10)).unwrap();
        }
        assert_arrived(&[sent], &snapshot.frame("t").unwrap());
        drop(snapshot);
        writer.trim(0).unwrap();
        assert_eq!(writer.holders(), []);
        let audit = writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}

/// None of them is lost, although each builds on what the other one did.
#[test]
fn writers_that_take_turns_lose_no_update() {
    let scratch = Scratch::new();
    let options = scratch.writer().several_writers();
    let mut first = options.create("turns").unwrap();
    first.put("counter", &counter(0)).unwrap();
    let mut second = options.open("turns").unwrap();
    std::thread::scope(|scope| {
        for writer in [&mut first, &mut second] {
            scope.spawn(move || (0..100).for_each(|_| _ = add_one(writer)));
        }
    });
    let snapshot = scratch.reader().open("turns").unwrap().snapshot().unwrap();
    assert_eq!((count(&snapshot), snapshot.version()), (200, 202));
}

#[test]
fn turn_that_comes_to_nothing_ends_the_transaction_and_goes_on_to_others() {
    let scratch = Scratch::new();
    let options = scratch.writer().several_writers();
    let mut first = options.create("turns").unwrap();
    let mut second = options.open("turns").unwrap();
    let mut transaction = first.begin().unwrap();
    transaction.remove("no such frame").unwrap();
    assert_eq!(transaction.snapshot().unwrap_err().kind(), ErrorKind::FrameMissing);
    for _ in 0..2 {
        assert_eq!(transaction.snapshot().unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert_eq!(transaction.put("t", &numbers(0, 1)).unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
    assert_eq!(second.put("t", &numbers(0, 1)).unwrap(), 2);
    assert_eq!(transaction.commit().unwrap_err().kind(), ErrorKind::InvalidArgument);
    // A transaction that read keeps its turn until it is dropped.
    let mut transaction = first.begin().unwrap();
    assert_eq!(transaction.snapshot().unwrap().version(), 2);
    let mut hasty = options.lease_timeout(Duration::ZERO).open("turns");
    assert_eq!(hasty.as_mut().unwrap_err().kind(), ErrorKind::LeaseTaken);
    drop(transaction);
    assert_eq!(second.put("t", &numbers(0, 1)).unwrap(), 3);
}

fn token(value: u128, version: u64) -> Option<Token> {
    Some(Token { value, version })
}

#[test]
fn token_stays_until_another_is_committed() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("token").unwrap();
    let reader = scratch.reader().open("token").unwrap();
    assert_eq!((writer.last_token(), reader.snapshot().unwrap().token()), (None, None));
    let commit = |writer: &mut Writer, tokens: &[u128]| {
        let mut transaction = writer.begin().unwrap();
        tokens.iter().for_each(|token| transaction.token(*token));
        transaction.put("t", &numbers(0, 3)).unwrap();
        transaction.commit().unwrap();
    };
    commit(&mut writer, &[1, u128::MAX - 3]);
    let held = reader.snapshot().unwrap();
    commit(&mut writer, &[]);
    assert_eq!(writer.last_token(), token(u128::MAX - 3, 2));
    let mut dropped = writer.begin().unwrap();
    dropped.token(9);
    drop(dropped);
    drop(writer);
    let mut writer = scratch.writer().several_writers().open("token").unwrap();
    assert_eq!(writer.last_token(), token(u128::MAX - 3, 2));
    commit(&mut writer, &[0]);
    assert_eq!(writer.last_token(), token(0, 4));
    assert_eq!(reader.snapshot().unwrap().token(), token(0, 4));
    assert_eq!(held.token(), token(u128::MAX - 3, 2));
}

#[test]
fn versions_are_those_that_can_be_had_by_number() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().history(5).create("versions").unwrap();
    let reader = scratch.reader().open("versions").unwrap();
    for version in 2..200 {
        writer.put("t", &numbers(version, 3)).unwrap();
        let versions = reader.versions().unwrap();
        assert_eq!(versions.last().unwrap().number, version as u64);
        assert!(versions.len() >= 5.min(version as usize), "{versions:?}");
        assert!(versions.windows(2).all(|pair| pair[0].number + 1 == pair[1].number), "{versions:?}");
        assert!(versions.windows(2).all(|pair| pair[0].committed <= pair[1].committed), "{versions:?}");
        for listed in &versions {
            let snapshot = reader.snapshot_at(listed.number).unwrap();
            assert_eq!(snapshot.committed(), listed.committed);
        }
        let older = versions[0].number - 1;
        assert_eq!(reader.snapshot_at(older).unwrap_err().kind(), ErrorKind::VersionGone);
    }
    // Those that a reclaim leaves.
    writer.trim(0).unwrap();
    assert_eq!(reader.versions().unwrap().len(), 5);
}

#[test]
fn versions_have_no_gap_while_a_writer_commits() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().history(3).create("versions").unwrap();
    let reader = scratch.reader().open("versions").unwrap();
    let (mut looks, mut last) = (0, 0);
    std::thread::scope(|scope| {
        let writing =
            scope.spawn(|| (0..20_000).for_each(|row| _ = writer.put("t", &numbers(row, 1)).unwrap()));
        while !writing.is_finished() {
            let versions = reader.versions().unwrap();
            assert!(versions.windows(2).all(|pair| pair[0].number + 1 == pair[1].number), "{versions:?}");
            let newest = versions.last().unwrap().number;
            assert!(newest >= last, "{newest} after {last}");
            (looks, last) = (looks + 1, newest);
        }
    });
    assert!(looks > 10, "{looks}");
    assert_eq!(reader.versions().unwrap().last().unwrap().number, 20_001);
}

#[test]
fn whoever_waits_for_a_version_reads_what_it_wrote() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("wait").unwrap();
    let reader: Reader = scratch.reader().open("wait").unwrap();
    assert_eq!(reader.wait_for(0, Duration::ZERO).unwrap(), Wait::Newer(1));
    assert_eq!(reader.wait_for(1, Duration::ZERO).unwrap(), Wait::Newer(1));
    assert_eq!(reader.wait_for(2, Duration::ZERO).unwrap(), Wait::TimedOut);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| reader.wait_for(3, Duration::from_secs(60)).unwrap());
        writer.put("t", &numbers(0, 1)).unwrap();
        writer.put("t", &numbers(7, 1)).unwrap();
        assert_eq!(waiting.join().unwrap(), Wait::Newer(3));
    });
    assert_eq!(reader.snapshot().unwrap().version(), 3);
    writer.remove_segment().unwrap();
    assert_eq!(reader.wait_for(4, Duration::from_secs(60)).unwrap(), Wait::Removed);
}
