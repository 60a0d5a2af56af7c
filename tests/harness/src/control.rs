//! What a test and its roles share: words, a start gate and an oracle, in a block of memory that has nothing to do
//! with the code under test. The crates are `shared_memory` and `raw_sync`.
//!
//! Rules that come with them: timeouts are whole seconds (`raw_sync` gets fractions wrong), and nobody kills a process
//! that may be at the gate or in the oracle (its locks are not robust). Roles that will be killed write their
//! progress to [`Control::words`] instead.
#![allow(unsafe_code, reason = "the two crates hand out raw memory; this module alone touches it")]

use crate::watchdog;
use raw_sync::Timeout;
use raw_sync::events::{Event, EventImpl, EventInit, EventState};
use raw_sync::locks::{LockInit, Mutex};
use shared_memory::{Shmem, ShmemConf};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// The environment variable that tells a role which block to open.
pub const CONTROL_VARIABLE: &str = "SHMFRAME_HARNESS_CONTROL";

/// How many words a block has.
pub const WORDS: usize = 32;
/// How many numbers the oracle keeps.
pub const ORACLE: usize = 32;

const GATE_OFFSET: usize = 512;
const LOCK_OFFSET: usize = 1024;
const ORACLE_OFFSET: usize = 2048;
const SIZE: usize = 4096;
const _: () = assert!(WORDS * 8 <= GATE_OFFSET && ORACLE_OFFSET + ORACLE * 8 <= SIZE);

/// What the words mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Word {
    /// Not zero: streaming roles end.
    Stop,
    /// The version whose commit was begun last.
    Announced,
    /// The version whose commit returned last.
    Committed,
    /// Steps that a workload took.
    Steps,
    /// Not zero: the workload ended.
    Done,
    /// Distinct versions that a role holds.
    Held,
    /// Looks that streaming readers took, all of them together.
    Looks,
}

/// What the oracle counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Tally {
    /// Snapshots that readers checked.
    Checked,
    /// The newest version that a reader saw.
    Newest,
    /// Creators that won.
    Won,
    /// Creators that were told that the segment exists.
    Exists,
    /// Commits that succeeded.
    Commits,
}

/// One block, created by a test or opened by a role.
pub struct Control {
    memory: Shmem,
}

impl Control {
    /// Creates a block; it goes when this value does.
    #[must_use]
    pub fn create() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let id = format!("/shmframe-harness-{}-{}", std::process::id(), COUNT.fetch_add(1, SeqCst));
        let memory = ShmemConf::new().os_id(id).size(SIZE).create().unwrap();
        watchdog::remember(&Path::new("/dev/shm").join(memory.get_os_id().trim_start_matches('/')));
        let control = Self { memory };
        // SAFETY: (outside the invariants) fresh zeroed memory of this block with room for the event, used by
        // nobody yet.
        let gate = unsafe { Event::new(control.at(GATE_OFFSET), false) };
        gate.unwrap();
        // SAFETY: (outside the invariants) as above, for the lock; the oracle stands in the same block.
        let lock = unsafe { Mutex::new(control.at(LOCK_OFFSET), control.at(ORACLE_OFFSET)) };
        lock.unwrap();
        control
    }

    /// Opens the block that the environment names.
    #[must_use]
    pub fn from_environment() -> Self {
        let id = std::env::var(CONTROL_VARIABLE).unwrap();
        let memory = ShmemConf::new().os_id(id).open().unwrap();
        assert!(memory.len() >= SIZE, "the control block has {} bytes", memory.len());
        Self { memory }
    }

    /// By what name a role finds it.
    #[must_use]
    pub fn id(&self) -> &str {
        self.memory.get_os_id()
    }

    fn at(&self, offset: usize) -> *mut u8 {
        assert!(offset < SIZE);
        // SAFETY: (outside the invariants) the block is mapped and at least SIZE bytes long.
        unsafe { self.memory.as_ptr().add(offset) }
    }

    /// The words: what processes that will be killed write.
    #[must_use]
    pub fn words(&self) -> &[AtomicU64; WORDS] {
        // SAFETY: (outside the invariants) mapped for as long as the block, page-aligned, and accessed as atomics only.
        unsafe { &*self.at(0).cast() }
    }

    /// One word.
    #[must_use]
    pub fn word(&self, word: Word) -> &AtomicU64 {
        &self.words()[word as usize]
    }

    /// The value of a word.
    #[must_use]
    pub fn get(&self, word: Word) -> u64 {
        self.word(word).load(SeqCst)
    }

    /// Sets a word.
    pub fn set(&self, word: Word, value: u64) {
        self.word(word).store(value, SeqCst);
    }

    /// Waits until a word is at least `least`; the test's watchdog ends it.
    pub fn wait_until(&self, word: Word, least: u64) {
        while self.get(word) < least {
            watchdog::check();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sets all words to zero.
    pub fn clear(&self) {
        self.words().iter().for_each(|word| word.store(0, SeqCst));
    }

    fn gate(&self) -> Box<dyn EventImpl> {
        // SAFETY: (outside the invariants) `create` made an event there.
        unsafe { Event::from_existing(self.at(GATE_OFFSET)) }.unwrap().0
    }

    /// Lets all who wait at the gate go, and those who come later.
    pub fn open_gate(&self) {
        self.gate().set(EventState::Signaled).unwrap();
    }

    /// Closes the gate again.
    pub fn close_gate(&self) {
        self.gate().set(EventState::Clear).unwrap();
    }

    /// Waits at the gate, for this many seconds at the most.
    pub fn wait_at_gate(&self, seconds: u64) {
        self.gate().wait(Timeout::Val(Duration::from_secs(seconds))).unwrap();
    }

    fn oracle<T>(&self, look: impl FnOnce(&mut [u64; ORACLE]) -> T) -> T {
        // SAFETY: (outside the invariants) `create` made a lock there.
        let lock = unsafe { Mutex::from_existing(self.at(LOCK_OFFSET), self.at(ORACLE_OFFSET)) }.unwrap().0;
        let guard = lock.try_lock(Timeout::Val(Duration::from_secs(30))).unwrap();
        let numbers: *mut [u64; ORACLE] = (*guard).cast();
        // SAFETY: (outside the invariants) mapped, aligned, and reached under the lock alone, which is held.
        look(unsafe { &mut *numbers })
    }

    /// Adds to a number of the oracle.
    pub fn count(&self, tally: Tally, add: u64) {
        self.oracle(|numbers| numbers[tally as usize] += add);
    }

    /// Raises a number of the oracle.
    pub fn raise(&self, tally: Tally, to: u64) {
        self.oracle(|numbers| numbers[tally as usize] = numbers[tally as usize].max(to));
    }

    /// A number of the oracle.
    #[must_use]
    pub fn tally(&self, tally: Tally) -> u64 {
        self.oracle(|numbers| numbers[tally as usize])
    }
}
