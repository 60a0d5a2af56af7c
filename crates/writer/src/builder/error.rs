//! What can keep a frame from being built.

use shmframe_format::{Describe, ErrorKind, Report};

#[derive(Debug)]
pub(super) enum BuilderError {
    /// A column was taken, or set, before.
    Taken { column: String },
    /// A column is not of the type that it was taken as.
    OtherType { column: String, expected: String, found: String },
    /// Columns that nobody took.
    NeverTaken { columns: Vec<String>, all: usize },
    /// Fewer values were appended than there are rows.
    TooFew { column: String, rows: u64, appended: u64 },
    /// More values are appended than there are rows.
    TooMany { column: String, rows: u64 },
    /// A null in a field that is declared without.
    NoNulls { column: String },
    /// The rows of a column have more bytes than can be addressed.
    TooLong { column: String, rows: u64, width: usize },
}

impl Describe for BuilderError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Taken { .. } | Self::NeverTaken { .. } | Self::TooFew { .. } | Self::TooMany { .. } => {
                ErrorKind::InvalidArgument
            }
            Self::OtherType { .. } | Self::NoNulls { .. } => ErrorKind::SchemaMismatch,
            Self::TooLong { .. } => ErrorKind::CapacityExceeded,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::Taken { column } => Report::new(
                format!("column {column:?} was taken before"),
                "one that nobody took or set",
                "one that is filled already",
                "take each column once, and keep what it gives",
            ),
            Self::OtherType { column, expected, found } => Report::new(
                format!("column {column:?} is of another type"),
                expected.clone(),
                found.clone(),
                "take numbers with `take`, others with `booleans`, `fixed_size_binary`, `strings` or `binary`, and give \
                 the column of any type as an array with `set`",
            ),
            Self::NeverTaken { columns, all } => Report::new(
                "columns were never taken",
                format!("all {all} to be filled"),
                format!("{} that are not: {columns:?}", columns.len()),
                "take or set each column before the frame is published",
            ),
            Self::TooFew { column, rows, appended } => Report::new(
                format!("too few values were appended to column {column:?}"),
                format!("{rows}, one for each row"),
                format!("{appended}"),
                "append a value or a null for each row",
            ),
            Self::TooMany { column, rows } => Report::new(
                format!("too many values are appended to column {column:?}"),
                format!("{rows}, one for each row"),
                "one more",
                "build the frame with more rows",
            ),
            Self::NoNulls { column } => Report::new(
                format!("a null in column {column:?}"),
                "none, as the schema declares",
                "one",
                "declare the field as nullable",
            ),
            Self::TooLong { column, rows, width } => Report::new(
                format!("column {column:?} is too long"),
                "fewer bytes than can be counted",
                format!("{rows} rows of {width} bytes"),
                "build the frame with fewer rows",
            ),
        }
    }
}

shmframe_format::every_kind!(BuilderError {
    Taken: BuilderError::Taken { column: "a".into() };
    OtherType: BuilderError::OtherType { column: "a".into(), expected: "Int8".into(), found: "Int16".into() };
    NeverTaken: BuilderError::NeverTaken { columns: vec!["a".into()], all: 2 };
    TooFew: BuilderError::TooFew { column: "a".into(), rows: 2, appended: 1 };
    TooMany: BuilderError::TooMany { column: "a".into(), rows: 2 };
    NoNulls: BuilderError::NoNulls { column: "a".into() };
    TooLong: BuilderError::TooLong { column: "a".into(), rows: 2, width: 8 };
});
