//! Where the bytes of a shmframe segment live.
//!
//! The one crate that may say `unsafe`. It owns the files and mappings of a segment, the protocol over their
//! shared words, the writer lease, reader slots and pins, extents and the tokens that reach them (`Staged` to
//! write, [`Frozen`] to read), recovery, waiting and fork. It knows records (`shmframe-format`), and nothing of
//! Arrow but the one function that builds arrays over frozen bytes (feature `arrow`).

#[cfg(not(all(target_os = "linux", target_endian = "little", target_pointer_width = "64")))]
compile_error!(
    "shmframe runs on 64-bit little-endian Linux only: its locks, futexes and sparse files are Linux's"
);

#[cfg(all(feature = "arrow", not(loom)))]
mod arrays;
#[cfg(not(loom))]
mod attachment;
#[cfg(not(loom))]
mod clock;
#[cfg(not(loom))]
mod creation;
pub mod edges;
#[cfg(not(loom))]
mod fork;
#[cfg(not(loom))]
mod heap;
#[cfg(not(loom))]
mod lease;
#[cfg(not(loom))]
mod location;
#[cfg(not(loom))]
mod mapped;
#[cfg(not(loom))]
mod opening;
#[cfg(all(test, not(loom)))]
mod planted_leaks;
pub mod protocol;
#[cfg(not(loom))]
mod recovery;
#[cfg(not(loom))]
mod slots;
#[cfg(not(loom))]
mod space;
#[cfg(not(loom))]
mod staging;
pub mod steps;
#[cfg(not(loom))]
mod store;
pub mod sync;
#[cfg(not(loom))]
mod sys;
#[cfg(not(loom))]
mod version;
pub mod words;

#[cfg(all(feature = "arrow", not(loom)))]
pub use arrays::{ArrayParts, build_array, to_array, to_buffer};
#[cfg(not(loom))]
pub use attachment::{Attachment, Pin};
#[cfg(not(loom))]
pub use clock::deadline;
#[cfg(not(loom))]
pub use heap::Holder;
#[cfg(not(loom))]
pub use location::{DEFAULT_DIRECTORY, DIRECTORY_VARIABLE, Location, Trust};
#[cfg(not(loom))]
pub use opening::remove_segment;
#[cfg(not(loom))]
pub use recovery::Audit;
#[cfg(not(loom))]
pub use staging::{FrameDraft, Schema, Staging};
#[cfg(not(loom))]
pub use store::{HISTORY_LIMIT, Store, StoreOptions, TrimPolicy};
#[cfg(not(loom))]
pub use version::{CheckedFrame, Frozen, KnownVersion, PinnedFrame, PinnedVersion};

#[cfg(all(test, not(loom)))]
mod tests {
    use shmframe_format::{ErrorKind, every_kind::check_messages};

    #[test]
    fn every_failure_says_what_was_expected_and_found_and_what_to_do() {
        let errors = [
            crate::attachment::every_kind(),
            crate::heap::every_kind(),
            crate::lease::every_kind(),
            crate::location::every_kind(),
            crate::staging::every_kind(),
            crate::opening::every_kind(),
            crate::recovery::every_kind(),
            crate::sys::limits::every_kind(),
            crate::version::every_kind(),
            #[cfg(feature = "arrow")]
            crate::arrays::every_kind(),
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
            ],
        );
    }
}
