//! What can keep batches from being laid out.

use arrow::datatypes::DataType;
use shmframe_format::{Describe, ErrorKind, Report};

/// The most values that an array may have: what readers take for a length that can be.
pub(crate) const LENGTH_LIMIT: usize = isize::MAX as usize;

#[derive(Debug)]
pub(crate) enum LayoutError {
    /// A field has a type that has no layout rule.
    TypeNotSupported { path: String, found: String },
    /// A batch has another number of columns than the schema.
    ColumnCount { batch: usize, expected: usize, found: usize },
    /// A field of a batch is not the schema's.
    FieldDiffers { batch: usize, path: String, expected: String, found: String },
    /// Dictionaries that claim an order cannot be put behind each other.
    OrderedDictionariesDiffer { path: String },
    /// The rows of all batches are more than can be counted.
    TooManyRows { path: String },
    /// The values of a column with 32-bit offsets are too long together.
    OffsetsOverflow { path: String, found: String, limit: usize, large: Option<&'static str> },
    /// The rows of a run-end encoded column are more than its run ends can count.
    RunEndsOverflow { path: String, rows: usize, end_type: DataType },
    /// A field that is declared without nulls has some.
    UnexpectedNulls { path: String, nulls: usize },
    /// One value of a view column is longer than a data buffer may be.
    ValueTooLong { path: String, bytes: usize, limit: usize },
    /// The batches' dictionaries together have more values than the keys can count.
    KeysOverflow { path: String, values: usize, limit: usize },
}

impl Describe for LayoutError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TypeNotSupported { .. } => ErrorKind::TypeNotSupported,
            Self::ColumnCount { .. }
            | Self::FieldDiffers { .. }
            | Self::UnexpectedNulls { .. }
            | Self::OrderedDictionariesDiffer { .. } => ErrorKind::SchemaMismatch,
            Self::TooManyRows { .. }
            | Self::OffsetsOverflow { .. }
            | Self::RunEndsOverflow { .. }
            | Self::ValueTooLong { .. }
            | Self::KeysOverflow { .. } => ErrorKind::CapacityExceeded,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::TypeNotSupported { path, found } => Report::new(
                format!("the type of field {path:?} is not supported"),
                "a type that Arrow itself takes for one: integer keys of a dictionary, run ends without nulls that \
                 are signed and at least 16 bits wide, entries of a map that are keys without nulls and values, no \
                 negative sizes",
                found.clone(),
                "build the field with another type",
            ),
            Self::ColumnCount { batch, expected, found } => Report::new(
                format!("batch {batch} does not have the schema"),
                format!("{expected} columns"),
                format!("{found}"),
                "give every batch the columns of the schema, in its order",
            ),
            Self::FieldDiffers { batch, path, expected, found } => Report::new(
                format!("field {path:?} of batch {batch} is not the schema's"),
                expected.clone(),
                found.clone(),
                "give every batch the fields of the schema, in its order",
            ),
            Self::OrderedDictionariesDiffer { path } => Report::new(
                format!("the ordered dictionaries of field {path:?} differ from batch to batch"),
                "one dictionary in all batches, or the beginning of one: joining several would lose their order",
                "different ones",
                "encode all batches with one dictionary, or declare the field as not ordered",
            ),
            Self::TooManyRows { path } => Report::new(
                format!("field {path:?} has too many rows"),
                format!("at most {LENGTH_LIMIT}"),
                "more in all batches together",
                "write the batches in several chunks",
            ),
            Self::OffsetsOverflow { path, found, limit, large } => Report::new(
                format!("the values of field {path:?} do not fit 32-bit offsets"),
                format!("at most {limit} in all batches together"),
                found.clone(),
                match large {
                    Some(large) => format!("cast the field to {large}, or write fewer rows at a time"),
                    None => "write fewer rows at a time".to_owned(),
                },
            ),
            Self::RunEndsOverflow { path, rows, end_type } => Report::new(
                format!("the rows of field {path:?} are more than its run ends can count"),
                format!("rows that fit {end_type}"),
                format!("{rows} in all batches together"),
                "encode the field with wider run ends (Int32 or Int64), or write fewer rows at a time",
            ),
            Self::UnexpectedNulls { path, nulls } => Report::new(
                format!("field {path:?} has nulls"),
                "none, as the schema declares",
                format!("{nulls}"),
                "declare the field as nullable, or fill its nulls",
            ),
            Self::ValueTooLong { path, bytes, limit } => Report::new(
                format!("a value of field {path:?} is too long for a view"),
                format!("at most {limit} bytes"),
                format!("{bytes} bytes"),
                "cast the field to LargeUtf8 or LargeBinary",
            ),
            Self::KeysOverflow { path, values, limit } => Report::new(
                format!("the dictionaries of field {path:?} have more values than their keys can count"),
                format!("at most {limit} different values in all batches together"),
                format!("at least {values}"),
                "cast the field to a dictionary with wider keys, or write fewer rows at a time",
            ),
        }
    }
}

shmframe_format::every_kind!(LayoutError {
    TypeNotSupported: LayoutError::TypeNotSupported { path: "a.b".into(), found: "FixedSizeBinary(-1)".into() };
    ColumnCount: LayoutError::ColumnCount { batch: 1, expected: 2, found: 1 };
    FieldDiffers: LayoutError::FieldDiffers {
        batch: 1,
        path: "a.b".into(),
        expected: "the type Int8".into(),
        found: "Int16".into(),
    };
    OrderedDictionariesDiffer: LayoutError::OrderedDictionariesDiffer { path: "a".into() };
    TooManyRows: LayoutError::TooManyRows { path: "a".into() };
    OffsetsOverflow: LayoutError::OffsetsOverflow {
        path: "a".into(),
        found: "2 bytes".into(),
        limit: 1,
        large: Some("LargeUtf8"),
    };
    RunEndsOverflow: LayoutError::RunEndsOverflow { path: "a".into(), rows: 40_000, end_type: DataType::Int16 };
    UnexpectedNulls: LayoutError::UnexpectedNulls { path: "a.b".into(), nulls: 1 };
    ValueTooLong: LayoutError::ValueTooLong { path: "a".into(), bytes: 2, limit: 1 };
    KeysOverflow: LayoutError::KeysOverflow { path: "a".into(), values: 2, limit: 1 };
});
