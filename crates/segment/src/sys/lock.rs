//! Open-file-description locks: the kernel drops them when the last copy of their descriptor is closed, which is
//! at the latest when the process ends (I5).
//!
//! A descriptor that carries a lock is opened for nothing else: a mapping of it, or a copy in a child, would keep
//! the lock alive.

use crate::steps::{Step, step};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use std::os::fd::BorrowedFd;

/// Locks byte `byte` of a file for itself alone; false if somebody else holds it.
pub(crate) fn try_lock(file: BorrowedFd<'_>, byte: u64) -> Result<bool, Errno> {
    set(file, libc::F_WRLCK, byte)
}

/// Locks byte `byte` of a file beside others that share it; false if somebody holds it alone.
pub(crate) fn try_share(file: BorrowedFd<'_>, byte: u64) -> Result<bool, Errno> {
    set(file, libc::F_RDLCK, byte)
}

fn set(file: BorrowedFd<'_>, kind: i32, byte: u64) -> Result<bool, Errno> {
    step(Step::SystemCall);
    match fcntl(file, FcntlArg::F_OFD_SETLK(&range(kind, byte))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Lets go of byte `byte`, in all copies of the descriptor.
pub(crate) fn unlock(file: BorrowedFd<'_>, byte: u64) -> Result<(), Errno> {
    step(Step::SystemCall);
    fcntl(file, FcntlArg::F_OFD_SETLK(&range(libc::F_UNLCK, byte))).map(drop)
}

/// Whether somebody else holds byte `byte` alone. Works on a descriptor that is open for reading only.
pub(crate) fn is_locked(file: BorrowedFd<'_>, byte: u64) -> Result<bool, Errno> {
    stands_against(file, libc::F_RDLCK, byte)
}

/// Whether somebody else holds byte `byte`, alone or shared.
pub(crate) fn is_held(file: BorrowedFd<'_>, byte: u64) -> Result<bool, Errno> {
    stands_against(file, libc::F_WRLCK, byte)
}

fn stands_against(file: BorrowedFd<'_>, kind: i32, byte: u64) -> Result<bool, Errno> {
    step(Step::SystemCall);
    let mut asked = range(kind, byte);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut asked))?;
    Ok(i32::from(asked.l_type) != libc::F_UNLCK)
}

fn range(kind: i32, byte: u64) -> libc::flock {
    libc::flock {
        l_type: kind as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: byte.cast_signed(),
        l_len: 1,
        l_pid: 0,
    }
}
