//! What is cleared, cleaned and removed, and that nothing is that somebody uses.

use super::slots::Slot;
use super::{STRANGER, inspection, location, registry};
use nix::fcntl::{FcntlArg, fcntl};
use shmframe::{ErrorKind, Trust};
use shmframe_model::{Files, Scratch, numbers};
use shmframe_segment::{
    ListedKind, Removal, clean, leftovers, list, reap, remove_orphan, remove_segment,
    remove_segment_unless_read,
};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::chown;
use std::process::{Child, Command, Stdio};

#[test]
fn slots_of_the_dead_are_cleared_and_those_of_the_living_stay() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("s").unwrap();
    writer.put("t", &numbers(0, 1000)).unwrap();
    let files = scratch.files("s");
    let reader = scratch.reader().open("s").unwrap();
    let snapshot = reader.snapshot().unwrap();
    let mut slots = [1, 2, 3].map(|index| Slot::claim(&files, index));
    slots.iter().take(2).for_each(|slot| slot.pin(7, 2));
    slots[0].die();
    slots[2].die();
    let before = files.publication();
    // The one without pins as well.
    assert_eq!(reap(&location(&scratch, "s")).unwrap(), [1, 3]);
    assert_eq!(reap(&location(&scratch, "s")).unwrap(), [] as [u32; 0]);
    assert_eq!(files.publication(), before);
    let left = registry(&scratch).pins().unwrap();
    assert_eq!(left.iter().map(|slot| slot.slot).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(files.pinned(), [2, 2]);
    assert_eq!(snapshot.frame("t").unwrap().num_rows(), 1000);
    slots[1].die();
    drop(snapshot);
    for round in 0..100 {
        writer.put("t", &numbers(round, 1000)).unwrap();
    }
    // Claimed, as reclaim left it: another reader may have it, and the writer reaps on.
    assert_eq!(reap(&location(&scratch, "s")).unwrap(), [] as [u32; 0]);
    let again = Slot::claim(&files, 1);
    drop(again);
}

#[test]
fn slot_of_a_killed_process_is_cleared() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("s").unwrap();
    writer.put("t", &numbers(0, 1000)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_opener"))
        .args(["pin".as_ref(), scratch.path().as_os_str(), "s".as_ref()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&mut child, "pinned");
    assert_eq!(reap(&location(&scratch, "s")).unwrap(), [] as [u32; 0]);
    child.kill().unwrap();
    child.wait().unwrap();
    let pins = registry(&scratch).pins().unwrap();
    assert_eq!((pins[0].alive, pins[0].versions.as_slice()), (false, &[2][..]));
    assert_eq!(reap(&location(&scratch, "s")).unwrap(), [0]);
    assert_eq!(registry(&scratch).pins().unwrap(), []);
}

fn wait_for(child: &mut Child, word: &str) {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim(), word);
}

#[test]
fn registry_that_makes_no_sense_or_is_not_trusted_is_not_touched() {
    let scratch = Scratch::new();
    drop(scratch.writer().create("s").unwrap());
    let files = scratch.files("s");
    Slot::claim(&files, 0).die();
    std::fs::remove_file(files.path("data")).unwrap();
    if nix::unistd::geteuid().is_root() {
        chown(files.path("readers"), Some(STRANGER), None).unwrap();
        assert_eq!(reap(&location(&scratch, "s")).unwrap_err().kind(), ErrorKind::ForeignOwner);
        chown(files.path("readers"), Some(0), None).unwrap();
    }
    let length = files.open("readers").metadata().unwrap().len();
    files.open("readers").set_len(length - 1).unwrap();
    assert_eq!(reap(&location(&scratch, "s")).unwrap_err().kind(), ErrorKind::Truncated);
    files.open("readers").set_len(length).unwrap();
    files.write("readers", 32, &[255; 4]);
    assert_eq!(reap(&location(&scratch, "s")).unwrap_err().kind(), ErrorKind::Corrupt);
    files.write("readers", 32, &512_u32.to_le_bytes());
    assert_eq!(reap(&location(&scratch, "s")).unwrap(), [0], "no data is needed");
}

/// A temporary with these files, and its lease if somebody is to hold it.
fn temporary(scratch: &Scratch, segment: &str, number: u128, files: &[&str], held: bool) -> Option<File> {
    let directory = scratch.path().join(format!(".{segment}.{number:032x}.shmf-tmp"));
    std::fs::create_dir(&directory).unwrap();
    let files: Vec<File> = files.iter().map(|file| File::create(directory.join(file)).unwrap()).collect();
    let range = nix::libc::flock {
        l_type: nix::libc::F_WRLCK as i16,
        l_whence: nix::libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 1,
        l_pid: 0,
    };
    held.then(|| {
        let lease = files.into_iter().next().unwrap();
        fcntl(&lease, FcntlArg::F_OFD_SETLK(&range)).unwrap();
        lease
    })
}

#[test]
fn temporaries_that_nobody_works_on_are_listed_and_deleted_and_others_stay() {
    let scratch = Scratch::new();
    drop(scratch.writer().create("s").unwrap());
    temporary(&scratch, "a", 1, &["lease", "data", "readers"], false);
    temporary(&scratch, "a", 2, &[], false);
    let held = temporary(&scratch, "a.b", 3, &["lease", "data"], true);
    temporary(&scratch, "c", 4, &["data"], false);
    temporary(&scratch, "d", 5, &["lease", "and something else"], false);
    let kinds = || -> Vec<(String, ListedKind)> {
        let entries = list(Some(scratch.path())).unwrap().entries;
        entries.into_iter().map(|entry| (entry.segment, entry.kind)).collect()
    };
    use ListedKind::{Leftover, Segment, Unclear, WorkedOn};
    let told = |kinds: &[(&str, ListedKind)]| -> Vec<(String, ListedKind)> {
        kinds.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect()
    };
    let before = [
        ("a", Leftover),
        ("a", Leftover),
        ("a.b", WorkedOn),
        ("c", Unclear),
        ("d", Leftover),
        ("s", Segment),
    ];
    assert_eq!(kinds(), told(&before));
    let names =
        |found: Vec<shmframe_segment::Listed>| found.into_iter().map(|left| left.segment).collect::<Vec<_>>();
    assert_eq!(names(leftovers(Some(scratch.path())).unwrap()), ["a", "a", "d"]);
    assert_eq!(kinds(), told(&before), "a list deletes nothing");
    assert_eq!(names(clean(Some(scratch.path()), &Trust::default()).unwrap()), ["a", "a"]);
    drop(held);
    assert_eq!(names(clean(Some(scratch.path()), &Trust::default()).unwrap()), ["a.b"]);
    // What is none of a segment's files is deleted by nobody, and so its directory stays.
    let left: Vec<String> = kinds().into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["c", "d", "s"]);
}

#[test]
fn temporaries_of_owners_that_are_not_trusted_stay() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this test gives a file to another user: run it as root (a container will do)"
    );
    let scratch = Scratch::new();
    temporary(&scratch, "a", 1, &["lease"], false);
    let directory = scratch.path().join(format!(".a.{:032x}.shmf-tmp", 1));
    chown(directory.join("lease"), Some(STRANGER), None).unwrap();
    assert_eq!(clean(Some(scratch.path()), &Trust::default()).unwrap(), []);
    let trust = Trust { owners: vec![STRANGER], any_file_system: false };
    assert_eq!(clean(Some(scratch.path()), &trust).unwrap().len(), 1);
}

fn stands(files: &Files) -> bool {
    files.directory().exists()
}

#[test]
fn segment_with_living_readers_is_removed_only_when_they_let_go() {
    let scratch = Scratch::new();
    let writer = scratch.writer().create("s").unwrap();
    let (files, location) = (scratch.files("s"), location(&scratch, "s"));
    assert_eq!(remove_segment_unless_read(&location).unwrap_err().kind(), ErrorKind::LeaseTaken);
    drop(writer);
    let mut slots = [Slot::claim(&files, 0), Slot::claim(&files, 1)];
    slots[1].die();
    let Removal::Read(slots_held) = remove_segment_unless_read(&location).unwrap() else {
        panic!("it is gone")
    };
    assert_eq!(slots_held.iter().map(|slot| slot.slot).collect::<Vec<_>>(), [0]);
    assert!(stands(&files));
    // It can be opened: nothing of the removal was done.
    drop(scratch.writer().open("s").unwrap());
    slots[0].die();
    assert_eq!(remove_segment_unless_read(&location).unwrap(), Removal::Removed);
    assert!(!stands(&files));
}

#[test]
fn segment_whose_writers_take_turns_is_removed_only_when_the_last_one_is_gone() {
    let scratch = Scratch::new();
    let first = scratch.writer().several_writers().create("s").unwrap();
    let mut second = scratch.writer().several_writers().open("s").unwrap();
    let location = location(&scratch, "s");
    // Between two turns nobody holds the lease.
    assert!(!registry(&scratch).has_writer().unwrap());
    assert_eq!(remove_segment(&location).unwrap_err().kind(), ErrorKind::LeaseTaken);
    assert_eq!(remove_segment_unless_read(&location).unwrap_err().kind(), ErrorKind::LeaseTaken);
    drop(first);
    second.put("t", &numbers(0, 10)).unwrap();
    assert_eq!(remove_segment(&location).unwrap_err().kind(), ErrorKind::LeaseTaken);
    drop(second);
    remove_segment(&location).unwrap();
}

#[test]
fn segment_with_something_else_in_its_directory_stays_whole() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("s").unwrap();
    let version = writer.put("t", &numbers(0, 10)).unwrap();
    let reader = scratch.reader().open("s").unwrap();
    let (files, location) = (scratch.files("s"), location(&scratch, "s"));
    std::fs::write(files.directory().join("notes"), b"mine").unwrap();
    let error = writer.remove_segment().unwrap_err();
    assert!(error.to_string().contains("\"notes\""), "{error}");
    assert_eq!(remove_segment(&location).unwrap_err().kind(), ErrorKind::LinkInTheWay);
    assert_eq!(reader.snapshot().unwrap().version(), version);
    assert_eq!(scratch.writer().open("s").unwrap().put("t", &numbers(0, 20)).unwrap(), version + 1);
    std::fs::remove_file(files.directory().join("notes")).unwrap();
    remove_segment(&location).unwrap();
    assert!(!stands(&files));
}

#[test]
fn readers_of_a_segment_whose_remover_died_are_told_by_who_clears_it_away() {
    let scratch = Scratch::new();
    drop(scratch.writer().create("s").unwrap());
    let reader = scratch.reader().open("s").unwrap();
    let files = scratch.files("s");
    // As a remover leaves it that dies right behind its rename.
    let temporary = scratch.path().join(format!(".s.{:032x}.shmf-tmp", 9));
    std::fs::rename(files.directory(), &temporary).unwrap();
    assert_eq!(clean(Some(scratch.path()), &Trust::default()).unwrap().len(), 1);
    assert!(!temporary.exists());
    let error = reader.snapshot().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Removed, "{error}");
}

#[test]
fn only_segments_that_nobody_can_use_are_orphans() {
    let scratch = Scratch::new();
    let (files, location) = (scratch.files("s"), location(&scratch, "s"));
    drop(scratch.writer().create("s").unwrap());
    assert_eq!(remove_orphan(&location).unwrap(), Removal::InUse);
    files.write("data", 0, b"x");
    assert_eq!(remove_orphan(&location).unwrap(), Removal::InUse, "nobody knows what it is");
    files.write("data", 0, b"S");
    files.change_header(|header| header.boot[0] ^= 1);
    assert!(!inspection(&scratch).is_of_this_boot());
    assert_eq!(remove_orphan(&location).unwrap(), Removal::Removed);
    assert!(!stands(&files));
    drop(scratch.writer().create("s").unwrap());
    files.write("data", files.geometry().publication_offset() + 132, &[2]);
    assert_eq!(remove_orphan(&location).unwrap(), Removal::Removed);
    assert_eq!(remove_orphan(&location).unwrap_err().kind(), ErrorKind::Missing);
}
