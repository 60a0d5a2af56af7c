//! What can go wrong between a snapshot and an array.

use arrow::datatypes::DataType;
use shmframe_format::{Describe, ErrorKind, Report};

#[derive(Debug)]
pub(crate) enum ReadKind {
    FrameMissing { frame: String, names: Vec<String> },
    ColumnMissing { column: String, names: Vec<String> },
    ColumnType { column: String, wanted: String, found: DataType },
    ColumnNulls { column: String, nulls: u64 },
    ColumnRuns { column: String, runs: usize },
    Columns { wanted: usize, found: usize },
    Values { column: String, wanted: u64, found: u64 },
    Batch,
    OpenTimedOut { name: String },
    Position { found: String },
}

impl Describe for ReadKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::FrameMissing { .. } => ErrorKind::FrameMissing,
            Self::ColumnMissing { .. } => ErrorKind::ColumnMissing,
            Self::ColumnType { .. } => ErrorKind::ColumnType,
            Self::ColumnNulls { .. } => ErrorKind::ColumnNulls,
            Self::ColumnRuns { .. } => ErrorKind::ColumnRuns,
            Self::Columns { .. } | Self::Values { .. } | Self::Batch => ErrorKind::Corrupt,
            Self::OpenTimedOut { .. } => ErrorKind::TimedOut,
            Self::Position { .. } => ErrorKind::InvalidArgument,
        }
    }

    fn report(&self) -> Report {
        let remove = "the segment is damaged: remove it and create it again";
        match self {
            Self::FrameMissing { frame, names } => Report::new(
                format!("no frame {frame:?}"),
                format!("one of {names:?}"),
                "another name",
                "check the name, or wait for a version that has the frame",
            ),
            Self::ColumnMissing { column, names } => Report::new(
                format!("no column {column:?}"),
                format!("one of {names:?}"),
                "another name",
                "check the name",
            ),
            Self::ColumnType { column, wanted, found } => Report::new(
                format!("column {column:?} has another type"),
                wanted.clone(),
                found.to_string(),
                "ask for the column's own type, or use batches()",
            ),
            Self::ColumnNulls { column, nulls } => Report::new(
                format!("column {column:?} has nulls"),
                "none: a plain slice cannot show them",
                format!("{nulls}"),
                "use column_chunks() or batches(), which carry validity",
            ),
            Self::ColumnRuns { column, runs } => Report::new(
                format!("column {column:?} does not stand in one run"),
                "one run",
                format!("{runs}"),
                "use column_chunks() or batches(), or let the writer compact() the frame",
            ),
            Self::Columns { wanted, found } => Report::new(
                "damaged frame",
                format!("the nodes of {wanted} columns"),
                format!("those of {found}"),
                remove,
            ),
            Self::Values { column, wanted, found } => Report::new(
                format!("damaged column {column:?}"),
                format!("{wanted} bytes of values"),
                format!("{found}"),
                remove,
            ),
            Self::Batch => Report::new("damaged frame", "columns that fit its schema", "others", remove),
            Self::OpenTimedOut { name } => Report::new(
                format!("no segment {name:?} within the time given"),
                "somebody who creates it",
                "nobody",
                "check name and directory, start its writer, or wait longer",
            ),
            Self::Position { found } => Report::new(
                "no position in a frame",
                "16 hexadecimal digits, a colon and the number of a row",
                format!("{found:?}"),
                "use the text that a Position was written as",
            ),
        }
    }
}

shmframe_format::every_kind!(ReadKind {
    FrameMissing: ReadKind::FrameMissing { frame: "a".into(), names: vec!["b".into()] };
    ColumnMissing: ReadKind::ColumnMissing { column: "a".into(), names: vec!["b".into()] };
    ColumnType: ReadKind::ColumnType { column: "a".into(), wanted: "Int8".into(), found: DataType::Utf8 };
    ColumnNulls: ReadKind::ColumnNulls { column: "a".into(), nulls: 1 };
    ColumnRuns: ReadKind::ColumnRuns { column: "a".into(), runs: 2 };
    Columns: ReadKind::Columns { wanted: 1, found: 2 };
    Values: ReadKind::Values { column: "a".into(), wanted: 2, found: 1 };
    Batch: ReadKind::Batch;
    OpenTimedOut: ReadKind::OpenTimedOut { name: "a".into() };
    Position: ReadKind::Position { found: "a".into() };
});
