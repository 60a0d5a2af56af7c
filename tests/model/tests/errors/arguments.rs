//! Errors of what a caller hands in or asks for.

use super::{Way, way, written};
use arrow::array::{ArrayRef, NullArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use shmframe::{ErrorKind, Frame};
use shmframe_model::{Scratch, nested, numbers};
use std::sync::Arc;

pub const WAYS: &[Way] = &[
    way(ErrorKind::InvalidName, "\"a/b\"", |scratch| scratch.reader().open("a/b").unwrap_err().into()),
    way(ErrorKind::InvalidName, "\".hidden\"", |scratch| {
        scratch.writer().create(".hidden").unwrap_err().into()
    }),
    way(ErrorKind::InvalidName, "\"t@1\"", |scratch| {
        scratch.writer().create("s").unwrap().put("t@1", &numbers(0, 1)).unwrap_err().into()
    }),
    way(ErrorKind::InvalidArgument, "33", |scratch| {
        scratch.writer().history(33).create("s").unwrap_err().into()
    }),
    way(ErrorKind::InvalidArgument, "4096", |scratch| {
        scratch.writer().capacity(4096).create("s").unwrap_err().into()
    }),
    way(ErrorKind::InvalidArgument, "frame \"t\"", |scratch| {
        scratch.writer().create("s").unwrap().put("t", &[]).unwrap_err().into()
    }),
    way(ErrorKind::TypeNotSupported, "frame \"t\"", |scratch| {
        let error = scratch.writer().create("s").unwrap().put("t", &nested("lists", 100)).unwrap_err();
        assert!(error.to_string().contains("\"lists\""), "{error}");
        error.into()
    }),
    way(ErrorKind::SchemaMismatch, "frame \"t\"", |scratch| {
        let nulls: ArrayRef = Arc::new(NullArray::new(1));
        let other = RecordBatch::try_from_iter([("x", nulls)]).unwrap();
        let error = scratch.writer().create("s").unwrap().put("t", &[numbers(0, 1), other]).unwrap_err();
        assert!(error.to_string().contains("batch 1"), "{error}");
        error.into()
    }),
    way(ErrorKind::CapacityExceeded, "frame \"t\"", |scratch| {
        let mut writer = scratch.writer().capacity(4 << 20).create("s").unwrap();
        writer.put("t", &numbers(0, 1 << 16)).unwrap();
        let reader = scratch.reader().label("hoarder").open("s").unwrap();
        let held = reader.snapshot().unwrap();
        writer.put("t", &numbers(0, 1)).unwrap();
        let error = writer.put("t", &numbers(0, 1 << 20)).unwrap_err();
        assert_eq!(writer.put("t", &numbers(0, 1)).unwrap(), held.version() + 2, "goes on");
        let place = scratch.path().join("s.shmf");
        for part in [place.to_str().unwrap(), "\"hoarder\") holds 52", "bytes by versions [2]"] {
            assert!(error.to_string().contains(part), "{part:?}: {error}");
        }
        error.into()
    }),
    way(ErrorKind::FrameMissing, "{}/s.shmf", |scratch| {
        written(scratch);
        let error = scratch.reader().open("s").unwrap().snapshot().unwrap().frame("u").unwrap_err();
        for part in ["\"u\"", "\"t\""] {
            assert!(error.to_string().contains(part), "the names that exist: {error}");
        }
        error.into()
    }),
    way(ErrorKind::FrameMissing, "{}/s.shmf", |scratch| {
        written(scratch);
        scratch.writer().open("s").unwrap().remove("u").unwrap_err().into()
    }),
    way(ErrorKind::VersionGone, "{}/s.shmf", |scratch| {
        let mut writer = scratch.writer().history(2).create("s").unwrap();
        for row in 0..70 {
            writer.put("t", &numbers(row, 1)).unwrap();
        }
        writer.trim(0).unwrap();
        let reader = scratch.reader().open("s").unwrap();
        assert_eq!(reader.snapshot_at(70).unwrap().version(), 70, "history keeps it");
        assert_eq!(reader.snapshot_at(72).unwrap_err().kind(), ErrorKind::VersionGone, "not yet there");
        let error = reader.snapshot_at(69).unwrap_err();
        assert!(error.to_string().contains("one of 70 to 71"), "{error}");
        error.into()
    }),
    way(ErrorKind::ColumnMissing, "{}/s.shmf, frame \"t\"", |scratch| {
        frame(scratch).column::<Int64Type>("y").unwrap_err().into()
    }),
    way(ErrorKind::ColumnMissing, "{}/s.shmf, frame \"t\"", |scratch| {
        frame(scratch).select(&["x", "y"]).unwrap_err().into()
    }),
    way(ErrorKind::ColumnType, "\"x\"", |scratch| {
        frame(scratch).column::<Float64Type>("x").unwrap_err().into()
    }),
    way(ErrorKind::ColumnNulls, "\"n\"", |scratch| {
        let values: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![Some(1), None]));
        let batch = RecordBatch::try_from_iter([("n", values)]).unwrap();
        scratch.writer().create("s").unwrap().put("t", &batch).unwrap();
        let snapshot = scratch.reader().open("s").unwrap().snapshot().unwrap();
        snapshot.frame("t").unwrap().column::<Int64Type>("n").unwrap_err().into()
    }),
];

fn frame(scratch: &Scratch) -> Frame {
    written(scratch);
    scratch.reader().open("s").unwrap().snapshot().unwrap().frame("t").unwrap()
}
