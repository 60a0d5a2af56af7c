//! What can go wrong between a foreign file and a private copy.

use shmframe_format::{Describe, ErrorKind, Report};

#[derive(Debug)]
pub(super) enum CopyKind {
    Changed { version: u64 },
    Restless { looks: usize },
    Gone { wanted: u64, kept: Vec<u64> },
    Damaged { version: u64 },
    Limit { wanted: u64, limit: u64 },
    Holes { wanted: u64, allocated: u64 },
    Truncated { wanted: u64, found: u64 },
    Memory { wanted: u64 },
}

impl Describe for CopyKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Changed { .. } | Self::Restless { .. } | Self::Gone { .. } => ErrorKind::VersionGone,
            Self::Damaged { .. } | Self::Holes { .. } => ErrorKind::Corrupt,
            Self::Limit { .. } => ErrorKind::CopyLimit,
            Self::Truncated { .. } => ErrorKind::Truncated,
            Self::Memory { .. } => ErrorKind::ProcessLimit,
        }
    }

    fn report(&self) -> Report {
        let remove = "the segment is damaged: its owner should remove it and create it again";
        match self {
            Self::Changed { version } => Report::new(
                format!("version {version} went while it was copied"),
                "an entry that stays",
                "one that was erased, moved or replaced",
                "look again, or look at the newest version; a longer history keeps versions for longer",
            ),
            Self::Restless { looks } => Report::new(
                "the writer replaces versions faster than they are copied",
                "a version that stays for as long as the look takes",
                format!("none in {looks} looks"),
                "copy fewer columns, or let the writer keep a longer history",
            ),
            Self::Gone { wanted, kept } => Report::new(
                format!("version {wanted} is not kept"),
                format!("one of {kept:?}"),
                "another one",
                "ask for one of these",
            ),
            Self::Damaged { version } => Report::new(
                "damaged publication block",
                format!("a whole entry for version {version}, the newest"),
                "none, and no newer version",
                remove,
            ),
            Self::Limit { wanted, limit } => Report::new(
                "more to copy than is allowed",
                format!("at most {limit} bytes in one look"),
                format!("{wanted} bytes asked for"),
                "select fewer columns, or raise the limit by option",
            ),
            Self::Holes { wanted, allocated } => Report::new(
                "damaged reference",
                format!("at most the {allocated} bytes that the file has pages for"),
                format!("{wanted} bytes in one piece"),
                remove,
            ),
            Self::Truncated { wanted, found } => Report::new(
                "truncated segment",
                format!("at least {wanted} bytes"),
                format!("{found} bytes"),
                remove,
            ),
            Self::Memory { wanted } => Report::new(
                "no memory for a copy",
                format!("{wanted} bytes of memory"),
                "fewer",
                "select fewer columns, or raise RLIMIT_AS",
            ),
        }
    }
}

shmframe_format::every_kind!(CopyKind {
    Changed: CopyKind::Changed { version: 2 };
    Restless: CopyKind::Restless { looks: 2 };
    Gone: CopyKind::Gone { wanted: 1, kept: vec![2] };
    Damaged: CopyKind::Damaged { version: 2 };
    Limit: CopyKind::Limit { wanted: 2, limit: 1 };
    Holes: CopyKind::Holes { wanted: 2, allocated: 1 };
    Truncated: CopyKind::Truncated { wanted: 2, found: 1 };
    Memory: CopyKind::Memory { wanted: 1 };
});
