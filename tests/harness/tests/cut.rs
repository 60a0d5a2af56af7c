//! Count, then cut: each workload is killed at every one of its steps, and what is left is whole.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use shmframe::{Token, Writer};
use shmframe_harness::control::{Control, Word};
use shmframe_harness::cut::{self, Cutter};
use shmframe_harness::operation::{Operation, token};
use shmframe_harness::pattern::{self, Contents};
use shmframe_harness::place::Place;
use shmframe_harness::role::Role;
use shmframe_harness::watchdog::Watchdog;
use shmframe_harness::workload::{
    COLUMNS, COMMITS, CREATION, RECLAIM, RECOVERY, REMOVAL, TOKENS, TURNS, Workload,
};
use std::collections::BTreeSet;

const CUT: &str = env!("CARGO_BIN_EXE_cut_role");
const READER: &str = env!("CARGO_BIN_EXE_reader_role");

/// A script that runs in the test itself, before the workload.
const BEFORE: Workload = Workload {
    operations: &[
        Operation::Put("a", 100),
        Operation::Put("b", 1000),
        Operation::Pair(30),
        Operation::Put("c", 1),
        Operation::Put("a", 40),
    ],
    ..CREATION
};

fn cutter(place: &Place) -> Cutter<'_> {
    Cutter { executable: CUT, place, control: Control::create() }
}

/// A segment after `BEFORE`: its last version and what that holds.
fn prepare(cutter: &Cutter<'_>, segment: &str) -> (u64, Contents) {
    let location = cutter.place.path().to_str().unwrap();
    let mut writer = Writer::options().directory(location).create(segment).unwrap();
    let mut contents = Contents::new();
    for operation in BEFORE.operations {
        contents = step(&mut writer, *operation, &contents);
    }
    cutter.begin(writer.version());
    (writer.version(), contents)
}

fn step(writer: &mut Writer, operation: Operation, before: &Contents) -> Contents {
    let stamp = writer.version() + 1;
    let after = operation.after(before, stamp).unwrap();
    let mut transaction = writer.begin().unwrap();
    for (frame, (written, rows)) in &after {
        if *written == stamp {
            transaction.put(frame, &pattern::batch(frame, stamp, *rows)).unwrap();
        }
    }
    transaction.commit().unwrap();
    after
}

#[test]
fn writer_killed_at_every_step_of_its_commits_loses_nothing() {
    let _watchdog = Watchdog::seconds(600);
    let place = Place::new("cut-commits");
    let cutter = cutter(&place);
    let (base, contents) = prepare(&cutter, "counted");
    let total = cutter.count(&COMMITS, "counted");
    let versions = COMMITS.versions(base, &contents);
    let (reader, visible) = cutter.check_visible("counted", base, &versions);
    assert_eq!(visible, base + versions.len() as u64 - 1);
    cutter.check_take_over(&reader, "counted", visible, versions.last().unwrap());
    let mut cuts = 0;
    for nth in 1..=total {
        let segment = format!("cut-{nth}");
        assert_eq!(prepare(&cutter, &segment), (base, contents.clone()));
        cutter.kill_at(&COMMITS, &segment, nth);
        let (reader, visible) = cutter.check_visible(&segment, base, &versions);
        cutter.check_take_over(&reader, &segment, visible, &versions[(visible - base) as usize]);
        cuts += 1;
    }
    assert_eq!(place.entries(), [""; 0]);
    assert_eq!(cuts, total);
    cut::report("commits", cuts, 250);
}

#[test]
fn writer_killed_at_every_step_of_a_commit_with_a_token_learns_whether_it_happened() {
    let _watchdog = Watchdog::seconds(600);
    let place = Place::new("cut-tokens");
    let cutter = cutter(&place);
    let (base, contents) = prepare(&cutter, "counted");
    let total = cutter.count(&TOKENS, "counted");
    cutter.place.writer().remove_segment("counted").unwrap();
    let versions = TOKENS.versions(base, &contents);
    let mut learned = BTreeSet::new();
    for nth in 1..=total {
        let segment = format!("cut-{nth}");
        prepare(&cutter, &segment);
        cutter.kill_at(&TOKENS, &segment, nth);
        let (reader, visible) = cutter.check_visible(&segment, base, &versions);
        let tokened =
            |number: &u64| matches!(TOKENS.operations[*number as usize - 1], Operation::Tokened(_, _));
        let expected = (1..=visible - base).rfind(tokened).map(|number| base + number);
        let expected = expected.map(|version| Token { value: token(version), version });
        assert_eq!(reader.snapshot().unwrap().token(), expected);
        let writer = place.writer().open(&segment).unwrap();
        assert_eq!(writer.last_token(), expected, "version {visible}, cut {nth}");
        drop(writer);
        learned.insert(expected.map(|token| token.version));
        cutter.check_take_over(&reader, &segment, visible, &versions[(visible - base) as usize]);
    }
    assert_eq!(place.entries(), [""; 0]);
    assert_eq!(learned.len(), 4, "no token, and each of three: {learned:?}");
    cut::report("tokens", total, 150);
}

#[test]
fn writer_killed_at_every_step_of_a_change_of_columns_loses_nothing() {
    let _watchdog = Watchdog::seconds(900);
    let place = Place::new("cut-columns");
    let cutter = cutter(&place);
    let (base, contents) = prepare(&cutter, "counted");
    let versions = COLUMNS.versions(base, &contents);
    let held = place.reader().open("counted").unwrap().snapshot().unwrap();
    let total = cutter.count(&COLUMNS, "counted");
    drop(held);
    cutter.place.writer().remove_segment("counted").unwrap();
    let mut cuts = 0;
    for nth in cut::seeds(total, 3) {
        let segment = format!("cut-{nth}");
        prepare(&cutter, &segment);
        let held = place.reader().open(&segment).unwrap().snapshot().unwrap();
        cutter.kill_at(&COLUMNS, &segment, nth);
        assert_eq!(pattern::contents(&held), contents);
        drop(held);
        let (reader, visible) = cutter.check_visible(&segment, base, &versions);
        cutter.check_take_over(&reader, &segment, visible, &versions[(visible - base) as usize]);
        cuts += 1;
    }
    assert_eq!(place.entries(), [""; 0]);
    cut::report("columns", cuts, 100);
}

/// A segment with versions that `reader` holds and that are about to leave the ring.
fn prepare_held(cutter: &Cutter<'_>, reader: &mut Role, segment: &str) -> (u64, Contents) {
    let (_, mut contents) = prepare(cutter, segment);
    let mut writer = cutter.place.writer().open(segment).unwrap();
    reader.ask(&format!("open {segment}"));
    for number in 0..28 {
        if [2, 3, 9].contains(&number) {
            reader.ask(&format!("hold {number}"));
        }
        contents = step(&mut writer, Operation::Put(["a", "b", "c"][number % 3], 5), &contents);
    }
    cutter.begin(writer.version());
    (writer.version(), contents)
}

fn check_held(reader: &mut Role) {
    for key in [2, 3, 9] {
        assert_eq!(reader.number(&format!("check {key}")), 6 + key);
    }
}

fn check_released(cutter: &Cutter<'_>, reader: &mut Role, segment: &str, visible: u64, before: &Contents) {
    let mut writer = cutter.place.writer().open(segment).unwrap();
    let looking = cutter.place.reader().open(segment).unwrap();
    cutter.check_goes_on(&mut writer, &looking, visible, before);
    writer.trim(0).unwrap();
    check_held(reader);
    assert_eq!(writer.holders().len(), 1);
    for key in [2, 3, 9] {
        reader.ask(&format!("drop {key}"));
    }
    writer.trim(0).unwrap();
    assert_eq!(writer.holders(), []);
    let mut expected = before.clone();
    expected.insert("after".to_owned(), (visible + 1, 9));
    drop(writer);
    cutter.begin(visible + 1);
    cutter.check_take_over(&looking, segment, visible + 1, &expected);
}

#[test]
fn writer_killed_at_every_step_of_reclaim_leaves_held_versions_alone() {
    let _watchdog = Watchdog::seconds(900);
    let place = Place::new("cut-reclaim");
    let cutter = cutter(&place);
    let mut reader = Role::start(READER, &place, None, &[]);
    let (base, contents) = prepare_held(&cutter, &mut reader, "counted");
    let versions = RECLAIM.versions(base, &contents);
    let total = cutter.count(&RECLAIM, "counted");
    check_held(&mut reader);
    let (_, visible) = cutter.check_visible("counted", base, &versions);
    assert_eq!(visible, base + versions.len() as u64 - 1);
    check_released(&cutter, &mut reader, "counted", visible, versions.last().unwrap());
    let mut cuts = 0;
    for nth in 1..=total {
        let segment = format!("cut-{nth}");
        assert_eq!(prepare_held(&cutter, &mut reader, &segment), (base, contents.clone()));
        cutter.kill_at(&RECLAIM, &segment, nth);
        check_held(&mut reader);
        let (_, visible) = cutter.check_visible(&segment, base, &versions);
        check_released(&cutter, &mut reader, &segment, visible, &versions[(visible - base) as usize]);
        cuts += 1;
    }
    reader.quit();
    assert_eq!(place.entries(), [""; 0]);
    assert_eq!(cuts, total);
    cut::report("reclaim", cuts, 250);
}

#[test]
fn recovery_killed_at_every_step_is_recovered_again() {
    let _watchdog = Watchdog::seconds(if cut::full() { 2400 } else { 900 });
    let place = Place::new("cut-recovery");
    let cutter = cutter(&place);
    let mut reader = Role::start(READER, &place, None, &[]);
    let (base, contents) = prepare_held(&cutter, &mut reader, "counted");
    let first_total = cutter.count(&RECLAIM, "counted");
    cutter.place.writer().remove_segment("counted").unwrap();
    let (mut cuts, mut first_cuts) = (0, 0);
    // Where the first writer was killed, spread over its run; then every step of the one that recovers.
    for seed in cut::seeds(first_total, first_total / 9) {
        let segment = format!("seed-{seed}");
        let mut again = || {
            assert_eq!(prepare_held(&cutter, &mut reader, &segment), (base, contents.clone()));
            cutter.kill_at(&RECLAIM, &segment, seed);
            let (_, visible) = cutter.check_visible(&segment, base, &RECLAIM.versions(base, &contents));
            let before = RECLAIM.versions(base, &contents)[(visible - base) as usize].clone();
            (visible, RECOVERY.versions(visible, &before))
        };
        let (visible, versions) = again();
        cutter.begin(visible);
        let total = cutter.count(&RECOVERY, &segment);
        assert_eq!(cutter.check_visible(&segment, visible, &versions).1, visible + 1);
        cutter.place.writer().remove_segment(&segment).unwrap();
        for nth in 1..=total {
            assert_eq!(again().0, visible);
            cutter.begin(visible);
            cutter.kill_at(&RECOVERY, &segment, nth);
            let (looking, now) = cutter.check_visible(&segment, visible, &versions);
            cutter.check_take_over(&looking, &segment, now, &versions[(now - visible) as usize]);
            cuts += 1;
        }
        first_cuts += 1;
    }
    for key in [2, 3, 9] {
        assert_eq!(reader.number(&format!("check {key}")), 6 + key);
    }
    reader.quit();
    assert!(first_cuts >= 9, "{first_cuts}");
    cut::report("recovery", cuts, 9 * 60);
}

#[test]
fn one_of_several_writers_killed_at_every_step_leaves_the_others_going() {
    let _watchdog = Watchdog::seconds(600);
    let place = Place::new("cut-turns");
    let cutter = cutter(&place);
    let (base, contents) = prepare(&cutter, "counted");
    let versions = TURNS.versions(base, &contents);
    drop(place.writer().several_writers().open("counted").unwrap());
    let total = cutter.count(&TURNS, "counted");
    cutter.place.writer().remove_segment("counted").unwrap();
    let mut cuts = 0;
    for nth in 1..=total {
        let segment = format!("cut-{nth}");
        assert_eq!(prepare(&cutter, &segment).0, base);
        let mut other = place.writer().several_writers().open(&segment).unwrap();
        let looking = place.reader().open(&segment).unwrap();
        cutter.kill_at(&TURNS, &segment, nth);
        let (committed, announced) =
            (cutter.control.get(Word::Committed), cutter.control.get(Word::Announced));
        let visible = looking.latest();
        assert!((committed..=announced).contains(&visible), "{visible}: {committed}..={announced}");
        let before = &versions[(visible - base) as usize];
        assert_eq!(&pattern::contents(&looking.snapshot().unwrap()), before);
        // It takes its turn, and then finds out what happened.
        let stamp = visible + 1;
        assert_eq!(other.put("other", &pattern::batch("other", stamp, 7)).unwrap(), stamp);
        let mut expected = before.clone();
        expected.insert("other".to_owned(), (stamp, 7));
        assert_eq!(pattern::contents(&looking.snapshot().unwrap()), expected);
        cut::check_audit(&mut other);
        cutter.check_take_over(&looking, &segment, stamp, &expected);
        cuts += 1;
    }
    assert_eq!(place.entries(), [""; 0]);
    assert_eq!(cuts, total);
    cut::report("turns", cuts, 100);
}

#[test]
fn creator_killed_at_every_step_leaves_what_the_next_create_cleans() {
    let _watchdog = Watchdog::seconds(600);
    let place = Place::new("cut-creation");
    let cutter = cutter(&place);
    cutter.begin(0);
    let total = cutter.count(&CREATION, "a");
    place.writer().remove_segment("a").unwrap();
    let mut versions = CREATION.versions(1, &Contents::new());
    versions.insert(0, Contents::new());
    let (mut cuts, mut leftovers, mut whole) = (0, 0, 0);
    for nth in 1..=total {
        cutter.begin(0);
        cutter.kill_at(&CREATION, "a", nth);
        for entry in place.entries() {
            assert!(entry == "a.shmf" || entry.ends_with(".shmf-tmp"), "{entry}");
            leftovers += u64::from(entry != "a.shmf");
        }
        match cutter.try_reader("a") {
            // A segment of another name leaves them alone.
            None => place.writer().create("b").unwrap().remove_segment().unwrap(),
            Some(_) => {
                whole += 1;
                let (reader, visible) = cutter.check_visible("a", 0, &versions);
                cutter.check_take_over(&reader, "a", visible, &versions[visible as usize]);
            }
        }
        cutter.check_next_create("a");
        cuts += 1;
    }
    assert_eq!(cuts, total);
    assert!(leftovers > 20 && whole > 20, "{leftovers} leftovers, {whole} whole segments");
    cut::report("creation", cuts, 80);
}

#[test]
fn remover_killed_at_every_step_leaves_a_whole_segment_or_none() {
    let _watchdog = Watchdog::seconds(600);
    let place = Place::new("cut-removal");
    let cutter = cutter(&place);
    let (base, contents) = prepare(&cutter, "a");
    let total = cutter.count(&REMOVAL, "a");
    assert_eq!(place.entries(), [""; 0]);
    let (mut cuts, mut whole, mut gone) = (0, 0, 0);
    for nth in 1..=total {
        prepare(&cutter, "a");
        let held = place.reader().open("a").unwrap().snapshot().unwrap();
        cutter.kill_at(&REMOVAL, "a", nth);
        match cutter.try_reader("a") {
            Some(_) => {
                whole += 1;
                let (reader, visible) = cutter.check_visible("a", base, std::slice::from_ref(&contents));
                cutter.check_take_over(&reader, "a", visible, &contents);
            }
            // Removed, or half of the way: a writer does not find it, and another remover finds nothing or ends it.
            None => {
                gone += 1;
                match nth % 3 {
                    0 => drop(place.writer().open("a").unwrap_err()),
                    1 => drop(place.writer().remove_segment("a")),
                    _ => {}
                }
            }
        }
        assert_eq!(pattern::contents(&held), contents);
        drop(held);
        cutter.check_next_create("a");
        cuts += 1;
    }
    assert_eq!(cuts, total);
    assert!(whole > 5 && gone > 5, "{whole} whole, {gone} gone");
    cut::report("removal", cuts, 40);
}
