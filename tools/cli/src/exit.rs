//! Exit statuses, the same for all tools.

use crate::standard::{is_closed, say};
use core::fmt;
use shmframe_format::{Error, ErrorKind};
use std::error::Error as StdError;
use std::process::ExitCode;

/// How a tool ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Success,
    /// 1: the system refused something, or another error that has no status of its own.
    Failed,
    /// 2: the command line cannot be understood, or names something that is not one thing.
    Usage,
    /// 3: no such segment, frame, column or version.
    NotFound,
    /// 4: something is damaged.
    Damaged,
    /// 5: the time was up, or a condition does not hold.
    NotMet,
    /// 6: a segment of another format version or layout.
    OtherFormat,
    /// 7: no permission, or an owner that is not trusted.
    Denied,
    /// 8: somebody uses it, so it stays.
    Busy,
    /// 130: Ctrl-C, or another signal that asks to end.
    Interrupted,
}

impl Exit {
    /// Every status, its number and its meaning.
    pub const ALL: [(Self, u8, &'static str); 10] = [
        (Self::Success, 0, "done"),
        (Self::Failed, 1, "the system refused something, or an error without a status of its own"),
        (Self::Usage, 2, "the command line is wrong, or does not name one thing"),
        (Self::NotFound, 3, "no such segment, frame, column or version"),
        (Self::Damaged, 4, "something is damaged"),
        (Self::NotMet, 5, "the time was up, or a condition does not hold"),
        (Self::OtherFormat, 6, "a segment of another format version or layout"),
        (Self::Denied, 7, "no permission, or an owner that is not trusted"),
        (Self::Busy, 8, "somebody uses it, so it stays"),
        (Self::Interrupted, 130, "it was asked to end, by Ctrl-C or another signal"),
    ];

    /// The status as the system knows it.
    #[must_use]
    pub fn number(self) -> u8 {
        Self::ALL.iter().find(|(exit, ..)| *exit == self).map_or(1, |(_, number, _)| *number)
    }

    /// This status, or, where nothing went wrong so far, a later one.
    #[must_use]
    pub fn or(self, later: Self) -> Self {
        if self == Self::Success { later } else { self }
    }

    /// The status that an error of shmframe's libraries stands for.
    #[must_use]
    pub fn of_kind(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidName | ErrorKind::InvalidArgument => Self::Usage,
            ErrorKind::Missing
            | ErrorKind::FrameMissing
            | ErrorKind::ColumnMissing
            | ErrorKind::VersionGone
            | ErrorKind::Removed => Self::NotFound,
            ErrorKind::Corrupt | ErrorKind::NotASegment | ErrorKind::Truncated => Self::Damaged,
            ErrorKind::TimedOut => Self::NotMet,
            ErrorKind::OtherFormatVersion
            | ErrorKind::OtherFeature
            | ErrorKind::OtherLayout
            | ErrorKind::OtherByteOrder => Self::OtherFormat,
            ErrorKind::PermissionDenied
            | ErrorKind::RegistryPermissionDenied
            | ErrorKind::ForeignOwner
            | ErrorKind::LinkInTheWay => Self::Denied,
            ErrorKind::LeaseTaken => Self::Busy,
            _ => Self::Failed,
        }
    }

    /// The status that an error stands for: that of the outermost [`Failure`] or error of shmframe in its chain.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Self {
        let known = |cause: &(dyn StdError + 'static)| {
            let failure = cause.downcast_ref::<Failure>().map(|failure| failure.exit);
            failure.or_else(|| cause.downcast_ref::<Error>().map(|error| Self::of_kind(error.kind())))
        };
        error.chain().find_map(known).unwrap_or(Self::Failed)
    }
}

/// An error of a tool itself: what is wrong, and the status that goes with it.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    text: String,
}

impl Failure {
    /// An error with this status.
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// A command line that does not name one thing.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl StdError for Failure {}

/// Ends a tool: says on standard error what went wrong, and gives the status. That nobody reads its output any more is nothing wrong.
pub fn finish(tool: &str, result: anyhow::Result<Exit>) -> ExitCode {
    let exit = result.unwrap_or_else(|error| {
        if is_closed() {
            return Exit::Success;
        }
        say(tool, told(&error));
        Exit::of(&error)
    });
    ExitCode::from(exit.number())
}

/// An error with those of its causes that it does not tell itself.
#[must_use]
pub fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.downcast_ref::<Error>().map_or_else(|| cause.to_string(), of_library);
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// An error of shmframe's libraries, with what the user of a tool can do where the library speaks to programmers.
fn of_library(error: &Error) -> String {
    let remedy = match error.kind() {
        ErrorKind::Missing => {
            "check the name and the directory (--dir, SHMFRAME_DIR); shm-dump ls shows what is there"
        }
        ErrorKind::VersionGone => "shm-dump versions shows which are kept",
        _ => return error.to_string(),
    };
    let report = error.report();
    let place = if error.place().is_empty() { String::new() } else { format!(" (at {})", error.place()) };
    format!("{}: expected {}, found {}{place}; {remedy}", report.what, report.expected, report.found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use std::collections::BTreeSet;

    #[test]
    fn every_status_has_a_number_of_its_own() {
        let numbers: BTreeSet<u8> = Exit::ALL.iter().map(|(_, number, _)| *number).collect();
        assert_eq!(numbers.len(), Exit::ALL.len());
        assert!(Exit::ALL.iter().all(|(exit, number, _)| exit.number() == *number));
    }

    #[test]
    fn status_of_an_error_is_that_of_its_cause_with_a_status() {
        let error = Err::<(), _>(Failure::usage("two frames")).context("reading").unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Usage);
        assert_eq!(told(&error), "reading: two frames");
        let missing = shmframe_format::name::check_frame_name("a/b").unwrap_err();
        assert_eq!(Exit::of(&missing.into()), Exit::Usage);
        assert_eq!(Exit::of(&anyhow::anyhow!("what else")), Exit::Failed);
    }
}
