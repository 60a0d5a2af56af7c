//! Where the bytes of a shmframe segment live.
//!
//! The one crate that may say `unsafe`. It owns the files and mappings of a segment, the protocol over their
//! shared words, the writer lease, reader slots and pins, extents and what reaches them (slices that a
//! transaction lends to write, [`Frozen`] to read), recovery, waiting and fork. It knows records (`shmframe-format`), and nothing of
//! Arrow but what builds arrays over frozen bytes, and how a schema record holds a schema (feature `arrow`).

#[cfg(not(all(target_os = "linux", target_endian = "little", target_pointer_width = "64")))]
compile_error!(
    "shmframe runs on 64-bit little-endian Linux only: its locks, futexes and sparse files are Linux's"
);

#[cfg(not(loom))]
mod copying;
#[cfg(not(loom))]
mod covering;
pub mod edges;
#[cfg(not(loom))]
mod events;
#[cfg(not(loom))]
mod files;
#[cfg(not(loom))]
mod fork;
pub mod protocol;
#[cfg(not(loom))]
mod reading;
#[cfg(all(feature = "arrow", not(loom)))]
mod schema;
pub mod steps;
pub mod sync;
#[cfg(not(loom))]
mod sys;
#[cfg(not(loom))]
mod watch;
pub mod words;
#[cfg(not(loom))]
mod writing;

#[cfg(not(loom))]
pub use {
    copying::{
        Allocated, Allowance, CopiedVersion, Coverage, CoveredRange, EntryFault, EntryPlace, Finding,
        FoundEntry, HeaderLook, Inspection, LiveVersion, PublicationWords, SegmentState, What,
        look_at_header,
    },
    covering::Use,
    files::access::{Access, Permission},
    files::listing::{Listed, ListedKind, Listing, Presence, list},
    files::location::{DEFAULT_DIRECTORY, DIRECTORY_VARIABLE, Location, Trust},
    files::reaping::reap,
    files::removal::{Removal, clean, leftovers, remove_orphan, remove_segment, remove_segment_unless_read},
    files::slot_pins::{RegistryView, SlotPins},
    files::status::{FileStatus, SegmentStatus},
    fork::forks,
    reading::attachment::Attachment,
    reading::frame::{Frozen, PinnedFrame},
    reading::frame_bytes::FrameBytes,
    reading::pin::Pin,
    reading::usage::ReaderStats,
    reading::version::{CheckedFrame, Decoded, PinnedVersion},
    sys::clock::deadline,
    writing::building::{BuiltBuffer, BuiltFrame},
    writing::columns::{ColumnDraft, ColumnsDraft, FrameRecords},
    writing::copied::StagedCopies,
    writing::growth::{BufferGrowth, GrowthDraft, LastChunk, Start},
    writing::holders::Holder,
    writing::lender::{Growing, Lender},
    writing::put::{BufferDraft, FrameDraft, Identity, Schema},
    writing::recovery::Audit,
    writing::savepoint::Savepoint,
    writing::staging::Staging,
    writing::stats::Stats,
    writing::store::{HISTORY_LIMIT, Store, StoreOptions, TrimPolicy},
};
#[cfg(all(feature = "arrow", not(loom)))]
pub use {
    reading::arrays::{Validation, to_buffer, to_values},
    reading::columns::{build_column, build_tree, columns_of, pieces},
    schema::{from_message, to_message},
};

#[cfg(all(test, not(loom)))]
mod tests {
    use shmframe_format::{ErrorKind, every_kind::check_messages};

    #[test]
    fn every_failure_says_what_was_expected_and_found_and_what_to_do() {
        let errors = [
            crate::reading::attachment::every_kind(),
            crate::reading::pin::every_kind(),
            crate::writing::building::every_kind(),
            crate::writing::columns::every_kind(),
            crate::writing::growth::every_kind(),
            crate::writing::heap::every_kind(),
            crate::writing::quota::every_kind(),
            crate::writing::lease::every_kind(),
            crate::files::access::every_kind(),
            crate::files::location::every_kind(),
            crate::writing::put::every_kind(),
            crate::writing::staged_bytes::every_kind(),
            crate::files::opening::every_kind(),
            crate::writing::recovery::every_kind(),
            crate::writing::restless::every_kind(),
            crate::sys::limits::every_kind(),
            crate::reading::version::every_kind(),
            crate::copying::every_kind(),
            #[cfg(feature = "arrow")]
            crate::reading::arrays::every_kind(),
            #[cfg(feature = "arrow")]
            crate::schema::every_kind(),
        ];
        check_messages(
            errors.into_iter().flatten().collect(),
            &[
                ErrorKind::Missing,
                ErrorKind::Exists,
                ErrorKind::LinkInTheWay,
                ErrorKind::ForeignOwner,
                ErrorKind::PermissionDenied,
                ErrorKind::RegistryPermissionDenied,
                ErrorKind::UnsupportedFileSystem,
                ErrorKind::NotASegment,
                ErrorKind::OtherBoot,
                ErrorKind::System,
                ErrorKind::ProcessLimit,
                ErrorKind::CapacityExceeded,
                ErrorKind::DirectoryFull,
                ErrorKind::QuotaExceeded,
                ErrorKind::InvalidArgument,
                ErrorKind::TimedOut,
                ErrorKind::Corrupt,
                ErrorKind::LeaseTaken,
                ErrorKind::WriterInChild,
                ErrorKind::Superseded,
                ErrorKind::RegistryFull,
                ErrorKind::VersionGone,
                ErrorKind::Removed,
                ErrorKind::VersionGone,
                #[cfg(feature = "arrow")]
                ErrorKind::TypeNotSupported,
                ErrorKind::CopyLimit,
                ErrorKind::Truncated,
            ],
        );
    }
}
