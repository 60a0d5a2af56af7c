//! What stands in a directory that holds segments.

use super::STRANGER;
use super::slots::Slot;
use shmframe::ErrorKind;
use shmframe_model::{Scratch, numbers};
use shmframe_segment::{Listed, ListedKind, Listing, Presence, list};
use std::os::unix::fs::chown;
use std::path::Path;

fn listed(scratch: &Scratch) -> Listing {
    list(Some(scratch.path())).unwrap()
}

fn one(scratch: &Scratch) -> Listed {
    let mut entries = listed(scratch).entries;
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.remove(0)
}

#[test]
fn segments_are_listed_with_their_writer_and_readers() {
    let scratch = Scratch::new();
    let empty = listed(&scratch);
    assert_eq!((empty.entries.len(), empty.file_system.as_str(), empty.is_checked), (0, "tmpfs", true));
    assert!(empty.space.0 >= empty.space.1 && empty.space.1 > 0);
    let writer = scratch.writer().create("s").unwrap();
    std::fs::write(scratch.path().join("something else"), b"").unwrap();
    let found = one(&scratch);
    assert_eq!(
        (found.segment.as_str(), found.kind, found.writer),
        ("s", ListedKind::Segment, Presence::Lives)
    );
    assert_eq!((found.path.as_path(), found.readers), (scratch.files("s").directory(), Some((0, 0))));
    assert_eq!(found.owner, nix::unistd::geteuid().as_raw());
    drop(writer);
    let files = scratch.files("s");
    let mut slots = [Slot::claim(&files, 0), Slot::claim(&files, 1), Slot::claim(&files, 5)];
    slots[1].die();
    let found = one(&scratch);
    assert_eq!((found.writer, found.readers), (Presence::None, Some((2, 1))));
    assert!(!found.is_garbage(), "a segment without a writer is none");
}

#[test]
fn kinds_are_told_apart() {
    let scratch = Scratch::new();
    for name in ["boot", "cut", "plain", "removed", "unreadable"] {
        drop(scratch.writer().create(name).unwrap());
    }
    scratch.files("boot").change_header(|header| header.boot[0] ^= 1);
    let removed = scratch.files("removed");
    removed.write("data", removed.geometry().publication_offset() + 132, &[2]);
    scratch.files("cut").open("data").set_len(4096).unwrap();
    scratch.files("unreadable").write("data", 0, b"x");
    std::fs::write(scratch.path().join("file.shmf"), b"").unwrap();
    std::os::unix::fs::symlink(scratch.files("plain").directory(), scratch.path().join("link.shmf")).unwrap();
    let found: Vec<_> = listed(&scratch)
        .entries
        .iter()
        .map(|entry| (entry.segment.clone(), entry.kind, entry.is_garbage()))
        .collect();
    use ListedKind::{OtherBoot, Removed, Segment, Unreadable};
    let expected = [
        ("boot", OtherBoot, true),
        ("cut", Unreadable, false),
        ("file", Unreadable, false),
        ("link", Unreadable, false),
        ("plain", Segment, false),
        ("removed", Removed, true),
        ("unreadable", Unreadable, false),
    ];
    assert_eq!(found, expected.map(|(name, kind, garbage)| (name.to_owned(), kind, garbage)));
}

#[test]
fn segments_of_others_and_of_unchecked_file_systems_are_listed() {
    let scratch = Scratch::new();
    scratch.writer().create("s").unwrap().put("t", &numbers(0, 10)).unwrap();
    if nix::unistd::geteuid().is_root() {
        let files = scratch.files("s");
        for path in [files.directory().to_owned(), files.path("data"), files.path("readers")] {
            chown(path, Some(STRANGER), None).unwrap();
        }
        let found = one(&scratch);
        assert_eq!((found.owner, found.kind, found.readers), (STRANGER, ListedKind::Segment, Some((0, 0))));
    }
    let proc = list(Some(Path::new("/proc"))).unwrap();
    assert_eq!((proc.file_system.as_str(), proc.is_checked, proc.entries.len()), ("proc", false, 0));
    assert_eq!(list(Some(&scratch.path().join("none"))).unwrap_err().kind(), ErrorKind::Missing);
}
