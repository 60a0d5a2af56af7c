//! A time limit for each test: what hangs is ended, and fails.
//!
//! When the time is up, the test's roles are killed, so that whoever waits for their answers goes on, and fails. If
//! the test itself hangs, the whole process ends a little later.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a test has to fail by itself after its roles were killed.
const GRACE: Duration = Duration::from_secs(20);

thread_local! {
    static CURRENT: RefCell<Option<Arc<Watched>>> = const { RefCell::new(None) };
}

/// What stands in the file system while tests run: removed before the process ends by force.
static REMEMBERED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The roles of one test.
#[derive(Debug, Default)]
pub struct Watched {
    roles: Mutex<Vec<Pid>>,
    expired: AtomicBool,
}

impl Watched {
    /// The roles of the test that runs on this thread.
    ///
    /// # Panics
    /// If the test has no watchdog.
    #[must_use]
    pub fn current() -> Arc<Self> {
        CURRENT.with_borrow(Clone::clone).expect("a test begins with Watchdog::seconds")
    }

    /// Adds a process that was just started.
    pub fn add(&self, role: Pid) {
        self.roles.lock().unwrap().push(role);
        if self.expired.load(SeqCst) {
            self.kill_all();
        }
    }

    /// Forgets a process that ended, before it is reaped: until then its number is not given to another one.
    pub fn forget(&self, role: Pid) {
        self.roles.lock().unwrap_or_else(PoisonError::into_inner).retain(|pid| *pid != role);
    }

    fn kill_all(&self) {
        for role in &*self.roles.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = kill(*role, Signal::SIGKILL);
        }
    }
}

/// Ends the test on this thread when its time is up.
#[derive(Debug)]
pub struct Watchdog {
    watched: Arc<Watched>,
    seconds: u64,
    done: Option<Sender<()>>,
}

impl Watchdog {
    /// Gives the test on this thread so many seconds.
    #[must_use]
    pub fn seconds(seconds: u64) -> Self {
        let watched = Arc::new(Watched::default());
        CURRENT.set(Some(Arc::clone(&watched)));
        let (done, waiter) = channel();
        let name = std::thread::current().name().unwrap_or("?").to_owned();
        let shared = Arc::clone(&watched);
        std::thread::spawn(move || {
            let up = |left| waiter.recv_timeout(left) == Err(RecvTimeoutError::Timeout);
            if !up(Duration::from_secs(seconds)) {
                return;
            }
            eprintln!("test {name}: {seconds} s are up, its roles are killed");
            shared.expired.store(true, SeqCst);
            shared.kill_all();
            if up(GRACE) {
                eprintln!("test {name} hangs: the process ends");
                clean_up();
                std::process::exit(101);
            }
        });
        Self { watched, seconds, done: Some(done) }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.done.take();
        CURRENT.set(None);
        let expired = self.watched.expired.load(SeqCst);
        assert!(!expired || std::thread::panicking(), "the test took longer than {} s", self.seconds);
    }
}

/// Fails if the time of the test on this thread is up: for loops that wait.
///
/// # Panics
/// If it is.
pub fn check() {
    let expired = |watched: &Arc<Watched>| watched.expired.load(SeqCst);
    assert!(!CURRENT.with_borrow(|current| current.as_ref().is_some_and(expired)), "the time is up");
}

/// Remembers a path that has to go even if the process ends by force.
pub fn remember(path: &Path) {
    REMEMBERED.lock().unwrap().push(path.to_owned());
}

fn clean_up() {
    for path in &*REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner) {
        let _ = nix::mount::umount2(path, nix::mount::MntFlags::MNT_DETACH);
        let _ = std::fs::remove_file(path);
        let _ = std::fs::remove_dir_all(path);
    }
}
