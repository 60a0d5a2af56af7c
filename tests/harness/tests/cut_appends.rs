//! Count, then cut, while frames grow: the writer is killed at every step of what it does with them, and readers see each row once.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use shmframe::arrow::array::ArrayData;
use shmframe::{Reader, Snapshot, Writer};
use shmframe_harness::control::Control;
use shmframe_harness::cut::{self, Cutter};
use shmframe_harness::growing::{self, TICKS};
use shmframe_harness::operation::Operation;
use shmframe_harness::pattern::{self, Contents, FEED};
use shmframe_harness::place::Place;
use shmframe_harness::role::Role;
use shmframe_harness::watchdog::Watchdog;
use shmframe_harness::workload::{APPENDS, FEEDS_ON, FILLS, FILLS_ON, SHAPES, Workload};
use std::collections::BTreeSet;

const CUT: &str = env!("CARGO_BIN_EXE_cut_role");
const READER: &str = env!("CARGO_BIN_EXE_reader_role");

/// Rows that a followed frame has before.
const BEGUN: u64 = 20;
/// Rows that the next writer adds.
const MORE: u64 = 9;
const PAGE: u64 = 4096;

/// Where workloads run, and what they do.
struct Course<'a> {
    cutter: Cutter<'a>,
    workload: Workload,
    /// The frame that a reader follows.
    followed: &'static str,
    /// Rows of it that the workload keeps at the end, of the last word of the dropped ones maybe 63 more.
    kept: u64,
}

/// A segment before a workload.
struct Prepared {
    /// Its version, and what that holds.
    base: u64,
    contents: Contents,
    /// Bytes that it took without frames, the reserve included.
    empty: u64,
}

impl<'a> Course<'a> {
    fn new(place: &'a Place, workload: Workload, followed: &'static str, kept: u64) -> Self {
        let cutter = Cutter { executable: CUT, place, control: Control::create() };
        Self { cutter, workload, followed, kept }
    }

    /// A segment whose followed frame has some rows.
    fn prepare(&self, segment: &str) -> Prepared {
        let mut writer = self.cutter.place.writer().create(segment).unwrap();
        writer.trim(0).unwrap();
        let empty = writer.allocated_bytes();
        let contents = self.add(&mut writer, BEGUN, &Contents::new());
        self.cutter.begin(writer.version());
        Prepared { base: writer.version(), contents, empty }
    }

    /// Adds rows to the followed frame of a version that holds `before`: what the next one holds.
    fn add(&self, writer: &mut Writer, rows: u64, before: &Contents) -> Contents {
        let version = writer.append(self.followed, &growing::next(self.followed, rows, before)).unwrap();
        Operation::Append(self.followed, rows).after(before, version).unwrap()
    }

    /// Runs the workload to its end: how many steps it takes, and what its versions hold.
    fn count(&self) -> (u64, Vec<Contents>) {
        let Prepared { base, contents, empty } = self.prepare("counted");
        let versions = self.workload.versions(base, &contents);
        let total = self.cutter.count(&self.workload, "counted");
        let (reader, visible) = self.cutter.check_visible("counted", base, &versions);
        assert_eq!(visible, base + versions.len() as u64 - 1);
        let kept = reader.snapshot().unwrap().frame(self.followed).unwrap().num_rows();
        assert!((self.kept..self.kept + 64).contains(&kept), "{kept} rows are kept");
        let expected = self.check_next(&reader, "counted", versions.last().unwrap(), empty);
        self.cutter.check_take_over(&reader, "counted", visible + 1, &expected);
        (total, versions)
    }

    /// Checks that the next writer goes on with the followed frame, and that the segment takes no more memory than is promised.
    fn check_next(&self, reader: &Reader, segment: &str, before: &Contents, empty: u64) -> Contents {
        let mut writer = self.cutter.place.writer().open(segment).unwrap();
        cut::check_audit(&mut writer);
        // What it knows of the runs is what recovery found: nothing was written on yet.
        writer.trim(0).unwrap();
        assert_eq!(pattern::contents(&reader.snapshot().unwrap()), *before);
        check_memory(&writer, &reader.snapshot().unwrap(), empty);
        let expected = self.add(&mut writer, MORE, before);
        assert_eq!(pattern::contents(&reader.snapshot().unwrap()), expected);
        cut::check_audit(&mut writer);
        writer.trim(0).unwrap();
        cut::check_audit(&mut writer);
        check_memory(&writer, &reader.snapshot().unwrap(), empty);
        self.cutter.begin(writer.version());
        expected
    }

    /// Checks all that a cut left: what readers see, what the next writer finds, and the memory. `following` looked before, at
    /// version `base`; what each version from there on holds is in `versions`.
    fn check_cut(
        &self,
        segment: &str,
        (base, versions): (u64, &[Contents]),
        following: &mut Following,
        restarts: bool,
        empty: u64,
    ) {
        let (reader, visible) = self.cutter.check_visible(segment, base, versions);
        let before = &versions[(visible - base) as usize];
        following.goes_on(before[self.followed].0);
        let expected = self.check_next(&reader, segment, before, empty);
        if restarts {
            following.restart(self.cutter.place, segment);
        }
        let (rows, dropped) = following.goes_on(expected[self.followed].0);
        assert_eq!((rows, dropped), (MORE, 0));
        following.role.ask("close");
        self.cutter.check_take_over(&reader, segment, visible + 1, &expected);
    }
}

/// Checks that a segment that was just trimmed takes the pages of what its newest version holds, and no others but those that
/// are documented (caveats, "Memory is not given back after large frames went"; decision 0014): a page that free bytes share
/// with bytes in use stays. The buffers are counted by their pages; of the records of a version (its root, a node of the
/// directory, and for each frame schema, layout and state) each has less than a page, so it shares two at the most.
fn check_memory(writer: &Writer, snapshot: &Snapshot, empty: u64) {
    let frames = snapshot.frames().unwrap();
    let records = 2 + 3 * frames.len() as u64;
    let pages: u64 = frames.iter().map(|name| pages_of(snapshot, name)).sum();
    let most = empty + (pages + 2 * records) * PAGE;
    let allocated = writer.allocated_bytes();
    assert!(allocated <= most, "{allocated} bytes are allocated, {most} are promised at most");
}

/// How many pages hold the buffers of a frame, with the 64 bytes that follow each.
fn pages_of(snapshot: &Snapshot, name: &str) -> u64 {
    let frame = snapshot.frame(name).unwrap();
    let mut pages = BTreeSet::new();
    let mut note = |bytes: &[u8]| {
        // What lies elsewhere are the last bits of bitmaps, which stand in the state.
        if !bytes.is_empty() && frame.contains_address(bytes.as_ptr()) {
            let bytes = bytes.as_ptr_range();
            pages.extend(bytes.start as u64 / PAGE..(bytes.end as u64 + 64).div_ceil(PAGE));
        }
    };
    let mut hidden = 0;
    for batch in frame.batches().unwrap() {
        let columns = batch.columns().iter().map(|column| each_buffer(&column.to_data(), &mut note));
        hidden = hidden.max(columns.sum());
    }
    pages.len() as u64 + hidden * (1 + frame.num_rows() / (8 * PAGE))
}

/// Visits the buffers of an array, and counts bitmaps that may stand there besides, of which nothing is to be seen: nothing is null.
fn each_buffer(data: &ArrayData, visit: &mut impl FnMut(&[u8])) -> u64 {
    data.nulls().into_iter().for_each(|nulls| visit(nulls.buffer()));
    data.buffers().iter().for_each(|buffer| visit(buffer));
    let below: u64 = data.child_data().iter().map(|child| each_buffer(child, visit)).sum();
    u64::from(data.nulls().is_none()) + below
}

/// A process that reads, and how far it has read a frame.
struct Following {
    role: Role,
    frame: &'static str,
    position: String,
    row: u64,
    /// How often rows were dropped before it came.
    dropped: u64,
}

impl Following {
    fn new(place: &Place, frame: &'static str) -> Self {
        let role = Role::start(READER, place, None, &[]);
        Self { role, frame, position: String::new(), row: 0, dropped: 0 }
    }

    /// Begins with the rows that a segment has, up to row `end`.
    fn begin(&mut self, segment: &str, end: u64) {
        self.role.ask(&format!("open {segment}"));
        let reply = self.role.ask(&format!("rows {} begin", self.frame));
        (self.position, self.row) = (reply.split(' ').next().unwrap().to_owned(), end);
        assert_eq!(self.goes_on(end), (0, 0));
    }

    /// Checks that it sees each row once that comes before row `end`, but for those that were dropped: how many rows it sees,
    /// and how many were dropped.
    fn goes_on(&mut self, end: u64) -> (u64, u64) {
        let reply = self.role.ask(&format!("rows {} {}", self.frame, self.position));
        let [position, rows, dropped] = reply.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let (rows, dropped): (u64, u64) = (rows.parse().unwrap(), dropped.parse().unwrap());
        assert_eq!(self.row + rows + dropped, end);
        (self.position, self.row) = (position.to_owned(), end);
        self.dropped += u64::from(dropped > 0);
        (rows, dropped)
    }

    /// Another process goes on from the position.
    fn restart(&mut self, place: &Place, segment: &str) {
        let before = std::mem::replace(&mut self.role, Role::start(READER, place, None, &[]));
        before.quit();
        self.role.ask(&format!("open {segment}"));
    }
}

/// Cuts a workload at every step, or by default at every `stride`-th: what it holds at the end, and how many cuts there were.
fn cut_at_every_step(course: &Course<'_>, stride: u64) -> u64 {
    let (total, versions) = course.count();
    let mut following = Following::new(course.cutter.place, course.followed);
    let mut cuts = 0;
    for nth in cut::seeds(total, stride) {
        let segment = format!("cut-{nth}");
        let Prepared { base, contents, empty } = course.prepare(&segment);
        following.begin(&segment, BEGUN);
        let held = course.cutter.place.reader().open(&segment).unwrap().snapshot().unwrap();
        course.cutter.kill_at(&course.workload, &segment, nth);
        // What was held before is there, and the reader that lives on misses no row and sees none twice.
        assert_eq!(pattern::contents(&held), contents);
        drop(held);
        course.check_cut(&segment, (base, &versions), &mut following, cuts % 16 == 0, empty);
        cuts += 1;
    }
    following.role.quit();
    assert_eq!(course.cutter.place.entries(), [""; 0]);
    assert!(following.dropped > 0, "no cut after rows were dropped");
    println!("{}: {total} steps", course.workload.name);
    cuts
}

/// Cuts a workload at some of its steps, and the writer that takes over and goes on with `resumes` at some of its own: how many
/// pairs there were.
fn cut_twice(course: &Course<'_>, resumes: &Workload) -> u64 {
    let (total, versions) = course.count();
    let (firsts, seconds) = if cut::full() { (60, u64::MAX) } else { (8, 12) };
    let mut following = Following::new(course.cutter.place, course.followed);
    let mut cuts = 0;
    for first in (1..=firsts).map(|part| total * part / firsts) {
        // Cuts it for the first time: the version that is there then, and the bytes of a segment without frames.
        let cut_once = |segment: &str| {
            let Prepared { base, empty, .. } = course.prepare(segment);
            course.cutter.kill_at(&course.workload, segment, first);
            let (_, visible) = course.cutter.check_visible(segment, base, &versions);
            course.cutter.begin(visible);
            (base, visible, empty)
        };
        let (base, visible, _) = cut_once("counted");
        let further = resumes.versions(visible, &versions[(visible - base) as usize]);
        let steps = course.cutter.count(resumes, "counted");
        assert_eq!(course.cutter.check_visible("counted", visible, &further).1, visible + 1);
        course.cutter.place.writer().remove_segment("counted").unwrap();
        let stride = (steps / seconds).max(1);
        // Not the same steps after each first cut.
        for second in (1 + first % stride..=steps).step_by(stride as usize) {
            let segment = format!("cut-{first}-{second}");
            let (_, again, empty) = cut_once(&segment);
            assert_eq!(again, visible);
            following.begin(&segment, further[0][course.followed].0);
            course.cutter.kill_at(resumes, &segment, second);
            course.check_cut(&segment, (visible, &further), &mut following, cuts % 16 == 0, empty);
            cuts += 1;
        }
    }
    following.role.quit();
    assert_eq!(course.cutter.place.entries(), [""; 0]);
    cuts
}

fn watchdog() -> Watchdog {
    Watchdog::seconds(if cut::full() { 1800 } else { 900 })
}

#[test]
fn writer_killed_at_every_step_of_its_appends_loses_nothing_and_readers_see_each_row_once() {
    let _watchdog = watchdog();
    let place = Place::new("cut-appends");
    let course = Course::new(&place, APPENDS, FEED, 4105);
    cut::report("appends", cut_at_every_step(&course, 1), 1000);
}

#[test]
fn writer_killed_while_it_fills_rows_and_makes_room_loses_nothing_and_readers_see_each_row_once() {
    let _watchdog = watchdog();
    let place = Place::new("cut-fills");
    let course = Course::new(&place, FILLS, TICKS, 3252);
    cut::report("fills", cut_at_every_step(&course, 4), 500);
}

#[test]
fn writer_killed_while_it_changes_columns_of_what_grows_loses_nothing_and_readers_see_each_row_once() {
    let _watchdog = watchdog();
    let place = Place::new("cut-shapes");
    let course = Course::new(&place, SHAPES, FEED, 101);
    cut::report("shapes", cut_at_every_step(&course, 4), 500);
}

#[test]
fn writer_killed_again_while_it_takes_over_what_grows_loses_nothing_and_readers_see_each_row_once() {
    let _watchdog = watchdog();
    let place = Place::new("cut-twice");
    let mut cuts = 0;
    for (workload, followed, kept, resumes) in
        [(APPENDS, FEED, 4105, FEEDS_ON), (FILLS, TICKS, 3252, FILLS_ON), (SHAPES, FEED, 101, FEEDS_ON)]
    {
        cuts += cut_twice(&Course::new(&place, workload, followed, kept), &resumes);
    }
    cut::report("growth, twice", cuts, 3 * 8 * 12);
}
