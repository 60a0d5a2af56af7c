//! A segment, those who write and read it, and the model of it.

use super::columns;
use super::held::{Frames, Held};
use super::operation::{Bad, Change, Content, Name, Operation};
use arrow::array::{Int64Array, NullArray, RecordBatch};
use shmframe::{ErrorKind, Reader, Result, Transaction, TrimPolicy, Writer, WriterOptions};
use shmframe_model::{Scratch, nested, numbers};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const SEGMENT: &str = "model";

pub struct World {
    /// Dropped first: those who hold do so without the others.
    held: Vec<Held>,
    reader: Option<Reader>,
    /// Two where writers take turns.
    writers: Vec<Writer>,
    /// Who writes now.
    current: usize,
    /// Whether that writer had the lease since the other one: what it knows is out of date before.
    caught_up: bool,
    scratch: Scratch,
    trim: TrimPolicy,
    several: bool,
    tables: Vec<Rc<Vec<RecordBatch>>>,
    /// The frames of every version so far; the newest version is as long as this.
    versions: Vec<Frames>,
    frames: Frames,
    version: u64,
    history: u64,
    /// No version from here on may be gone.
    kept: u64,
}

impl World {
    pub fn new(tables: Vec<Vec<RecordBatch>>, history: u64, trim: TrimPolicy, several: bool) -> Self {
        let scratch = Scratch::new();
        let tables = tables.into_iter().map(Rc::new).collect();
        let mut world = Self {
            held: Vec::new(),
            reader: None,
            writers: Vec::new(),
            current: 0,
            caught_up: true,
            scratch,
            trim,
            several,
            tables,
            versions: vec![Frames::new()],
            frames: Frames::new(),
            version: 1,
            history,
            kept: 1,
        };
        world.writers.push(watched(world.options(Some(history)).create(SEGMENT)));
        world.open_second();
        world.reader = Some(world.scratch.reader().open(SEGMENT).unwrap());
        world
    }

    fn options(&self, history: Option<u64>) -> WriterOptions {
        let mut options = self.scratch.writer().trim(self.trim).lease_timeout(Duration::from_secs(60));
        if self.several {
            options = options.several_writers();
        }
        if let Some(history) = history {
            options = options.history(history);
        }
        options
    }

    fn open_second(&mut self) {
        if self.several {
            self.writers.push(watched(self.options(None).open(SEGMENT)));
            self.current = 1;
            self.caught_up = true;
        }
    }

    fn writer(&mut self) -> &mut Writer {
        &mut self.writers[self.current]
    }

    fn rows(&self, content: Content) -> Rc<Vec<RecordBatch>> {
        match content {
            Content::Table(index) => Rc::clone(&self.tables[index % self.tables.len()]),
            Content::Numbers(rows) => Rc::new(vec![numbers(rows as i64, rows)]),
        }
    }

    fn committed(&mut self, version: u64, frames: Frames) {
        self.caught_up = true;
        self.version += 1;
        assert_eq!(version, self.version, "versions have no gaps");
        self.versions.push(frames.clone());
        self.frames = frames;
        self.note_history();
    }

    fn note_history(&mut self) {
        self.kept = self.kept.max((self.version + 1).saturating_sub(self.history));
    }

    /// A version that history keeps is there, as it was; another one is there, as it was, or gone.
    fn snapshot_at(&mut self, version: u64) {
        match self.reader.as_ref().unwrap().snapshot_at(version) {
            Ok(snapshot) => {
                assert_eq!(snapshot.version(), version);
                self.held.push(Held::take(snapshot, self.versions[version as usize - 1].clone()));
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::VersionGone, "{error}");
                assert!(version < self.kept, "version {version} is kept: {error}");
            }
        }
    }

    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Put(name, content) => self.put(*name, *content),
            Operation::Remove(name) => self.remove(*name),
            Operation::Columns(name, change) => self.columns(*name, *change),
            Operation::Bad(bad) => {
                let (kind, result) = refused(self.writer(), *bad);
                assert_eq!(result.unwrap_err().kind(), kind);
            }
            Operation::Transaction { changes, commit } => self.transaction(changes, *commit),
            Operation::Churn(name, times, rows) => {
                (0..*times).for_each(|time| self.put(*name, Content::Numbers(rows + time)));
            }
            Operation::Snapshot => {
                let snapshot = self.reader.as_ref().unwrap().snapshot().unwrap();
                assert_eq!(snapshot.version(), self.version);
                self.held.push(Held::take(snapshot, self.frames.clone()));
            }
            Operation::SnapshotAt(back) => self.snapshot_at(self.version.saturating_sub(*back)),
            Operation::KeepArrays(index) => self.with_held(*index, |held| {
                held.keep_arrays();
                held.holds()
            }),
            Operation::KeepSlices(index) => self.with_held(*index, Held::keep_slices),
            Operation::DropHeld(index) => self.with_held(*index, |_| false),
            Operation::Trim(keep) => self.trim(*keep),
            Operation::ReopenWriter(history) => {
                self.writers.clear();
                self.current = 0;
                self.writers.push(watched(self.options(*history).open(SEGMENT)));
                self.history = history.unwrap_or(self.history);
                self.note_history();
                self.open_second();
            }
            Operation::ReopenReader => {
                self.reader = None;
                self.reader = Some(self.scratch.reader().open(SEGMENT).unwrap());
            }
            Operation::OtherWriter(trim) if self.several => {
                self.current = 1 - self.current;
                self.caught_up = false;
                if *trim {
                    self.trim(u64::MAX);
                }
            }
            Operation::OtherWriter(_) => {
                let second = self.options(None).lease_timeout(Duration::ZERO).open(SEGMENT);
                assert_eq!(second.unwrap_err().kind(), ErrorKind::LeaseTaken);
            }
        }
    }

    fn trim(&mut self, keep: u64) {
        self.writer().trim(keep).unwrap();
        self.caught_up = true;
    }

    fn put(&mut self, name: Name, content: Content) {
        let (name, rows) = (frame(name), self.rows(content));
        let version = self.writer().put(&name, &*rows).unwrap();
        let mut frames = self.frames.clone();
        frames.insert(name, rows);
        self.committed(version, frames);
    }

    fn remove(&mut self, name: Name) {
        let name = frame(name);
        let removed = self.writer().remove(&name);
        let mut frames = self.frames.clone();
        match frames.remove(&name) {
            Some(_) => self.committed(removed.unwrap(), frames),
            None => assert_eq!(removed.unwrap_err().kind(), ErrorKind::FrameMissing),
        }
    }

    fn columns(&mut self, name: Name, change: columns::Change) {
        let name = frame(name);
        let sources: Vec<_> = self.tables.iter().map(|table| table[0].clone()).collect();
        let (step, after) =
            columns::resolve(change, self.frames.get(&name).map(|rows| rows.as_slice()), &sources);
        let changed = step.alone(self.writer(), &name);
        match after {
            Ok(rows) => {
                let mut frames = self.frames.clone();
                frames.insert(name, Rc::new(rows));
                self.committed(changed.unwrap(), frames);
            }
            Err(kind) => assert_eq!(changed.unwrap_err().kind(), kind),
        }
    }

    fn with_held(&mut self, index: usize, keep: impl FnOnce(&mut Held) -> bool) {
        if !self.held.is_empty() {
            let index = index % self.held.len();
            if !keep(&mut self.held[index]) {
                self.held.remove(index);
            }
        }
    }

    fn transaction(&mut self, changes: &[Change], commit: bool) {
        let mut frames = self.frames.clone();
        let several = self.several;
        let rows: Vec<_> = changes
            .iter()
            .map(|change| if let Change::Put(_, content) = change { Some(self.rows(*content)) } else { None })
            .collect();
        let sources: Vec<_> = self.tables.iter().map(|table| table[0].clone()).collect();
        let mut transaction = self.writer().begin().unwrap();
        // What the commit must come to.
        let mut expected = Ok(());
        for (change, rows) in changes.iter().zip(rows) {
            let (kind, result) = match (change, rows) {
                (Change::Put(name, _), Some(rows)) => {
                    let result = transaction.put(&frame(*name), &*rows);
                    frames.insert(frame(*name), rows);
                    (None, result)
                }
                (Change::Remove(name), _) => {
                    let missing = frames.remove(&frame(*name)).is_none();
                    (missing.then_some(ErrorKind::FrameMissing), transaction.remove(&frame(*name)))
                }
                (Change::Columns(name, change), _) => {
                    let name = frame(*name);
                    let now = frames.get(&name).map(|rows| rows.as_slice());
                    let (step, after) = columns::resolve(*change, now, &sources);
                    let result = step.within(&mut transaction, &name);
                    let kind = after.map(|rows| frames.insert(name, Rc::new(rows))).err();
                    if several && let Some(kind) = kind {
                        result.unwrap();
                        expected = expected.and(Err(kind));
                        continue;
                    }
                    (kind, result)
                }
                (Change::Bad(bad), _) => {
                    let (kind, result) = refused_in(&mut transaction, *bad);
                    (Some(kind), result)
                }
                (Change::Put(_, _), None) => unreachable!("rows of a put"),
            };
            match kind {
                None => result.unwrap(),
                // Where writers take turns, what the segment says comes from the commit.
                Some(kind)
                    if several && matches!(kind, ErrorKind::FrameMissing | ErrorKind::CapacityExceeded) =>
                {
                    result.unwrap();
                    expected = expected.and(Err(kind));
                }
                Some(kind) => assert_eq!(result.unwrap_err().kind(), kind),
            }
        }
        if !commit {
            return;
        }
        let committed = transaction.commit().map_err(|error| error.kind());
        match expected {
            Ok(()) => self.committed(committed.unwrap(), frames),
            Err(kind) => assert_eq!(committed, Err(kind)),
        }
    }

    /// What holds after every step.
    pub fn check(&mut self) {
        for held in &self.held {
            held.check();
        }
        let version = self.version;
        assert_eq!(self.reader.as_ref().unwrap().latest(), version);
        if self.caught_up {
            assert_eq!(self.writer().version(), version);
            let audit = self.writer().audit().unwrap();
            assert_eq!(audit.working, audit.recovered, "bytes leaked, or are free and in use");
        }
        let mut pinned: Vec<u64> = self.held.iter().map(|held| held.version).collect();
        pinned.sort_unstable();
        pinned.dedup();
        let mut words = self.scratch.files(SEGMENT).pinned();
        words.dedup();
        assert_eq!(words, pinned, "pin words, and the versions that are held");
    }

    /// Everybody goes.
    pub fn end(mut self) {
        // Readers first, then what they gave out: the slot stays for as long as anything is held.
        self.reader = None;
        for held in &self.held {
            held.check();
        }
        let files = self.scratch.files(SEGMENT);
        assert_eq!(files.slots().iter().any(|slot| slot.claimed), !self.held.is_empty());
        self.held.clear();
        assert!(files.slots().iter().all(|slot| !slot.claimed && slot.pins.is_empty()));
        self.writer().trim(0).unwrap();
        assert_eq!(self.writer().holders(), []);
        let audit = self.writer().audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
        self.writers.truncate(1);
        let writer = self.writers.pop().unwrap();
        writer.remove_segment().unwrap();
        assert!(!files.directory().exists());
    }
}

/// A writer that panics where it is about to store to a published byte.
fn watched(writer: Result<Writer>) -> Writer {
    let mut writer = writer.unwrap();
    writer.watch().unwrap();
    writer
}

fn frame(name: Name) -> String {
    format!("frame {name}")
}

/// A batch that cannot be put, and why; or nothing to remove.
fn bad_batches(bad: Bad) -> (ErrorKind, String, Vec<RecordBatch>) {
    let name = frame(0);
    match bad {
        Bad::Name => (ErrorKind::InvalidName, "a/b".to_owned(), vec![numbers(0, 1)]),
        Bad::NoBatches => (ErrorKind::InvalidArgument, name, Vec::new()),
        Bad::Type => (ErrorKind::TypeNotSupported, name, vec![nested("x", 100)]),
        Bad::Schema => {
            let other = RecordBatch::try_from_iter([("x", Arc::new(NullArray::new(1)) as _)]).unwrap();
            (ErrorKind::SchemaMismatch, name, vec![numbers(0, 1), other])
        }
        Bad::Capacity(name) => {
            // Zeroed pages that nobody touches.
            let values = Int64Array::from(vec![0; 64 << 20]);
            let batch = RecordBatch::try_from_iter([("too long", Arc::new(values) as _)]).unwrap();
            (ErrorKind::CapacityExceeded, frame(name), vec![batch])
        }
        Bad::Remove => unreachable!("nothing to put"),
    }
}

fn refused_in(transaction: &mut Transaction<'_>, bad: Bad) -> (ErrorKind, Result<()>) {
    if matches!(bad, Bad::Remove) {
        return (ErrorKind::FrameMissing, transaction.remove("no such frame"));
    }
    let (kind, name, batches) = bad_batches(bad);
    (kind, transaction.put(&name, &batches))
}

fn refused(writer: &mut Writer, bad: Bad) -> (ErrorKind, Result<u64>) {
    if matches!(bad, Bad::Remove) {
        return (ErrorKind::FrameMissing, writer.remove("no such frame"));
    }
    let (kind, name, batches) = bad_batches(bad);
    (kind, writer.put(&name, &batches))
}
