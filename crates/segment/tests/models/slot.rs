//! Slots: claimed under a lock that the kernel drops, reaped when their holder is dead.

use super::search;
use super::world::{Locks, Size, World, Writer};
use loom::thread::{self, JoinHandle};
use shmframe_segment::protocol::{LocalSlot, claim, reap_all, release, scan};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A process that claims a slot, pins what is newest, lets go of it and goes.
fn attachment(world: &Arc<World>) -> JoinHandle<()> {
    let world = Arc::clone(world);
    thread::spawn(move || {
        let locks = Locks::new(&world);
        let Some(home) = claim(world.registry(), &locks) else { return };
        let slot = LocalSlot::new(home);
        let pinned = world.pin(&slot).expect("a word");
        world.read(pinned);
        slot.unpin(world.registry(), pinned.word);
        release(world.registry(), &locks, home);
    })
}

/// A slot whose holder died: marked, with a pin of the newest version.
fn dead_slot(world: &Arc<World>) -> u32 {
    let locks = Locks::new(world);
    let home = claim(world.registry(), &locks).expect("a slot");
    world.pin(&LocalSlot::new(home)).expect("a word");
    locks.close(home);
    home
}

/// Two claimers never get one slot.
pub fn two_claimers() {
    let world = World::new(Size { slots: 2, ..Size::default() });
    let claimers = [0, 1].map(|_| {
        let world = Arc::clone(&world);
        thread::spawn(move || claim(world.registry(), &Locks::new(&world)))
    });
    let [first, second] = claimers.map(|claimer| claimer.join().unwrap());
    assert!(first.is_some() && first != second, "one slot, two claimers");
}

/// A dead reader's slot is reaped, or claimed by another process, or first one and then the other.
pub fn claim_while_reaped() {
    let (world, mut writer) = Writer::begin(Size::default());
    dead_slot(&world);
    let reader = attachment(&world);
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    reader.join().unwrap();
    assert_eq!(world.pins(), []);
}

/// Two claimers, and a writer that reaps what one of them would like to have.
pub fn two_claimers_and_a_reaper() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, ..Size::default() });
    dead_slot(&world);
    assert!(writer.commit());
    let claimers = [0, 1].map(|_| {
        let world = Arc::clone(&world);
        thread::spawn(move || claim(world.registry(), &Locks::new(&world)))
    });
    writer.reclaim();
    let [first, second] = claimers.map(|claimer| claimer.join().unwrap());
    // The reaper may hold the lock of the dead slot while a claimer asks for it.
    assert!(first != second, "one slot, two claimers");
    assert_eq!(world.pins(), []);
}

/// A writer, somebody else who reaps, and a claimer, all after one dead slot: each finds it whole, or not at all.
pub fn two_reapers_and_a_claimer() {
    let (world, mut writer) = Writer::begin(Size { slots: 1, ..Size::default() });
    dead_slot(&world);
    assert!(writer.commit());
    let claimer = attachment(&world);
    let reaper = {
        let world = Arc::clone(&world);
        thread::spawn(move || {
            let mut reaped = Vec::new();
            reap_all(world.registry(), &Locks::new(&world), |slot| reaped.push(slot));
            reaped.len()
        })
    };
    let by_the_writer = writer.reclaim();
    let by_others = reaper.join().unwrap();
    claimer.join().unwrap();
    assert!(by_the_writer + by_others <= 1, "one slot, reaped twice");
    assert_eq!(world.pins(), []);
    writer.reclaim();
    assert!(writer.commit());
}

/// A slot that is released and claimed during every look of a scan is named: then everything counts as pinned.
pub fn restless_slot_is_named() {
    let seen = Arc::new(AtomicBool::new(false));
    let restless = Arc::clone(&seen);
    let model = move || {
        let world = World::new(Size { slots: 2, ..Size::default() });
        let locks = Locks::new(&world);
        let home = claim(world.registry(), &locks).expect("a slot");
        let mover = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                release(world.registry(), &locks, home);
                claim(world.registry(), &locks);
            })
        };
        if let Err(slots) = scan(world.registry()) {
            assert_eq!(slots, [0]);
            restless.store(true, Ordering::Relaxed);
        }
        mover.join().unwrap();
    };
    search(model, 0);
    assert!(seen.load(Ordering::Relaxed), "no slot moved in every look");
}

/// What the dead pinned is free after one reclaim.
pub fn dead_pins_cost_nothing() {
    let (world, mut writer) = Writer::begin(Size::default());
    dead_slot(&world);
    assert!(writer.commit());
    assert_eq!(writer.reclaim(), 1);
    assert!(!writer.entries.any_live(1, 2), "a dead reader's version is still there");
    assert!(writer.commit());
}
