//! Other users, and processes in other namespaces: who is let in, and by what the living are known.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use shmframe::{ErrorKind, Trust, Writer};
use shmframe_harness::namespace::Namespace;
use shmframe_harness::place::Place;
use shmframe_harness::registry::pin_words;
use shmframe_harness::role::Role;
use shmframe_harness::watchdog::{self, Watchdog};
use shmframe_harness::{cut, pattern};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

const WRITER: &str = env!("CARGO_BIN_EXE_writer_role");
const READER: &str = env!("CARGO_BIN_EXE_reader_role");
const NAME: &str = "quotes";

/// User and group ids that no account needs to have.
const OWNER: u32 = 61_001;
const STRANGER: u32 = 61_002;
const GROUP: u32 = 61_003;

fn mode(place: &Place, path: &str, mode: u32) {
    set_permissions(place.path().join(path), Permissions::from_mode(mode)).unwrap();
}

/// A role of this user.
fn role_of(user: u32, executable: &str, place: &Place) -> Role {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this test starts processes of other users: run it as root (a container will do)"
    );
    let mut role = Role::start(executable, place, None, &[]);
    role.ask(&format!("become {user} {GROUP}"));
    role
}

/// A segment that `OWNER` writes, at a place that everybody may use.
fn owned(place: &Place) -> Role {
    mode(place, "", 0o777);
    let mut writer = role_of(OWNER, WRITER, place);
    writer.ask(&format!("create {NAME}"));
    writer.ask("pair 100");
    writer
}

/// Opens its group's way into the segment, by hand.
fn let_the_group_in(place: &Place, readers: u32) {
    for (path, bits) in [("", 0o750), ("/data", 0o640), ("/readers", readers)] {
        mode(place, &format!("{NAME}.shmf{path}"), bits);
    }
}

fn put(writer: &mut Writer, rows: u64) -> u64 {
    let stamp = writer.version() + 1;
    writer.put("left", &pattern::batch("left", stamp, rows)).unwrap()
}

/// Reclaims until nobody holds an older version: a role in a namespace dies a moment after its parent.
fn wait_until_nobody_holds(writer: &mut Writer) {
    while !writer.holders().is_empty() {
        watchdog::check();
        std::thread::yield_now();
        writer.trim(0).unwrap();
    }
}

#[test]
fn segment_of_another_user_is_refused_until_that_user_is_named() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("owner");
    let writer = owned(&place);
    // Root may open the files; that does not make the owner one to be trusted.
    for error in [
        place.reader().open(NAME).unwrap_err(),
        place.writer().open(NAME).unwrap_err(),
        place.writer().remove_segment(NAME).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::ForeignOwner);
        assert!(error.to_string().contains(&format!("user id {OWNER}")), "{error}");
    }
    let trust = Trust { owners: vec![STRANGER, OWNER], ..Trust::default() };
    let reader = place.reader().trust(trust).open(NAME).unwrap();
    pattern::check_one_version(&reader.snapshot().unwrap());
    writer.quit();
}

#[test]
fn user_without_permission_is_told_what_to_ask_for() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("denied");
    let mut writer = owned(&place);
    let mut reader = role_of(STRANGER, READER, &place);
    let open = format!("open {NAME} trust={OWNER}");
    let error = reader.try_ask(&open).unwrap_err();
    assert!(error.starts_with("PermissionDenied") && error.contains("ask its owner"), "{error}");
    // Reading needs a place to leave pins at.
    let_the_group_in(&place, 0o640);
    let error = reader.try_ask(&open).unwrap_err();
    assert!(error.starts_with("RegistryPermissionDenied") && error.contains("`readers`"), "{error}");
    let_the_group_in(&place, 0o660);
    let error = reader.try_ask(&format!("open {NAME}")).unwrap_err();
    assert!(error.starts_with("ForeignOwner"), "{error}");
    reader.ask(&open);
    reader.ask("hold one");
    // What the writer's own user keeps shut stays shut.
    let mut thief = role_of(STRANGER, WRITER, &place);
    let error = thief.try_ask(&format!("open {NAME} trust={OWNER}")).unwrap_err();
    assert!(error.starts_with("PermissionDenied"), "{error}");
    assert_eq!(writer.number("pair 100"), 3);
    reader.ask("check one");
    writer.quit();
}

#[test]
fn segment_that_may_not_be_renamed_away_stays_as_it_was() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("sticky");
    let writer = owned(&place);
    writer.quit();
    // Others of the group may write the segment; the directory is one where only owners rename.
    for (path, bits) in [("", 0o770), ("/data", 0o660), ("/readers", 0o660), ("/lease", 0o660)] {
        mode(&place, &format!("{NAME}.shmf{path}"), bits);
    }
    mode(&place, "", 0o1777);
    let mut thief = role_of(STRANGER, WRITER, &place);
    thief.ask(&format!("open {NAME} trust={OWNER}"));
    let version = thief.number("pair 100");
    let error = thief.try_ask("remove-segment").unwrap_err();
    assert!(error.starts_with("PermissionDenied"), "{error}");
    // Nobody was told that it is gone, and nothing is.
    let mut owner = role_of(OWNER, WRITER, &place);
    owner.ask(&format!("open {NAME}"));
    assert_eq!(owner.number("pair 100"), version + 1);
    thief.quit();
    owner.quit();
}

#[test]
fn reader_of_another_user_is_known_by_its_lock() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("group");
    let mut writer = owned(&place);
    let_the_group_in(&place, 0o660);
    let mut reader = role_of(STRANGER, READER, &place);
    reader.ask(&format!("open {NAME} label=stranger trust={OWNER}"));
    let held = reader.number("hold one");
    for _ in 0..100 {
        writer.ask("pair 100");
    }
    writer.ask("trim 0");
    let holders = writer.ask("holders");
    assert!(holders.starts_with(&format!("{}:stranger:[{held}]", reader.pid())), "{holders}");
    assert_eq!(reader.number("check one"), held);
    reader.kill();
    writer.ask("trim 0");
    assert_eq!(writer.ask("holders"), "");
    assert_eq!(writer.ask("audit"), "true");
    assert_eq!(pin_words(&place, NAME), Vec::<u64>::new());
    writer.quit();
}

#[test]
fn reader_in_another_pid_namespace_lives_until_it_is_dead() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("pid-reader");
    let mut writer = place.writer().create(NAME).unwrap();
    put(&mut writer, 1000);
    let mut reader = Role::start_in(Namespace::Processes, READER, &place);
    reader.ask(&format!("open {NAME} label=elsewhere"));
    let held = reader.number("hold one");
    for _ in 0..100 {
        put(&mut writer, 1000);
    }
    writer.trim(0).unwrap();
    let holders = writer.holders();
    assert_eq!(holders.len(), 1);
    // Its number there is that of a living process here, and of no account.
    assert_eq!((holders[0].pid, &*holders[0].label, &*holders[0].versions), (1, "elsewhere", &[held][..]));
    assert_eq!(reader.number("check one"), held);
    reader.kill();
    wait_until_nobody_holds(&mut writer);
    cut::check_audit(&mut writer);
    assert_eq!(pin_words(&place, NAME), Vec::<u64>::new());
}

#[test]
fn writer_in_another_pid_namespace_keeps_its_lease_until_it_is_dead() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("pid-writer");
    let mut writer = Role::start_in(Namespace::Processes, WRITER, &place);
    writer.ask(&format!("create {NAME} label=elsewhere"));
    let version = writer.number("pair 1000");
    let reader = place.reader().open(NAME).unwrap();
    let snapshot = reader.snapshot().unwrap();
    let error = place.writer().open(NAME).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LeaseTaken);
    assert!(error.to_string().contains("elsewhere"), "{error}");
    writer.kill();
    let timeout = std::time::Duration::from_secs(30);
    let mut writer = place.writer().lease_timeout(timeout).open(NAME).unwrap();
    assert_eq!(writer.version(), version);
    assert_eq!(put(&mut writer, 1000), version + 1);
    pattern::check_one_version(&snapshot);
    cut::check_audit(&mut writer);
}

#[test]
fn in_a_user_namespace_owners_are_who_they_are_there() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("user");
    let mut writer = place.writer().create(NAME).unwrap();
    let version = put(&mut writer, 1000);
    // The user of the test is root there, and owns the segment.
    let mut reader = Role::start_in(Namespace::Users, READER, &place);
    reader.ask(&format!("open {NAME}"));
    assert_eq!(reader.number("hold one"), version);
    put(&mut writer, 1000);
    reader.ask("check one");
    // Somebody who has no name there is a stranger, whoever that is.
    let place = Place::new("user-nobody");
    let owner = owned(&place);
    for (path, bits) in [("", 0o755), ("/data", 0o644), ("/readers", 0o666)] {
        mode(&place, &format!("{NAME}.shmf{path}"), bits);
    }
    let mut reader = Role::start_in(Namespace::Users, READER, &place);
    let error = reader.try_ask(&format!("open {NAME}")).unwrap_err();
    assert!(error.starts_with("ForeignOwner") && error.contains("user id 65534"), "{error}");
    owner.quit();
}

#[test]
fn in_a_mount_namespace_the_same_path_is_another_segment() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("mount");
    let mut writer = place.writer().create(NAME).unwrap();
    put(&mut writer, 1000);
    let mut reader = Role::start_in(Namespace::EmptyPlace, READER, &place);
    let error = reader.try_ask(&format!("open {NAME}")).unwrap_err();
    assert!(error.starts_with("Missing"), "{error}");
    let mut other = Role::start_in(Namespace::EmptyPlace, WRITER, &place);
    other.ask(&format!("create {NAME}"));
    assert_eq!(other.number("version"), 1);
    other.ask("remove-segment");
    assert_eq!(place.reader().open(NAME).unwrap().snapshot().unwrap().version(), 2);
    other.quit();
    reader.quit();
}
