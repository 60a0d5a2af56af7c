//! The kinds of types.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit, UnionFields, UnionMode};

/// Declares the kinds with an example of each, so that neither list can be without the other.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $example:expr,)*) => {
        /// A type of Arrow's, with units, zones and the types of keys and run ends told apart but not other parameters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "named as in `DataType`")]
        pub enum Kind {
            $($name,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// A type of this kind.
            #[must_use]
            pub fn example(self) -> DataType {
                match self {
                    $(Self::$name => $example,)*
                }
            }
        }
    };
}

kinds! {
    Null => DataType::Null,
    Boolean => DataType::Boolean,
    Int8 => DataType::Int8,
    Int16 => DataType::Int16,
    Int32 => DataType::Int32,
    Int64 => DataType::Int64,
    UInt8 => DataType::UInt8,
    UInt16 => DataType::UInt16,
    UInt32 => DataType::UInt32,
    UInt64 => DataType::UInt64,
    Float16 => DataType::Float16,
    Float32 => DataType::Float32,
    Float64 => DataType::Float64,
    Decimal32 => DataType::Decimal32(9, 2),
    Decimal64 => DataType::Decimal64(18, -3),
    Decimal128 => DataType::Decimal128(38, 10),
    Decimal256 => DataType::Decimal256(76, 0),
    Date32 => DataType::Date32,
    Date64 => DataType::Date64,
    Time32Second => DataType::Time32(TimeUnit::Second),
    Time32Millisecond => DataType::Time32(TimeUnit::Millisecond),
    Time64Microsecond => DataType::Time64(TimeUnit::Microsecond),
    Time64Nanosecond => DataType::Time64(TimeUnit::Nanosecond),
    TimestampSecond => DataType::Timestamp(TimeUnit::Second, None),
    TimestampMillisecond => DataType::Timestamp(TimeUnit::Millisecond, None),
    TimestampMicrosecond => DataType::Timestamp(TimeUnit::Microsecond, None),
    TimestampNanosecond => DataType::Timestamp(TimeUnit::Nanosecond, None),
    ZonedTimestampSecond => DataType::Timestamp(TimeUnit::Second, Some("UTC".into())),
    ZonedTimestampMillisecond => DataType::Timestamp(TimeUnit::Millisecond, Some("+05:45".into())),
    ZonedTimestampMicrosecond => DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into())),
    ZonedTimestampNanosecond => DataType::Timestamp(TimeUnit::Nanosecond, Some("America/St_Johns".into())),
    DurationSecond => DataType::Duration(TimeUnit::Second),
    DurationMillisecond => DataType::Duration(TimeUnit::Millisecond),
    DurationMicrosecond => DataType::Duration(TimeUnit::Microsecond),
    DurationNanosecond => DataType::Duration(TimeUnit::Nanosecond),
    IntervalYearMonth => DataType::Interval(IntervalUnit::YearMonth),
    IntervalDayTime => DataType::Interval(IntervalUnit::DayTime),
    IntervalMonthDayNano => DataType::Interval(IntervalUnit::MonthDayNano),
    Utf8 => DataType::Utf8,
    LargeUtf8 => DataType::LargeUtf8,
    Utf8View => DataType::Utf8View,
    Binary => DataType::Binary,
    LargeBinary => DataType::LargeBinary,
    BinaryView => DataType::BinaryView,
    FixedSizeBinary => DataType::FixedSizeBinary(5),
    DictionaryInt8 => dictionary(DataType::Int8, DataType::Utf8),
    DictionaryInt16 => dictionary(DataType::Int16, DataType::LargeBinary),
    DictionaryInt32 => dictionary(DataType::Int32, DataType::Utf8View),
    DictionaryInt64 => dictionary(DataType::Int64, DataType::Int64),
    DictionaryUInt8 => dictionary(DataType::UInt8, DataType::Boolean),
    DictionaryUInt16 => dictionary(DataType::UInt16, DataType::FixedSizeBinary(3)),
    DictionaryUInt32 => dictionary(DataType::UInt32, structure()),
    DictionaryUInt64 => dictionary(DataType::UInt64, DataType::Utf8),
    Struct => structure(),
    List => DataType::List(item(DataType::Utf8)),
    LargeList => DataType::LargeList(item(structure())),
    ListView => DataType::ListView(item(DataType::Int32)),
    LargeListView => DataType::LargeListView(item(DataType::Utf8View)),
    FixedSizeList => DataType::FixedSizeList(item(DataType::Int16), 3),
    Map => map(DataType::Utf8, DataType::Float64),
    SparseUnion => DataType::Union(members(), UnionMode::Sparse),
    DenseUnion => DataType::Union(members(), UnionMode::Dense),
    RunEndEncodedInt16 => runs(DataType::Int16, DataType::Utf8),
    RunEndEncodedInt32 => runs(DataType::Int32, DataType::Boolean),
    RunEndEncodedInt64 => runs(DataType::Int64, DataType::List(item(DataType::Int8))),
}

fn item(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("item", data_type, true))
}

/// A map whose fields have names of their own.
pub(crate) fn map(key: DataType, value: DataType) -> DataType {
    let fields = vec![Field::new("word", key, false), Field::new("number", value, true)];
    DataType::Map(Arc::new(Field::new("pairs", DataType::Struct(fields.into()), false)), false)
}

fn members() -> UnionFields {
    let members = [DataType::Utf8, DataType::Int64, DataType::List(item(DataType::Boolean))];
    let fields = members.into_iter().map(|data_type| Field::new(data_type.to_string(), data_type, true));
    UnionFields::try_new([0, 5, 127], fields).expect("different type ids")
}

pub(crate) fn runs(ends: DataType, values: DataType) -> DataType {
    let ends = Arc::new(Field::new("run_ends", ends, false));
    DataType::RunEndEncoded(ends, Arc::new(Field::new("values", values, true)))
}

fn dictionary(key: DataType, value: DataType) -> DataType {
    DataType::Dictionary(Box::new(key), Box::new(value))
}

/// A struct with one in it.
fn structure() -> DataType {
    let inner = DataType::Struct(vec![Field::new("word", DataType::Utf8, true)].into());
    let fields = vec![
        Arc::new(Field::new("number", DataType::Int32, true)),
        Arc::new(Field::new("inner", inner, true)),
        Arc::new(Field::new("flag", DataType::Boolean, false)),
    ];
    DataType::Struct(fields.into())
}

impl Kind {
    /// The kind of a type itself, not of what is in it; `None` if it is no type to Arrow.
    #[must_use]
    pub fn of(data_type: &DataType) -> Option<Self> {
        use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
        let kind = match data_type {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean,
            DataType::Int8 => Self::Int8,
            DataType::Int16 => Self::Int16,
            DataType::Int32 => Self::Int32,
            DataType::Int64 => Self::Int64,
            DataType::UInt8 => Self::UInt8,
            DataType::UInt16 => Self::UInt16,
            DataType::UInt32 => Self::UInt32,
            DataType::UInt64 => Self::UInt64,
            DataType::Float16 => Self::Float16,
            DataType::Float32 => Self::Float32,
            DataType::Float64 => Self::Float64,
            DataType::Decimal32(_, _) => Self::Decimal32,
            DataType::Decimal64(_, _) => Self::Decimal64,
            DataType::Decimal128(_, _) => Self::Decimal128,
            DataType::Decimal256(_, _) => Self::Decimal256,
            DataType::Date32 => Self::Date32,
            DataType::Date64 => Self::Date64,
            DataType::Time32(Second) => Self::Time32Second,
            DataType::Time32(Millisecond) => Self::Time32Millisecond,
            DataType::Time64(Microsecond) => Self::Time64Microsecond,
            DataType::Time64(Nanosecond) => Self::Time64Nanosecond,
            DataType::Time32(Microsecond | Nanosecond) | DataType::Time64(Second | Millisecond) => {
                return None;
            }
            DataType::Timestamp(Second, None) => Self::TimestampSecond,
            DataType::Timestamp(Millisecond, None) => Self::TimestampMillisecond,
            DataType::Timestamp(Microsecond, None) => Self::TimestampMicrosecond,
            DataType::Timestamp(Nanosecond, None) => Self::TimestampNanosecond,
            DataType::Timestamp(Second, Some(_)) => Self::ZonedTimestampSecond,
            DataType::Timestamp(Millisecond, Some(_)) => Self::ZonedTimestampMillisecond,
            DataType::Timestamp(Microsecond, Some(_)) => Self::ZonedTimestampMicrosecond,
            DataType::Timestamp(Nanosecond, Some(_)) => Self::ZonedTimestampNanosecond,
            DataType::Duration(Second) => Self::DurationSecond,
            DataType::Duration(Millisecond) => Self::DurationMillisecond,
            DataType::Duration(Microsecond) => Self::DurationMicrosecond,
            DataType::Duration(Nanosecond) => Self::DurationNanosecond,
            DataType::Interval(IntervalUnit::YearMonth) => Self::IntervalYearMonth,
            DataType::Interval(IntervalUnit::DayTime) => Self::IntervalDayTime,
            DataType::Interval(IntervalUnit::MonthDayNano) => Self::IntervalMonthDayNano,
            DataType::Utf8 => Self::Utf8,
            DataType::LargeUtf8 => Self::LargeUtf8,
            DataType::Utf8View => Self::Utf8View,
            DataType::Binary => Self::Binary,
            DataType::LargeBinary => Self::LargeBinary,
            DataType::BinaryView => Self::BinaryView,
            DataType::FixedSizeBinary(_) => Self::FixedSizeBinary,
            DataType::Dictionary(key, _) => return Self::of_dictionary(key),
            DataType::Struct(_) => Self::Struct,
            DataType::List(_) => Self::List,
            DataType::LargeList(_) => Self::LargeList,
            DataType::ListView(_) => Self::ListView,
            DataType::LargeListView(_) => Self::LargeListView,
            DataType::FixedSizeList(_, _) => Self::FixedSizeList,
            DataType::Map(_, _) => Self::Map,
            DataType::Union(_, UnionMode::Sparse) => Self::SparseUnion,
            DataType::Union(_, UnionMode::Dense) => Self::DenseUnion,
            DataType::RunEndEncoded(ends, _) => match ends.data_type() {
                DataType::Int16 => Self::RunEndEncodedInt16,
                DataType::Int32 => Self::RunEndEncodedInt32,
                DataType::Int64 => Self::RunEndEncodedInt64,
                _ => return None,
            },
        };
        Some(kind)
    }

    fn of_dictionary(key: &DataType) -> Option<Self> {
        match Self::of(key)? {
            Self::Int8 => Some(Self::DictionaryInt8),
            Self::Int16 => Some(Self::DictionaryInt16),
            Self::Int32 => Some(Self::DictionaryInt32),
            Self::Int64 => Some(Self::DictionaryInt64),
            Self::UInt8 => Some(Self::DictionaryUInt8),
            Self::UInt16 => Some(Self::DictionaryUInt16),
            Self::UInt32 => Some(Self::DictionaryUInt32),
            Self::UInt64 => Some(Self::DictionaryUInt64),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_an_example_of_its_own() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(&kind.example()), Some(*kind));
        }
    }

    #[test]
    fn types_without_a_kind_have_none() {
        assert_eq!(Kind::of(&runs(DataType::UInt16, DataType::Utf8)), None);
        assert_eq!(Kind::of(&dictionary(DataType::Utf8, DataType::Utf8)), None);
        assert_eq!(Kind::of(&DataType::Time32(TimeUnit::Nanosecond)), None);
    }
}
