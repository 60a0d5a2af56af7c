//! Errors of segments that are not there, there already, taken, full or gone.

use super::{Way, read, way, write, written};
use shmframe::{ErrorKind, Trust};
use shmframe_format::table;
use shmframe_model::numbers;
use shmframe_segment::{Location, Store, StoreOptions};
use std::mem::offset_of;
use std::os::unix::fs::symlink;
use std::time::Duration;

pub const WAYS: &[Way] = &[
    way(ErrorKind::Missing, "{}/s.shmf", read),
    way(ErrorKind::Missing, "{}/s.shmf", write),
    way(ErrorKind::Missing, "{}/s.shmf", |scratch| scratch.writer().remove_segment("s").unwrap_err().into()),
    way(ErrorKind::Missing, "{}/nowhere", |scratch| {
        let nowhere = scratch.path().join("nowhere");
        scratch.reader().directory(nowhere).open("s").unwrap_err().into()
    }),
    way(ErrorKind::TimedOut, "{}/s.shmf", |scratch| {
        let error = scratch.reader().open_within("s", Duration::from_millis(2)).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(scratch.path().to_str().unwrap()), "{cause}");
        error.into()
    }),
    way(ErrorKind::Exists, "{}/s.shmf", |scratch| {
        written(scratch);
        scratch.writer().create("s").unwrap_err().into()
    }),
    way(ErrorKind::LinkInTheWay, "{}/s.shmf", |scratch| {
        written(scratch);
        std::fs::rename(scratch.path().join("s.shmf"), scratch.path().join("other.shmf")).unwrap();
        symlink("other.shmf", scratch.path().join("s.shmf")).unwrap();
        read(scratch)
    }),
    way(ErrorKind::LinkInTheWay, "{}/s.shmf", |scratch| {
        std::fs::write(scratch.path().join("s.shmf"), "a file").unwrap();
        write(scratch)
    }),
    way(ErrorKind::LinkInTheWay, "{}/s.shmf/data", |scratch| {
        let files = written(scratch);
        std::fs::rename(files.path("data"), scratch.path().join("data")).unwrap();
        symlink("../data", files.path("data")).unwrap();
        read(scratch)
    }),
    way(ErrorKind::LinkInTheWay, "{}/s.shmf/data", |scratch| {
        let files = written(scratch);
        std::fs::remove_file(files.path("data")).unwrap();
        std::fs::create_dir(files.path("data")).unwrap();
        read(scratch)
    }),
    way(ErrorKind::LinkInTheWay, "{}/s.shmf/readers", |scratch| {
        let files = written(scratch);
        std::fs::rename(files.path("readers"), scratch.path().join("readers")).unwrap();
        symlink("../readers", files.path("readers")).unwrap();
        read(scratch)
    }),
    way(ErrorKind::LinkInTheWay, "{}/s.shmf/lease", |scratch| {
        let files = written(scratch);
        std::fs::remove_file(files.path("lease")).unwrap();
        symlink("../../../etc/passwd", files.path("lease")).unwrap();
        write(scratch)
    }),
    way(ErrorKind::LeaseTaken, "{}/s.shmf", |scratch| {
        let _writer = scratch.writer().label("the first").create("s").unwrap();
        let error = scratch.writer().open("s").unwrap_err();
        assert!(error.to_string().contains("the first"), "names the holder: {error}");
        assert!(error.to_string().contains("which is this very process"), "{error}");
        assert!(!error.to_string().contains("several_writers"), "no help against oneself: {error}");
        let removed = scratch.writer().remove_segment("s").unwrap_err();
        assert_eq!(removed.kind(), ErrorKind::LeaseTaken);
        error.into()
    }),
    way(ErrorKind::LeaseTaken, "{}/s.shmf", |scratch| {
        let options = scratch.writer().several_writers().lease_timeout(Duration::from_millis(5));
        let (mut first, mut second) = (options.create("s").unwrap(), options.open("s").unwrap());
        first.put("t", &numbers(0, 1)).unwrap();
        drop(first);
        let _holder = scratch.writer().open("s").unwrap();
        second.put("t", &numbers(0, 1)).unwrap_err().into()
    }),
    way(ErrorKind::LeaseTaken, "(\"another\")", |scratch| {
        // A lock of another process: by a child that only the kernel tells from this one.
        let mut child = super::system::held_by_another(scratch, "s");
        let error = scratch.writer().open("s").unwrap_err();
        let turns = scratch.writer().several_writers().lease_timeout(Duration::from_millis(5));
        let turned = turns.open("s").unwrap_err();
        let removed = scratch.writer().remove_segment("s").unwrap_err();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(error.to_string().contains("several_writers"), "{error}");
        assert!(!turned.report().remedy.contains("several_writers"), "is set already: {turned}");
        assert!(!removed.report().remedy.contains("lease_timeout"), "does not wait: {removed}");
        for error in [&error, &turned, &removed] {
            assert!(!error.to_string().contains("this very process"), "{error}");
        }
        error.into()
    }),
    way(ErrorKind::QuotaExceeded, "{}/s.shmf", |scratch| {
        let mut writer = scratch.writer().quota(4 << 20).create("s").unwrap();
        writer.put("t", &numbers(0, 1 << 20)).unwrap_err().into()
    }),
    way(ErrorKind::Removed, "{}/s.shmf", |scratch| {
        let writer = scratch.writer().create("s").unwrap();
        let reader = scratch.reader().open("s").unwrap();
        let held = reader.snapshot().unwrap();
        writer.remove_segment().unwrap();
        assert_eq!(held.frames().unwrap(), [""; 0], "what is held stays");
        reader.snapshot().unwrap_err().into()
    }),
    way(ErrorKind::Removed, "{}/s.shmf", |scratch| {
        let options = scratch.writer().several_writers();
        let (first, mut second) = (options.create("s").unwrap(), options.open("s").unwrap());
        first.remove_segment().unwrap();
        second.put("t", &numbers(0, 1)).unwrap_err().into()
    }),
    way(ErrorKind::RegistryFull, "{}/s.shmf", |scratch| {
        let location = Location::new(Some(scratch.path()), "s", Trust::default()).unwrap();
        let options = StoreOptions { slots: 1, capacity: 1 << 20, ..StoreOptions::default() };
        drop(Store::create(&location, options).unwrap());
        let mut writer = scratch.writer().open("s").unwrap();
        let reader = scratch.reader().open("s").unwrap();
        let mut held = Vec::new();
        for row in 0..48 {
            writer.put("t", &numbers(row, 1)).unwrap();
            held.push(reader.snapshot().unwrap());
        }
        writer.put("t", &numbers(48, 1)).unwrap();
        let error = reader.snapshot().unwrap_err();
        held.pop();
        assert_eq!(reader.snapshot().unwrap().version(), 50, "goes on");
        error.into()
    }),
    way(ErrorKind::Superseded, "{}/s.shmf", |scratch| {
        let mut writer = scratch.writer().create("s").unwrap();
        writer.put("t", &numbers(0, 10)).unwrap();
        let files = scratch.files("s");
        let epoch = files.geometry().publication_offset() + offset_of!(table::Publication, epoch) as u64;
        assert_eq!(epoch, 4096 + 256);
        let before: u64 = files.structure("data", epoch);
        files.write("data", epoch, &(before + 1).to_le_bytes());
        let error = writer.put("t", &numbers(10, 10)).unwrap_err();
        let snapshot = scratch.reader().open("s").unwrap().snapshot().unwrap();
        assert_eq!((snapshot.version(), files.publication().latest), (2, 2), "nothing was published");
        assert_eq!(snapshot.frame("t").unwrap().batches().unwrap(), [numbers(0, 10)]);
        error.into()
    }),
];
