//! Where a segment stands: its directory, how it is found, and what is refused on the way (`docs/security.md`).

use crate::files::file_systems::{self, Suitability};
use crate::sys::{descriptor, limits};
use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag};
use shmframe_format::header::{Header, RegistryClaims, Role, look_at_registry};
use shmframe_format::name::check_segment_name;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The directory that holds segments, unless `SHMFRAME_DIR` or an option names another one.
pub const DEFAULT_DIRECTORY: &str = "/dev/shm";
/// How often an opener starts again at the name when others create and remove meanwhile.
pub(crate) const ATTEMPTS: usize = 1000;
/// The environment variable that names another directory.
pub const DIRECTORY_VARIABLE: &str = "SHMFRAME_DIR";

pub(crate) const DATA: &str = "data";
pub(crate) const READERS: &str = "readers";
pub(crate) const LEASE: &str = "lease";

/// A segment's name and the directory that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    parent: PathBuf,
    name: String,
    trust: Trust,
}

/// Whose segments are opened without a copy: the caller's own and root's, and those named here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// User ids of further owners that the caller trusts not to change or truncate what they published.
    pub owners: Vec<u32>,
    /// Opens segments on file systems that shmframe is not checked on. Those of a network are refused in any case.
    pub any_file_system: bool,
}

#[derive(Debug)]
enum LocationKind {
    NoParent { path: PathBuf },
    Missing { name: String },
    Exists { name: String },
    Link { found: &'static str },
    Owner { uid: u32 },
    Denied { what: &'static str, registry: bool },
    FileSystem { magic: i64 },
    NetworkFileSystem { magic: i64 },
    Incomplete { file: &'static str },
    Boot,
    Full { what: &'static str },
    System { what: &'static str, errno: Errno },
}

impl Describe for LocationKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoParent { .. } | Self::Missing { .. } => ErrorKind::Missing,
            Self::Exists { .. } => ErrorKind::Exists,
            Self::Link { .. } => ErrorKind::LinkInTheWay,
            Self::Owner { .. } => ErrorKind::ForeignOwner,
            Self::Denied { registry: false, .. } => ErrorKind::PermissionDenied,
            Self::Denied { registry: true, .. } => ErrorKind::RegistryPermissionDenied,
            Self::FileSystem { .. } | Self::NetworkFileSystem { .. } => ErrorKind::UnsupportedFileSystem,
            Self::Incomplete { .. } => ErrorKind::NotASegment,
            Self::Boot => ErrorKind::OtherBoot,
            Self::Full { .. } => ErrorKind::DirectoryFull,
            Self::System { .. } => ErrorKind::System,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::NoParent { path } => Report::new(
                "no directory for segments",
                "an existing directory",
                format!("nothing at {}", path.display()),
                format!("create it, or name another one by option or {DIRECTORY_VARIABLE}"),
            ),
            Self::Missing { name } => Report::new(
                format!("no segment {name:?}"),
                "a segment of this name",
                "none",
                "check name and directory, let a writer create it (open_or_create), or let a reader wait for it (open_within)",
            ),
            Self::Exists { name } => Report::new(
                format!("segment {name:?} exists"),
                "a free name",
                "a segment",
                "open it, use open_or_create, or remove it first",
            ),
            Self::Link { found } => Report::new(
                "something else stands where the segment should",
                "a directory with the regular files data, readers and lease",
                *found,
                "remove what stands there; links are never followed",
            ),
            Self::Owner { uid } => Report::new(
                "the segment belongs to somebody else",
                "the caller or root as its owner",
                format!("user id {uid}"),
                "trust that owner by option: they can change or truncate what you read; or copy what you need",
            ),
            Self::Denied { what, registry: false } => Report::new(
                format!("no permission to {what}"),
                "access to the segment's directory and files",
                "EACCES",
                "ask its owner for access (mode or group of the segment)",
            ),
            Self::Denied { what, registry: true } => Report::new(
                format!("no permission to {what}"),
                "read and write access to the reader registry: readers leave their pins there",
                "EACCES",
                "ask the segment's owner for write access to `readers`; `data` needs read access only",
            ),
            Self::FileSystem { magic } => Report::new(
                "file system that segments are not checked on",
                "tmpfs, ext4 or xfs",
                file_systems::name(*magic),
                "choose another directory, or allow any local file system by option",
            ),
            Self::NetworkFileSystem { magic } => Report::new(
                "segments never work on a network file system: readers and writer would not see each other's locks",
                "tmpfs, ext4 or xfs",
                file_systems::name(*magic),
                "choose a directory of this machine, such as /dev/shm",
            ),
            Self::Incomplete { file } => Report::new(
                "not a whole segment",
                format!("a file {file:?} in the directory"),
                "none",
                "remove the directory",
            ),
            Self::Boot => Report::new(
                "segment of another boot",
                "a segment made since the machine was started",
                "an older one, whose pages may be torn",
                "remove it and create it again",
            ),
            Self::Full { what } => Report::new(
                format!("no space to {what}"),
                "free memory in the file system that holds segments",
                "none",
                "remove segments, or enlarge it (mount -o remount,size=; docker run --shm-size)",
            ),
            Self::System { what, errno } => Report::new(
                format!("the system refused to {what}"),
                "success",
                format!("{errno}"),
                "see the cause",
            ),
        }
    }
}

/// Turns a failed call into the project's error.
pub(crate) fn refused(what: &'static str, errno: Errno) -> Error {
    refused_for(what, errno, false)
}

fn refused_for(what: &'static str, errno: Errno, registry: bool) -> Error {
    let error: Error = match errno {
        Errno::EACCES | Errno::EPERM | Errno::EROFS => LocationKind::Denied { what, registry }.into(),
        Errno::EMFILE | Errno::ENFILE => limits::no_descriptors(),
        Errno::ENOSPC | Errno::EDQUOT => LocationKind::Full { what }.into(),
        Errno::ELOOP | Errno::ENOTDIR | Errno::EISDIR | Errno::ENXIO => {
            LocationKind::Link { found: "a link, or a file of another kind" }.into()
        }
        _ => LocationKind::System { what, errno }.into(),
    };
    error.because(errno)
}

/// `directory`, or the one that holds segments unless asked otherwise.
pub(crate) fn parent_of_segments(directory: Option<&Path>) -> PathBuf {
    let usual =
        || std::env::var_os(DIRECTORY_VARIABLE).map_or_else(|| DEFAULT_DIRECTORY.into(), PathBuf::from);
    directory.map_or_else(usual, Path::to_owned)
}

/// The directory that holds segments, on whatever file system: for looking by copying.
pub(crate) fn open_parent_to_look(parent: &Path) -> Result<OwnedFd> {
    descriptor::open_path_directory(parent).map_err(|errno| match errno {
        Errno::ENOENT => LocationKind::NoParent { path: parent.to_owned() }.into(),
        _ => refused("open the directory for segments", errno).at(parent.display()),
    })
}

impl Location {
    /// The segment `name` in `directory`, or in `SHMFRAME_DIR`, or in `/dev/shm`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`].
    pub fn new(directory: Option<&Path>, name: &str, trust: Trust) -> Result<Self> {
        check_segment_name(name)?;
        Ok(Self { parent: parent_of_segments(directory), name: name.to_owned(), trust })
    }

    /// The segment's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The segment's directory.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.parent.join(self.directory_name())
    }

    pub(crate) fn directory_name(&self) -> OsString {
        format!("{}.shmf", self.name).into()
    }

    /// The directory that holds segments; its file system is one that they are checked on.
    pub(crate) fn open_parent(&self) -> Result<OwnedFd> {
        let opened = open_parent_to_look(&self.parent)?;
        let magic = descriptor::file_system(opened.as_fd());
        let magic = magic.map_err(|errno| refused("ask for the file system", errno))?;
        let kind = match file_systems::suitability(magic) {
            Suitability::Checked => return Ok(opened),
            Suitability::Unchecked if self.trust.any_file_system => return Ok(opened),
            Suitability::Unchecked => LocationKind::FileSystem { magic },
            Suitability::Network => LocationKind::NetworkFileSystem { magic },
        };
        Err(Error::from(kind).at(self.parent.display()))
    }

    /// The segment's directory, if it is one and its owner is trusted.
    pub(crate) fn open_directory(&self) -> Result<SegmentDirectory> {
        let (directory, status) = self.open_directory_in(&self.open_parent()?)?;
        directory.check_owner(&status)?;
        Ok(directory)
    }

    /// The segment's directory, whoever owns it, on whatever file system: for looking by copying alone. What is mapped is
    /// opened by [`Location::open_directory`].
    pub(crate) fn open_foreign_directory(&self) -> Result<(SegmentDirectory, FileStat)> {
        self.open_directory_in(&open_parent_to_look(&self.parent)?)
    }

    fn open_directory_in(&self, parent: &OwnedFd) -> Result<(SegmentDirectory, FileStat)> {
        let name = self.directory_name();
        let opened = descriptor::open_directory(parent.as_fd(), &name).map_err(|errno| match errno {
            Errno::ENOENT => LocationKind::Missing { name: self.name.clone() }.into(),
            _ => refused("open the segment", errno),
        });
        let fd = opened.map_err(|error| error.at(self.path().display()))?;
        let status = descriptor::status(fd.as_fd()).map_err(|errno| refused("ask for the owner", errno))?;
        let directory = SegmentDirectory { fd, identity: Identity::of(&status), location: self.clone() };
        Ok((directory, status))
    }

    pub(crate) fn exists(&self) -> Error {
        Error::from(LocationKind::Exists { name: self.name.clone() }).at(self.path().display())
    }
}

/// What makes two paths lead to the same file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(crate) fn of(status: &FileStat) -> Self {
        Self { device: status.st_dev, inode: status.st_ino }
    }
}

/// An open segment directory. Everything in it is opened through its descriptor.
#[derive(Debug)]
pub(crate) struct SegmentDirectory {
    pub(crate) fd: OwnedFd,
    pub(crate) identity: Identity,
    pub(crate) location: Location,
}

impl SegmentDirectory {
    /// Whether the name still leads here.
    pub(crate) fn is_current(&self) -> Result<bool> {
        let parent = open_parent_to_look(&self.location.parent)?;
        match descriptor::status_at(parent.as_fd(), &self.location.directory_name()) {
            Ok(status) => Ok(Identity::of(&status) == self.identity),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(refused("look at the segment", errno)),
        }
    }

    /// What came of opening something in here; nothing if it failed because the name leads elsewhere by now: then
    /// start again at the name.
    pub(crate) fn or_again<T>(&self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.is_current()? => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn check_owner(&self, status: &FileStat) -> Result<()> {
        let caller = nix::unistd::geteuid().as_raw();
        let trusted =
            [0, caller].contains(&status.st_uid) || self.location.trust.owners.contains(&status.st_uid);
        if trusted {
            return Ok(());
        }
        Err(Error::from(LocationKind::Owner { uid: status.st_uid }).at(self.location.path().display()))
    }

    /// Opens one of the segment's files: a regular file of a trusted owner.
    pub(crate) fn open_file(&self, name: &'static str, write: bool) -> Result<(OwnedFd, u64)> {
        match self.open_unchecked_file(name, write) {
            Ok(opened) => self.check_file(name, opened.as_fd()).map(|length| (opened, length)),
            Err(errno) => Err(self.file_refused(name, errno)),
        }
    }

    /// Opens one of the segment's files, whatever it is; allocates nothing, so that it can run under the fork lock.
    pub(crate) fn open_unchecked_file(&self, name: &'static str, write: bool) -> nix::Result<OwnedFd> {
        descriptor::open_file(self.fd.as_fd(), name, write)
    }

    /// The error of one of the segment's files that could not be opened.
    pub(crate) fn file_refused(&self, name: &'static str, errno: Errno) -> Error {
        let error = match errno {
            Errno::ENOENT => LocationKind::Incomplete { file: name }.into(),
            _ => refused_for(opening(name), errno, name == READERS),
        };
        error.at(self.location.path().join(name).display())
    }

    /// Checks that one of the segment's files is regular and has a trusted owner; returns its length in bytes.
    pub(crate) fn check_file(&self, name: &'static str, opened: BorrowedFd<'_>) -> Result<u64> {
        self.try_check_file(name, opened).map_err(|error| error.at(self.location.path().join(name).display()))
    }

    fn try_check_file(&self, name: &'static str, opened: BorrowedFd<'_>) -> Result<u64> {
        let status = regular(name, opened)?;
        self.check_owner(&status)?;
        Ok(status.st_size.cast_unsigned())
    }

    /// Opens `data` to read, whoever owns it, whatever its length, of whatever boot; its header says so.
    pub(crate) fn open_foreign_data(&self) -> Result<(OwnedFd, Header)> {
        let (data, status) = self.open_foreign_file(DATA)?;
        let place = |error: Error| error.at(self.location.path().join(DATA).display());
        let length = status.st_size.cast_unsigned();
        let page = descriptor::read_at(data.as_fd(), shmframe_format::geometry::PAGE_SIZE as usize, 0);
        let page = page.map_err(|errno| place(refused("read the header", errno)))?;
        // A file that was cut off later still has what stands before the cut.
        let whole = page.len() as u64 == shmframe_format::geometry::PAGE_SIZE;
        let header =
            Header::parse(&page, if whole { u64::MAX } else { length }, Role::Reader).map_err(place)?;
        Ok((data, header))
    }

    /// Opens one of the segment's files for reading, whoever owns it, if it is a regular one.
    pub(crate) fn open_foreign_file(&self, name: &'static str) -> Result<(OwnedFd, FileStat)> {
        let opened = self.open_unchecked_file(name, false).map_err(|errno| self.file_refused(name, errno))?;
        let status = regular(name, opened.as_fd());
        let status = status.map_err(|error| error.at(self.location.path().join(name).display()))?;
        Ok((opened, status))
    }

    /// Opens `data` and checks its header, boot id included.
    pub(crate) fn open_data(&self, role: Role) -> Result<(OwnedFd, Header)> {
        let (data, length) = self.open_file(DATA, role == Role::Writer)?;
        let place = |error: Error| error.at(self.location.path().join(DATA).display());
        let page = descriptor::read_at(data.as_fd(), shmframe_format::geometry::PAGE_SIZE as usize, 0);
        let page = page.map_err(|errno| place(refused("read the header", errno)))?;
        let header = Header::parse(&page, length, role).map_err(place)?;
        if header.boot() != boot_id()? {
            return Err(place(LocationKind::Boot.into()));
        }
        Ok((data, header))
    }

    /// Opens `readers` for reading and writing, and checks that it belongs to `header`.
    pub(crate) fn open_registry(&self, header: &Header) -> Result<OwnedFd> {
        self.check_registry(header, self.open_file(READERS, true)?)
    }

    /// What a registry that was opened says of itself, whichever segment it belongs to; `readers` is as long as `length`.
    pub(crate) fn look_at_registry(&self, registry: BorrowedFd<'_>, length: u64) -> Result<RegistryClaims> {
        let page = descriptor::read_at(registry, shmframe_format::geometry::PAGE_SIZE as usize, 0);
        let claims = page
            .map_err(|errno| refused("read the registry's header", errno))
            .and_then(|page| look_at_registry(&page, length));
        claims.map_err(|error| error.at(self.location.path().join(READERS).display()))
    }

    fn check_registry(&self, header: &Header, (registry, length): (OwnedFd, u64)) -> Result<OwnedFd> {
        let place = |error: Error| error.at(self.location.path().join(READERS).display());
        let page = descriptor::read_at(registry.as_fd(), shmframe_format::geometry::PAGE_SIZE as usize, 0);
        let page = page.map_err(|errno| place(refused("read the registry's header", errno)))?;
        header.check_registry(&page, length).map_err(place)?;
        Ok(registry)
    }
}

fn regular(name: &'static str, opened: BorrowedFd<'_>) -> Result<FileStat> {
    let status = descriptor::status(opened).map_err(|errno| refused(opening(name), errno))?;
    if !descriptor::is_of_kind(&status, SFlag::S_IFREG) {
        return Err(LocationKind::Link { found: "a file that is not regular" }.into());
    }
    Ok(status)
}

fn opening(name: &str) -> &'static str {
    match name {
        DATA => "open `data`",
        READERS => "open the reader registry",
        _ => "open the writer lease",
    }
}

pub(crate) fn boot_id() -> Result<[u8; 16]> {
    descriptor::boot_id().map_err(|cause| {
        let errno = Errno::from_raw(cause.raw_os_error().unwrap_or(libc::EIO));
        refused("read the boot id", errno)
    })
}

/// The name of a temporary directory for a segment that is being built or removed.
pub(crate) fn temporary_name(segment: &str, random: [u8; 16]) -> OsString {
    format!(".{segment}.{:032x}.shmf-tmp", u128::from_le_bytes(random)).into()
}

/// Whether a name is that of a temporary of `segment`.
pub(crate) fn is_temporary(name: &OsStr, segment: &str) -> bool {
    temporary_of(name) == Some(segment)
}

/// The name of the segment whose temporary has this name.
pub(crate) fn temporary_of(name: &OsStr) -> Option<&str> {
    let middle = name.to_str()?.strip_prefix('.')?.strip_suffix(".shmf-tmp")?;
    let (segment, random) = middle.rsplit_once('.')?;
    let is_random = random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_random && check_segment_name(segment).is_ok()).then_some(segment)
}

/// The name of the segment whose directory has this name.
pub(crate) fn segment_of(name: &OsStr) -> Option<&str> {
    name.to_str()?.strip_suffix(".shmf").filter(|segment| check_segment_name(segment).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporaries_are_known_by_their_name() {
        let name = temporary_name("a.b", [7; 16]);
        assert!(is_temporary(&name, "a.b"));
        assert!(!is_temporary(&name, "a"));
        assert!(!is_temporary(OsStr::new("a.b.shmf"), "a.b"));
        assert!(!is_temporary(OsStr::new(".a.b.zz.shmf-tmp"), "a.b"));
    }
}

shmframe_format::every_kind!(LocationKind {
    NoParent: LocationKind::NoParent { path: "/nowhere".into() };
    Missing: LocationKind::Missing { name: "a".into() };
    Exists: LocationKind::Exists { name: "a".into() };
    Link: LocationKind::Link { found: "a link" };
    Owner: LocationKind::Owner { uid: 7 };
    Denied:
        LocationKind::Denied { what: "open `data`", registry: false },
        LocationKind::Denied { what: "open the reader registry", registry: true };
    FileSystem: LocationKind::FileSystem { magic: 0x9123_683E };
    NetworkFileSystem: LocationKind::NetworkFileSystem { magic: 0x6969 };
    Incomplete: LocationKind::Incomplete { file: DATA };
    Boot: LocationKind::Boot;
    Full: LocationKind::Full { what: "build the segment" };
    System: LocationKind::System { what: "read", errno: Errno::EIO };
});
