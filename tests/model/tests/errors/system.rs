//! Errors of what the operating system refuses: to another user, within limits, on other file systems.

use super::{Said, Way, way, written};
use shmframe::ErrorKind;
use shmframe_model::{Scratch, numbers};
use std::fs::{Permissions, set_permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::{Child, Command, Stdio};

/// Nobody's user id.
pub const STRANGER: u32 = 12345;

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

pub(super) fn ways() -> Vec<Way> {
    let mut ways = vec![
        way(ErrorKind::UnsupportedFileSystem, "/proc", |scratch| {
            scratch.writer().directory("/proc").create("s").unwrap_err().into()
        }),
        way(ErrorKind::UnsupportedFileSystem, "/proc", |scratch| {
            scratch.reader().directory("/proc").open("s").unwrap_err().into()
        }),
        way(ErrorKind::System, "{}/nnnn", |scratch| {
            scratch.reader().directory(scratch.path().join("n".repeat(300))).open("s").unwrap_err().into()
        }),
        way(ErrorKind::PermissionDenied, "{}/s.shmf", |scratch| denied(scratch, "", "read")),
        way(ErrorKind::PermissionDenied, "{}/s.shmf/data", |scratch| denied(scratch, "data", "read")),
        way(ErrorKind::PermissionDenied, "{}/s.shmf/lease", |scratch| denied(scratch, "lease", "write")),
        way(ErrorKind::RegistryPermissionDenied, "{}/s.shmf/readers", |scratch| {
            denied(scratch, "readers", "read")
        }),
        way(ErrorKind::ProcessLimit, "RLIMIT_AS", |scratch| {
            let default = 1 << 40;
            drop(scratch.writer().capacity(default).create("s").unwrap());
            opened(scratch, "write", &["address-space=8589934592"])
        }),
        way(ErrorKind::ProcessLimit, "RLIMIT_FSIZE", |scratch| {
            opened(scratch, "create", &["file-size=1048576"])
        }),
        way(ErrorKind::ProcessLimit, "RLIMIT_NOFILE", |scratch| {
            written(scratch);
            opened(scratch, "read", &["descriptors=5"])
        }),
    ];
    if is_root() {
        ways.push(way(ErrorKind::ForeignOwner, "{}/s.shmf", |scratch| {
            let files = written(scratch);
            chown(files.directory(), Some(STRANGER), None).unwrap();
            let said = Said::from(scratch.reader().open("s").unwrap_err());
            assert!(said.message.contains("12345"), "{}", said.message);
            let trust = shmframe::Trust { owners: vec![STRANGER], any_file_system: false };
            scratch.reader().trust(trust).open("s").unwrap();
            said
        }));
        ways.push(way(ErrorKind::ForeignOwner, "{}/s.shmf/readers", |scratch| {
            chown(written(scratch).path("readers"), Some(STRANGER), None).unwrap();
            scratch.reader().open("s").unwrap_err().into()
        }));
    } else {
        eprintln!("not root: no segment can be given to another owner here");
    }
    ways
}

/// What a user without rights to `file` of the segment meets.
fn denied(scratch: &Scratch, file: &str, role: &str) -> Said {
    let files = written(scratch);
    // Root is refused nothing: it sends somebody else, for whom everything else is open.
    let settings = if is_root() { vec![format!("uid={STRANGER}")] } else { Vec::new() };
    set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
    set_permissions(files.directory(), Permissions::from_mode(0o755)).unwrap();
    for part in ["data", "readers", "lease"] {
        set_permissions(files.path(part), Permissions::from_mode(0o666)).unwrap();
    }
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    assert_eq!(opened(scratch, role, &settings).kind, "done", "with all rights");
    set_permissions(files.path(file), Permissions::from_mode(0o000)).unwrap();
    let said = opened(scratch, role, &settings);
    set_permissions(files.path(file), Permissions::from_mode(0o700)).unwrap();
    said
}

/// What another process meets that opens the segment, with these settings.
pub fn opened(scratch: &Scratch, role: &str, settings: &[&str]) -> Said {
    let mut opener = Command::new(env!("CARGO_BIN_EXE_opener"));
    let output = opener.arg(role).arg(scratch.path()).arg("s").args(settings).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{role} {settings:?}: {:?} {errors}", output.status);
    let said = String::from_utf8(output.stdout).unwrap();
    let (kind, message) = said.split_once('\n').unwrap();
    Said { kind: kind.to_owned(), message: message.trim_end().to_owned() }
}

/// Another process that holds the lease of a new segment, under the label `another`, until it is killed.
pub fn held_by_another(scratch: &Scratch, name: &str) -> Child {
    let mut opener = Command::new(env!("CARGO_BIN_EXE_opener"));
    let opener =
        opener.arg("hold").arg(scratch.path()).arg(name).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = opener.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    child
}

#[test]
fn readers_need_no_right_to_write_data() {
    let scratch = Scratch::new();
    let files = written(&scratch);
    set_permissions(files.path("data"), Permissions::from_mode(0o444)).unwrap();
    set_permissions(files.path("lease"), Permissions::from_mode(0o000)).unwrap();
    for (path, mode) in [(scratch.path().to_owned(), 0o755), (files.directory().to_owned(), 0o755)] {
        set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    set_permissions(files.path("readers"), Permissions::from_mode(0o666)).unwrap();
    let stranger = format!("uid={STRANGER}");
    let settings: &[&str] = if is_root() { &[&stranger] } else { &[] };
    assert_eq!(opened(&scratch, "read", settings).kind, "done");
    assert_eq!(opened(&scratch, "write", settings).kind, "PermissionDenied");
    // The owner goes on, also as root.
    set_permissions(files.path("data"), Permissions::from_mode(0o600)).unwrap();
    set_permissions(files.path("lease"), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(scratch.writer().open("s").unwrap().put("t", &numbers(0, 1)).unwrap(), 3);
}
