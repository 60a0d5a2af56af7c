//! Waiting for versions, across processes: what ends a wait, and what it is told.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use shmframe::Writer;
use shmframe_harness::pattern;
use shmframe_harness::place::Place;
use shmframe_harness::role::Role;
use shmframe_harness::watchdog::{self, Watchdog};

const WRITER: &str = env!("CARGO_BIN_EXE_writer_role");
const READER: &str = env!("CARGO_BIN_EXE_reader_role");
const NAME: &str = "quotes";

fn put(writer: &mut Writer) -> u64 {
    let stamp = writer.version() + 1;
    writer.put("left", &pattern::batch("left", stamp, 3)).unwrap()
}

fn reader(place: &Place) -> Role {
    let mut reader = Role::start(READER, place, None, &[]);
    reader.ask(&format!("open {NAME}"));
    reader
}

/// Waits until a process sleeps on a futex.
fn until_asleep(role: &Role) {
    loop {
        let call = std::fs::read_to_string(format!("/proc/{}/syscall", role.pid())).unwrap();
        if call.split(' ').next() == Some(&libc::SYS_futex.to_string()) {
            return;
        }
        watchdog::check();
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[test]
fn wait_says_newer_timed_out_or_removed() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("wait");
    let mut writer = place.writer().create(NAME).unwrap();
    let mut reader = reader(&place);
    assert_eq!(reader.ask("wait 0 60000"), "newer 1");
    assert_eq!(reader.ask("wait 1 0"), "timed-out");
    assert_eq!(reader.ask("wait 1 250"), "timed-out");
    reader.send("wait 1 60000");
    until_asleep(&reader);
    put(&mut writer);
    assert_eq!(reader.reply().unwrap(), "newer 2");
    reader.send("wait 2 60000");
    until_asleep(&reader);
    writer.remove_segment().unwrap();
    assert_eq!(reader.reply().unwrap(), "removed");
    assert_eq!(reader.ask("wait 0 60000"), "removed");
    let error = reader.try_ask("hold late").unwrap_err();
    assert!(error.starts_with("Removed"), "{error}");
    reader.quit();
}

#[test]
fn wait_while_written_ends_when_the_writer_dies() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("wait-written");
    let mut writer = Role::start(WRITER, &place, None, &[]);
    writer.ask(&format!("create {NAME}"));
    let mut reader = reader(&place);
    assert_eq!(reader.ask("wait-while-written 1 250"), "timed-out");
    // A stopped writer is a writer.
    writer.stop();
    assert_eq!(reader.ask("wait-while-written 1 250"), "timed-out");
    reader.send("wait-while-written 1 600000");
    until_asleep(&reader);
    writer.kill();
    assert_eq!(reader.reply().unwrap(), "no-writer");
    assert_eq!(reader.ask("wait-while-written 0 60000"), "newer 1");
    assert_eq!(reader.ask("wait 1 250"), "timed-out");
    let mut next = place.writer().open(NAME).unwrap();
    assert_eq!(reader.ask("wait-while-written 1 250"), "timed-out");
    put(&mut next);
    assert_eq!(reader.ask("wait-while-written 1 600000"), "newer 2");
    drop(next);
    assert_eq!(reader.ask("wait-while-written 2 600000"), "no-writer");
    reader.quit();
}

#[test]
fn sleeping_readers_are_woken_by_commit_removal_and_take_over() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("wake");
    let mut writer = Role::start(WRITER, &place, None, &[]);
    writer.ask(&format!("create {NAME}"));
    let mut readers = [(); 3].map(|()| reader(&place));
    // One sleep of an hour, without a cap: nothing but a wake ends it.
    let mut all_sleep_then = |version: u64, what: &mut dyn FnMut(), told: &str| {
        for reader in &mut readers {
            reader.send(&format!("sleep {NAME} {version}"));
        }
        readers.iter().for_each(until_asleep);
        what();
        for reader in &mut readers {
            assert_eq!(reader.reply().unwrap(), told);
        }
    };
    for version in 1..20 {
        all_sleep_then(version, &mut || drop(writer.ask("pair 2")), &format!("newer {}", version + 1));
    }
    // Killed before it commits: the next writer wakes them, so that they look again.
    let mut writer = Some(writer);
    let mut next = None;
    let mut take_over = || {
        writer.take().unwrap().kill();
        next = Some(place.writer().open(NAME).unwrap());
    };
    all_sleep_then(20, &mut take_over, "nothing");
    all_sleep_then(20, &mut || next.take().unwrap().remove_segment().unwrap(), "removed");
    readers.into_iter().for_each(Role::quit);
}

#[test]
fn follower_goes_on_when_writers_die_and_segments_are_made_again() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("follow");
    let mut writer = Role::start(WRITER, &place, None, &[]);
    writer.ask(&format!("create {NAME}"));
    writer.ask("pair 2");
    let mut reader = reader(&place);
    reader.ask("follow");
    assert_eq!(reader.number("next"), 2);
    for version in 3..6 {
        reader.send("next");
        until_asleep(&reader);
        writer.kill();
        writer = Role::start(WRITER, &place, None, &[]);
        writer.ask(&format!("open {NAME}"));
        writer.ask("pair 2");
        assert_eq!(reader.reply().unwrap(), version.to_string());
    }
    for _ in 0..3 {
        reader.ask("hold old");
        reader.send("next");
        until_asleep(&reader);
        writer.ask("remove-segment");
        writer.ask(&format!("create {NAME}"));
        writer.ask("pair 4");
        assert_eq!(reader.reply().unwrap(), "2");
        // What was held of the old segment stays as it was.
        reader.ask("check old");
    }
    reader.quit();
}
