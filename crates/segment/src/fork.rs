//! What happens at `fork`: descriptors that carry locks are shared with the child, and a lock lives until all
//! copies of its descriptor are closed.
//!
//! One process-wide lock is held from `prepare` to the after-handlers of parent and child. Whoever opens a
//! descriptor that will carry a lock does so under it, until the descriptor is registered here; so a child never
//! has a copy that nobody knows of. Under the lock nothing is allocated and nothing foreign is called (an
//! allocator may have fork handlers of its own).
//!
//! The handlers are registered when the library is loaded, before anything of it can run. Registered at the first use,
//! a fork by another thread in the middle of that would leave a child without handlers, or with a registration that
//! nobody ends: it would wait for it for ever. Handlers that others register later, and whatever these do with
//! segments, come before ours in `prepare` and after ours in parent and child; so they find everything usable.

use crate::files::location::Identity;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use nix::errno::Errno;

/// Something that holds such descriptors. The handlers run under the fork lock; they neither allocate nor lock.
pub(crate) trait AtFork: core::fmt::Debug + Sync {
    /// Before the fork.
    fn prepare(&self);
    /// After it, in the parent.
    fn parent(&self);
    /// After it, in the child, which has one thread.
    fn child(&self);
    /// Whether the object holds the writer lease of the segment whose directory this is.
    fn holds_lease(&self, _: Identity) -> bool {
        false
    }
    /// The object, if it is a reader's attachment.
    fn attachment(&self) -> Option<&crate::reading::attachment::Attachment> {
        None
    }
}

struct Shared {
    lock: UnsafeCell<libc::pthread_mutex_t>,
    objects: UnsafeCell<Vec<*const dyn AtFork>>,
}

// SAFETY: (outside the invariants) `objects` is reached only under `lock`; the mutex is made to be shared.
unsafe impl Sync for Shared {}

static SHARED: Shared =
    Shared { lock: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER), objects: UnsafeCell::new(Vec::new()) };

/// What registering the handlers came to: an error number, or 0. Until then the library is not loaded.
static REGISTERED: AtomicI32 = AtomicI32::new(libc::EAGAIN);

/// See [`forks`].
static FORKS: AtomicU64 = AtomicU64::new(0);

/// How many forks lie between this process and the one that loaded the library: tells a child from its parent, also
/// where both have the same pid in namespaces of their own.
#[must_use]
pub fn forks() -> u64 {
    // The child stores it before it has a second thread.
    FORKS.load(Ordering::Relaxed)
}

/// One of the functions that the loader calls for each program or library that it has loaded, also one that is loaded
/// by `dlopen`, before `main` or `dlopen` goes on. At `dlclose` the C library drops a library's handlers.
#[used]
// SAFETY: (outside the invariants) the section holds pointers to functions like this one; it uses nothing of the
// standard library, which may not be ready, and only a static that no code has to make.
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = at_load;

extern "C" fn at_load() {
    // SAFETY: (outside the invariants) three functions that live as long as the library.
    let error = unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    REGISTERED.store(error, Ordering::Relaxed);
}

/// Whether forks are handled: no descriptor may carry a lock where they are not.
///
/// # Errors
/// What kept the handlers from being registered: there was no memory for them.
pub(crate) fn check_handlers() -> nix::Result<()> {
    match REGISTERED.load(Ordering::Relaxed) {
        0 => Ok(()),
        error => Err(Errno::from_raw(error)),
    }
}

/// Holds the fork lock.
pub(crate) struct ForkLock(());

impl ForkLock {
    /// Waits for the fork lock. Not to be called while holding it.
    pub(crate) fn take() -> Self {
        lock();
        Self(())
    }

    fn objects(&mut self) -> &mut Vec<*const dyn AtFork> {
        // SAFETY: (outside the invariants) the lock is held, and borrowed exclusively.
        unsafe { &mut *SHARED.objects.get() }
    }

    /// The objects that were registered, one by one.
    pub(crate) fn each(&mut self, mut visit: impl FnMut(&dyn AtFork)) {
        for object in self.objects() {
            // SAFETY: (outside the invariants) a registered object lives until it is unregistered under the lock.
            visit(unsafe { &**object });
        }
    }
}

impl Drop for ForkLock {
    fn drop(&mut self) {
        unlock();
    }
}

fn lock() {
    // SAFETY: (outside the invariants) a statically initialised mutex.
    unsafe { libc::pthread_mutex_lock(SHARED.lock.get()) };
}

fn unlock() {
    // SAFETY: (outside the invariants) the calling thread holds the mutex; in a child, the forking thread does.
    unsafe { libc::pthread_mutex_unlock(SHARED.lock.get()) };
}

/// Keeps an object registered; it must not move or die before.
#[derive(Debug)]
pub(crate) struct Registration(*const dyn AtFork);

// SAFETY: (outside the invariants) the pointer is only compared; the object is `Sync`.
unsafe impl Send for Registration {}
// SAFETY: (outside the invariants) as above.
unsafe impl Sync for Registration {}

// The object is never reached through it.
impl core::panic::RefUnwindSafe for Registration {}
// As above.
impl core::panic::UnwindSafe for Registration {}

impl Registration {
    /// Registers an object.
    ///
    /// # Safety
    /// 1. The object stays where it is, alive, until the registration is dropped.
    pub(crate) unsafe fn new(object: *const dyn AtFork) -> Self {
        let mut larger = Vec::new();
        loop {
            let mut lock = ForkLock::take();
            let objects = lock.objects();
            if larger.capacity() > objects.capacity() {
                larger.append(objects);
                core::mem::swap(objects, &mut larger);
            }
            if objects.len() < objects.capacity() {
                objects.push(object);
                return Self(object);
            }
            let capacity = (objects.capacity() * 2).max(16);
            drop(lock);
            // Allocated outside the lock.
            larger = Vec::with_capacity(capacity);
        }
    }
}

impl Registration {
    /// Ends the registration; `close` lets go of the object's descriptors before any fork can see them unregistered.
    pub(crate) fn end(self, close: impl FnOnce()) {
        let mut lock = ForkLock::take();
        close();
        self.remove(&mut lock);
        core::mem::forget(self);
    }

    fn remove(&self, lock: &mut ForkLock) {
        let objects = lock.objects();
        if let Some(at) = objects.iter().position(|object| core::ptr::addr_eq(*object, self.0)) {
            objects.swap_remove(at);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.remove(&mut ForkLock::take());
    }
}

extern "C" fn prepare() {
    lock();
    ForkLockInHandler::each(|object| object.prepare());
}

extern "C" fn parent() {
    ForkLockInHandler::each(|object| object.parent());
    unlock();
}

extern "C" fn child() {
    FORKS.store(forks() + 1, Ordering::Relaxed);
    ForkLockInHandler::each(|object| object.child());
    unlock();
}

/// The lock as the handlers hold it: from one of them to the next.
struct ForkLockInHandler;

impl ForkLockInHandler {
    fn each(visit: impl FnMut(&dyn AtFork)) {
        let mut lock = core::mem::ManuallyDrop::new(ForkLock(()));
        lock.each(visit);
    }
}

/// Closes a descriptor in a fork handler: the number alone is known there.
pub(crate) fn close_raw(descriptor: i32) {
    crate::steps::step(crate::steps::Step::SystemCall);
    // SAFETY: (I5) the caller owns the descriptor's number and forgets it.
    unsafe { libc::close(descriptor) };
}
