//! Ctrl-C (and SIGTERM, SIGHUP): noticed where the tool can end well.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::thread;
use std::time::Instant;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How often whoever waits looks whether it should end.
pub const LOOK: Duration = Duration::from_millis(50);

/// Takes note of Ctrl-C from now on. The second one ends the process at once: a segment is whole after any end.
pub fn listen() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
}

/// Whether the tool was asked to end.
pub fn is_asked_for() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Waits so long, or until the tool is asked to end.
pub fn sleep(time: Duration) {
    let end = Instant::now() + time;
    while !is_asked_for() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        thread::sleep(left.min(LOOK));
    }
}
