//! Types that arrays can have.

use arrow::datatypes::DataType;

/// Whether an array can have this type: a message can express more, over which Arrow panics later.
pub(super) fn is_possible(data_type: &DataType) -> bool {
    let decimal = |precision: u8, most: u8| (1..=most).contains(&precision);
    match data_type {
        DataType::FixedSizeBinary(width) => *width >= 0,
        DataType::FixedSizeList(field, length) => *length >= 0 && is_possible(field.data_type()),
        DataType::Decimal32(precision, _) => decimal(*precision, 9),
        DataType::Decimal64(precision, _) => decimal(*precision, 18),
        DataType::Decimal128(precision, _) => decimal(*precision, 38),
        DataType::Decimal256(precision, _) => decimal(*precision, 76),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field) => is_possible(field.data_type()),
        DataType::Map(field, _) => {
            matches!(field.data_type(), DataType::Struct(fields) if fields.len() == 2)
                && is_possible(field.data_type())
        }
        DataType::Struct(fields) => fields.iter().all(|field| is_possible(field.data_type())),
        DataType::Union(fields, _) => {
            fields.iter().all(|(id, field)| id >= 0 && is_possible(field.data_type()))
        }
        DataType::Dictionary(_, values) => is_possible(values),
        DataType::RunEndEncoded(ends, values) => {
            let counts = matches!(ends.data_type(), DataType::Int16 | DataType::Int32 | DataType::Int64);
            counts && is_possible(values.data_type())
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Field;
    use std::sync::Arc;

    #[test]
    fn types_that_no_array_can_have_are_refused_wherever_they_stand() {
        let field = |data_type| Arc::new(Field::new("inner", data_type, true));
        for bad in [
            DataType::FixedSizeBinary(-1),
            DataType::FixedSizeList(field(DataType::Int8), -1),
            DataType::Decimal128(39, 0),
            DataType::Decimal32(0, 0),
            DataType::Map(field(DataType::Int8), false),
            DataType::RunEndEncoded(field(DataType::UInt8), field(DataType::Int8)),
        ] {
            assert!(!is_possible(&bad), "{bad}");
            assert!(!is_possible(&DataType::Struct(vec![field(bad.clone())].into())), "{bad}");
            assert!(!is_possible(&DataType::List(field(bad.clone()))), "{bad}");
            let keys = Box::new(DataType::Int8);
            assert!(!is_possible(&DataType::Dictionary(keys, Box::new(bad.clone()))), "{bad}");
        }
        assert!(is_possible(&DataType::Decimal256(76, -3)));
    }
}
