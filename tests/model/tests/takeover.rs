//! Writers that come after others: what they know of before does not count any more.

use arrow::array::RecordBatch;
use shmframe::{ErrorKind, Writer};
use shmframe_arbitrary::Kind;
use shmframe_format::table;
use shmframe_model::{Files, Scratch, all_types, assert_arrived, numbers};
use std::mem::offset_of;

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

/// Somebody took its lease away, and gives it back.
#[test]
fn appends_go_on_where_they_were_after_commits_that_failed() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("words").unwrap();
    let reader = scratch.reader().open("words").unwrap();
    writer.put("t", &numbers(0, 20_000)).unwrap();
    let files = scratch.files("words");
    let epoch = files.geometry().publication_offset() + offset_of!(table::Publication, epoch) as u64;
    let own = files.publication().epoch;
    let mut sent = vec![numbers(0, 20_000)];
    for round in 1..20 {
        files.write("data", epoch, &(own + 1).to_le_bytes());
        for _ in 0..round % 3 {
            let error = writer.append("t", &numbers(7, 100)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Superseded);
        }
        files.write("data", epoch, &own.to_le_bytes());
        sent.push(numbers(round, 3));
        writer.append("t", &sent[sent.len() - 1]).unwrap();
        assert_arrived(&sent, &reader.snapshot().unwrap().frame("t").unwrap());
        let audit = writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}

/// Writes a damaged word into the publication block of a segment with one frame; the bytes of the block before.
fn damaged(scratch: &Scratch, offset: usize) -> (Files, table::Publication) {
    scratch.writer().create("words").unwrap().put("t", &numbers(0, 10)).unwrap();
    let files = scratch.files("words");
    let before = files.publication();
    files.write("data", files.geometry().publication_offset() + offset as u64, &u64::MAX.to_le_bytes());
    (files, before)
}

#[test]
fn counter_that_cannot_have_counted_so_far_is_an_error_and_nothing_is_erased() {
    for (name, offset) in
        [("latest", offset_of!(table::Publication, latest)), ("epoch", offset_of!(table::Publication, epoch))]
    {
        let scratch = Scratch::new();
        let (files, before) = damaged(&scratch, offset);
        let error = scratch.writer().open("words").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(&format!("`{name}` below 2^63")), "{error}");
        assert!(error.place().ends_with("words.shmf"), "{error}");
        // With the word mended everything is there.
        let mended = if name == "latest" { before.latest } else { before.epoch };
        files.write("data", files.geometry().publication_offset() + offset as u64, &mended.to_le_bytes());
        let mut writer = scratch.writer().open("words").unwrap();
        assert_eq!(writer.put("t", &numbers(0, 10)).unwrap(), before.latest + 1, "{name}");
        let audit = writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered, "{name}");
    }
}

#[test]
fn damaged_trim_counter_wraps() {
    let scratch = Scratch::new();
    let (files, _) = damaged(&scratch, offset_of!(table::Publication, trims));
    let mut writer = scratch.writer().open("words").unwrap();
    writer.trim(0).unwrap();
    assert_eq!(files.publication().trims, 0);
    assert_eq!(writer.put("t", &numbers(0, 10)).unwrap(), 3);
}

#[test]
fn writer_is_shown_on_one_line() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("shown").unwrap();
    for frame in 0..100 {
        writer.put(&format!("frame-{frame}"), &numbers(0, 10)).unwrap();
    }
    let path = scratch.path().join("shown.shmf");
    assert_eq!(format!("{writer:?}"), format!("Writer({} at version 101)", path.display()));
}
