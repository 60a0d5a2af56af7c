//! How data gets out of a shmframe segment: attach, snapshots, Arrow arrays, wait, follow.
//!
//! A [`Reader`] attaches to a segment; [`Reader::snapshot`] pins the newest version without a system call; its
//! frames are Arrow record batches whose buffers lie in shared memory. The pin holds for as long as any array, or
//! any slice of one, lives; when the last is gone, so is the pin.
//!
//! ```no_run
//! # fn main() -> shmframe_reader::Result<()> {
//! use arrow::datatypes::Float64Type;
//! use shmframe_reader::Reader;
//!
//! let reader = Reader::open("ticks")?;
//! for snapshot in reader.follow().after(1) {
//!     // Version 1 is the empty segment.
//!     let snapshot = snapshot?;
//!     let prices = snapshot.frame("trades")?.column::<Float64Type>("price")?;
//!     println!("version {}: {} prices", snapshot.version(), prices.len());
//! }
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

mod base;
mod batches;
mod error;
mod follow;
mod frame;
mod inspector;
mod known_frames;
mod options;
mod position;
mod reader;
mod segment;
mod snapshot;
#[cfg(feature = "futures")]
mod stream;
mod values;
mod versions;
#[cfg(feature = "futures")]
mod watch;

pub use follow::{Follow, Followed, StopHandle};
pub use frame::Frame;
pub use inspector::{Inspected, Inspector};
pub use options::ReaderOptions;
pub use position::{Appended, Position, Since};
pub use reader::{Reader, Wait};
pub use segment::Segment;
pub use shmframe_format::directory::Token;
pub use shmframe_format::{Error, ErrorKind, Report, Result};
pub use shmframe_segment::{ReaderStats, SlotPins, Trust, Validation};
pub use snapshot::Snapshot;
#[cfg(feature = "futures")]
pub use stream::FollowStream;
pub use values::ColumnChunk;
pub use versions::Version;

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Reader>();
    shared::<Snapshot>();
    shared::<Frame>();
};

#[cfg(test)]
mod tests {
    use crate::{ErrorKind, error};
    use shmframe_format::every_kind::check_messages;

    #[test]
    fn every_failure_says_what_was_expected_and_found_and_what_to_do() {
        let errors = [
            error::every_kind(),
            #[cfg(feature = "futures")]
            crate::watch::every_kind(),
        ];
        check_messages(
            errors.into_iter().flatten().collect(),
            &[
                ErrorKind::FrameMissing,
                ErrorKind::ColumnMissing,
                ErrorKind::ColumnType,
                ErrorKind::ColumnNulls,
                ErrorKind::ColumnRuns,
                ErrorKind::Corrupt,
                ErrorKind::TimedOut,
                ErrorKind::InvalidArgument,
                #[cfg(feature = "futures")]
                ErrorKind::System,
            ],
        );
    }
}
