//! Sleeping on a shared word: the futex call, never the process-private kind.

use crate::protocol::Sleep;
use crate::steps::{Step, step};
use crate::sync::{ReadWord, Word32};
use core::time::Duration;

/// Sleeps in the kernel. Works on a read-only mapping too.
#[derive(Clone, Copy, Debug)]
pub struct Futex;

impl Sleep for Futex {
    fn sleep<W: ReadWord<Value = u32>>(&self, word: &W, expected: u32, cap: Duration) {
        const { assert!(size_of::<W>() == size_of::<u32>()) };
        step(Step::SystemCall);
        let timeout = libc::timespec {
            tv_sec: cap.as_secs().min(1 << 30) as libc::time_t,
            tv_nsec: libc::c_long::from(cap.subsec_nanos().cast_signed()),
        };
        // Interrupted, woken, timed out or changed: the caller looks again in every case.
        // SAFETY: (I6) `word` is four mapped, aligned bytes for as long as it is borrowed; FUTEX_WAIT only reads
        // them, and `timeout` outlives the call.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                core::ptr::from_ref(word).cast::<u32>(),
                libc::FUTEX_WAIT,
                expected,
                &raw const timeout,
            )
        };
    }

    fn wake(&self, word: &Word32) {
        step(Step::SystemCall);
        // SAFETY: (I6) `word` is four mapped, aligned bytes; FUTEX_WAKE uses only their address.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                core::ptr::from_ref(word).cast::<u32>(),
                libc::FUTEX_WAKE,
                i32::MAX,
            )
        };
    }
}
