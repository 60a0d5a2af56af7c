//! What the loader and the readers tell the launcher: one JSON object a line, on standard output.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A day of the calendar.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Date {
    /// The year.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// What stands in one version of the segment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Edition {
    /// The version's number.
    pub version: u64,
    /// The day that it was published for.
    pub day: Date,
    /// Rows that were appended so far, in all frames that grow.
    pub rows: u64,
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, day, rows } = self;
        write!(f, "version {version} ({day}, {rows} rows)")
    }
}

/// One line.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// The loader has read its tables, and will publish this many days.
    Ready {
        /// How many.
        days: u64,
    },
    /// The loader published a version.
    Published {
        /// Which.
        edition: Edition,
        /// Bytes of the rows that came with it.
        bytes: u64,
        /// How many days are complete with it.
        days: u64,
    },
    /// A reader took a version, and what it checks in each of them held.
    Taken {
        /// Which.
        edition: Edition,
        /// What it found there, in words.
        text: String,
    },
    /// A reader found its segment removed, and all that it checked held.
    Finished {
        /// How many checks there were.
        checks: u64,
        /// Bytes of the arrays that it used that lie in the mapping of the segment.
        in_place: u64,
        /// Bytes of the arrays that it used that lie elsewhere.
        copied: u64,
        /// What was checked, in words.
        text: String,
    },
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Report {
    type Err = serde_json::Error;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(line)
    }
}
