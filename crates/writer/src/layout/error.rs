//! What can keep batches from being laid out.

use shmframe_format::{Describe, ErrorKind, Report};

#[derive(Debug)]
pub(super) enum LayoutError {
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
    OffsetsOverflow { path: String, bytes: usize, limit: usize, large: &'static str },
    /// One value of a view column is longer than a data buffer may be.
    ValueTooLong { path: String, bytes: usize, limit: usize },
    /// The batches' dictionaries together have more values than the keys can count.
    KeysOverflow { path: String, values: usize, limit: usize },
    /// Arrow refused to compare or combine dictionary values.
    DictionariesNotMerged { path: String },
}

impl Describe for LayoutError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TypeNotSupported { .. } => ErrorKind::TypeNotSupported,
            Self::ColumnCount { .. } | Self::FieldDiffers { .. } | Self::OrderedDictionariesDiffer { .. } => {
                ErrorKind::SchemaMismatch
            }
            Self::TooManyRows { .. }
            | Self::OffsetsOverflow { .. }
            | Self::ValueTooLong { .. }
            | Self::KeysOverflow { .. } => ErrorKind::CapacityExceeded,
            Self::DictionariesNotMerged { .. } => ErrorKind::InvalidArgument,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::TypeNotSupported { path, found } => Report::new(
                format!("the type of field {path:?} is not supported"),
                "null, boolean, number, temporal, decimal, string, binary, view, dictionary or struct",
                found.clone(),
                "cast the field to a supported type or leave it out",
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
                "one dictionary in all batches, since joining several would lose their order",
                "different ones",
                "encode all batches with one dictionary, or declare the field as not ordered",
            ),
            Self::TooManyRows { path } => Report::new(
                format!("field {path:?} has too many rows"),
                format!("at most {}", usize::MAX),
                "more in all batches together",
                "write the batches in several chunks",
            ),
            Self::OffsetsOverflow { path, bytes, limit, large } => Report::new(
                format!("the values of field {path:?} do not fit 32-bit offsets"),
                format!("at most {limit} bytes in all batches together"),
                format!("{bytes} bytes"),
                format!("cast the field to {large}, or write fewer rows at a time"),
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
            Self::DictionariesNotMerged { path } => Report::new(
                format!("the dictionaries of field {path:?} could not be merged"),
                "values that Arrow can compare and combine",
                "values that it refused",
                "encode all batches with one dictionary",
            ),
        }
    }
}

shmframe_format::every_kind!(LayoutError {
    TypeNotSupported: LayoutError::TypeNotSupported { path: "a.b".into(), found: "Map".into() };
    ColumnCount: LayoutError::ColumnCount { batch: 1, expected: 2, found: 1 };
    FieldDiffers: LayoutError::FieldDiffers {
        batch: 1,
        path: "a.b".into(),
        expected: "the type Int8".into(),
        found: "Int16".into(),
    };
    OrderedDictionariesDiffer: LayoutError::OrderedDictionariesDiffer { path: "a".into() };
    TooManyRows: LayoutError::TooManyRows { path: "a".into() };
    OffsetsOverflow: LayoutError::OffsetsOverflow { path: "a".into(), bytes: 2, limit: 1, large: "LargeUtf8" };
    ValueTooLong: LayoutError::ValueTooLong { path: "a".into(), bytes: 2, limit: 1 };
    KeysOverflow: LayoutError::KeysOverflow { path: "a".into(), values: 2, limit: 1 };
    DictionariesNotMerged: LayoutError::DictionariesNotMerged { path: "a".into() };
});
