//! Every kind of error that callers can meet, met: made to happen, not built. The message names the place.

mod arguments;
mod files;
mod segments;
pub mod system;

use shmframe::{Error, ErrorKind};
use shmframe_model::{Scratch, numbers};
use std::collections::BTreeSet;

/// What an error said, of this process or another.
pub struct Said {
    pub kind: String,
    pub message: String,
}

impl From<Error> for Said {
    fn from(error: Error) -> Self {
        Self { kind: format!("{:?}", error.kind()), message: error.to_string() }
    }
}

/// A way to an error: which it is, what its message must name (`{}` stands for the test's directory), and how to it.
struct Way {
    kind: ErrorKind,
    names: &'static str,
    go: fn(&Scratch) -> Said,
}

const fn way(kind: ErrorKind, names: &'static str, go: fn(&Scratch) -> Said) -> Way {
    Way { kind, names, go }
}

fn go(ways: &[Way]) {
    for Way { kind, names, go } in ways {
        let scratch = Scratch::new();
        let Said { kind: found, message } = go(&scratch);
        assert_eq!(found, format!("{kind:?}"), "{message}");
        let names = names.replace("{}", scratch.path().to_str().unwrap());
        assert!(message.contains(&names), "{names:?} is not named: {message}");
        assert!(!message.contains('\n'), "{message:?}");
    }
}

/// A segment `s` with a frame `t` of one column `x`, closed.
fn written(scratch: &Scratch) -> shmframe_model::Files {
    let mut writer = scratch.writer().label("the first").create("s").unwrap();
    writer.put("t", &numbers(0, 100)).unwrap();
    scratch.files("s")
}

/// What reading `s` comes to: opening it, holding a version, and reading the frame.
fn read(scratch: &Scratch) -> Said {
    let snapshot = scratch.reader().open("s").and_then(|reader| reader.snapshot());
    snapshot.and_then(|snapshot| snapshot.frame("t")?.batches()).unwrap_err().into()
}

/// What opening `s` for writing comes to.
fn write(scratch: &Scratch) -> Said {
    scratch.writer().open("s").unwrap_err().into()
}

#[test]
fn wrong_arguments_are_named() {
    go(arguments::WAYS);
}

#[test]
fn damaged_and_foreign_files_are_named() {
    go(files::WAYS);
}

#[test]
fn what_stands_in_the_way_of_a_segment_is_named() {
    go(segments::WAYS);
}

#[test]
fn what_the_system_refuses_is_named() {
    go(&system::ways());
}

/// Kinds that nothing here leads to.
const ELSEWHERE: [(ErrorKind, &str); 3] = [
    (ErrorKind::DirectoryFull, "the harness mounts a file system that is small enough to fill"),
    (ErrorKind::WriterInChild, "the harness forks"),
    (ErrorKind::ColumnRuns, "`growing_reads` lets a frame grow by the segment's own means"),
];

#[test]
fn every_kind_of_error_is_met_here_or_elsewhere() {
    let name = |kind: &ErrorKind| format!("{kind:?}");
    let system = system::ways();
    let ways = [arguments::WAYS, files::WAYS, segments::WAYS, &system].into_iter().flatten();
    let mut met: BTreeSet<String> = ways.map(|way| name(&way.kind)).collect();
    for (kind, why) in &ELSEWHERE {
        assert!(met.insert(name(kind)), "{kind:?} is met here, and not only where {why}");
    }
    if !system::is_root() {
        met.insert(name(&ErrorKind::ForeignOwner));
    }
    assert_eq!(met, ErrorKind::ALL.iter().map(name).collect());
}
