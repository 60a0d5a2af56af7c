//! Looking by copying: at whose segment, in what state, and that it leaves no trace.

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use shmframe::{ErrorKind, Inspector, Writer};
use shmframe_arbitrary::Kind;
use shmframe_model::{Files, Scratch, all_types, numbers};
use std::os::unix::fs::chown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A user that needs no account.
const STRANGER: u32 = 61_004;

fn types() -> RecordBatch {
    all_types(Kind::ALL.iter().map(|kind| (format!("{kind:?}"), kind.example())))
}

/// A segment `s` with two frames; its writer is gone.
fn written(scratch: &Scratch) -> Files {
    let mut writer = scratch.writer().history(3).create("s").unwrap();
    writer.put("types", &types()).unwrap();
    writer.put("numbers", &numbers(0, 1000)).unwrap();
    scratch.files("s")
}

fn copy(inspector: &Inspector, frame: &str) -> shmframe::Result<Vec<RecordBatch>> {
    inspector.newest(|version| version.frame(frame)?.batches())
}

fn assert_whole(inspector: &Inspector) {
    assert_eq!(copy(inspector, "types").unwrap(), [types()]);
    assert_eq!(copy(inspector, "numbers").unwrap(), [numbers(0, 1000)]);
}

#[test]
fn what_is_copied_equals_what_is_mapped() {
    let scratch = Scratch::new();
    written(&scratch);
    let inspector = scratch.reader().inspect("s").unwrap();
    let snapshot = scratch.reader().open("s").unwrap().snapshot().unwrap();
    assert_whole(&inspector);
    let versions = inspector.versions().unwrap();
    assert_eq!(versions.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(versions[2].1, snapshot.committed());
    inspector
        .newest(|version| {
            assert_eq!((version.version(), version.committed()), (3, snapshot.committed()));
            assert_eq!(version.frames()?, snapshot.frames()?);
            let (copied, mapped) = (version.frame("numbers")?, snapshot.frame("numbers")?);
            assert_eq!((copied.schema(), copied.num_rows()), (mapped.schema(), mapped.num_rows()));
            assert_eq!(copied.num_bytes(), mapped.num_bytes());
            assert_eq!(copied.column::<Int64Type>("x")?, mapped.column::<Int64Type>("x")?);
            let values = copied.batches()?[0].column(0).to_data().buffers()[0].as_ptr();
            assert!(!copied.contains_address(values) && !mapped.contains_address(values));
            Ok(())
        })
        .unwrap();
    let names = inspector.at(2, |version| Ok((version.version(), version.frames()?)));
    assert_eq!(names.unwrap(), (2, vec!["types".to_owned()]));
    let gone = inspector.at(4, |version| Ok(version.version())).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::VersionGone);
    assert!(gone.to_string().contains("[1, 2, 3]"), "{gone}");
    let missing = copy(&inspector, "no such frame").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::FrameMissing);
}

#[test]
fn segment_of_an_owner_that_is_not_trusted_is_copied_and_not_mapped() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this test gives a segment to another user: run it as root (a container will do)"
    );
    let scratch = Scratch::new();
    let files = written(&scratch);
    for path in [files.directory().to_owned(), files.path("data"), files.path("readers"), files.path("lease")]
    {
        chown(path, Some(STRANGER), Some(STRANGER)).unwrap();
    }
    let refused = scratch.reader().open("s").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ForeignOwner);
    assert!(refused.to_string().contains(&STRANGER.to_string()), "{refused}");
    assert_whole(&scratch.reader().inspect("s").unwrap());
}

#[test]
fn segment_without_registry_and_lease_is_copied() {
    let scratch = Scratch::new();
    let files = written(&scratch);
    std::fs::remove_file(files.path("readers")).unwrap();
    std::fs::remove_file(files.path("lease")).unwrap();
    assert_eq!(scratch.reader().open("s").unwrap_err().kind(), ErrorKind::NotASegment);
    assert_whole(&scratch.reader().inspect("s").unwrap());
}

#[test]
fn of_a_segment_that_was_cut_off_all_is_copied_that_stands_before_the_cut() {
    let scratch = Scratch::new();
    let files = written(&scratch);
    let end = files.open("data").metadata().unwrap().len();
    let inspector = scratch.reader().inspect("s").unwrap();
    let heap = files.geometry().heap_offset();
    files.open("data").set_len(end / 2).unwrap();
    assert_eq!(scratch.reader().open("s").unwrap_err().kind(), ErrorKind::Truncated);
    assert_whole(&scratch.reader().inspect("s").unwrap());
    assert_whole(&inspector);
    files.open("data").set_len(heap).unwrap();
    for inspector in [&inspector, &scratch.reader().inspect("s").unwrap()] {
        assert_eq!(inspector.versions().unwrap().len(), 3);
        assert_eq!(copy(inspector, "types").unwrap_err().kind(), ErrorKind::Truncated);
    }
    files.open("data").set_len(100).unwrap();
    assert_eq!(inspector.latest().unwrap_err().kind(), ErrorKind::Truncated);
    assert_eq!(scratch.reader().inspect("s").unwrap_err().kind(), ErrorKind::Truncated);
}

#[test]
fn removed_segments_and_those_of_another_boot_are_copied_and_told_apart() {
    let scratch = Scratch::new();
    let files = written(&scratch);
    files.change_header(|header| header.boot[3] ^= 1);
    let inspector = scratch.reader().inspect("s").unwrap();
    assert!(!inspector.is_of_this_boot() && !inspector.is_removed().unwrap());
    assert_whole(&inspector);
    files.change_header(|header| header.boot[3] ^= 1);
    let inspector = scratch.reader().inspect("s").unwrap();
    assert!(inspector.is_of_this_boot() && !inspector.is_removed().unwrap());
    scratch.writer().remove_segment("s").unwrap();
    assert!(inspector.is_removed().unwrap());
    assert_whole(&inspector);
    assert_eq!(scratch.reader().inspect("s").unwrap_err().kind(), ErrorKind::Missing);
}

#[test]
fn looking_maps_nothing_takes_no_slot_and_writes_nothing() {
    let scratch = Scratch::new();
    let files = written(&scratch);
    let bytes = |file: &str| std::fs::read(files.path(file)).unwrap();
    let before = (bytes("readers"), files.publication());
    let inspector = scratch.reader().inspect("s").unwrap();
    inspector
        .newest(|version| {
            let batches = version.frame("types")?.batches()?;
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            assert!(!maps.contains(files.directory().to_str().unwrap()), "{maps}");
            assert!(files.slots().iter().all(|slot| !slot.claimed));
            assert_eq!(batches, [types()]);
            Ok(())
        })
        .unwrap();
    assert_eq!((bytes("readers"), files.publication()), before);
}

#[test]
fn no_more_is_copied_than_the_caller_allows() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("s").unwrap();
    let fields = ["a", "b"].map(|name| Field::new(name, DataType::Int64, false)).to_vec();
    let columns = (0..2).map(|_| Arc::new(Int64Array::from(vec![7; 10_000])) as _).collect();
    writer.put("wide", &RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()).unwrap();
    let inspector = scratch.reader().copy_limit(100_000).inspect("s").unwrap();
    let error = copy(&inspector, "wide").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CopyLimit);
    assert!(error.to_string().contains("at most 100000 bytes"), "{error}");
    let one = inspector.newest(|version| version.frame("wide")?.select(&["b"])?.batches()).unwrap();
    assert_eq!(one[0].num_rows(), 10_000);
}

/// Writes until the bytes of the versions before are used again.
fn go_on(writer: &mut Writer) {
    for _ in 0..100 {
        let next = writer.version() + 1;
        writer.put("numbers", &numbers(next as i64, 1000)).unwrap();
    }
}

#[test]
fn version_that_goes_while_it_is_looked_at_gives_no_bytes_of_another() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("s").unwrap();
    writer.put("numbers", &numbers(2, 1000)).unwrap();
    let inspector = scratch.reader().inspect("s").unwrap();
    let mut seen = Vec::new();
    let batches = inspector.newest(|version| {
        let frame = version.frame("numbers")?;
        seen.push(version.version());
        if seen.len() == 1 {
            go_on(&mut writer);
            assert_eq!(frame.batches().unwrap_err().kind(), ErrorKind::VersionGone);
            assert_eq!(version.frame("numbers").unwrap_err().kind(), ErrorKind::VersionGone);
        }
        frame.batches()
    });
    assert_eq!((seen.as_slice(), batches.unwrap()), ([2, 102].as_slice(), vec![numbers(102, 1000)]));
    let gone = inspector.at(102, |version| {
        go_on(&mut writer);
        version.frame("numbers")?.batches()
    });
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::VersionGone);
    let never = inspector.newest(|version| {
        go_on(&mut writer);
        version.frame("numbers")?.batches()
    });
    let never = never.unwrap_err();
    assert_eq!(never.kind(), ErrorKind::VersionGone);
    assert!(never.to_string().contains("16 looks"), "{never}");
}

#[test]
fn copies_beside_a_writer_are_each_of_one_version() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().history(4).create("s").unwrap();
    go_on(&mut writer);
    let inspector = scratch.reader().inspect("s").unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                go_on(&mut writer);
            }
        });
        let mut copied = 0;
        for _ in 0..2000 {
            match inspector.newest(|version| Ok((version.version(), version.frame("numbers")?.batches()?))) {
                Ok((version, batches)) => {
                    let values = batches[0].column(0).as_primitive::<Int64Type>();
                    assert!(values.values().iter().copied().eq((version as i64..).take(1000)), "{version}");
                    copied += 1;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::VersionGone),
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(copied > 0, "no version stayed long enough");
    });
}
