//! Processes that die between any two of their stores.

use super::pin::claimed_slot;
use super::search;
use super::world::{Locks, Size, World, Writer};
use loom::thread;
use shmframe_segment::protocol::{LocalSlot, claim, is_claimed, release};
use shmframe_segment::sync::{ReadWord, death};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Searches a model whose process dies after 0, 1, 2 ... stores, until it lives. The model returns whether it died.
fn at_every_store(fewer: usize, model: impl Fn(usize) -> bool + Send + Sync + 'static) {
    let model = Arc::new(model);
    let dies = |stores| {
        let died = Arc::new(AtomicBool::new(false));
        let (model, seen) = (Arc::clone(&model), Arc::clone(&died));
        search(move || seen.store(model(stores), Ordering::Relaxed), fewer);
        died.load(Ordering::Relaxed)
    };
    assert!((0..).take_while(|stores| dies(*stores)).count() > 1, "nothing was cut");
}

/// [`die_writing`] makes more stores than this.
const FIRST_STORES: usize = 17;

/// What a writer does that dies: a commit, a reclaim that moves version 1, and another commit.
fn die_writing(writer: &mut Writer, stores: usize) -> bool {
    death::after(stores);
    writer.commit();
    writer.reclaim();
    writer.commit();
    death::end()
}

/// Takes over after a death: the newest version and the pinned version 1 are there, and what nobody can see is not.
fn take_over(world: &Arc<World>) -> Writer {
    let writer = Writer::new(world);
    let latest = world.publication.latest.read();
    for version in [1, latest] {
        assert!(writer.entries.any_live(version, version + 1), "version {version} is lost");
    }
    assert!(!writer.entries.any_live(latest + 1, u64::MAX), "a version above the newest");
    writer
}

fn live(writer: &Writer) -> Vec<u64> {
    writer.entries.live().iter().map(|entry| entry.version).collect()
}

fn small() -> Size {
    Size { slots: 2, extents: 4, ..Size::default() }
}

/// A writer dies anywhere; a reader goes on reading, the next writer goes on writing, and all is free in the end.
pub fn killed_writer_loses_nothing(fewer: usize) {
    at_every_store(fewer, |stores| {
        let (world, mut dying) = Writer::begin(small());
        let (old, young) = (claimed_slot(&world), claimed_slot(&world));
        let first = world.pin(&old).expect("a word");
        let dying = thread::spawn(move || die_writing(&mut dying, stores));
        let reader = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let pinned = world.pin(&young).expect("a word");
                world.read(pinned);
                young.unpin(world.registry(), pinned.word);
            })
        };
        let died = dying.join().unwrap();
        let mut writer = take_over(&world);
        writer.reclaim();
        writer.commit();
        world.read(first);
        old.unpin(world.registry(), first.word);
        reader.join().unwrap();
        writer.reclaim();
        assert_eq!(live(&writer), [world.publication.latest.read()]);
        died
    });
}

/// Whoever takes over dies, too, anywhere. The first one died where its publish or its move of an entry was half done.
pub fn killed_recovery_is_repeated() {
    for first_stores in 0..FIRST_STORES {
        at_every_store(0, move |stores| {
            let (world, mut first) = Writer::begin(small());
            let old = claimed_slot(&world);
            let pinned = world.pin(&old).expect("a word");
            assert!(die_writing(&mut first, first_stores), "the first one lives: fewer stores");
            death::after(stores);
            let mut second = Writer::new(&world);
            second.reclaim();
            second.commit();
            let died = death::end();
            let mut third = take_over(&world);
            third.reclaim();
            assert!(third.commit());
            world.read(pinned);
            old.unpin(world.registry(), pinned.word);
            third.reclaim();
            assert_eq!(live(&third), [world.publication.latest.read()]);
            died
        });
    }
}

/// Whoever claims a slot of the dead, or releases one, dies anywhere: the slot is there for the next one, and no pin.
pub fn killed_claimer_leaves_a_slot() {
    at_every_store(0, |stores| {
        let (world, mut writer) = Writer::begin(Size::default());
        let dead = Locks::new(&world);
        let home = claim(world.registry(), &dead).expect("a slot");
        world.pin(&LocalSlot::new(home)).expect("a word");
        dead.close(home);
        let dying = Locks::new(&world);
        death::after(stores);
        let home = claim(world.registry(), &dying).expect("a slot");
        release(world.registry(), &dying, home);
        let died = death::end();
        assert!(writer.commit());
        writer.reclaim();
        assert!(writer.commit(), "a pin of the dead is in the way");
        let home = claim(world.registry(), &Locks::new(&world)).expect("a slot");
        assert!(is_claimed(world.slots[home as usize].mark.read()));
        assert_eq!(world.pins(), []);
        died
    });
}
