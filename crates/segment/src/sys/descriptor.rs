//! Files and directories, always relative to a directory descriptor, never through links, never inherited by exec.

use crate::steps::{Step, step};
use core::ops::Range;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, FallocateFlags, OFlag, RenameFlags};
use nix::sys::stat::{FileStat, Mode, SFlag};
use nix::unistd::Whence;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

type Result<T> = std::result::Result<T, Errno>;

/// Bytes that one call allocates at the most.
const SLICE: u64 = 64 << 20;

const COMMON: OFlag = OFlag::O_CLOEXEC.union(OFlag::O_NOFOLLOW);

pub(crate) fn open_path_directory(path: &Path) -> Result<OwnedFd> {
    step(Step::SystemCall);
    nix::fcntl::open(path, OFlag::O_CLOEXEC | OFlag::O_DIRECTORY | OFlag::O_RDONLY, Mode::empty())
}

pub(crate) fn open_directory(parent: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd> {
    step(Step::SystemCall);
    nix::fcntl::openat(parent, name, COMMON | OFlag::O_DIRECTORY | OFlag::O_RDONLY, Mode::empty())
}

pub(crate) fn open_file(directory: BorrowedFd<'_>, name: &str, write: bool) -> Result<OwnedFd> {
    step(Step::SystemCall);
    let access = if write { OFlag::O_RDWR } else { OFlag::O_RDONLY };
    nix::fcntl::openat(directory, name, COMMON | OFlag::O_NONBLOCK | access, Mode::empty())
}

/// Creates a file that must not be there yet.
pub(crate) fn create_file(directory: BorrowedFd<'_>, name: &str, mode: Mode) -> Result<OwnedFd> {
    step(Step::SystemCall);
    let file =
        nix::fcntl::openat(directory, name, COMMON | OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL, mode)?;
    set_mode(file.as_fd(), mode)?;
    Ok(file)
}

/// Sets the mode that was asked for, whatever the umask.
pub(crate) fn set_mode(file: BorrowedFd<'_>, mode: Mode) -> Result<()> {
    step(Step::SystemCall);
    nix::sys::stat::fchmod(file, mode)
}

/// Gives a file to a group.
pub(crate) fn set_group(file: BorrowedFd<'_>, group: u32) -> Result<()> {
    step(Step::SystemCall);
    nix::unistd::fchown(file, None, Some(nix::unistd::Gid::from_raw(group)))
}

pub(crate) fn make_directory(parent: BorrowedFd<'_>, name: &OsStr, mode: Mode) -> Result<()> {
    step(Step::SystemCall);
    nix::sys::stat::mkdirat(parent, name, mode)
}

pub(crate) fn status(file: BorrowedFd<'_>) -> Result<FileStat> {
    step(Step::SystemCall);
    nix::sys::stat::fstat(file)
}

/// The status of what stands at `name`; a link's own.
pub(crate) fn status_at(directory: BorrowedFd<'_>, name: &OsStr) -> Result<FileStat> {
    step(Step::SystemCall);
    nix::sys::stat::fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
}

/// Whether a status is that of a file of this kind: a regular one, a directory, a link.
pub(crate) fn is_of_kind(status: &FileStat, kind: SFlag) -> bool {
    SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT == kind
}

/// Renames within a directory; fails if `to` exists.
pub(crate) fn rename(directory: BorrowedFd<'_>, from: &OsStr, to: &OsStr) -> Result<()> {
    step(Step::SystemCall);
    nix::fcntl::renameat2(directory, from, directory, to, RenameFlags::RENAME_NOREPLACE)
}

pub(crate) fn remove_file(directory: BorrowedFd<'_>, name: &OsStr) -> Result<()> {
    step(Step::SystemCall);
    nix::unistd::unlinkat(directory, name, nix::unistd::UnlinkatFlags::NoRemoveDir)
}

pub(crate) fn remove_directory(parent: BorrowedFd<'_>, name: &OsStr) -> Result<()> {
    step(Step::SystemCall);
    nix::unistd::unlinkat(parent, name, nix::unistd::UnlinkatFlags::RemoveDir)
}

/// The names in a directory.
pub(crate) fn list(directory: BorrowedFd<'_>) -> Result<Vec<OsString>> {
    use std::os::unix::ffi::OsStrExt;
    step(Step::SystemCall);
    let own = nix::fcntl::openat(directory, ".", OFlag::O_CLOEXEC | OFlag::O_DIRECTORY, Mode::empty())?;
    let mut open = nix::dir::Dir::from_fd(own)?;
    let names = open.iter().map(|entry| Ok(OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned()));
    names.filter(|name| !matches!(name, Ok(name) if name == "." || name == "..")).collect()
}

pub(crate) fn set_length(file: BorrowedFd<'_>, length: u64) -> Result<()> {
    step(Step::SystemCall);
    nix::unistd::ftruncate(file, length.cast_signed())
}

/// Gives pages to `[offset, offset + length)`; those that are there already keep their contents.
///
/// In slices: an interrupted call gives its pages back, and a process with a busy timer would never finish a long one.
pub(crate) fn allocate(file: BorrowedFd<'_>, offset: u64, length: u64) -> Result<()> {
    let end = offset + length;
    let mut at = offset;
    while at < end {
        let slice = SLICE.min(end - at);
        range_call(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, at, slice)?;
        at += slice;
    }
    Ok(())
}

/// Gives the pages of `[offset, offset + length)` back to the system.
pub(crate) fn punch(file: BorrowedFd<'_>, offset: u64, length: u64) -> Result<()> {
    let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    range_call(file, flags, offset, length)
}

fn range_call(file: BorrowedFd<'_>, flags: FallocateFlags, offset: u64, length: u64) -> Result<()> {
    loop {
        step(Step::SystemCall);
        match nix::fcntl::fallocate(file, flags, offset.cast_signed(), length.cast_signed()) {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

pub(crate) fn write_at(file: BorrowedFd<'_>, bytes: &[u8], offset: u64) -> Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        step(Step::SystemCall);
        let at = offset + written as u64;
        match nix::sys::uio::pwrite(file, &bytes[written..], at.cast_signed()) {
            Ok(count) => written += count,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Up to `length` bytes at `offset`; fewer where the file ends.
pub(crate) fn read_at(file: BorrowedFd<'_>, length: usize, offset: u64) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let read = read_into(file, &mut bytes, offset)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Fills `bytes` from `offset` on; returns how many there were, fewer where the file ends.
pub(crate) fn read_into(file: BorrowedFd<'_>, bytes: &mut [u8], offset: u64) -> Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        step(Step::SystemCall);
        let at = offset + read as u64;
        match nix::sys::uio::pread(file, &mut bytes[read..], at.cast_signed()) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(read)
}

/// Bytes of the pages that a file has.
pub(crate) fn allocated(file: BorrowedFd<'_>) -> Result<u64> {
    Ok(status(file)?.st_blocks.cast_unsigned() * 512)
}

/// Which parts of a file have pages that were written to, by the system's word, ascending and apart.
///
/// The position of the descriptor changes, so it must be one that nobody reads by position.
pub(crate) fn data_ranges(file: BorrowedFd<'_>) -> Result<Vec<Range<u64>>> {
    let seek = |from: u64, what| {
        step(Step::SystemCall);
        nix::unistd::lseek(file, from.cast_signed(), what).map(i64::cast_unsigned)
    };
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        // ENXIO: nothing more, or the file was cut off meanwhile.
        let start = match seek(at, Whence::SeekData) {
            Err(Errno::ENXIO) => return Ok(found),
            start => start?,
        };
        let end = match seek(start, Whence::SeekHole) {
            Err(Errno::ENXIO) => return Ok(found),
            end => end?,
        };
        found.push(start..end);
        at = end;
    }
}

/// The magic number of the file system that a file lives on.
pub(crate) fn file_system(file: BorrowedFd<'_>) -> Result<i64> {
    step(Step::SystemCall);
    Ok(nix::sys::statfs::fstatfs(file)?.filesystem_type().0)
}

/// Bytes in all and bytes free of the file system that a file lives on.
pub(crate) fn space(file: BorrowedFd<'_>) -> Result<(u64, u64)> {
    step(Step::SystemCall);
    let status = nix::sys::statvfs::fstatvfs(file)?;
    Ok((status.blocks() * status.fragment_size(), status.blocks_available() * status.fragment_size()))
}

/// Random bytes of the kernel.
pub(crate) fn random() -> std::io::Result<[u8; 16]> {
    use std::io::Read;
    step(Step::SystemCall);
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The kernel's boot id.
pub(crate) fn boot_id() -> std::io::Result<[u8; 16]> {
    step(Step::SystemCall);
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let number = u128::from_str_radix(&digits, 16).map_err(std::io::Error::other)?;
    Ok(number.to_le_bytes())
}
