//! The feature `tracing`: what a listener is told.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use shmframe::arrow::array::{ArrayRef, Float64Array, RecordBatch};
use shmframe::{ErrorKind, Reader, Writer};
use std::fmt::{Debug, Write};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps every event of the project as one line.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "shmframe"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Listener {
    /// What was told since the last time.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn batch(rows: usize) -> RecordBatch {
    let values: ArrayRef = Arc::new(Float64Array::from(vec![1.5; rows]));
    RecordBatch::try_from_iter([("v", values)]).unwrap()
}

/// Whether the lines are of these events, in this order, and all name the segment.
fn assert_told(lines: &[String], name: &str, expected: &[&str]) {
    let messages = lines.iter().filter_map(|line| line.split("message=").nth(1)?.split(' ').next());
    assert_eq!(messages.collect::<Vec<_>>(), expected, "{lines:#?}");
    let segment = format!("segment=/dev/shm/{name}.shmf ");
    assert!(lines.iter().all(|line| line.contains(&segment)), "{lines:#?}");
}

#[test]
fn life_of_a_segment_is_told_and_its_traffic_is_not() {
    let listener = Listener::default();
    let _guard = tracing::subscriber::set_default(listener.clone());
    let name = format!("events-{}", std::process::id());
    let options = Writer::options().directory("/dev/shm");

    let mut writer = options.create(&name).unwrap();
    assert_told(&listener.take(), &name, &["recovered", "created"]);

    let reader = Reader::options().directory("/dev/shm").open(&name).unwrap();
    for rows in 0..100 {
        writer.put("frame", &batch(rows)).unwrap();
        reader.snapshot().unwrap().frame("frame").unwrap().batches().unwrap();
    }
    assert_told(&listener.take(), &name, &[]);

    writer.put("frame", &batch(100_000)).unwrap();
    writer.put("frame", &batch(1)).unwrap();
    assert!(writer.trim(0).unwrap() > 700_000);
    assert_told(&listener.take(), &name, &["trimmed"]);

    drop(writer);
    let writer = options.open(&name).unwrap();
    let lines = listener.take();
    assert_told(&lines, &name, &["recovered", "taken"]);
    assert!(lines[0].contains("version=103") && lines[0].contains("nanoseconds="), "{lines:#?}");

    writer.remove_segment().unwrap();
    assert_told(&listener.take(), &name, &["removed"]);
}

#[test]
fn quota_that_is_used_up_is_told() {
    let listener = Listener::default();
    let _guard = tracing::subscriber::set_default(listener.clone());
    let name = format!("events-quota-{}", std::process::id());
    let mut writer = Writer::options().directory("/dev/shm").quota(4 << 20).create(&name).unwrap();
    listener.take();
    let error = writer.put("frame", &batch(1 << 20)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    let lines = listener.take();
    let refused = lines.last().unwrap();
    assert!(refused.contains("message=refused") && refused.contains("quota"), "{lines:#?}");
    writer.remove_segment().unwrap();
}

/// The variable that makes a process of this test a reader, of the segment that it names.
const READ: &str = "SHMFRAME_EVENTS_READ";

/// Not a test by itself: where the variable is set, holds a snapshot until the process is killed.
#[test]
fn reader_that_dies_is_told_as_reaped() {
    if let Ok(name) = std::env::var(READ) {
        let _held = Reader::options().directory("/dev/shm").open(&name).unwrap().snapshot().unwrap();
        println!("\nholds");
        std::thread::sleep(std::time::Duration::from_secs(120));
    }
    let listener = Listener::default();
    let _guard = tracing::subscriber::set_default(listener.clone());
    let name = format!("events-reap-{}", std::process::id());
    let mut writer = Writer::options().directory("/dev/shm").create(&name).unwrap();
    writer.put("frame", &batch(1)).unwrap();
    let mut reader = Command::new(std::env::current_exe().unwrap())
        .args(["reader_that_dies_is_told_as_reaped", "--exact", "--nocapture"])
        .env(READ, &name)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(reader.stdout.take().unwrap()).lines();
    assert!(lines.map(Result::unwrap).any(|line| line == "holds"), "the reader ended early");
    writer.put("frame", &batch(2)).unwrap();
    writer.trim(0).unwrap();
    listener.take();
    reader.kill().unwrap();
    reader.wait().unwrap();
    writer.trim(0).unwrap();
    let lines = listener.take();
    assert!(
        lines.iter().any(|line| line.contains("message=reaped") && line.contains("slots=1")),
        "{lines:#?}"
    );
    writer.remove_segment().unwrap();
}

/// The variable that makes a process of this test the one that forks.
const FORK: &str = "SHMFRAME_EVENTS_FORK";

/// In a process of its own: a fork is one of all threads, those of the other tests included.
#[test]
fn fork_under_a_snapshot_is_told_at_the_next_one() {
    if std::env::var_os(FORK).is_some() {
        return fork_under_a_snapshot();
    }
    let forking = Command::new(std::env::current_exe().unwrap())
        .args(["fork_under_a_snapshot_is_told_at_the_next_one", "--exact", "--nocapture"])
        .env(FORK, "1")
        .output()
        .unwrap();
    assert!(forking.status.success(), "{}", String::from_utf8_lossy(&forking.stderr));
}

fn fork_under_a_snapshot() {
    let listener = Listener::default();
    let _guard = tracing::subscriber::set_default(listener.clone());
    let name = format!("events-fork-{}", std::process::id());
    let mut writer = Writer::options().directory("/dev/shm").create(&name).unwrap();
    let reader = Reader::options().directory("/dev/shm").open(&name).unwrap();
    listener.take();

    // Without a snapshot there is nothing to tell.
    fork();
    drop(reader.snapshot().unwrap());
    assert_told(&listener.take(), &name, &[]);

    let held = reader.snapshot().unwrap();
    fork();
    assert_told(&listener.take(), &name, &[]);
    writer.put("frame", &batch(1)).unwrap();
    let next = reader.snapshot().unwrap();
    let lines = listener.take();
    assert_told(&lines, &name, &["forked"]);
    assert!(lines[0].contains("settled=true"), "{lines:#?}");
    assert_eq!((held.version(), next.version()), (1, 2));
    drop(reader.snapshot().unwrap());
    assert_told(&listener.take(), &name, &[]);
    writer.remove_segment().unwrap();
}

/// Forks, safely: the child only becomes another program. With a group to set, the standard library does not spawn.
fn fork() {
    let group = std::fs::metadata("/proc/self").unwrap().gid();
    assert!(Command::new("/bin/true").gid(group).status().unwrap().success());
}
