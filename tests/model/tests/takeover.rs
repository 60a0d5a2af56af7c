//! Writers that come after others: what they know of before does not count any more.

use arrow::array::RecordBatch;
use shmframe::{ErrorKind, Writer};
use shmframe_arbitrary::Kind;
use shmframe_model::{Files, Scratch, all_types, assert_arrived, numbers};

struct Two {
    first: Writer,
    second: Writer,
    files: Files,
    scratch: Scratch,
}

impl Two {
    fn new() -> Self {
        let scratch = Scratch::new();
        let options = scratch.writer().several_writers();
        let (first, second) = (options.create("two").unwrap(), options.open("two").unwrap());
        Self { first, second, files: scratch.files("two"), scratch }
    }

    fn assert_frame(&self, sent: &RecordBatch) {
        let snapshot = self.scratch.reader().open("two").unwrap().snapshot().unwrap();
        assert_arrived(std::slice::from_ref(sent), &snapshot.frame("t").unwrap());
    }
}

fn table() -> RecordBatch {
    all_types([Kind::Int8, Kind::Utf8].iter().map(|kind| (format!("{kind:?}"), kind.example())))
}

/// It caught up by a trim, not by a commit.
#[test]
fn writer_that_caught_up_does_not_name_a_schema_of_before() {
    let mut two = Two::new();
    two.first.put("t", &numbers(0, 10)).unwrap();
    // The schema's record goes, and its bytes are used again.
    for _ in 0..70 {
        two.second.put("t", &table()).unwrap();
    }
    two.first.trim(u64::MAX).unwrap();
    let sent = numbers(5, 10);
    two.first.put("t", &sent).unwrap();
    two.assert_frame(&sent);
    let audit = two.first.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}

#[test]
fn writer_that_could_not_catch_up_writes_nothing() {
    let mut two = Two::new();
    two.first.put("t", &numbers(0, 10)).unwrap();
    two.second.put("t", &table()).unwrap();
    let root = two.files.newest_entry().root_offset;
    let byte = two.files.read("data", root, 1)[0];
    two.files.write("data", root, &[byte ^ 1]);
    // However often it tries.
    for _ in 0..3 {
        assert_eq!(two.first.put("t", &numbers(1, 10)).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(two.first.trim(0).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    assert_eq!(two.files.publication().latest, 3);
    two.files.write("data", root, &[byte]);
    two.assert_frame(&table());
    let sent = numbers(1, 10);
    assert_eq!(two.first.put("t", &sent).unwrap(), 4);
    two.assert_frame(&sent);
    let audit = two.first.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}

/// It cannot look at the directory of the segment for a while.
#[test]
fn writer_that_could_not_look_writes_nothing_and_lets_the_lease_go() {
    let scratch = Scratch::new();
    let (inner, away) = (scratch.path().join("inner"), scratch.path().join("away"));
    std::fs::create_dir(&inner).unwrap();
    let options = scratch.writer().directory(&inner).several_writers();
    let (mut first, mut second) = (options.create("two").unwrap(), options.open("two").unwrap());
    first.put("t", &numbers(0, 10)).unwrap();
    second.put("t", &table()).unwrap();
    std::fs::rename(&inner, &away).unwrap();
    for _ in 0..3 {
        assert_eq!(first.put("u", &numbers(0, 10)).unwrap_err().kind(), ErrorKind::Missing);
    }
    std::fs::rename(&away, &inner).unwrap();
    assert_eq!(second.put("t", &table()).unwrap(), 4);
    assert_eq!(first.put("u", &numbers(0, 10)).unwrap(), 5);
    let snapshot = scratch.reader().directory(&inner).open("two").unwrap().snapshot().unwrap();
    assert_arrived(&[table()], &snapshot.frame("t").unwrap());
    let audit = first.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}
