//! Count, then cut: a workload runs once to count its steps; then, for each step, a fresh process runs it and kills
//! itself there, and what it leaves is looked at.

use crate::control::{Control, Word};
use crate::pattern::{self, Contents};
use crate::place::Place;
use crate::role::Role;
use crate::workload::Workload;
use shmframe::{ErrorKind, Reader, Writer};

/// Whether every step is cut, also where a sample is taken otherwise.
#[must_use]
pub fn full() -> bool {
    std::env::var("SHMFRAME_FULL").is_ok_and(|value| value == "1")
}

/// Where to cut of so many steps: everywhere, or in the default run at every `stride`-th step, and the last.
pub fn seeds(total: u64, stride: u64) -> impl Iterator<Item = u64> {
    let stride = if full() { 1 } else { stride };
    (1..=total).filter(move |nth| nth.is_multiple_of(stride) || *nth == total)
}

/// Says how many cuts were made; a run without cuts proves nothing.
///
/// # Panics
/// If there were fewer than `least`.
pub fn report(what: &str, cuts: u64, least: u64) {
    println!("{what}: {cuts} cuts");
    assert!(cuts >= least, "{cuts} cuts of {what}, at least {least} expected");
}

/// Runs workloads in processes of their own.
pub struct Cutter<'a> {
    /// The role that runs workloads.
    pub executable: &'a str,
    /// Where the segments stand.
    pub place: &'a Place,
    /// What the role reports to.
    pub control: Control,
}

impl Cutter<'_> {
    /// Tells what the segment holds before the workload begins.
    pub fn begin(&self, version: u64) {
        self.control.clear();
        self.control.set(Word::Committed, version);
        self.control.set(Word::Announced, version);
    }

    /// Runs a workload to its end; how many steps it took.
    #[must_use]
    pub fn count(&self, workload: &Workload, segment: &str) -> u64 {
        self.start(workload, segment, 0).quit();
        assert_eq!(self.control.get(Word::Done), 1);
        let steps = self.control.get(Word::Steps);
        assert!(steps > 10, "{} took {steps} steps", workload.name);
        steps
    }

    /// Runs a workload that kills itself just before its `nth` step.
    pub fn kill_at(&self, workload: &Workload, segment: &str, nth: u64) {
        self.start(workload, segment, nth).end_killed();
        assert_eq!(self.control.get(Word::Done), 0);
    }

    fn start(&self, workload: &Workload, segment: &str, nth: u64) -> Role {
        Role::start(
            self.executable,
            self.place,
            Some(&self.control),
            &[workload.name, segment, &nth.to_string()],
        )
    }

    /// Checks that a reader sees the version committed last, or the one that was being committed, and all of it.
    ///
    /// `versions` are the contents from version `base` on.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn check_visible(&self, segment: &str, base: u64, versions: &[Contents]) -> (Reader, u64) {
        let reader = self.place.reader().open(segment).unwrap();
        let snapshot = reader.snapshot().unwrap();
        let (committed, announced) = (self.control.get(Word::Committed), self.control.get(Word::Announced));
        let visible = snapshot.version();
        assert!(announced == committed || announced == committed + 1, "{committed}, {announced}");
        assert!((committed..=announced).contains(&visible), "{visible} is not in {committed}..={announced}");
        let index = visible.checked_sub(base).unwrap() as usize;
        assert_eq!(pattern::contents(&snapshot), versions[index], "version {visible}");
        (reader, visible)
    }

    /// Checks that a new writer takes over, loses nothing, goes on, and gets all free memory back; `reader` sees it.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_take_over(&self, reader: &Reader, segment: &str, visible: u64, before: &Contents) {
        let mut writer = self.place.writer().open(segment).unwrap();
        assert_eq!(writer.version(), visible);
        check_audit(&mut writer);
        self.check_goes_on(&mut writer, reader, visible, before);
        writer.trim(0).unwrap();
        self.check_memory(&mut writer, segment);
        writer.remove_segment().unwrap();
    }

    /// Checks that `writer` goes on after version `visible`, and that `reader` sees it.
    ///
    /// # Panics
    /// If it does not.
    pub fn check_goes_on(&self, writer: &mut Writer, reader: &Reader, visible: u64, before: &Contents) {
        let stamp = visible + 1;
        assert_eq!(writer.put("after", &pattern::batch("after", stamp, 9)).unwrap(), stamp);
        let mut expected = before.clone();
        expected.insert("after".to_owned(), (stamp, 9));
        assert_eq!(pattern::contents(&reader.snapshot().unwrap()), expected);
        check_audit(writer);
    }

    /// Checks that no more memory is taken than what a version covers and the reserve, to the page.
    fn check_memory(&self, writer: &mut Writer, segment: &str) {
        let audit = writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
        let data = self.place.path().join(format!("{segment}.shmf/data"));
        let capacity = std::fs::metadata(data).unwrap().len();
        let free: u64 = audit.working.iter().map(|range| range.end - range.start).sum();
        // Each free extent may end in the middle of a page at both its ends.
        let reserve = 32 * 4096;
        let most = capacity - free + reserve + 2 * 4096 * (audit.working.len() as u64 + 1);
        let allocated = writer.allocated_bytes();
        assert!(allocated <= most, "{allocated} bytes are allocated, {most} would do");
    }

    /// Checks that the next create leaves nothing of those who were killed.
    ///
    /// # Panics
    /// If it does.
    pub fn check_next_create(&self, segment: &str) {
        let mut writer = self.place.writer().create(segment).unwrap();
        assert_eq!(self.place.entries(), [format!("{segment}.shmf")]);
        check_audit(&mut writer);
        writer.remove_segment().unwrap();
        assert_eq!(self.place.entries(), [""; 0]);
    }

    /// Opens for reading what may be gone.
    #[must_use]
    pub fn try_reader(&self, segment: &str) -> Option<Reader> {
        match self.place.reader().open(segment) {
            Ok(reader) => Some(reader),
            Err(error) if matches!(error.kind(), ErrorKind::Missing | ErrorKind::Removed) => None,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Checks that a writer's heap is the one that a recovery would find.
///
/// # Panics
/// If it is not.
pub fn check_audit(writer: &mut Writer) {
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}
