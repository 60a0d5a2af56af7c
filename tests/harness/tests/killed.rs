//! Writers and readers that are killed or stopped: nobody else stands still, and nothing is lost.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use shmframe_harness::control::{Control, Tally, Word};
use shmframe_harness::place::Place;
use shmframe_harness::registry::pin_words;
use shmframe_harness::role::Role;
use shmframe_harness::watchdog::Watchdog;
use shmframe_harness::{cut, pattern};

const WRITER: &str = env!("CARGO_BIN_EXE_writer_role");
const READER: &str = env!("CARGO_BIN_EXE_reader_role");
const NAME: &str = "quotes";

fn writer(place: &Place, control: &Control) -> Role {
    Role::start(WRITER, place, Some(control), &[])
}

fn reader(place: &Place, control: &Control, options: &str) -> Role {
    let mut reader = Role::start(READER, place, Some(control), &[]);
    reader.ask(&format!("open {NAME} {options}"));
    reader
}

#[test]
fn killed_writers_leave_the_last_version_and_streaming_readers_read_on() {
    let _watchdog = Watchdog::seconds(120);
    let (place, control) = (Place::new("killed-writers"), Control::create());
    let mut first = writer(&place, &control);
    first.ask(&format!("create {NAME}"));
    control.set(Word::Committed, first.number("pair 10"));
    control.set(Word::Announced, 2);
    let mut readers = [(); 2].map(|()| reader(&place, &control, ""));
    readers.iter_mut().for_each(|reader| reader.send("stream"));
    let mut next = Some(first);
    // Some are killed by the test wherever they are, others by themselves at a step of a commit.
    for round in 0..30_u64 {
        let mut writer = next.take().unwrap_or_else(|| {
            let mut writer = writer(&place, &control);
            let version = writer.number(&format!("open {NAME} label=round-{round}"));
            let (committed, announced) = (control.get(Word::Committed), control.get(Word::Announced));
            assert!((committed..=announced).contains(&version), "{version}: {committed}..={announced}");
            // Version by version: what was announced and never came is announced again.
            writer
        });
        let target = control.get(Word::Committed) + 5;
        if round % 2 == 0 {
            writer.send("stream 0");
            control.wait_until(Word::Committed, target);
            writer.kill();
        } else {
            writer.ask(&format!("arm {}", 300 + 37 * round));
            writer.send("stream 0");
            writer.end_killed();
        }
        let looks = control.get(Word::Looks);
        control.wait_until(Word::Looks, looks + 3);
    }
    control.set(Word::Stop, 1);
    for mut reader in readers {
        assert!(reader.reply().unwrap().parse::<u64>().unwrap() >= 30);
        reader.quit();
    }
    assert_eq!(control.tally(Tally::Checked), control.get(Word::Looks));
    let mut writer = place.writer().open(NAME).unwrap();
    assert!(writer.version() >= control.get(Word::Committed));
    assert!(control.tally(Tally::Newest) <= writer.version());
    writer.trim(0).unwrap();
    cut::check_audit(&mut writer);
    pattern::check_one_version(&place.reader().open(NAME).unwrap().snapshot().unwrap());
}

#[test]
fn held_snapshots_stay_byte_identical_across_take_over() {
    let _watchdog = Watchdog::seconds(60);
    let (place, control) = (Place::new("take-over"), Control::create());
    let mut first = writer(&place, &control);
    first.ask(&format!("create {NAME}"));
    let mut reader = reader(&place, &control, "");
    for (at, key) in ["one", "two", "three"].iter().enumerate() {
        first.ask("stream 7");
        assert_eq!(reader.number(&format!("hold {key}")), 8 + 7 * at as u64);
    }
    first.ask("arm 500");
    first.send("stream 0");
    first.end_killed();
    for _ in 0..3 {
        let mut second = writer(&place, &control);
        second.ask(&format!("open {NAME}"));
        assert_eq!(second.ask("audit"), "true");
        second.ask("stream 120");
        second.ask("trim 0");
        for (key, version) in [("one", 8), ("two", 15), ("three", 22)] {
            assert_eq!(reader.number(&format!("check {key}")), version);
        }
        assert!(second.ask("holders").contains("[8, 15, 22]"));
        second.kill();
    }
    reader.quit();
}

#[test]
fn killed_reader_gives_its_bytes_back() {
    let _watchdog = Watchdog::seconds(60);
    let (place, control) = (Place::new("killed-reader"), Control::create());
    let mut writer = place.writer().create(NAME).unwrap();
    let mut put = |rows| {
        let stamp = writer.version() + 1;
        writer.put("big", &pattern::batch("big", stamp, rows)).unwrap();
        writer.trim(0).unwrap();
        cut::check_audit(&mut writer);
        (writer.allocated_bytes(), writer.holders())
    };
    let (before, _) = put(40_000);
    // One that lives on, to tell the two apart.
    let mut living = reader(&place, &control, "label=living");
    living.ask("hold one");
    let mut killed = reader(&place, &control, "label=killed");
    for version in ["one", "two", "three"] {
        killed.ask(&format!("hold {version}"));
        put(40_000);
    }
    let (held, holders) = put(40_000);
    assert!(held > before + 3 * 900_000, "{before}, {held}");
    let labels: Vec<&str> = holders.iter().map(|holder| holder.label.as_str()).collect();
    assert_eq!(labels, ["living", "killed"]);
    assert_eq!(holders[1].versions, [2, 3, 4]);
    assert_eq!(holders[1].pid, u64::from(killed.pid()));
    killed.kill();
    let (after, holders) = put(40_000);
    assert_eq!(holders.len(), 1);
    assert_eq!(holders[0].label, "living");
    living.ask("drop one");
    let (last, holders) = put(40_000);
    assert_eq!(holders, []);
    assert_eq!(pin_words(&place, NAME), Vec::<u64>::new());
    assert!(last <= before + (64 << 10) && after > last, "{before}, {after}, {last}");
    living.quit();
}

#[test]
fn readers_killed_while_they_pin_and_unpin_leave_nothing() {
    let _watchdog = Watchdog::seconds(120);
    let (place, control) = (Place::new("killed-pinning"), Control::create());
    let mut writer = writer(&place, &control);
    writer.ask(&format!("create {NAME}"));
    writer.ask("stream 3");
    for round in 0..40 {
        // A pin takes few steps: the kill comes in the middle of one, sooner or later.
        let mut readers = [0, 1].map(|_| reader(&place, &control, ""));
        for (at, reader) in readers.iter_mut().enumerate() {
            reader.ask(&format!("hold kept-{at}"));
            reader.ask(&format!("arm {}", 1 + round + at));
        }
        writer.ask("stream 40");
        for mut reader in readers {
            reader.send("repeat");
            reader.end_killed();
        }
        writer.ask("pair 5");
        writer.ask("trim 0");
        assert_eq!(writer.ask("holders"), "");
        assert_eq!(writer.ask("audit"), "true");
    }
    writer.quit();
}

#[test]
fn stopped_reader_is_not_reaped() {
    let _watchdog = Watchdog::seconds(60);
    let (place, control) = (Place::new("stopped-reader"), Control::create());
    let mut writer = writer(&place, &control);
    writer.ask(&format!("create {NAME}"));
    writer.ask("pair 50");
    let mut reader = reader(&place, &control, "label=stopped");
    assert_eq!(reader.number("hold one"), 2);
    reader.stop();
    writer.ask("stream 300");
    writer.ask("trim 0");
    assert!(writer.ask("holders").contains(":stopped:[2]:"));
    // A new writer has no other idea of who lives.
    writer.kill();
    let mut second = self::writer(&place, &control);
    second.ask(&format!("open {NAME}"));
    second.ask("stream 100");
    second.ask("trim 0");
    assert!(second.ask("holders").contains(":stopped:[2]:"));
    assert_eq!(pin_words(&place, NAME), [2]);
    reader.resume();
    assert_eq!(reader.number("check one"), 2);
    reader.ask("drop one");
    second.ask("trim 0");
    assert_eq!(second.ask("holders"), "");
    reader.quit();
}

#[test]
fn second_writer_is_told_who_holds_the_lease() {
    let _watchdog = Watchdog::seconds(60);
    let (place, control) = (Place::new("second-writer"), Control::create());
    let mut first = writer(&place, &control);
    first.ask(&format!("create {NAME} label=feed"));
    let mut second = writer(&place, &control);
    let error = second.try_ask(&format!("open {NAME}")).unwrap_err();
    assert!(error.starts_with("LeaseTaken"), "{error}");
    assert!(error.contains(&format!("process {} (\"feed\")", first.pid())), "{error}");
    let error = second.try_ask(&format!("open-or-create {NAME} timeout=0")).unwrap_err();
    assert!(error.starts_with("LeaseTaken"), "{error}");
    let error = place.writer().remove_segment(NAME).unwrap_err().to_string();
    assert!(error.contains("\"feed\""), "{error}");
    first.ask("pair 3");
    first.quit();
    assert_eq!(second.number(&format!("open {NAME}")), 2);
}

#[test]
fn waiting_writer_gets_the_lease_when_its_holder_dies() {
    let _watchdog = Watchdog::seconds(60);
    let (place, control) = (Place::new("waiting-writer"), Control::create());
    let mut first = writer(&place, &control);
    first.ask(&format!("create {NAME} label=feed"));
    first.ask("pair 3");
    let mut second = writer(&place, &control);
    let timed_out = second.try_ask(&format!("open {NAME} timeout=1")).unwrap_err();
    assert!(timed_out.starts_with("LeaseTaken") && timed_out.contains("\"feed\""), "{timed_out}");
    // A stopped holder is not dead.
    first.stop();
    let stopped = second.try_ask(&format!("open {NAME} timeout=1")).unwrap_err();
    assert!(stopped.starts_with("LeaseTaken"), "{stopped}");
    second.send(&format!("open {NAME} timeout=1000"));
    first.kill();
    assert_eq!(second.reply().unwrap(), "2");
    second.ask("pair 3");
    second.quit();
}

#[test]
fn slot_of_a_killed_reader_is_seen_as_dead_and_counted_when_it_is_reaped() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("dead-slot");
    let mut writer = place.writer().create(NAME).unwrap();
    writer.put("left", &pattern::batch("left", 2, 100)).unwrap();
    let mut reader = Role::start(READER, &place, None, &[]);
    reader.ask(&format!("open {NAME} label=mortal"));
    reader.ask("hold one");
    let segment = place.reader().look_at(NAME).unwrap();
    let [before] = segment.pins().unwrap().try_into().unwrap();
    assert!(before.alive);
    let pid = u64::from(reader.pid());
    reader.kill();
    let [after] = segment.pins().unwrap().try_into().unwrap();
    assert_eq!((after.alive, after.pid, after.label.as_str()), (false, pid, "mortal"));
    assert_eq!(after.versions, [2]);
    writer.put("left", &pattern::batch("left", 3, 100)).unwrap();
    writer.trim(u64::MAX).unwrap();
    assert_eq!(writer.stats().unwrap().slots_reaped, 1);
    assert_eq!(segment.pins().unwrap(), []);
}
