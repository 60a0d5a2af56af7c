//! Ctrl-C (and SIGTERM, SIGHUP): noticed where the tool can end well.

use core::time::Duration;
use shmframe_cli::{Exit, Failure};
use std::sync::OnceLock;
use std::thread;
use std::time::Instant;

/// When the tool was asked to end.
static INTERRUPTED: OnceLock<Instant> = OnceLock::new();

/// How often whoever waits looks whether it should end.
pub const LOOK: Duration = Duration::from_millis(50);

/// Signals that come so close together are one: `timeout` sends its own to the tool, and to the tool's group.
const ONE_SIGNAL: Duration = Duration::from_millis(500);

/// Takes note of Ctrl-C from now on. The second one ends the process at once: a segment is whole after any end.
pub fn listen() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.set(Instant::now()).is_err() && INTERRUPTED.get().is_some_and(is_long_ago) {
            std::process::exit(130);
        }
    })
}

fn is_long_ago(first: &Instant) -> bool {
    first.elapsed() > ONE_SIGNAL
}

/// Whether the tool was asked to end.
pub fn is_asked_for() -> bool {
    INTERRUPTED.get().is_some()
}

/// What is said then.
pub fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted")
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
