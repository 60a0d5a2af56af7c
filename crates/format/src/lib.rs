//! What the bytes of a shmframe segment mean: names, the offset table, the header, records, the directory of
//! frames, and the walk over all that a version covers.
//!
//! Pure functions over private copies of bytes: no input or output, no `unsafe`. `docs/format.md` is the normative
//! text; the offset table in [`table`] is tested against it. Layers above: `shmframe-segment` knows where the bytes
//! live, `shmframe-writer` and `shmframe-reader` what they mean in Arrow.
#![forbid(unsafe_code)]

pub mod addressing;
pub mod columns;
pub mod directory;
mod error;
#[doc(hidden)]
pub mod every_kind;
pub mod frame;
pub mod geometry;
pub mod header;
pub mod name;
pub mod record;
pub mod retention;
mod state_checks;
pub mod table;
mod walk;

pub use error::{Describe, Error, ErrorKind, Report, Result};
pub use walk::{Content, Covered, walk, walk_bytes, walk_contents};

#[cfg(test)]
mod tests {
    use super::{ErrorKind, every_kind::check_messages, geometry, header, name, record};

    #[test]
    fn every_failure_says_what_was_expected_and_found_and_what_to_do() {
        let errors = [header::every_kind(), record::every_kind(), name::every_kind(), geometry::every_kind()];
        check_messages(
            errors.into_iter().flatten().collect(),
            &[
                ErrorKind::NotASegment,
                ErrorKind::OtherByteOrder,
                ErrorKind::OtherFormatVersion,
                ErrorKind::OtherFeature,
                ErrorKind::OtherLayout,
                ErrorKind::Truncated,
                ErrorKind::Corrupt,
                ErrorKind::InvalidName,
                ErrorKind::InvalidArgument,
            ],
        );
    }
}
