//! What the options of a writer do to a segment: who gets at it, how many readers it has room for, what is there before
//! the first frame.

use crate::errors::system::{STRANGER, is_root, opened};
use nix::sys::resource::{UsageWho, getrusage};
use shmframe::{Access, ErrorKind, Permission};
use shmframe_model::{Scratch, numbers};
use std::fs::{Permissions, metadata, set_permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const GROUP: u32 = 4242;

fn mode_and_group(path: &std::path::Path) -> (u32, u32) {
    let found = metadata(path).unwrap();
    (found.mode() & 0o7777, found.gid())
}

/// Mode and group of the directory and of the files.
fn of_segment(scratch: &Scratch) -> [(u32, u32); 4] {
    let files = scratch.files("s");
    let [data, readers, lease] = ["data", "readers", "lease"].map(|file| mode_and_group(&files.path(file)));
    [mode_and_group(files.directory()), data, readers, lease]
}

#[test]
fn segment_is_private_unless_asked_otherwise() {
    let scratch = Scratch::new();
    drop(scratch.writer().create("s").unwrap());
    let modes = of_segment(&scratch).map(|(mode, _)| mode);
    assert_eq!(modes, [0o700, 0o600, 0o600, 0o600]);
}

/// The group that tests give segments to: root gives to any, others to the one they are in.
fn group() -> u32 {
    if is_root() { GROUP } else { nix::unistd::getegid().as_raw() }
}

#[test]
fn group_of_readers_reads_and_does_not_write() {
    let scratch = Scratch::new();
    set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
    let mut writer = scratch.writer().access(Access::group_of_readers(group())).create("s").unwrap();
    writer.put("t", &numbers(0, 10)).unwrap();
    drop(writer);
    let [directory, data, readers, lease] = of_segment(&scratch);
    assert_eq!([directory, data, readers], [0o750, 0o640, 0o660].map(|mode| (mode, group())));
    assert_eq!(lease.0, 0o600);
    if is_root() {
        let (user, member) = (format!("uid={STRANGER}"), format!("gid={GROUP}"));
        assert_eq!(opened(&scratch, "read", &[&member, &user]).kind, "done");
        let refused = opened(&scratch, "write", &[&member, &user]);
        assert_eq!(refused.kind, "PermissionDenied", "{}", refused.message);
        assert_eq!(opened(&scratch, "read", &[&user]).kind, "PermissionDenied", "is no member");
    }
}

#[test]
fn group_of_writers_reads_and_writes() {
    let scratch = Scratch::new();
    set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
    drop(scratch.writer().access(Access::group_of_writers(group())).create("s").unwrap());
    assert_eq!(of_segment(&scratch), [0o770, 0o660, 0o660, 0o660].map(|mode| (mode, group())));
    if is_root() {
        let (user, member) = (format!("uid={STRANGER}"), format!("gid={GROUP}"));
        assert_eq!(opened(&scratch, "write", &[&member, &user]).kind, "done");
        assert_eq!(opened(&scratch, "read", &[&member, &user]).kind, "done");
        assert_eq!(opened(&scratch, "write", &[&user]).kind, "PermissionDenied", "is no member");
    }
}

#[test]
fn group_that_the_caller_is_no_member_of_is_named_and_nothing_stays() {
    let scratch = Scratch::new();
    set_permissions(scratch.path(), Permissions::from_mode(0o777)).unwrap();
    let user = format!("uid={STRANGER}");
    let settings: Vec<&str> = if is_root() { vec![&user, "group=4242"] } else { vec!["group=4242"] };
    let said = opened(&scratch, "create", &settings);
    assert_eq!(said.kind, "PermissionDenied", "{}", said.message);
    for part in ["give `data` to group 4242", "usermod", "EPERM"] {
        assert!(said.message.contains(part), "{part}: {}", said.message);
    }
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn mode_that_locks_the_owner_out_is_refused() {
    let scratch = Scratch::new();
    let mut access = Access::private();
    for (mode, file) in [(0o400, true), (0o10600, true), (0o600, false), (0o1700, false)] {
        let permission = Permission { mode, group: None };
        if file {
            access.data = permission;
        } else {
            access.directory = permission;
        }
        let error = scratch.writer().access(access).create("s").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().contains(&format!("{mode:#o}")), "{error}");
        access = Access::private();
    }
}

#[test]
fn slots_bound_the_readers() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().slots(1).create("s").unwrap();
    assert_eq!(scratch.files("s").slots().len(), 1);
    let reader = scratch.reader().open("s").unwrap();
    let mut held = Vec::new();
    for row in 0..48 {
        writer.put("t", &numbers(row, 1)).unwrap();
        held.push(reader.snapshot().unwrap());
    }
    writer.put("t", &numbers(48, 1)).unwrap();
    assert_eq!(reader.snapshot().unwrap_err().kind(), ErrorKind::RegistryFull);
    assert_eq!(scratch.writer().slots(0).create("u").unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[test]
fn prefaulted_bytes_are_there_before_the_first_frame() {
    const BYTES: u64 = 16 << 20;
    let scratch = Scratch::new();
    let mut writer = scratch.writer().prefault(BYTES).create("s").unwrap();
    let before = writer.allocated_bytes();
    assert!(before > BYTES);
    let rows = numbers(0, 1 << 20);
    let faults = || getrusage(UsageWho::RUSAGE_THREAD).unwrap().minor_page_faults();
    let met = faults();
    writer.put("t", &rows).unwrap();
    let met = faults() - met;
    assert!(met < 500, "{met} page faults for 8 MiB in 2048 pages");
    // Small frames too are cut from what is there.
    for frame in 0..50 {
        writer.put(&format!("small-{frame}"), &numbers(0, 100)).unwrap();
    }
    assert_eq!(writer.allocated_bytes(), before, "nothing more was needed");
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
    let error = scratch.writer().prefault(1 << 40).create("u").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
    assert!(!scratch.path().join("u.shmf").exists());
}

#[test]
fn asking_for_huge_pages_changes_nothing_where_there_are_none() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().huge_pages().create("s").unwrap();
    writer.put("t", &numbers(0, 1 << 20)).unwrap();
    assert!(writer.huge_bytes() <= writer.allocated_bytes());
    let snapshot = scratch.reader().open("s").unwrap().snapshot().unwrap();
    assert_eq!(snapshot.frame("t").unwrap().batches().unwrap(), [numbers(0, 1 << 20)]);
}
