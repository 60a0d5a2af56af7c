//! Pins against a writer that publishes, reclaims and uses bytes again.

use super::world::{Locks, Size, World, Writer};
use loom::thread;
use shmframe_segment::protocol::{Join, LocalSlot, PinOutcome, claim};
use std::sync::Arc;

/// A slot that a living process holds for the rest of the model.
pub fn claimed_slot(world: &Arc<World>) -> LocalSlot {
    LocalSlot::new(claim(world.registry(), &Locks::new(world)).expect("a slot"))
}

fn pin_read_unpin(world: &World, slot: &LocalSlot) {
    let pinned = world.pin(slot).expect("a word");
    world.read(pinned);
    assert!(!slot.unpin(world.registry(), pinned.word), "the slot is not frozen");
}

/// A pinned version keeps its bytes while the writer goes on and would like to use them again.
pub fn pinned_bytes_stay() {
    let (world, mut writer) = Writer::begin(Size::default());
    let slot = claimed_slot(&world);
    let reader = {
        let world = Arc::clone(&world);
        thread::spawn(move || pin_read_unpin(&world, &slot))
    };
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    reader.join().unwrap();
    assert_eq!(world.pins(), []);
}

/// The same word pins one version, then the next one.
pub fn word_is_used_again() {
    let (world, mut writer) = Writer::begin(Size::default());
    let slot = claimed_slot(&world);
    let reader = {
        let world = Arc::clone(&world);
        thread::spawn(move || {
            pin_read_unpin(&world, &slot);
            pin_read_unpin(&world, &slot);
        })
    };
    assert!(writer.commit());
    writer.reclaim();
    if writer.commit() {
        writer.reclaim();
    }
    reader.join().unwrap();
    assert_eq!(world.pins(), []);
}

/// A version that is known from its last pin is pinned again without its entry being read: it is held, or a newer one is.
pub fn known_version_is_pinned_again() {
    let (world, mut writer) = Writer::begin(Size::default());
    let slot = claimed_slot(&world);
    let reader = {
        let world = Arc::clone(&world);
        thread::spawn(move || {
            let first = world.pin(&slot).expect("a word");
            slot.unpin(world.registry(), first.word);
            let known = |_, version| (version == first.entry.version).then_some(first.entry);
            let PinOutcome::Pinned(again) = slot.pin(world.control(), world.registry(), None, known) else {
                panic!("not pinned");
            };
            world.read(again);
            slot.unpin(world.registry(), again.word);
        })
    };
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    reader.join().unwrap();
    assert_eq!(world.pins(), []);
}

/// A reader that is late by several versions finds its version gone, and pins a newer one.
pub fn late_pin_is_tried_again() {
    let (world, mut writer) = Writer::begin(Size::default());
    let slot = claimed_slot(&world);
    let reader = {
        let world = Arc::clone(&world);
        thread::spawn(move || pin_read_unpin(&world, &slot))
    };
    for _ in 0..3 {
        if !writer.commit() {
            break;
        }
        writer.reclaim();
    }
    reader.join().unwrap();
    assert_eq!(world.pins(), []);
}

/// A version that is not the newest is pinned while the writer drops it: it is held with its bytes, or gone.
pub fn kept_version_is_pinned_or_gone() {
    let (world, mut writer) = Writer::begin(Size { ring: 4, extents: 3, ..Size::default() });
    assert!(writer.commit());
    let slot = claimed_slot(&world);
    let reader = {
        let world = Arc::clone(&world);
        thread::spawn(move || match slot.pin(world.control(), world.registry(), Some(1), |_, _| None) {
            PinOutcome::Pinned(pinned) => {
                assert_eq!(pinned.entry.version, 1);
                world.read(pinned);
                slot.unpin(world.registry(), pinned.word);
            }
            outcome => assert_eq!(outcome, PinOutcome::Gone),
        })
    };
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    reader.join().unwrap();
    assert_eq!(world.pins(), []);
}

/// One attachment with two slots: the old pin in one of them holds while the other pins what is new.
pub fn two_slots_of_one_attachment() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, table: 3, extents: 3, ..Size::default() });
    let (full, spare) = (claimed_slot(&world), claimed_slot(&world));
    let first = world.pin(&full).expect("a word");
    let second = world.pin(&full).expect("another word");
    assert_eq!(full.pin(world.control(), world.registry(), None, |_, _| None), PinOutcome::NoWord);
    assert!(!full.unpin(world.registry(), second.word));
    let reader = {
        let world = Arc::clone(&world);
        thread::spawn(move || {
            pin_read_unpin(&world, &spare);
            world.read(first);
            full.unpin(world.registry(), first.word);
        })
    };
    assert!(writer.commit());
    writer.reclaim();
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    reader.join().unwrap();
    assert_eq!(world.pins(), []);
}

/// Two processes pin at the same time.
pub fn two_readers() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, ..Size::default() });
    let readers = [0, 1].map(|_| {
        let (world, slot) = (Arc::clone(&world), claimed_slot(&world));
        thread::spawn(move || pin_read_unpin(&world, &slot))
    });
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    for reader in readers {
        reader.join().unwrap();
    }
    assert_eq!(world.pins(), []);
}

/// Two threads of one process pin through one slot: each gets a word of its own.
pub fn two_threads_of_one_slot() {
    let (world, mut writer) = Writer::begin(Size::default());
    let slot = Arc::new(claimed_slot(&world));
    let reader = {
        let (world, slot) = (Arc::clone(&world), Arc::clone(&slot));
        thread::spawn(move || {
            if let Some(pinned) = world.pin(&slot) {
                world.read(pinned);
                slot.unpin(world.registry(), pinned.word);
            }
        })
    };
    let pinned = world.pin(&slot).expect("a word");
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    world.read(pinned);
    slot.unpin(world.registry(), pinned.word);
    reader.join().unwrap();
    assert_eq!(world.pins(), []);
}

/// A thread joins a valid word while the one that made it valid lets go.
pub fn join_while_unpinned() {
    let (world, mut writer) = Writer::begin(Size::default());
    let slot = Arc::new(claimed_slot(&world));
    let pinned = world.pin(&slot).expect("a word");
    let joiner = {
        let (world, slot) = (Arc::clone(&world), Arc::clone(&slot));
        thread::spawn(move || {
            let word = slot.word_of(pinned.entry.version);
            if word
                .is_some_and(|word| slot.join(world.registry(), word, pinned.entry.version) == Join::Joined)
            {
                world.read(pinned);
                slot.unpin(world.registry(), pinned.word);
            }
        })
    };
    world.read(pinned);
    slot.unpin(world.registry(), pinned.word);
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    joiner.join().unwrap();
    assert_eq!(world.pins(), []);
}

/// A thread that joins a word gets the version it asked for, or nothing, though the word goes to another version.
pub fn join_of_another_version() {
    let (world, mut writer) = Writer::begin(Size::default());
    let slot = Arc::new(claimed_slot(&world));
    let pinned = world.pin(&slot).expect("a word");
    let joiner = {
        let (world, slot) = (Arc::clone(&world), Arc::clone(&slot));
        thread::spawn(move || {
            let word = slot.word_of(pinned.entry.version);
            if word
                .is_some_and(|word| slot.join(world.registry(), word, pinned.entry.version) == Join::Joined)
            {
                world.read(pinned);
                slot.unpin(world.registry(), pinned.word);
            }
        })
    };
    assert!(writer.commit());
    slot.unpin(world.registry(), pinned.word);
    pin_read_unpin(&world, &slot);
    writer.reclaim();
    writer.commit();
    joiner.join().unwrap();
    assert_eq!(world.pins(), []);
}
