//! Forks: a slot is frozen, its pins move to another one, and its old lock is let go.

use super::world::{Locks, Size, World, Writer};
use loom::thread;
use shmframe_segment::protocol::{Join, LocalSlot, Pinned, Rehome, claim, reap_all, release};
use shmframe_segment::sync::ReadWord;
use std::convert::Infallible;
use std::sync::Arc;

/// A process with an attachment, as its threads share it.
struct Process {
    world: Arc<World>,
    slot: LocalSlot,
    /// In the product, too, one lock guards the descriptors of a process.
    locks: std::sync::Mutex<Locks>,
}

impl Process {
    fn new(world: &Arc<World>) -> Arc<Self> {
        let locks = Locks::new(world);
        let slot = LocalSlot::new(claim(world.registry(), &locks).expect("a slot"));
        Arc::new(Self { world: Arc::clone(world), slot, locks: std::sync::Mutex::new(locks) })
    }

    /// What the fork handlers do in the parent, when the child does not keep its copy of the lock.
    fn fork(&self) {
        self.slot.freeze();
        while self.rehome() == Rehome::Busy {
            thread::yield_now();
        }
    }

    fn rehome(&self) -> Rehome {
        let old = self.slot.home();
        let locks = self.locks.try_lock().expect("one thread settles a process's slots at a time");
        let claim_new = || Ok::<_, Infallible>(claim(self.world.registry(), &*locks).expect("a slot"));
        let Ok(outcome) = self.slot.rehome(self.world.registry(), claim_new, || locks.close(old));
        outcome
    }

    /// A pin stands where the writer looks for it.
    fn assert_pinned(&self, pinned: Pinned) {
        let home = self.slot.home();
        assert!(self.locks.try_lock().expect("nobody settles").holds(home), "the slot is not ours");
        let word = &self.world.slots[home as usize].pins[pinned.word];
        assert_eq!(word.read(), pinned.entry.version, "a pin is lost");
    }

    fn unpin(&self, pinned: Pinned) {
        self.slot.unpin(self.world.registry(), pinned.word);
    }
}

/// When all is quiet: what was left in slots that nobody holds goes with the next reclaim, and no pin is left.
fn settle(world: &World, writer: &mut Writer) {
    writer.reclaim();
    writer.commit();
    writer.reclaim();
    assert_eq!(world.pins(), [], "a pin is left behind");
}

/// A pin holds while its slot is moved.
pub fn moved_pin_holds() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, ..Size::default() });
    let process = Process::new(&world);
    let pinned = world.pin(&process.slot).expect("a word");
    let reader = thread::spawn(move || {
        process.fork();
        process.world.read(pinned);
        process.unpin(pinned);
    });
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    reader.join().unwrap();
    settle(&world, &mut writer);
}

/// A pin that is moved to a slot that the writer has scanned already, from one that another process then claims,
/// holds all the same.
pub fn moved_pin_holds_though_its_old_slot_is_claimed() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, ..Size::default() });
    let other = Process::new(&world);
    let process = Process::new(&world);
    let pinned = world.pin(&process.slot).expect("a word");
    release(world.registry(), &*other.locks.lock().unwrap(), other.slot.home());
    let reader = thread::spawn(move || {
        process.fork();
        // Unless the writer reaps it just now.
        claim(process.world.registry(), &Locks::new(&process.world));
        process.world.read(pinned);
        process.unpin(pinned);
    });
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    reader.join().unwrap();
}

/// The same where nobody claims the old slot, but somebody who is not the writer reaps it.
pub fn moved_pin_holds_though_its_old_slot_is_reaped_by_others() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, ..Size::default() });
    let other = Process::new(&world);
    let process = Process::new(&world);
    let pinned = world.pin(&process.slot).expect("a word");
    release(world.registry(), &*other.locks.lock().unwrap(), other.slot.home());
    let reader = thread::spawn(move || {
        process.fork();
        reap_all(process.world.registry(), &Locks::new(&process.world), |_| ());
        process.world.read(pinned);
        process.unpin(pinned);
    });
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    reader.join().unwrap();
}

/// A pin that is moved to a slot that nobody used before, from one that another process then claims, holds all the same.
pub fn moved_pin_holds_in_a_slot_that_was_not_used_before() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, ..Size::default() });
    let process = Process::new(&world);
    let pinned = world.pin(&process.slot).expect("a word");
    let reader = thread::spawn(move || {
        process.fork();
        // Unless the writer reaps it just now.
        claim(process.world.registry(), &Locks::new(&process.world));
        process.world.read(pinned);
        process.unpin(pinned);
    });
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    reader.join().unwrap();
}

/// A child keeps what its parent had pinned, through its own copy of the lock, whatever the parent does.
pub fn child_keeps_the_pins() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, ..Size::default() });
    let process = Process::new(&world);
    let pinned = world.pin(&process.slot).expect("a word");
    process.slot.freeze();
    let childs_locks = process.locks.lock().unwrap().fork();
    let child = {
        let (world, old) = (Arc::clone(&world), process.slot.home());
        thread::spawn(move || {
            world.read(pinned);
            childs_locks.close(old);
        })
    };
    let parent = thread::spawn(move || {
        assert_eq!(process.rehome(), Rehome::Moved);
        process.unpin(pinned);
    });
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    child.join().unwrap();
    parent.join().unwrap();
    settle(&world, &mut writer);
}

/// A fork while another thread pins and lets go: what the child finds in its copy stays, whatever the parent does.
pub fn child_keeps_what_the_fork_found() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, ..Size::default() });
    let process = Process::new(&world);
    let pinner = {
        let process = Arc::clone(&process);
        thread::spawn(move || {
            if let Some(pinned) = process.world.pin(&process.slot) {
                process.unpin(pinned);
            }
        })
    };
    let forker = {
        let process = Arc::clone(&process);
        thread::spawn(move || {
            let world = &process.world;
            // What the handlers do.
            process.slot.freeze();
            process.slot.note_pins(thread::yield_now);
            let found = if process.slot.has_pins() { world.pins().pop() } else { None };
            let (old, childs_locks) = (process.slot.home(), process.locks.lock().unwrap().fork());
            if process.slot.is_shared() {
                while process.rehome() == Rehome::Busy {
                    thread::yield_now();
                }
            } else {
                process.slot.thaw(world.registry());
            }
            // In the child.
            if let Some(version) = found {
                world.extent(version).read(version);
            }
            childs_locks.close(old);
        })
    };
    assert!(writer.commit());
    writer.reclaim();
    writer.commit();
    pinner.join().unwrap();
    forker.join().unwrap();
    settle(&world, &mut writer);
}

/// Two forks, one after the other, while a thread lets a pin go.
pub fn unpin_while_moved_twice() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, ..Size::default() });
    let process = Process::new(&world);
    let kept = world.pin(&process.slot).expect("a word");
    let pinned = world.pin(&process.slot).expect("a word");
    let unpinner = {
        let process = Arc::clone(&process);
        thread::spawn(move || process.unpin(pinned))
    };
    process.fork();
    process.fork();
    unpinner.join().unwrap();
    process.assert_pinned(kept);
    let home = &world.slots[process.slot.home() as usize];
    assert_eq!(home.pins[pinned.word].read(), 0, "a pin is left behind");
    process.unpin(kept);
    settle(&world, &mut writer);
}

/// A thread lets a pin go while its slot is frozen, moved and thawed; another process has the old slot.
pub fn unpin_while_moved() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, ..Size::default() });
    let process = Process::new(&world);
    let pinned = world.pin(&process.slot).expect("a word");
    let unpinner = {
        let process = Arc::clone(&process);
        thread::spawn(move || process.unpin(pinned))
    };
    process.fork();
    let other = Process::new(&world);
    let others = world.pin(&other.slot).expect("a word");
    unpinner.join().unwrap();
    other.assert_pinned(others);
    other.unpin(others);
    settle(&world, &mut writer);
}

/// A thread that joins the wrong version in a frozen slot, and is the last one to let go, is told to settle the slot.
pub fn join_while_moved() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, ..Size::default() });
    let process = Process::new(&world);
    let pinned = world.pin(&process.slot).expect("a word");
    process.slot.freeze();
    let joiner = {
        let process = Arc::clone(&process);
        thread::spawn(move || process.slot.join(process.world.registry(), pinned.word, u64::MAX))
    };
    let told = process.slot.unpin(world.registry(), pinned.word);
    let joined = joiner.join().unwrap();
    assert!(told || joined == Join::Settle, "nobody was told to settle");
    assert_eq!(process.rehome(), Rehome::Emptied);
    settle(&world, &mut writer);
}

/// A thread pins while its slot is frozen, moved and thawed; another process has the old slot.
pub fn pin_while_moved() {
    let (world, mut writer) = Writer::begin(Size { slots: 2, ..Size::default() });
    let process = Process::new(&world);
    let held = world.pin(&process.slot).expect("a word");
    let pinner = {
        let process = Arc::clone(&process);
        thread::spawn(move || process.world.pin(&process.slot))
    };
    process.fork();
    let other = Process::new(&world);
    let pinned = pinner.join().unwrap();
    let others = world.slots[other.slot.home() as usize].pins.each_ref().map(ReadWord::read);
    assert_eq!(others, [0, 0], "a pin stands in another process's slot");
    for pinned in [Some(held), pinned].into_iter().flatten() {
        process.assert_pinned(pinned);
        process.unpin(pinned);
    }
    settle(&world, &mut writer);
}
