//! A segment, those who write and read it, and the model of it.

use super::course::{Course, settled};
use super::follow::{Followed, Generations};
use super::held::{Frames, Held};
use super::met::{self, Met};
use super::model::{Model, Step, frame};
use super::operation::{Case, Change, Content, Filled, Name, Operation, Piece, Source, Way};
use shmframe::{ErrorKind, Reader, Result, TrimPolicy, Writer, WriterOptions};
use shmframe_model::Scratch;
use std::rc::Rc;
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
    /// The newest version.
    model: Model,
    /// The frames of every version so far; the newest version is as long as this.
    versions: Vec<Frames>,
    generations: Generations,
    followed: Vec<Followed>,
    met: Met,
    version: u64,
    history: u64,
    /// No version from here on may be gone.
    kept: u64,
}

impl World {
    pub fn new(case: &Case, several: bool) -> Self {
        let scratch = Scratch::new();
        let history = case.history;
        let mut world = Self {
            held: Vec::new(),
            reader: None,
            writers: Vec::new(),
            current: 0,
            caught_up: true,
            scratch,
            trim: case.trim,
            several,
            model: Model::new(case.tables.clone()),
            versions: vec![Frames::new()],
            generations: Generations::default(),
            followed: Vec::new(),
            met: Met::default(),
            version: 1,
            history,
            kept: 1,
        };
        let options = world.options(Some(history)).capacity(case.capacity);
        world.writers.push(watched(options.create(SEGMENT)));
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

    fn reader(&self) -> &Reader {
        self.reader.as_ref().unwrap()
    }

    /// A version was committed, of these frames.
    fn committed(&mut self, version: u64, mut model: Model) {
        self.caught_up = true;
        self.version += 1;
        assert_eq!(version, self.version, "versions have no gaps");
        for (name, rows) in model.frames.iter_mut().filter(|(_, rows)| rows.first().is_none()) {
            let frame = self.reader().snapshot().unwrap().frame(name).unwrap();
            let more = Rc::make_mut(rows).settle(frame.first_position().row());
            self.met.note_if(more, "rows that stay beyond those that were asked for");
        }
        self.versions.push(model.frames.clone());
        self.model = model;
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
                let sent = self.versions[version as usize - 1].clone();
                self.held.push(Held::take(snapshot, sent, &mut self.met));
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::VersionGone, "{error}");
                assert!(version < self.kept, "version {version} is kept: {error}");
            }
        }
    }

    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Alone(change) => self.alone(change),
            Operation::Transaction { changes, commit } => self.transaction(changes, *commit),
            Operation::Churn(name, times, rows) => {
                let put = |time| Change::Put(*name, Content::Numbers(rows + time));
                (0..*times).for_each(|time| self.alone(&put(time)));
            }
            Operation::Feed(name, times, way, table, piece) => {
                self.feed(*name, *times, *way, (*table, *piece));
            }
            Operation::Follow { position, held } => self.follow(*position, *held),
            Operation::Snapshot => {
                let snapshot = self.reader().snapshot().unwrap();
                assert_eq!(snapshot.version(), self.version);
                self.generations.check(&snapshot, &self.model.frames);
                let sent = self.model.frames.clone();
                self.held.push(Held::take(snapshot, sent, &mut self.met));
            }
            Operation::SnapshotAt(back) => self.snapshot_at(self.version.saturating_sub(*back)),
            Operation::KeepArrays(index) => self.with_held(*index, Held::keep_arrays),
            Operation::KeepSlices(index) => self.with_held(*index, Held::keep_slices),
            Operation::DropHeld(index) if !self.held.is_empty() => {
                self.held.remove(index % self.held.len());
            }
            Operation::DropHeld(_) => {}
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

    fn alone(&mut self, change: &Change) {
        let mut model = self.model.clone();
        let Some((name, step, done)) = model.change(change) else { return };
        let found = self.reader().snapshot().unwrap().find(&name).unwrap();
        let before = self.model.frames.get(&name).map(Rc::as_ref);
        self.met.change(change, before, done);
        let changed = step.alone(&mut self.writers[self.current], &name);
        let version = changed.as_ref().ok().copied();
        if settled(&step, done, changed.map(drop).map_err(|error| error.kind())) {
            self.met.alone(change, (before, model.frames.get(&name).map(Rc::as_ref)), found.as_ref());
            self.committed(version.unwrap(), model);
            if let Step::Compact(_) = step {
                let batches = self.reader().snapshot().unwrap().frame(&name).unwrap().batches().unwrap();
                assert_eq!(batches.len(), 1, "a frame in one chunk");
            }
        } else {
            self.met.note_if(done.is_ok() && matches!(step, Step::Reserve(..)), "room that is not there");
        }
    }

    /// Different rows each time.
    fn feed(&mut self, name: Name, times: usize, way: Way, (table, piece): (usize, Piece)) {
        for time in 0..times {
            let piece = Piece { first: piece.first.wrapping_add(time * 7), ..piece };
            self.alone(&match way {
                Way::Batches => Change::Append(name, Source::Fitting(table, piece)),
                Way::InPlace => Change::Fill(name, table, piece, Filled::Whole),
            });
        }
    }

    fn follow(&mut self, position: usize, held: Option<usize>) {
        let snapshot = self.reader().snapshot().unwrap();
        let Some(followed) = self.followed.get_mut(position) else {
            let frames = &self.model.frames;
            if let Some((name, rows)) = frames.iter().nth(position % frames.len().max(1)) {
                self.followed.push(Followed::begin(&snapshot, name, rows));
            }
            return;
        };
        match held.and_then(|index| self.held.get(index % self.held.len().max(1))) {
            Some(held) if held.snapshot().is_some() => {
                held.snapshot()
                    .into_iter()
                    .for_each(|snapshot| followed.advance(snapshot, &held.sent, &mut self.met));
            }
            _ => followed.advance(&snapshot, &self.model.frames, &mut self.met),
        }
    }

    fn with_held(&mut self, index: usize, change: impl FnOnce(&mut Held)) {
        if !self.held.is_empty() {
            let index = index % self.held.len();
            change(&mut self.held[index]);
            if self.held[index].holds() == Some(false) {
                self.held.remove(index);
            }
        }
    }

    fn transaction(&mut self, changes: &[Change], commit: bool) {
        let (mut model, mut met) = (self.model.clone(), Met::default());
        let mut course = Course::begin(self.several);
        let mut transaction = self.writer().begin().unwrap();
        for change in changes {
            let before = model.clone();
            let Some((name, step, done)) = model.change(change) else { continue };
            met.change(change, before.frames.get(&frame(change.name())).map(Rc::as_ref), done);
            let result = step.within(&mut transaction, &name);
            if course.go_on(&mut transaction, &step, done, result) {
                met.within(change);
            } else {
                model = before;
            }
        }
        if !commit {
            return;
        }
        let committed = transaction.commit().map_err(|error| error.kind());
        self.met.add(met);
        self.met.note_if(course == Course::Ended, met::IN_TURN);
        match course.end() {
            Ok(()) => self.committed(committed.unwrap(), model),
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
        let mut words = self.scratch.files(SEGMENT).pinned();
        words.dedup();
        let held = |version: &u64| self.held.iter().any(|held| held.version == *version);
        assert!(words.iter().all(held), "{words:?} are pinned, and some of them nobody holds");
        let surely = self.held.iter().filter(|held| held.holds() == Some(true));
        let missing = surely.map(|held| held.version).find(|version| !words.contains(version));
        assert_eq!(missing, None, "a version that is held, and not pinned");
    }

    /// Everybody goes.
    pub fn end(mut self) -> Met {
        // Readers first, then what they gave out: the slot stays for as long as anything is held.
        self.reader = None;
        for held in &self.held {
            held.check();
        }
        let files = self.scratch.files(SEGMENT);
        let claimed = files.slots().iter().any(|slot| slot.claimed);
        assert!(claimed || self.held.iter().all(|held| held.holds() != Some(true)));
        assert!(!claimed || !self.held.is_empty());
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
        self.met
    }
}

/// A writer that panics where it is about to store to a published byte.
fn watched(writer: Result<Writer>) -> Writer {
    let mut writer = writer.unwrap();
    writer.watch().unwrap();
    writer
}
