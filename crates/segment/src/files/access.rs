//! Who besides its owner gets at a new segment: mode and group of its directory and of each of its files.

use crate::files::location::refused;
use crate::sys::descriptor;
use nix::errno::Errno;
use nix::sys::stat::Mode;
use shmframe_format::{Describe, Error, ErrorKind, Report, Result};
use std::os::fd::BorrowedFd;

/// Mode and group of the directory of a segment, or of one of its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The permission bits, whatever the umask: at most `0o777`, with all rights for the owner.
    pub mode: u32,
    /// The group id; none: the one that the system gives.
    pub group: Option<u32>,
}

/// Who besides its owner gets at a new segment. By default nobody.
///
/// Readers need to search the directory, to read `data`, and to read and write `readers`. Writers need to read and
/// write all three files; whoever can open `lease` can keep everybody from writing. A file has one group: two groups
/// with different rights need access control lists (`setfacl`), or bits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The directory `NAME.shmf`.
    pub directory: Permission,
    /// Frames and versions.
    pub data: Permission,
    /// The reader registry.
    pub readers: Permission,
    /// The writer lease.
    pub lease: Permission,
}

impl Access {
    /// The owner alone.
    #[must_use]
    pub const fn private() -> Self {
        let file = Permission { mode: 0o600, group: None };
        Self { directory: Permission { mode: 0o700, group: None }, data: file, readers: file, lease: file }
    }

    /// The owner writes, the members of a group read.
    #[must_use]
    pub const fn group_of_readers(group: u32) -> Self {
        let group = Some(group);
        Self {
            directory: Permission { mode: 0o750, group },
            data: Permission { mode: 0o640, group },
            readers: Permission { mode: 0o660, group },
            lease: Permission { mode: 0o600, group: None },
        }
    }

    /// The members of a group read and write. To remove the segment they need the right to do so in the directory
    /// that holds it, too; in one like `/dev/shm`, with the sticky bit, only the owner can.
    #[must_use]
    pub const fn group_of_writers(group: u32) -> Self {
        let group = Some(group);
        let file = Permission { mode: 0o660, group };
        Self { directory: Permission { mode: 0o770, group }, data: file, readers: file, lease: file }
    }

    /// Fails if a mode could not be set, or would lock the owner out.
    pub(crate) fn check(&self) -> Result<()> {
        let files = [("data", self.data), ("readers", self.readers), ("lease", self.lease)];
        let all = files.map(|(name, permission)| (name, permission, 0o600));
        for (name, Permission { mode, .. }, least) in
            [("directory", self.directory, 0o700)].into_iter().chain(all)
        {
            if mode & !0o777 != 0 || mode & least != least {
                return Err(AccessKind::Mode { name, mode, least }.into());
            }
        }
        Ok(())
    }
}

impl Default for Access {
    fn default() -> Self {
        Self::private()
    }
}

#[derive(Debug)]
enum AccessKind {
    Mode { name: &'static str, mode: u32, least: u32 },
    Group { name: &'static str, group: u32 },
}

impl Describe for AccessKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Mode { .. } => ErrorKind::InvalidArgument,
            Self::Group { .. } => ErrorKind::PermissionDenied,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::Mode { name, mode, least } => Report::new(
                format!("invalid mode for `{name}`"),
                format!("permission bits, 0o777 at most, that contain {least:#o} for the owner"),
                format!("{mode:#o}"),
                "choose such a mode",
            ),
            Self::Group { name, group } => Report::new(
                format!("no permission to give `{name}` to group {group}"),
                "a group that the caller is a member of, or CAP_CHOWN",
                "EPERM",
                "become a member (usermod -aG, then log in again), name another group, or create the segment as root",
            ),
        }
    }
}

shmframe_format::every_kind!(AccessKind {
    Mode: AccessKind::Mode { name: "data", mode: 0, least: 0o600 };
    Group: AccessKind::Group { name: "data", group: 7 };
});

/// Gives a file, or the directory, its group and then its mode (a change of the group may take bits away).
pub(crate) fn give(file: BorrowedFd<'_>, name: &'static str, permission: Permission) -> Result<()> {
    if let Some(group) = permission.group {
        descriptor::set_group(file, group).map_err(|errno| match errno {
            Errno::EPERM => Error::from(AccessKind::Group { name, group }).because(errno),
            _ => refused("give the segment to a group", errno),
        })?;
    }
    let mode = Mode::from_bits_truncate(permission.mode);
    descriptor::set_mode(file, mode).map_err(|errno| refused("set the segment's mode", errno))
}
