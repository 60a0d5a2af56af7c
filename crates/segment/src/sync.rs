//! The words that processes share, and the words that threads share beside them.
//!
//! All atomics of the crate come from here, so that loom can take their place, steps can be counted, and a word of
//! a read-only mapping has no method that stores. Only relaxed loads are guaranteed on read-only memory (std,
//! `sync::atomic`, "Atomic accesses to read-only memory"): readers load relaxed and fence.

use crate::steps::{Step, step};

#[cfg(not(loom))]
use core::sync::atomic as base;
#[cfg(loom)]
use loom::sync::atomic as base;

pub(crate) use base::Ordering;

/// A memory fence.
#[inline]
pub(crate) fn fence(order: Ordering) {
    step(Step::Fence);
    #[cfg(loom)]
    total_order::before_fence(order);
    base::fence(order);
}

/// A word that can at least be read.
pub trait ReadWord: core::fmt::Debug {
    /// What it holds.
    type Value: Copy;
    /// A relaxed load.
    fn read(&self) -> Self::Value;
}

/// How a mapping may be used: which words it is made of.
pub trait Access: core::fmt::Debug + 'static {
    /// A word of 64 bits.
    type Word64: ReadWord<Value = u64>;
    /// A word of 32 bits.
    type Word32: ReadWord<Value = u32>;
}

/// A mapping that may only be read.
#[derive(Debug)]
pub enum ReadOnly {}

/// A mapping that may be written.
#[derive(Debug)]
pub enum ReadWrite {}

impl Access for ReadOnly {
    type Word64 = ReadOnlyWord64;
    type Word32 = ReadOnlyWord32;
}

impl Access for ReadWrite {
    type Word64 = Word64;
    type Word32 = Word32;
}

/// A relaxed load by a thread that is about to store.
///
/// Loom does not see that a store meets another thread's load if the storing thread has loaded the word in between.
/// An exchange that fails loads as well, and is seen.
macro_rules! newest {
    ($word:expr) => {{
        #[cfg(loom)]
        let value = $word
            .compare_exchange(!0, !0, Ordering::Relaxed, Ordering::Relaxed)
            .expect_err("no word of a model is all ones");
        #[cfg(not(loom))]
        let value = $word.load(Ordering::Relaxed);
        value
    }};
}

macro_rules! words {
    ($( $word:ident, $read_only:ident, $atomic:ident, $value:ty; )*) => { $(
        /// A shared word that may be stored to.
        #[derive(Debug)]
        #[repr(transparent)]
        pub struct $word(base::$atomic);

        impl ReadWord for $word {
            type Value = $value;
            #[inline]
            fn read(&self) -> $value {
                self.0.load(Ordering::Relaxed)
            }
        }

        #[allow(dead_code, reason = "one macro for both widths")]
        impl $word {
            /// A word outside shared memory, for models.
            #[cfg(any(loom, test))]
            #[must_use]
            pub fn new(value: $value) -> Self {
                Self(base::$atomic::new(value))
            }

            #[inline]
            pub(crate) fn load(&self, order: Ordering) -> $value {
                self.0.load(order)
            }

            /// What the one who writes this word stored last.
            #[inline]
            pub(crate) fn own(&self) -> $value {
                newest!(self.0)
            }

            #[inline]
            pub(crate) fn store(&self, value: $value, order: Ordering) {
                step(Step::Store);
                #[cfg(loom)]
                if death::has_struck() {
                    return;
                }
                self.0.store(value, order);
            }
        }

        #[allow(dead_code, reason = "one macro for both widths")]
        impl $word {
            /// Stores `value` if the word holds less. Several processes may do so at once.
            pub(crate) fn raise(&self, value: $value) {
                step(Step::Store);
                #[cfg(loom)]
                if death::has_struck() {
                    return;
                }
                self.0.fetch_max(value, Ordering::Relaxed);
            }
        }

        /// A shared word that stands in a read-only mapping: it cannot be stored to.
        #[derive(Debug)]
        #[repr(transparent)]
        pub struct $read_only(base::$atomic);

        impl ReadWord for $read_only {
            type Value = $value;
            #[inline]
            fn read(&self) -> $value {
                self.0.load(Ordering::Relaxed)
            }
        }
    )* };
}

words! {
    Word64, ReadOnlyWord64, AtomicU64, u64;
    Word32, ReadOnlyWord32, AtomicU32, u32;
}

/// A word of this process alone.
#[derive(Debug)]
pub(crate) struct LocalWord(base::AtomicU64);

impl LocalWord {
    pub(crate) fn new(value: u64) -> Self {
        Self(base::AtomicU64::new(value))
    }

    #[inline]
    pub(crate) fn load(&self, order: Ordering) -> u64 {
        sequential(order);
        self.0.load(order)
    }

    #[inline]
    pub(crate) fn store(&self, value: u64, order: Ordering) {
        self.0.store(value, order);
        sequential(order);
    }

    /// What the word probably holds; an exchange tells.
    #[inline]
    pub(crate) fn guess(&self) -> u64 {
        newest!(self.0)
    }

    #[inline]
    pub(crate) fn exchange(&self, current: u64, new: u64, order: Ordering) -> Result<u64, u64> {
        let failure = if order == Ordering::Relaxed { Ordering::Relaxed } else { Ordering::Acquire };
        let result = self.0.compare_exchange(current, new, order, failure);
        sequential(order);
        result
    }
}

/// Loom treats sequentially consistent accesses as acquire and release only.
#[inline(always)]
fn sequential(order: Ordering) {
    #[cfg(loom)]
    total_order::beside_access(order);
    #[cfg(not(loom))]
    let _ = order;
}

/// The single total order of what is sequentially consistent, which loom does not explore by itself.
///
/// A fence of loom's runs at once after the access before it, in one piece with it; and it searches orders of
/// accesses only. A read-modify-write of a word of its own in front of each such fence makes loom try the fences in
/// all orders, and lets other threads in between an access and its fence. The same beside an access stands for its
/// place in the order, without being a fence for the accesses around it.
#[cfg(loom)]
mod total_order {
    use super::base::{AtomicU32, Ordering};

    loom::lazy_static! {
        static ref FENCES: AtomicU32 = AtomicU32::new(0);
        static ref ACCESSES: AtomicU32 = AtomicU32::new(0);
    }

    pub(super) fn before_fence(order: Ordering) {
        if order == Ordering::SeqCst {
            FENCES.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn beside_access(order: Ordering) {
        if order == Ordering::SeqCst {
            ACCESSES.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// Processes that die in the middle of a protocol function, in the models: none of their later stores happens.
#[cfg(loom)]
pub mod death {
    use core::cell::Cell;
    use loom::thread::{ThreadId, current};

    std::thread_local! {
        // All threads of a model run on one.
        static DYING: Cell<Option<(ThreadId, usize)>> = const { Cell::new(None) };
    }

    /// Lets the calling thread of a model make so many stores to shared words, and no more.
    pub fn after(stores: usize) {
        DYING.set(Some((current().id(), stores)));
    }

    /// The calling thread goes on as another process. Returns whether the first one died.
    pub fn end() -> bool {
        DYING.take().is_some_and(|(_, left)| left == 0)
    }

    /// Whether the calling thread is dead; counts one store if it is not.
    pub(super) fn has_struck() -> bool {
        let dying = DYING.get().filter(|(thread, _)| *thread == current().id());
        match dying {
            None => false,
            Some((_, 0)) => true,
            Some((thread, left)) => {
                DYING.set(Some((thread, left - 1)));
                false
            }
        }
    }

    /// Whether the calling thread has no store left.
    #[must_use]
    pub fn is_near() -> bool {
        DYING.get().is_some_and(|(thread, left)| left == 0 && thread == current().id())
    }
}
