//! What a snapshot and a commit ask of the kernel: nothing. Counted by the segment crate, and enforced by the kernel.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod cost_support;

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::Float64Type;
use cost_support::{Segment, frame_of, system_calls};
use shmframe::arrow;

#[test]
fn snapshot_of_unchanged_version_makes_no_system_call() {
    let mut segment = Segment::create("unchanged");
    segment.writer().put("frame", &frame_of(1 << 10, 2)).unwrap();
    let reader = segment.reader();
    drop(reader.snapshot().unwrap());
    let calls = system_calls(|| {
        for _ in 0..1000 {
            let snapshot = reader.snapshot().unwrap();
            assert_eq!(snapshot.frame("frame").unwrap().column::<Float64Type>("c1").unwrap().len(), 64);
        }
    });
    assert_eq!(calls, 0);
}

#[test]
fn snapshot_of_new_version_makes_no_system_call() {
    let mut segment = Segment::create("new");
    let reader = segment.reader();
    let batch = frame_of(1 << 10, 2);
    segment.settle("frame", &batch);
    drop(reader.snapshot().unwrap());
    let mut calls = 0;
    for _ in 0..1000 {
        let version = segment.writer().put("frame", &batch).unwrap();
        calls += system_calls(|| {
            let snapshot = reader.snapshot().unwrap();
            assert_eq!(snapshot.version(), version);
            assert_eq!(snapshot.frame("frame").unwrap().batches().unwrap()[0].num_rows(), 64);
        });
    }
    assert_eq!(calls, 0);
}

#[test]
fn several_snapshots_held_at_once_make_no_system_call() {
    let mut segment = Segment::create("held");
    let reader = segment.reader();
    let batch = frame_of(1 << 10, 2);
    drop(reader.snapshot().unwrap());
    let mut held = Vec::new();
    let mut calls = 0;
    for _ in 0..40 {
        segment.writer().put("frame", &batch).unwrap();
        calls += system_calls(|| held.push(reader.snapshot().unwrap()));
    }
    calls += system_calls(|| held.clear());
    assert_eq!(calls, 0);
}

/// What steady puts of a small frame ask of the kernel, all in all.
fn calls_of_steady_puts(segment: &mut Segment, batch: &RecordBatch, puts: usize) -> u64 {
    segment.settle("frame", batch);
    let calls = system_calls(|| {
        for _ in 0..puts {
            segment.writer().put("frame", batch).unwrap();
        }
    });
    println!("{puts} steady puts of {} rows: {calls} system calls", batch.num_rows());
    calls
}

#[test]
fn steady_put_and_commit_of_small_frame_make_no_system_call() {
    for bytes in [100, 10 << 10] {
        let mut segment = Segment::create("put");
        let calls = calls_of_steady_puts(&mut segment, &frame_of(bytes, 1), 1000);
        assert_eq!(calls, 0, "puts of {bytes} bytes");
    }
}

#[test]
fn readers_that_come_and_go_cost_the_writer_no_system_call() {
    let mut segment = Segment::create("readers");
    let reader = segment.reader();
    let batch = frame_of(1 << 10, 2);
    segment.settle("frame", &batch);
    drop(reader.snapshot().unwrap());
    let calls = system_calls(|| {
        for _ in 0..1000 {
            segment.writer().put("frame", &batch).unwrap();
            drop(reader.snapshot().unwrap());
        }
    });
    assert_eq!(calls, 0);
}

/// What the first snapshot of a process needs, once: a slot, which is a descriptor of its own and the lock that it
/// carries; and the heap, which is the limit on address space (beyond it a mapping fails without saying why), the
/// mapping, the advice that keeps it out of core dumps, and the one against reading ahead.
const SLOT_AND_MAPPING: u64 = 2 + 4;

#[test]
fn first_snapshot_claims_a_slot_and_maps_the_heap_and_no_later_one_does() {
    let mut segment = Segment::create("first");
    segment.writer().put("frame", &frame_of(1 << 10, 2)).unwrap();
    let reader = segment.reader();
    let snapshot_and_drop = || system_calls(|| drop(reader.snapshot().unwrap()));
    assert_eq!([(); 3].map(|()| snapshot_and_drop()), [SLOT_AND_MAPPING, 0, 0]);
}

#[test]
fn commit_wakes_by_futex_only_after_somebody_waited() {
    let mut segment = Segment::create("wake");
    let reader = segment.reader();
    let batch = frame_of(100, 1);
    segment.settle("frame", &batch);
    let put = |segment: &mut Segment| {
        system_calls(|| {
            segment.writer().put("frame", &batch).unwrap();
        })
    };
    assert_eq!((0..100).map(|_| put(&mut segment)).sum::<u64>(), 0, "nobody waits");
    let version = segment.writer().version();
    let _ = reader.wait_newer(version, Duration::from_millis(1)).unwrap();
    assert_eq!(put(&mut segment), 1, "somebody waited: one wake");
    assert_eq!((0..100).map(|_| put(&mut segment)).sum::<u64>(), 0, "and none after it");
}

const ROUNDS: usize = 200;
const SNAPSHOTS: usize = 100;

/// Runs `cost_reader` under its filter, with a new version for each round; what it said in the end, and how it died.
fn watched_reader(test: &str, extra: &[&str]) -> (Vec<u8>, ExitStatus) {
    let mut segment = Segment::create(test);
    let batch = frame_of(1 << 10, 2);
    segment.settle("frame", &batch);
    let mut child: Child = Command::new(env!("CARGO_BIN_EXE_cost_reader"))
        .args([&segment.name, "frame", "c1", &ROUNDS.to_string(), &SNAPSHOTS.to_string()])
        .args(extra)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for round in 0..ROUNDS {
        segment.writer().put("frame", &batch).unwrap();
        input.write_all(&[round as u8]).unwrap();
        let mut byte = [0];
        output.read_exact(&mut byte).unwrap_or_else(|cause| panic!("round {round}: {cause}"));
        assert_eq!(byte[0], round as u8);
    }
    let mut said = Vec::new();
    let _ = output.by_ref().take(2).read_to_end(&mut said);
    if said == b"ok" {
        child.kill().unwrap();
    }
    (said, child.wait().unwrap())
}

#[test]
fn reader_that_may_only_read_and_write_takes_10_000_snapshots() {
    const { assert!(ROUNDS / 2 * SNAPSHOTS == 10_000) };
    let (said, status) = watched_reader("watched", &[]);
    assert_eq!(said, b"ok", "{status}");
}

#[test]
fn watched_reader_dies_of_any_other_system_call() {
    let (said, status) = watched_reader("caught", &["call"]);
    assert_eq!((said.as_slice(), status.signal()), (b"".as_slice(), Some(libc::SIGSYS)));
}
