//! Waiting: no wake-up is lost. A waiter that sleeps for ever is a deadlock, which loom reports.

use super::world::{NoSleep, Size, World, Writer};
use loom::sync::{Condvar, Mutex};
use loom::thread::{self, JoinHandle};
use shmframe_segment::protocol::{Sleep, WaitOutcome, mark_removed, wait_newer, wake_all};
use shmframe_segment::sync::{ReadWord, Word32};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A futex without a cap: the word is compared under the lock that a wake takes.
struct Futex {
    wakes: AtomicUsize,
    asleep: Mutex<()>,
    woken: Condvar,
}

impl Futex {
    fn new() -> Arc<Self> {
        Arc::new(Self { wakes: AtomicUsize::new(0), asleep: Mutex::new(()), woken: Condvar::new() })
    }
}

impl Sleep for Futex {
    fn sleep<W: ReadWord<Value = u32>>(&self, word: &W, expected: u32, _: Duration) {
        let guard = self.asleep.lock().unwrap();
        if word.read() == expected {
            drop(self.woken.wait(guard).unwrap());
        }
    }

    fn wake(&self, _: &Word32) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        drop(self.asleep.lock().unwrap());
        self.woken.notify_all();
    }
}

fn wait(world: &World, sleep: &impl Sleep, version: u64) -> WaitOutcome {
    wait_newer(world.control(), world.registry(), sleep, version, Duration::MAX)
}

/// A thread that waits until there is something newer than `version`, or the segment is removed.
fn waiter(world: &Arc<World>, futex: &Arc<Futex>, version: u64) -> JoinHandle<WaitOutcome> {
    let (world, futex) = (Arc::clone(world), Arc::clone(futex));
    thread::spawn(move || {
        loop {
            let outcome = wait(&world, &*futex, version);
            if outcome != WaitOutcome::Nothing {
                return outcome;
            }
        }
    })
}

/// A waiter wakes for the next version, whenever it is published.
pub fn waiter_wakes() {
    let (world, mut writer) = Writer::begin(Size::default());
    let futex = Futex::new();
    let waiter = waiter(&world, &futex, 1);
    assert!(writer.commit_and_wake(&*futex));
    assert_eq!(waiter.join().unwrap(), WaitOutcome::Newer(2));
}

/// A waiter for the second of two versions is not put to sleep for good by the wake for the first.
pub fn waiter_for_the_second_version() {
    let (world, mut writer) = Writer::begin(Size { ring: 4, extents: 4, ..Size::default() });
    let futex = Futex::new();
    let waiter = waiter(&world, &futex, 2);
    assert!(writer.commit_and_wake(&*futex));
    assert!(writer.commit_and_wake(&*futex));
    assert_eq!(waiter.join().unwrap(), WaitOutcome::Newer(3));
}

/// Two waiters, for the first and for the second of two versions.
pub fn two_waiters() {
    let (world, mut writer) = Writer::begin(Size { ring: 4, extents: 4, ..Size::default() });
    let futex = Futex::new();
    let waiters = [waiter(&world, &futex, 1), waiter(&world, &futex, 2)];
    assert!(writer.commit_and_wake(&*futex));
    assert!(writer.commit_and_wake(&*futex));
    for waiter in waiters {
        assert!(matches!(waiter.join().unwrap(), WaitOutcome::Newer(2..=3)));
    }
}

/// A waiter that died in its sleep costs one spare wake, and nobody else's.
pub fn dead_waiter_costs_one_wake() {
    let (world, mut writer) = Writer::begin(Size { ring: 4, extents: 4, ..Size::default() });
    let futex = Futex::new();
    assert_eq!(wait(&world, &NoSleep, 1), WaitOutcome::Nothing);
    assert_eq!(world.waiting.read(), 1);
    assert!(writer.commit_and_wake(&*futex));
    assert_eq!(futex.wakes.load(Ordering::Relaxed), 1);
    assert!(writer.commit_and_wake(&*futex));
    assert_eq!(futex.wakes.load(Ordering::Relaxed), 1);
    let waiter = waiter(&world, &futex, 3);
    assert!(writer.commit_and_wake(&*futex));
    assert_eq!(waiter.join().unwrap(), WaitOutcome::Newer(4));
}

/// Waiters wake when the segment is removed.
pub fn removal_wakes() {
    let (world, _writer) = Writer::begin(Size::default());
    let futex = Futex::new();
    let waiter = waiter(&world, &futex, 1);
    mark_removed(world.control(), &*futex);
    assert_eq!(waiter.join().unwrap(), WaitOutcome::Removed);
}

/// A writer that died before it woke anybody leaves that to the next one.
pub fn next_writer_wakes() {
    let (world, mut dead) = Writer::begin(Size::default());
    let futex = Futex::new();
    let waiter = waiter(&world, &futex, 1);
    assert!(dead.commit_and_wake(&NoSleep));
    drop(dead);
    wake_all(world.control(), &*futex);
    assert_eq!(waiter.join().unwrap(), WaitOutcome::Newer(2));
}
