//! Segments are created, removed and created again by many processes at once.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use shmframe::{ErrorKind, Wait};
use shmframe_harness::control::{Control, Tally, Word};
use shmframe_harness::place::Place;
use shmframe_harness::role::Role;
use shmframe_harness::watchdog::Watchdog;
use shmframe_harness::{cut, pattern};
use std::time::Duration;

const WRITER: &str = env!("CARGO_BIN_EXE_writer_role");
const READER: &str = env!("CARGO_BIN_EXE_reader_role");
const NAME: &str = "quotes";

fn roles(place: &Place, control: &Control, count: usize) -> Vec<Role> {
    (0..count).map(|_| Role::start(WRITER, place, Some(control), &[])).collect()
}

#[test]
fn removed_segment_stays_valid_for_those_who_hold_it() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("removed");
    let mut writer = Role::start(WRITER, &place, None, &[]);
    writer.ask(&format!("create {NAME}"));
    writer.ask("pair 4000");
    let mut reader = Role::start(READER, &place, None, &[]);
    reader.ask(&format!("open {NAME}"));
    reader.ask("hold one");
    writer.ask("pair 4000");
    reader.ask("hold two");
    writer.ask("remove-segment");
    assert_eq!(place.entries(), [""; 0]);
    for round in 0..3 {
        writer.ask(&format!("create {NAME}"));
        writer.ask("pair 4000");
        assert_eq!(reader.number("check one"), 2);
        assert_eq!(reader.number("check two"), 3);
        // The old attachment says so; a new one is of the new segment.
        if round == 0 {
            let error = reader.try_ask("hold late").unwrap_err();
            assert!(error.starts_with("Removed"), "{error}");
        }
        assert_eq!(reader.number(&format!("open {NAME}")), 2);
        reader.ask("hold new");
        writer.ask("remove-segment");
    }
    reader.quit();
    assert_eq!(place.entries(), [""; 0]);
}

#[test]
fn killed_writers_segment_can_be_removed_by_anybody() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("removed-dead");
    let mut writer = Role::start(WRITER, &place, None, &[]);
    writer.ask(&format!("create {NAME} label=feed"));
    let reader = place.reader().open(NAME).unwrap();
    assert_eq!(place.writer().remove_segment(NAME).unwrap_err().kind(), ErrorKind::LeaseTaken);
    writer.kill();
    place.writer().remove_segment(NAME).unwrap();
    assert_eq!(reader.wait_newer(1, Duration::from_secs(60)).unwrap(), Wait::Removed);
    assert_eq!(place.writer().remove_segment(NAME).unwrap_err().kind(), ErrorKind::Missing);
    assert_eq!(place.entries(), [""; 0]);
}

#[test]
fn one_of_many_creators_wins() {
    let _watchdog = Watchdog::seconds(120);
    let (place, control) = (Place::new("create-race"), Control::create());
    for round in 1..=20 {
        let mut creators = roles(&place, &control, 8);
        creators.iter_mut().for_each(|creator| creator.send(&format!("race create {NAME}")));
        control.open_gate();
        let replies: Vec<String> = creators.iter_mut().map(|creator| creator.reply().unwrap()).collect();
        assert_eq!(replies.iter().filter(|reply| *reply == "won").count(), 1, "{replies:?}");
        assert_eq!(control.tally(Tally::Won), round);
        assert_eq!(control.tally(Tally::Exists), 7 * round);
        assert_eq!(place.entries(), [format!("{NAME}.shmf")]);
        assert_eq!(place.reader().open(NAME).unwrap().snapshot().unwrap().version(), 1);
        creators.into_iter().for_each(Role::quit);
        control.close_gate();
        place.writer().remove_segment(NAME).unwrap();
    }
}

#[test]
fn all_who_open_or_create_at_once_commit() {
    let _watchdog = Watchdog::seconds(120);
    let (place, control) = (Place::new("open-or-create"), Control::create());
    for round in 1..=10 {
        let mut writers = roles(&place, &control, 8);
        writers.iter_mut().for_each(|writer| writer.send(&format!("race open-or-create {NAME}")));
        control.open_gate();
        let mut versions: Vec<u64> =
            writers.iter_mut().map(|writer| writer.reply().unwrap().parse().unwrap()).collect();
        versions.sort_unstable();
        assert_eq!(versions, Vec::from_iter(2..=9));
        assert_eq!(control.tally(Tally::Commits), 8 * round);
        let contents = pattern::contents(&place.reader().open(NAME).unwrap().snapshot().unwrap());
        let frames = writers.iter().map(|writer| format!("frame-{}", writer.pid()));
        assert!(frames.into_iter().all(|frame| contents[&frame] == (1, 5)), "{contents:?}");
        assert_eq!(contents.len(), 8);
        writers.into_iter().for_each(Role::quit);
        control.close_gate();
        place.writer().remove_segment(NAME).unwrap();
    }
}

#[test]
fn creators_and_removers_in_loops_never_see_half_a_segment() {
    let _watchdog = Watchdog::seconds(180);
    let (place, control) = (Place::new("churn"), Control::create());
    let mut all = roles(&place, &control, 4);
    for (role, how) in all.iter_mut().zip(["create", "remove", "remove", "create"]) {
        role.send(&format!("churn {how} {NAME} 150"));
    }
    let mut reader = Role::start(READER, &place, Some(&control), &[]);
    reader.send(&format!("reopen {NAME}"));
    control.open_gate();
    let mut done = |at: usize| all[at].reply().unwrap().parse::<u64>().unwrap();
    let created = done(0) + done(3);
    control.set(Word::Stop, 1);
    let removed = done(1) + done(2);
    let seen: u64 = reader.reply().unwrap().parse().unwrap();
    assert!(created == 300 && seen > 0, "{created} created, {seen} seen");
    // Each segment that came was removed once, but the last, which may stand there still.
    assert!(created == removed || created == removed + 1, "{created} created, {removed} removed");
    assert_eq!(place.entries().len() as u64, created - removed, "{:?}", place.entries());
    all.into_iter().for_each(Role::quit);
    reader.quit();
}

#[test]
fn several_writers_lose_nothing() {
    let _watchdog = Watchdog::seconds(120);
    let (place, control) = (Place::new("several"), Control::create());
    let (writers, commits) = (4, 60);
    let mut all = roles(&place, &control, writers);
    for (at, writer) in all.iter_mut().enumerate() {
        writer.ask(&format!("open-or-create {NAME} several label=writer-{at}"));
        writer.send("gate");
    }
    let mut reader = Role::start(READER, &place, None, &[]);
    reader.ask(&format!("open {NAME}"));
    reader.ask("hold first");
    control.open_gate();
    for (at, writer) in all.iter_mut().enumerate() {
        writer.reply().unwrap();
        writer.send(&format!("own frame-{at} {commits}"));
    }
    for writer in &mut all {
        assert_eq!(writer.reply().unwrap(), commits.to_string());
    }
    assert_eq!(control.tally(Tally::Commits), writers as u64 * commits);
    let snapshot = place.reader().open(NAME).unwrap().snapshot().unwrap();
    assert_eq!(snapshot.version(), 1 + writers as u64 * commits);
    let expected = (0..writers).map(|at| (format!("frame-{at}"), (commits, pattern::rows_of(commits))));
    assert_eq!(pattern::contents(&snapshot), expected.collect());
    reader.ask("check first");
    let mut last = place.writer().several_writers().open(NAME).unwrap();
    last.trim(0).unwrap();
    cut::check_audit(&last);
    all.into_iter().for_each(Role::quit);
    reader.quit();
}

#[test]
fn killed_one_of_several_writers_does_not_block_the_others() {
    let _watchdog = Watchdog::seconds(180);
    let (place, control) = (Place::new("several-killed"), Control::create());
    let mut others = roles(&place, &control, 2);
    for other in &mut others {
        other.ask(&format!("open-or-create {NAME} several"));
    }
    let mut total = 0;
    for round in 0..12 {
        let mut killed = Role::start(WRITER, &place, Some(&control), &[]);
        killed.ask(&format!("open {NAME} several"));
        killed.ask(&format!("arm {}", 40 + 61 * round));
        killed.send("own killed 1000000");
        for (at, other) in others.iter_mut().enumerate() {
            other.send(&format!("own frame-{at} 25"));
        }
        killed.end_killed();
        others.iter_mut().for_each(|other| drop(other.reply().unwrap()));
        total += 50;
    }
    assert_eq!(control.tally(Tally::Commits), total);
    let snapshot = place.reader().open(NAME).unwrap().snapshot().unwrap();
    let contents = pattern::contents(&snapshot);
    for at in 0..2 {
        assert_eq!(contents[&format!("frame-{at}")], (25, pattern::rows_of(25)));
    }
    let mut last = place.writer().several_writers().open(NAME).unwrap();
    last.put("last", &pattern::batch("last", 1, 1)).unwrap();
    cut::check_audit(&last);
    others.into_iter().for_each(Role::quit);
}
