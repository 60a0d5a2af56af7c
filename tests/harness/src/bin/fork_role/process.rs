//! Forks, kills and waits. The one place of these roles that says `unsafe`.
#![allow(
    unsafe_code,
    reason = "a real fork, and an end that runs nothing of the parent's, have no safe form"
)]

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Seconds after which a process of these roles ends, whatever it hangs in.
const WATCHDOG: u32 = 300;

/// Ends this process by a signal when it takes too long: a hang fails its test and leaves nothing behind.
pub fn watch() {
    nix::unistd::alarm::set(WATCHDOG);
}

/// Orphans of this process become its children, so that it can wait for them.
pub fn adopt_orphans() -> Result<()> {
    nix::sys::prctl::set_child_subreaper(true).context("become the parent of orphans")
}

/// Kills this process when its parent dies. For children whose test does not kill the parent.
pub fn die_with_parent() -> Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).context("ask for the parent's death")
}

/// Forks. The child plays `role` and ends with it; nothing of the parent's frames is dropped in the child.
pub fn fork(role: impl FnOnce() -> Result<()>) -> Result<Pid> {
    // SAFETY: the child only plays its role. Where other threads run at the fork, a role takes no lock of theirs but
    // the allocator's, which the C library hands over.
    let pid = unsafe { libc::fork() };
    if pid != 0 {
        return Errno::result(pid).map(Pid::from_raw).context("fork");
    }
    watch();
    let code = match catch_unwind(AssertUnwindSafe(role)) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => {
            eprintln!("process {}: {error:?}", std::process::id());
            1
        }
        Err(_) => 101,
    };
    // SAFETY: ends the process at once; what the parent's frames own is theirs.
    unsafe { libc::_exit(code) }
}

/// Has `handler` called by each thread that is about to fork.
pub fn before_forks(handler: extern "C" fn()) -> Result<()> {
    // C calls it through a pointer that says less of what it is.
    let handler: unsafe extern "C" fn() = handler;
    // SAFETY: a function lives as long as the program.
    let error = unsafe { libc::pthread_atfork(Some(handler), None, None) };
    ensure!(error == 0, "no handler: {}", Errno::from_raw(error));
    Ok(())
}

/// Waits for a child that ends well.
pub fn wait(child: Pid) -> Result<()> {
    match waitpid(child, None).context("wait for a child")? {
        WaitStatus::Exited(_, 0) => Ok(()),
        status => bail!("a child ended badly: {status:?}"),
    }
}

/// Waits for a child that was killed.
pub fn wait_killed(child: Pid) -> Result<()> {
    let status = waitpid(child, None).context("wait for a killed child")?;
    ensure!(matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _)), "not killed: {status:?}");
    Ok(())
}

/// Kills a process of this test.
pub fn kill(process: Pid) -> Result<()> {
    nix::sys::signal::kill(process, Signal::SIGKILL).context("kill")
}

/// Kills a child and waits for it: afterwards the kernel has closed all that it had open.
pub fn end(child: Pid) -> Result<()> {
    kill(child)?;
    wait_killed(child)
}

/// How many descriptors this process has open.
pub fn open_descriptors() -> Result<usize> {
    // The listing itself has one open.
    Ok(std::fs::read_dir("/proc/self/fd")?.count() - 1)
}
