//! The facade's counter: every shared store, fence, bulk copy and system call passes here.
//!
//! Without the feature `steps` nothing of this is compiled in. With it, the process counts its steps, and can stop
//! or kill itself at the n-th: that is how the harness cuts a run at every step without anybody placing kill points.

/// What kind of step is about to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Step {
    /// A store to a word that other processes read.
    Store,
    /// A fence.
    Fence,
    /// A copy of bytes into the segment, or a slice of it handed out or taken back.
    Copy,
    /// A system call.
    SystemCall,
}

#[cfg(not(feature = "steps"))]
#[inline(always)]
pub(crate) fn step(_: Step) {}

#[cfg(feature = "steps")]
pub(crate) use counting::step;
#[cfg(feature = "steps")]
pub use counting::{Action, arm, bytes_copied, count, disarm, total};

#[cfg(feature = "steps")]
mod counting {
    use super::Step;
    use core::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};

    /// What happens at the armed step.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(u8)]
    pub enum Action {
        /// The process sends itself SIGKILL.
        Kill = 1,
        /// The process sends itself SIGSTOP.
        Stop = 2,
    }

    static COUNTS: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
    static BYTES: AtomicU64 = AtomicU64::new(0);
    /// Steps until the action; 0: not armed.
    static LEFT: AtomicU64 = AtomicU64::new(0);
    static ACTION: AtomicU8 = AtomicU8::new(0);

    /// Steps of one kind so far, in this process.
    #[must_use]
    pub fn count(step: Step) -> u64 {
        COUNTS[step as usize].load(SeqCst)
    }

    /// Steps of all kinds so far, in this process.
    #[must_use]
    pub fn total() -> u64 {
        COUNTS.iter().map(|count| count.load(SeqCst)).sum()
    }

    /// Bytes copied or handed out for writing so far, in this process.
    #[must_use]
    pub fn bytes_copied() -> u64 {
        BYTES.load(SeqCst)
    }

    /// Arms `action` for just before the `nth` step from now (1 is the next one).
    pub fn arm(nth: u64, action: Action) {
        ACTION.store(action as u8, SeqCst);
        LEFT.store(nth, SeqCst);
    }

    /// Takes an armed action back.
    pub fn disarm() {
        LEFT.store(0, SeqCst);
    }

    pub(crate) fn add_bytes(bytes: usize) {
        BYTES.fetch_add(bytes as u64, SeqCst);
    }

    pub(crate) fn step(step: Step) {
        COUNTS[step as usize].fetch_add(1, SeqCst);
        let armed = LEFT.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        if armed == Ok(1) {
            act();
        }
    }

    #[cold]
    fn act() {
        let signal = if ACTION.load(SeqCst) == Action::Kill as u8 { libc::SIGKILL } else { libc::SIGSTOP };
        // SAFETY: (outside the invariants) raise takes a signal number and nothing else.
        unsafe { libc::raise(signal) };
    }
}

/// Counts bytes that are copied into the segment or handed out for writing.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) fn copied(bytes: usize) {
    #[cfg(feature = "steps")]
    counting::add_bytes(bytes);
    #[cfg(not(feature = "steps"))]
    let _ = bytes;
}
