//! Looking by copying: a segment whose owner nobody vouches for, or that cannot be attached to.
//!
//! Nothing is mapped, nothing written, no slot and no lease taken: all bytes come by `pread` into private memory. So
//! its owner can neither change what was checked nor take the file away under it. There is no pin either: after each
//! copy the entry of the version is asked whether it still stands (edge EntryCheck).

mod allocated;
mod allowance;
mod coverage;
mod entries;
mod error;
mod header_look;
mod inspection;
mod long_record;
mod private;
mod publication;
mod version;

pub use allocated::Allocated;
pub use allowance::Allowance;
pub use coverage::{Coverage, CoveredRange, Finding, What};
pub use entries::{EntryFault, EntryPlace, FoundEntry};
#[cfg(test)]
pub(crate) use error::every_kind;
pub use header_look::{HeaderLook, look_at_header};
pub use inspection::{Inspection, LiveVersion};
pub(crate) use long_record::{LONG_RECORD, copy_long_record};
pub(crate) use private::PrivateBytes;
pub use publication::{PublicationWords, SegmentState};
pub use version::CopiedVersion;
pub(crate) use version::Copying;
