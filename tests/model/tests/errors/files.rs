//! Errors of files that are damaged, or of another program, machine or boot.

use super::{Said, Way, read, way, write, written};
use shmframe::ErrorKind;
use shmframe_format::table;
use shmframe_model::{Files, Scratch};
use std::mem::offset_of;

pub const WAYS: &[Way] = &[
    way(ErrorKind::NotASegment, "{}/s.shmf/data", |scratch| {
        written(scratch).write("data", 0, b"\x7fELF");
        read(scratch)
    }),
    way(ErrorKind::NotASegment, "{}/s.shmf/readers", |scratch| {
        written(scratch).write("readers", 0, b"SHMFRAME");
        read(scratch)
    }),
    way(ErrorKind::NotASegment, "{}/s.shmf/data", |scratch| {
        std::fs::remove_file(written(scratch).path("data")).unwrap();
        read(scratch)
    }),
    way(ErrorKind::NotASegment, "{}/s.shmf/lease", |scratch| {
        std::fs::remove_file(written(scratch).path("lease")).unwrap();
        write(scratch)
    }),
    way(ErrorKind::OtherByteOrder, "{}/s.shmf/data", |scratch| {
        written(scratch).change_header(|header| header.byte_order = header.byte_order.swap_bytes());
        read(scratch)
    }),
    way(ErrorKind::OtherFormatVersion, "format 99.", |scratch| {
        written(scratch).change_header(|header| header.major = 99);
        read(scratch)
    }),
    way(ErrorKind::OtherFormatVersion, "{}/s.shmf/data", |scratch| {
        written(scratch).change_header(|header| header.minor += 1);
        write(scratch)
    }),
    way(ErrorKind::OtherFeature, "{}/s.shmf/data", |scratch| {
        written(scratch).change_header(|header| header.incompatible_features = 1);
        read(scratch)
    }),
    way(ErrorKind::OtherFeature, "{}/s.shmf/data", |scratch| {
        written(scratch).change_header(|header| header.read_compatible_features = 1 << 63);
        scratch.reader().open("s").unwrap().snapshot().unwrap().frame("t").unwrap();
        write(scratch)
    }),
    way(ErrorKind::OtherLayout, "{}/s.shmf/data", |scratch| {
        written(scratch).change_header(|header| header.fingerprint ^= 1);
        read(scratch)
    }),
    way(ErrorKind::OtherBoot, "{}/s.shmf/data", |scratch| {
        written(scratch).change_header(|header| header.boot[3] ^= 1);
        assert_eq!(write(scratch).kind, "OtherBoot");
        let said = read(scratch);
        scratch.writer().remove_segment("s").unwrap();
        said
    }),
    way(ErrorKind::Truncated, "{}/s.shmf/data", |scratch| truncated(scratch, "data", 1 << 20)),
    way(ErrorKind::Truncated, "{}/s.shmf/data", |scratch| truncated(scratch, "data", 100)),
    way(ErrorKind::Truncated, "{}/s.shmf/readers", |scratch| truncated(scratch, "readers", 8192)),
    way(ErrorKind::CopyLimit, "{}/s.shmf", |scratch| {
        written(scratch);
        let inspector = scratch.reader().copy_limit(100).inspect("s").unwrap();
        inspector.newest(|version| version.frame("t")?.batches()).unwrap_err().into()
    }),
    way(ErrorKind::Corrupt, "{}/s.shmf/data", |scratch| {
        let files = written(scratch);
        flip(&files, offset_of!(table::Header, created) as u64);
        read(scratch)
    }),
    way(ErrorKind::Corrupt, "{}/s.shmf/readers", |scratch| {
        let files = written(scratch);
        flip_in(&files, "readers", offset_of!(table::RegistryHeader, instance) as u64);
        read(scratch)
    }),
    way(ErrorKind::Corrupt, "{}/s.shmf", |scratch| {
        let files = written(scratch);
        let entry = files.geometry().ring_offset() + 2 * size_of::<table::Entry>() as u64;
        flip(&files, entry + offset_of!(table::Entry, root_offset) as u64);
        read(scratch)
    }),
    // The first byte, one in the middle and the last of the root record.
    way(ErrorKind::Corrupt, "{}/s.shmf", |scratch| root_record(scratch, |_| 0)),
    way(ErrorKind::Corrupt, "{}/s.shmf", |scratch| root_record(scratch, |length| length / 2)),
    way(ErrorKind::Corrupt, "{}/s.shmf", |scratch| root_record(scratch, |length| length - 1)),
    way(ErrorKind::Corrupt, "frame \"t\"", |scratch| {
        let files = written(scratch);
        let leaf = leaf(&files);
        flip(&files, leaf.layout.offset + u64::from(leaf.layout.length) - 1);
        read(scratch)
    }),
    way(ErrorKind::Corrupt, "frame \"t\"", |scratch| {
        let files = written(scratch);
        let leaf = leaf(&files);
        flip(&files, leaf.state.offset + u64::from(leaf.state.length) / 2);
        assert_eq!(write(scratch).kind, "Corrupt", "a writer would not know what is free");
        read(scratch)
    }),
    way(ErrorKind::Corrupt, "{}/s.shmf", |scratch| {
        let files = written(scratch);
        flip(&files, files.newest_entry().root_offset);
        write(scratch)
    }),
];

fn flip(files: &Files, offset: u64) {
    flip_in(files, "data", offset);
}

fn flip_in(files: &Files, file: &str, offset: u64) {
    let byte = files.read(file, offset, 1)[0];
    files.write(file, offset, &[byte ^ 0x10]);
}

fn truncated(scratch: &Scratch, file: &str, length: u64) -> Said {
    written(scratch).open(file).set_len(length).unwrap();
    read(scratch)
}

fn root_record(scratch: &Scratch, at: fn(u64) -> u64) -> Said {
    let files = written(scratch);
    let entry = files.newest_entry();
    flip(&files, entry.root_offset + at(entry.root_length));
    read(scratch)
}

/// The one frame's leaf: it stands in the root record, after the node's head.
fn leaf(files: &Files) -> table::LeafItem {
    let heads =
        size_of::<table::RecordHeader>() + size_of::<table::RootBody>() + size_of::<table::NodeBody>();
    files.structure("data", files.newest_entry().root_offset + heads as u64)
}
