//! Entries: read whole, found while they move, trusted without a pin, recovered.

use super::pin::claimed_slot;
use super::world::{Size, Writer, entry};
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use shmframe_format::record::check_entry;
use shmframe_segment::protocol::{EntryRead, erase, read_entry, unchanged, write_entry};
use shmframe_segment::sync::ReadWord;
use shmframe_segment::words::EntryWords;
use std::sync::Arc;

/// Whoever reads an entry while it is written sees all of the old one, all of the new one, or that it is odd.
pub fn entry_is_read_whole() {
    let place = Arc::new(EntryWords::new());
    write_entry(&place, &entry(1));
    let reader = {
        let place = Arc::clone(&place);
        thread::spawn(move || {
            if let EntryRead::Whole(read) = read_entry(&place)
                && read.version != 0
            {
                check_entry(&read, read.version).expect("a whole entry");
            }
        })
    };
    erase(&place);
    write_entry(&place, &entry(2));
    reader.join().unwrap();
}

/// A kept version is found at every moment of its move out of the ring, whose place is then used again.
pub fn kept_version_is_always_found() {
    let (world, mut writer) = Writer::begin(Size { extents: 3, ..Size::default() });
    let slot = claimed_slot(&world);
    let pinned = world.pin(&slot).expect("a word");
    let observer = {
        let world = Arc::clone(&world);
        thread::spawn(move || {
            assert_eq!(world.find(1).map(|entry| entry.version), Some(1), "an entry is missing");
        })
    };
    assert!(writer.commit());
    writer.reclaim();
    assert!(writer.commit(), "the ring's place of version 1 is erased");
    observer.join().unwrap();
    assert_eq!(world.find(1).map(|entry| entry.version), Some(1));
    world.read(pinned);
    slot.unpin(world.registry(), pinned.word);
    writer.reclaim();
    assert_eq!(writer.entries.live().iter().map(|entry| entry.version).collect::<Vec<_>>(), [3]);
    assert_eq!(world.find(1), None);
}

/// A copy made without a pin is of its version if the entry is unchanged afterwards.
pub fn peek_without_a_pin() {
    let (world, mut writer) = Writer::begin(Size::default());
    // The bytes that are copied: a copy races with the writer, by design, so they are words here.
    let bytes = Arc::new([AtomicU64::new(0), AtomicU64::new(1)]);
    let tool = {
        let (world, bytes) = (Arc::clone(&world), Arc::clone(&bytes));
        thread::spawn(move || {
            let place = world.control().ring_slot(world.publication.latest.read());
            let EntryRead::Whole(entry) = read_entry(place) else { return };
            if entry.version == 0 {
                return;
            }
            let copy = bytes[entry.version as usize % 2].load(Ordering::Relaxed);
            if unchanged(place, entry.sequence) {
                assert_eq!(copy, entry.version, "a copy of another version");
            }
        })
    };
    for version in 2..=3 {
        bytes[version as usize % 2].store(version, Ordering::Relaxed);
        assert!(writer.commit());
        writer.reclaim();
    }
    tool.join().unwrap();
}

/// A publish that was cut before the store of `latest` never happened, for readers and for the next writer.
pub fn cut_publish_never_happened() {
    let (world, _dead) = Writer::begin(Size::default());
    write_entry(world.control().ring_slot(2), &entry(2));
    let slot = claimed_slot(&world);
    let reader = {
        let world = Arc::clone(&world);
        thread::spawn(move || {
            let pinned = world.pin(&slot).expect("a word");
            world.read(pinned);
            slot.unpin(world.registry(), pinned.word);
        })
    };
    let mut writer = Writer::new(&world);
    assert_eq!(writer.entries.live().iter().map(|entry| entry.version).collect::<Vec<_>>(), [1]);
    writer.reclaim();
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    reader.join().unwrap();
}

/// A writer that died while it moved an entry leaves it in both places. The next one erases the ring's copy, and a
/// reader that meets it there, odd or erased, finds that `latest` went on.
pub fn doubled_entry_is_settled() {
    let (world, mut dead) = Writer::begin(Size::default());
    let slot = claimed_slot(&world);
    let reader = {
        let world = Arc::clone(&world);
        thread::spawn(move || {
            world.pin(&slot).expect("a word");
        })
    };
    let dead = {
        let world = Arc::clone(&world);
        thread::spawn(move || {
            assert!(dead.commit());
            write_entry(&world.table[0], &entry(1));
        })
    };
    dead.join().unwrap();
    let writer = Writer::new(&world);
    assert_eq!(writer.entries.live().iter().map(|entry| entry.version).collect::<Vec<_>>(), [1, 2]);
    assert!(
        matches!(read_entry(world.control().ring_slot(1)), EntryRead::Whole(entry) if entry.version == 0)
    );
    assert_eq!(world.find(1).map(|entry| entry.version), Some(1));
    reader.join().unwrap();
}
