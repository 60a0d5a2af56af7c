//! A fork while another thread of the process makes the first use of the library.

use crate::process;
use crate::segment::{check_snapshot, open};
use crate::writing::create;
use anyhow::{Result, anyhow, ensure};
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the program that forks is told to play: a process makes one first use.
pub const ONE: &str = "one first use";

/// How far ahead of the fork the other thread is let go, microseconds: in one process after the other.
const AHEAD_OF_FORK: Range<u64> = 20..120;
/// What a process has in memory, bytes: the more pages there are, the longer a fork takes.
const BALLAST: usize = 64 << 20;
/// Seconds after which a child hangs.
const PATIENCE: u32 = 20;

/// Many processes, since a process has one first use, and a thread may be early or late for a fork.
pub fn many(directory: &Path) -> Result<()> {
    process::watch();
    let _writer = create(directory, 512)?;
    for ahead in AHEAD_OF_FORK {
        let time = ahead.to_string();
        let status = Command::new(std::env::current_exe()?)
            .args([ONE.as_ref(), directory.as_os_str(), time.as_ref()])
            .status()?;
        ensure!(status.success(), "{ahead} us ahead: {status}");
    }
    Ok(())
}

/// Set by the thread that forks, right before it does.
static FORKING: AtomicBool = AtomicBool::new(false);

/// How long that thread then lets the other one go ahead, microseconds.
static AHEAD: AtomicU64 = AtomicU64::new(0);

extern "C" fn say_so() {
    FORKING.store(true, Ordering::Relaxed);
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(AHEAD.load(Ordering::Relaxed)) {
        std::hint::spin_loop();
    }
}

/// A thread opens a segment while another one is in the middle of a fork; the child opens it, too.
pub fn one(directory: &Path, ahead: u64) -> Result<()> {
    process::watch();
    AHEAD.store(ahead, Ordering::Relaxed);
    nix::sys::prctl::set_thp_disable(true)?;
    let ballast = vec![1_u8; BALLAST];
    process::before_forks(say_so)?;
    let ready = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let opener = scope.spawn(|| {
            // What the first steps need of code and memory is there by now.
            let nowhere = open(&directory.join("nowhere"));
            ready.store(true, Ordering::Relaxed);
            while !FORKING.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            ensure!(nowhere.is_err(), "a segment where there is none");
            check_snapshot(&open(directory)?.snapshot()?)
        });
        while !ready.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
        let child = process::fork(|| {
            nix::unistd::alarm::set(PATIENCE);
            check_snapshot(&open(directory)?.snapshot()?)
        })?;
        process::wait(child)?;
        opener.join().map_err(|_| anyhow!("the thread panicked"))?
    })?;
    drop(std::hint::black_box(ballast));
    Ok(())
}
