//! Limits of this process that the kernel would enforce with a signal or an unclear error: asked first.

use crate::steps::{Step, step};
use shmframe_format::{Describe, Error, ErrorKind, Report};

#[derive(Debug)]
enum LimitKind {
    AddressSpace { wanted: u64, limit: u64 },
    FileSize { wanted: u64, limit: u64 },
    Descriptors { limit: u64 },
    Mappings,
}

impl Describe for LimitKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::ProcessLimit
    }

    fn report(&self) -> Report {
        match self {
            Self::AddressSpace { wanted, limit } => Report::new(
                "the limit on address space is too low",
                format!("RLIMIT_AS above {wanted} bytes of mappings"),
                format!("{limit}"),
                "raise it (ulimit -v unlimited); a segment costs address space, not memory; or create the segment \
                 with a smaller capacity",
            ),
            Self::FileSize { wanted, limit } => Report::new(
                "the limit on file size is too low",
                format!("RLIMIT_FSIZE of at least {wanted} bytes"),
                format!("{limit}"),
                "raise it (ulimit -f unlimited), or create the segment with a smaller capacity; the file is sparse",
            ),
            Self::Descriptors { limit } => Report::new(
                "no file descriptors left",
                "a few free ones: a segment needs up to six, and one for every 48 versions held at once",
                format!("RLIMIT_NOFILE of {limit}, all in use"),
                "raise it (ulimit -n), or close files",
            ),
            Self::Mappings => Report::new(
                "the system refused a mapping",
                "address space and a free place in the process's table of mappings",
                "ENOMEM",
                "raise vm.max_map_count or RLIMIT_AS, or hold fewer old versions",
            ),
        }
    }
}

fn soft_limit(resource: libc::__rlimit_resource_t) -> u64 {
    step(Step::SystemCall);
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: (outside the invariants) getrlimit writes one struct to a pointer that is valid for it.
    unsafe { libc::getrlimit(resource, &raw mut limit) };
    limit.rlim_cur
}

/// Fails if a mapping of `wanted` bytes cannot fit below RLIMIT_AS.
pub(crate) fn check_address_space(wanted: u64) -> Result<(), Error> {
    let limit = soft_limit(libc::RLIMIT_AS);
    if limit == libc::RLIM_INFINITY || wanted < limit {
        return Ok(());
    }
    Err(LimitKind::AddressSpace { wanted, limit }.into())
}

/// Fails if a file of `wanted` bytes would exceed RLIMIT_FSIZE (the kernel would send SIGXFSZ).
pub(crate) fn check_file_size(wanted: u64) -> Result<(), Error> {
    let limit = soft_limit(libc::RLIMIT_FSIZE);
    if limit == libc::RLIM_INFINITY || wanted <= limit {
        return Ok(());
    }
    Err(LimitKind::FileSize { wanted, limit }.into())
}

/// The error for EMFILE.
pub(crate) fn no_descriptors() -> Error {
    LimitKind::Descriptors { limit: soft_limit(libc::RLIMIT_NOFILE) }.into()
}

/// The error for ENOMEM of a mapping.
pub(crate) fn no_mapping() -> Error {
    LimitKind::Mappings.into()
}

shmframe_format::every_kind!(LimitKind {
    AddressSpace: LimitKind::AddressSpace { wanted: 2, limit: 1 };
    FileSize: LimitKind::FileSize { wanted: 2, limit: 1 };
    Descriptors: LimitKind::Descriptors { limit: 1 };
    Mappings: LimitKind::Mappings;
});
