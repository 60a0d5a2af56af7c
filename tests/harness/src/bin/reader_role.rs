//! A process that reads: does what it is told on its standard input, a command a line.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in here fails a test")]

use shmframe::{Error, ErrorKind, Follow, Position, Reader, ReaderOptions, Since, Snapshot, Wait};
use shmframe_harness::control::{Control, Tally, Word};
use shmframe_harness::growing;
use shmframe_harness::pattern;
use shmframe_harness::serve::{Reply, become_user, limit, option, reply, serve, told, trust};
use shmframe_segment::protocol::WaitOutcome;
use shmframe_segment::{Attachment, Location, Trust, steps};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

#[derive(Default)]
struct State {
    reader: Option<Reader>,
    held: BTreeMap<String, (Snapshot, u64)>,
    many: Vec<Snapshot>,
    follow: Option<Follow>,
}

fn main() {
    let mut state = State::default();
    serve(|words| state.carry_out(words));
}

impl State {
    fn carry_out(&mut self, words: &[&str]) -> Reply {
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        match words[0] {
            "open" => {
                let label = option(words, "label").unwrap_or_default();
                let options = ReaderOptions::new().label(label).trust(trust(words));
                let reader = options.open(words[1]).map_err(|error| told(&error))?;
                let latest = reader.latest();
                self.reader = Some(reader);
                Ok(latest.to_string())
            }
            "close" => {
                self.reader = None;
                Ok(String::new())
            }
            "limit" => limit(words[1], number(2)),
            "become" => become_user(number(1) as u32, number(2) as u32),
            "latest" => Ok(self.reader().latest().to_string()),
            "hold" => {
                let snapshot = self.reader().snapshot().map_err(|error| told(&error))?;
                let _ = pattern::contents(&snapshot);
                let (version, digest) = (snapshot.version(), pattern::digest(&snapshot));
                self.held.insert(words[1].to_owned(), (snapshot, digest));
                Ok(version.to_string())
            }
            "check" => {
                let (snapshot, digest) = &self.held[words[1]];
                let _ = pattern::contents(snapshot);
                assert_eq!(pattern::digest(snapshot), *digest, "version {} changed", snapshot.version());
                Ok(snapshot.version().to_string())
            }
            "drop" => Ok(self.held.remove(words[1]).unwrap().0.version().to_string()),
            "rows" => self.rows(words[1], words[2]),
            "wait" => self.wait(number(1), Duration::from_millis(number(2)), false),
            "wait-while-written" => self.wait(number(1), Duration::from_millis(number(2)), true),
            "sleep" => sleep(words[1], number(2)),
            "stream" => self.stream(),
            "arm" => {
                steps::arm(number(1), steps::Action::Kill);
                Ok(String::new())
            }
            "repeat" => loop {
                pattern::check_one_version(&self.reader().snapshot().unwrap());
            },
            "reopen" => self.reopen(words[1]),
            "follow" => {
                self.follow = Some(self.reader().follow().reopening());
                Ok(String::new())
            }
            "next" => reply(self.next()),
            "hold-many" => self.hold_many(number(1), number(2), number(3)),
            "check-many" => self.check_many(number(1)),
            "drop-many" => {
                self.many.clear();
                Ok(String::new())
            }

            command => panic!("no command {command:?}"),
        }
    }

    fn reader(&self) -> &Reader {
        self.reader.as_ref().unwrap()
    }

    /// The next version that has frames; the reader becomes that of its segment.
    fn next(&mut self) -> Result<u64, Error> {
        let follow = self.follow.as_mut().unwrap();
        loop {
            let snapshot = follow.next().unwrap()?;
            self.reader = Some(follow.reader().clone());
            if snapshot.num_frames() > 0 {
                pattern::check_one_version(&snapshot);
                return Ok(snapshot.version());
            }
        }
    }

    /// Checks the rows of a frame since a position, or since its begin; the position behind them, how many there are, and how
    /// many were dropped before.
    fn rows(&self, frame: &str, position: &str) -> Reply {
        let snapshot = self.reader().snapshot().map_err(|error| told(&error))?;
        let position = match position {
            "begin" => snapshot.frame(frame).map_err(|error| told(&error))?.first_position(),
            text => text.parse::<Position>().map_err(|error| told(&error))?,
        };
        let appended = snapshot.appended_since(frame, position).map_err(|error| told(&error))?;
        let dropped = match appended.since {
            Since::Continued => 0,
            Since::Dropped { rows } => rows,
            since => return Err(format!("{since:?}")),
        };
        let rows = |rows| growing::rows_of(frame, rows);
        let next = growing::check_rows(position.row() + dropped, &appended.batches, rows);
        assert_eq!(next, appended.position.row());
        let rows = next - position.row() - dropped;
        Ok(format!("{} {rows} {dropped}", appended.position))
    }

    fn wait(&self, version: u64, timeout: Duration, while_written: bool) -> Reply {
        let waited = if while_written {
            self.reader().wait_newer_while_written(version, timeout)
        } else {
            self.reader().wait_newer(version, timeout)
        };
        reply(waited.map(|wait| match wait {
            Wait::Newer(version) => format!("newer {version}"),
            Wait::TimedOut => "timed-out".to_owned(),
            Wait::Removed => "removed".to_owned(),
            Wait::NoWriter => "no-writer".to_owned(),
        }))
    }

    /// Takes and checks snapshots until told to stop. No look sees a version older than one that was committed before,
    /// or newer than one that was announced after.
    fn stream(&self) -> Reply {
        let control = Control::from_environment();
        let (mut looks, mut newest) = (0, 0);
        while control.get(Word::Stop) == 0 {
            let committed = control.get(Word::Committed);
            let snapshot = self.reader().snapshot().map_err(|error| told(&error))?;
            let announced = control.get(Word::Announced);
            let version = snapshot.version();
            assert!((committed..=announced).contains(&version), "{version}: {committed}..={announced}");
            assert!(version >= newest, "version {version} after {newest}");
            pattern::check_one_version(&snapshot);
            newest = version;
            looks += 1;
            control.word(Word::Looks).fetch_add(1, SeqCst);
        }
        // Nobody kills a streaming reader: it may be in the oracle.
        control.count(Tally::Checked, looks);
        control.raise(Tally::Newest, newest);
        Ok(looks.to_string())
    }

    /// Opens the segment anew, again and again, until told to stop; what is there is whole. How many were.
    fn reopen(&mut self, segment: &str) -> Reply {
        let control = Control::from_environment();
        let mut seen = 0_u64;
        while control.get(Word::Stop) == 0 {
            let looked = ReaderOptions::new().open(segment).and_then(|reader| reader.snapshot());
            match looked {
                Ok(snapshot) if snapshot.version() > 1 => {
                    pattern::check_one_version(&snapshot);
                    seen += 1;
                }
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Missing | ErrorKind::Removed) => {}
                Err(error) => return Err(told(&error)),
            }
        }
        Ok(seen.to_string())
    }

    /// Holds so many distinct versions newer than `first`, taken by so many threads at once.
    fn hold_many(&mut self, count: u64, threads: u64, first: u64) -> Reply {
        let control = Control::from_environment();
        let held = control.word(Word::Held);
        let reader = self.reader.as_ref().unwrap();
        let taken: Vec<AtomicBool> = (0..=count).map(|_| AtomicBool::new(false)).collect();
        let hold = || {
            let mut mine = Vec::new();
            while held.load(SeqCst) < count {
                let snapshot = reader.snapshot().unwrap();
                let version = snapshot.version();
                if version > first && !taken[(version - first) as usize].swap(true, SeqCst) {
                    mine.push(snapshot);
                    held.fetch_add(1, SeqCst);
                } else {
                    drop(snapshot);
                    reader.wait_newer(version, Duration::from_millis(100)).unwrap();
                }
            }
            mine
        };
        self.many = std::thread::scope(|scope| {
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(hold)).collect();
            all.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        Ok(self.many.len().to_string())
    }

    /// Checks every value of every version that is held; how many there are.
    fn check_many(&self, threads: u64) -> Reply {
        let share = self.many.len().div_ceil(threads as usize).max(1);
        std::thread::scope(|scope| {
            for some in self.many.chunks(share) {
                scope.spawn(move || some.iter().for_each(pattern::check_one_version));
            }
        });
        let versions: std::collections::BTreeSet<u64> = self.many.iter().map(Snapshot::version).collect();
        Ok(versions.len().to_string())
    }
}

/// One sleep of an hour, as deep as the product's own: only a wake ends it in time.
fn sleep(segment: &str, version: u64) -> Reply {
    let location = Location::new(None, segment, Trust::default()).map_err(|error| told(&error))?;
    let attachment = Attachment::open(&location, "").map_err(|error| told(&error))?;
    Ok(match attachment.wait_newer(version, Duration::from_secs(3600)) {
        WaitOutcome::Newer(version) => format!("newer {version}"),
        WaitOutcome::Removed => "removed".to_owned(),
        WaitOutcome::Nothing => "nothing".to_owned(),
    })
}
