//! The one error of the project: what was expected, what was found, where, and what to do about it.
//!
//! Each module keeps a private enum of what can go wrong there and implements [`Describe`] for it; callers see
//! only [`Error`] and match on [`ErrorKind`]. Outer layers add the place with [`Error::at`] and the cause with
//! [`Error::because`]; the cause is returned by `source()`.

use std::error::Error as StdError;
use std::fmt;

/// The result of every fallible call of the project.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as a caller would distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The name of a segment or a frame breaks the rules for names. A segment's is 1 to 200 characters of `A-Z a-z 0-9 . _ -`
    /// without a leading dot; a frame's is 1 to 255 bytes of UTF-8 without control characters, `/` and `@`.
    InvalidName,
    /// An argument or option has a value that cannot be used.
    InvalidArgument,
    /// No segment of this name stands in the directory.
    Missing,
    /// A segment of this name stands there already.
    Exists,
    /// The segment belongs to a user that the caller did not say they trust.
    ForeignOwner,
    /// A symbolic link, or something that is not a directory or regular file, stands where a part of a segment should.
    LinkInTheWay,
    /// The system refused access to the segment directory, `data` or `lease`.
    PermissionDenied,
    /// The system refused access to the reader registry.
    RegistryPermissionDenied,
    /// The file is not a part of a shmframe segment.
    NotASegment,
    /// The segment has another format version.
    OtherFormatVersion,
    /// The segment uses a feature that this program does not know.
    OtherFeature,
    /// The segment was laid out by a program whose shared structures differ.
    OtherLayout,
    /// The segment has another byte order.
    OtherByteOrder,
    /// A file is shorter than its header says.
    Truncated,
    /// A record, an entry or a registry word does not hold what it must.
    Corrupt,
    /// The Arrow type is nested too deep, or is one that Arrow itself takes for none.
    TypeNotSupported,
    /// The schema or the batches handed in do not fit together.
    SchemaMismatch,
    /// The data do not fit into the segment's virtual capacity, or into what a layout can address.
    CapacityExceeded,
    /// The file system that holds the segment is full.
    DirectoryFull,
    /// The segment's quota is used up.
    QuotaExceeded,
    /// The snapshot has no frame of this name.
    FrameMissing,
    /// The frame has no column of this name.
    ColumnMissing,
    /// The column has another type than the one asked for.
    ColumnType,
    /// The column has nulls where none were expected.
    ColumnNulls,
    /// The column does not stand in one run.
    ColumnRuns,
    /// The version is no longer kept, or not published yet: the message says which.
    VersionGone,
    /// More bytes were to be copied than the caller allowed.
    CopyLimit,
    /// All slots of the reader registry are taken.
    RegistryFull,
    /// Another process, or another writer of this process, holds the writer lease.
    LeaseTaken,
    /// The segment was removed.
    Removed,
    /// A writer was used in a forked child of the process that opened it.
    WriterInChild,
    /// Another writer took over: this one must not publish any more.
    Superseded,
    /// A limit of this process (RLIMIT_AS, RLIMIT_NOFILE, RLIMIT_FSIZE) is too low.
    ProcessLimit,
    /// The segment was made before the machine was booted.
    OtherBoot,
    /// The file system is not one that segments are checked on.
    UnsupportedFileSystem,
    /// The time given was up.
    TimedOut,
    /// The operating system refused for another reason; see `source()`.
    System,
}

impl ErrorKind {
    /// All of them, in the order in which they are declared.
    pub const ALL: &[Self] = &[
        Self::InvalidName,
        Self::InvalidArgument,
        Self::Missing,
        Self::Exists,
        Self::ForeignOwner,
        Self::LinkInTheWay,
        Self::PermissionDenied,
        Self::RegistryPermissionDenied,
        Self::NotASegment,
        Self::OtherFormatVersion,
        Self::OtherFeature,
        Self::OtherLayout,
        Self::OtherByteOrder,
        Self::Truncated,
        Self::Corrupt,
        Self::TypeNotSupported,
        Self::SchemaMismatch,
        Self::CapacityExceeded,
        Self::DirectoryFull,
        Self::QuotaExceeded,
        Self::FrameMissing,
        Self::ColumnMissing,
        Self::ColumnType,
        Self::ColumnNulls,
        Self::ColumnRuns,
        Self::VersionGone,
        Self::CopyLimit,
        Self::RegistryFull,
        Self::LeaseTaken,
        Self::Removed,
        Self::WriterInChild,
        Self::Superseded,
        Self::ProcessLimit,
        Self::OtherBoot,
        Self::UnsupportedFileSystem,
        Self::TimedOut,
        Self::System,
    ];
}

/// The sentence parts of one error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What failed, in a few words.
    pub what: String,
    /// What should have been there.
    pub expected: String,
    /// What was there instead.
    pub found: String,
    /// What the caller can do about it.
    pub remedy: String,
}

impl Report {
    /// The four parts, in the order in which they are read.
    pub fn new(
        what: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { what: what.into(), expected: expected.into(), found: found.into(), remedy: remedy.into() }
    }
}

/// A module's own kind of failure: how it is classified and how it reads.
pub trait Describe: fmt::Debug {
    /// The class a caller matches on.
    fn kind(&self) -> ErrorKind;
    /// The words a person reads.
    fn report(&self) -> Report;
}

/// Every failure of the project.
///
/// `Display` gives one sentence: what failed, what was expected, what was found, where, and what to do.
/// [`Error::kind`] is for programs; `source()` is the cause, if another error caused this one.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    report: Report,
    place: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// What went wrong, for programs.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The parts of the message.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.0.report
    }

    /// Where it went wrong (a path, a record, a column); empty where nobody knew.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// Adds the place; an inner place is kept behind the outer one.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        let inner = std::mem::take(&mut self.0.place);
        self.0.place = if inner.is_empty() { place.to_string() } else { format!("{place}, {inner}") };
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(cause.into());
        self
    }
}

impl<D: Describe> From<D> for Error {
    #[cold]
    fn from(description: D) -> Self {
        Self(Box::new(Inner {
            kind: description.kind(),
            report: description.report(),
            place: String::new(),
            source: None,
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { what, expected, found, remedy } = &self.0.report;
        write!(f, "{what}: expected {expected}, found {found}")?;
        if !self.0.place.is_empty() {
            write!(f, " (at {})", self.0.place)?;
        }
        write!(f, "; {remedy}")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        match &self.0.source {
            Some(cause) => write!(f, "; caused by: {cause}"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Broken;

    impl Describe for Broken {
        fn kind(&self) -> ErrorKind {
            ErrorKind::Corrupt
        }
        fn report(&self) -> Report {
            Report::new("the record is damaged", "checksum 1", "checksum 2", "restore the segment")
        }
    }

    #[test]
    fn message_says_what_expected_found_where_and_remedy() {
        let error = Error::from(Broken).at("offset 64").at("/dev/shm/a.shmf/data");
        assert_eq!(
            error.to_string(),
            "the record is damaged: expected checksum 1, found checksum 2 \
             (at /dev/shm/a.shmf/data, offset 64); restore the segment"
        );
    }

    #[test]
    fn cause_is_kept_as_source() {
        let error = Error::from(Broken).because(std::io::Error::other("disk"));
        assert_eq!(error.source().unwrap().to_string(), "disk");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn all_error_kinds_are_listed_in_their_order() {
        // A kind that is missing here does not compile; one that is missing in the list moves the others.
        let place = |kind: &ErrorKind| match kind {
            ErrorKind::InvalidName => 0,
            ErrorKind::InvalidArgument => 1,
            ErrorKind::Missing => 2,
            ErrorKind::Exists => 3,
            ErrorKind::ForeignOwner => 4,
            ErrorKind::LinkInTheWay => 5,
            ErrorKind::PermissionDenied => 6,
            ErrorKind::RegistryPermissionDenied => 7,
            ErrorKind::NotASegment => 8,
            ErrorKind::OtherFormatVersion => 9,
            ErrorKind::OtherFeature => 10,
            ErrorKind::OtherLayout => 11,
            ErrorKind::OtherByteOrder => 12,
            ErrorKind::Truncated => 13,
            ErrorKind::Corrupt => 14,
            ErrorKind::TypeNotSupported => 15,
            ErrorKind::SchemaMismatch => 16,
            ErrorKind::CapacityExceeded => 17,
            ErrorKind::DirectoryFull => 18,
            ErrorKind::QuotaExceeded => 19,
            ErrorKind::FrameMissing => 20,
            ErrorKind::ColumnMissing => 21,
            ErrorKind::ColumnType => 22,
            ErrorKind::ColumnNulls => 23,
            ErrorKind::ColumnRuns => 24,
            ErrorKind::VersionGone => 25,
            ErrorKind::CopyLimit => 26,
            ErrorKind::RegistryFull => 27,
            ErrorKind::LeaseTaken => 28,
            ErrorKind::Removed => 29,
            ErrorKind::WriterInChild => 30,
            ErrorKind::Superseded => 31,
            ErrorKind::ProcessLimit => 32,
            ErrorKind::OtherBoot => 33,
            ErrorKind::UnsupportedFileSystem => 34,
            ErrorKind::TimedOut => 35,
            ErrorKind::System => 36,
        };
        assert!(ErrorKind::ALL.iter().map(place).eq(0..37));
    }
}
