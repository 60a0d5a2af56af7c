//! An audit sees what is planted: bytes that nobody frees, and bytes that are free and in use.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use crate::{
    BufferDraft, Coverage, Finding, FrameDraft, Identity, Inspection, Location, Schema, Staging, Store,
    StoreOptions, Trust, What,
};
use shmframe_format::addressing::Addressing;
use shmframe_format::geometry::PAGE_SIZE;
use shmframe_format::table::NodeItem;

/// A store with one frame; its segment goes when this is dropped.
pub(crate) struct Segment(Option<Store>);

impl Segment {
    pub(crate) fn new(test: &str) -> Self {
        let name = format!("test-{test}-{}", std::process::id());
        let location = Location::new(None, &name, Trust::default()).unwrap();
        let options = StoreOptions { capacity: 16 << 20, ..StoreOptions::default() };
        let mut segment = Self(Some(Store::create(&location, options).unwrap()));
        segment.put("frame");
        segment
    }

    /// Puts a frame without rows.
    pub(crate) fn put(&mut self, name: &str) {
        self.try_put(name).unwrap();
    }

    pub(crate) fn try_put(&mut self, name: &str) -> shmframe_format::Result<u64> {
        let mut transaction = self.store().begin().unwrap();
        put_frame(&mut transaction, name)?;
        transaction.commit()
    }

    /// Goes on as the next writer.
    pub(crate) fn reopen(&mut self, options: StoreOptions) {
        let location = self.store().location().clone();
        drop(self.0.take());
        self.0 = Some(Store::open(&location, options).unwrap());
    }

    pub(crate) fn store(&mut self) -> &mut Store {
        self.0.as_mut().unwrap()
    }
}

/// Puts a frame without rows into a transaction.
pub(crate) fn put_frame(transaction: &mut Staging<'_>, name: &str) -> shmframe_format::Result<()> {
    let draft = FrameDraft {
        name,
        schema: Schema::Message(b"a schema"),
        rows: 0,
        nodes: Vec::new(),
        identity: Identity::New,
        buffers: Vec::new(),
    };
    transaction.put_frame(draft, |_| ()).map(drop)
}

impl Drop for Segment {
    fn drop(&mut self) {
        if let Some(store) = self.0.take() {
            store.remove().unwrap();
        }
    }
}

#[test]
fn extent_that_nobody_frees_is_seen() {
    let mut segment = Segment::new("leak");
    let store = segment.store();
    let before = store.audit().unwrap();
    assert_eq!(before.working, before.recovered);
    let leaked = store.space.take_cold(PAGE_SIZE).unwrap();
    let after = store.audit().unwrap();
    assert_eq!(after.recovered, before.recovered);
    assert_ne!(after.working, after.recovered);
    assert!(!after.working.iter().any(|free| free.contains(&leaked.start)));
    store.space.give_cold(leaked);
    assert_eq!(store.audit().unwrap(), before);
}

#[test]
fn extent_that_is_free_and_in_use_is_seen() {
    let mut segment = Segment::new("double");
    let store = segment.store();
    let root = store.root_reference.unwrap();
    let used = root.offset..root.offset + 64;
    store.space.give_warm(used);
    let audit = store.audit().unwrap();
    assert_ne!(audit.working, audit.recovered);
}

#[test]
fn bytes_that_wait_for_a_reclaim_are_no_leak() {
    let mut segment = Segment::new("waiting");
    let store = segment.store();
    for _ in 0..5 {
        let mut transaction = store.begin().unwrap();
        transaction.remove_frame("frame").unwrap();
        let audit = transaction.commit().and_then(|_| store.audit()).unwrap();
        assert!(store.space.any_dropped());
        assert_eq!(audit.working, audit.recovered);
    }
}

/// What is seen from outside.
fn coverage(store: &Store) -> Coverage {
    Inspection::open(store.location(), 1 << 30).unwrap().coverage().unwrap()
}

fn put_bytes(store: &mut Store, name: &str, length: u64) {
    let addressing = Addressing::Values(64);
    let mut transaction = store.begin().unwrap();
    let draft = FrameDraft {
        name,
        schema: Schema::Message(b"numbers"),
        rows: length / 8,
        nodes: vec![NodeItem {
            length: length / 8,
            nulls: 0,
            buffers: 1,
            children: 0,
            validity: 0,
            pieces: 0,
        }],
        identity: Identity::New,
        buffers: vec![BufferDraft { length, addressing, room: 0 }],
    };
    transaction.put_frame(draft, |buffers| buffers.into_iter().for_each(|buffer| buffer.fill(1))).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn extents_that_overlap_are_seen_from_outside() {
    let mut segment = Segment::new("overlap");
    let store = segment.store();
    put_bytes(store, "first", 600_000);
    let before = coverage(store);
    assert!(before.problems.is_empty(), "{:?}", before.problems);
    let extent = before.ranges.iter().find(|range| matches!(range.what, What::Extent(_))).unwrap();
    // Part of it is free, says the writer, and the next frame fits nowhere else.
    store.space.give_warm(extent.offset + 64..extent.end());
    put_bytes(store, "second", 200_000);
    let after = coverage(store);
    // Bytes that are counted twice are no reason to stop.
    assert!(after.allowance(store.mapped.geometry()).bytes() > 0);
    let frames = after.problems.iter().map(|finding| match finding {
        Finding::Overlap { first, second } => (first.frame.as_deref(), second.frame.as_deref()),
        other => panic!("{other:?}"),
    });
    let frames: Vec<_> = frames.collect();
    assert!(frames.contains(&(Some("first"), Some("second"))), "{frames:?}");
    assert!(frames.iter().all(|(first, _)| *first == Some("first")), "{frames:?}");
    assert_eq!(after.versions.len(), before.versions.len() + 1, "all versions are there");
    assert!(store.audit().is_err(), "recovery refuses what a look only tells");
}

#[test]
fn coverage_and_recovery_leave_the_same_bytes_free() {
    let mut segment = Segment::new("free");
    let store = segment.store();
    for round in 1..40 {
        put_bytes(store, &format!("frame-{}", round % 7), round * 640);
        let free: u64 = store.audit().unwrap().recovered.iter().map(|range| range.end - range.start).sum();
        let heap = store.mapped.geometry().capacity() - store.mapped.geometry().heap_offset();
        let covered: u64 = coverage(store).ranges.iter().map(|range| range.length).sum();
        assert_eq!(covered + free, heap);
    }
}
