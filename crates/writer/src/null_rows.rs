//! Rows that are null in a column of any type.

use crate::layout::error::LayoutError;
use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{DataType, Field};
use shmframe_format::Result;

/// So many nulls, in as many arrays as it takes: ends of runs count to 32767 only, where they are short.
///
/// # Errors
/// [`shmframe_format::ErrorKind::CapacityExceeded`] where they cannot even count the items of one row.
pub(crate) fn null_rows(field: &Field, rows: usize) -> Result<Vec<ArrayRef>> {
    let (data_type, most) = (field.data_type(), most_rows(field.data_type()));
    if most == 0 && rows > 0 {
        let (path, end_type) = (field.name().clone(), DataType::Int16);
        return Err(LayoutError::RunEndsOverflow { path, rows, end_type }.into());
    }
    let starts = (0..rows.max(1)).step_by(most.max(1));
    Ok(starts.map(|start| new_null_array(data_type, most.min(rows - start))).collect())
}

/// How many nulls one array of a type can have.
fn most_rows(data_type: &DataType) -> usize {
    match data_type {
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => i16::MAX as usize,
            DataType::Int32 => i32::MAX as usize,
            _ => usize::MAX,
        },
        DataType::FixedSizeList(item, size) => most_rows(item.data_type()) / (*size).max(1) as usize,
        DataType::Struct(fields) => {
            fields.iter().map(|field| most_rows(field.data_type())).min().unwrap_or(usize::MAX)
        }
        DataType::Union(fields, _) => {
            fields.iter().map(|(_, field)| most_rows(field.data_type())).min().unwrap_or(usize::MAX)
        }
        _ => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use arrow::array::Array;
    use std::sync::Arc;

    fn lengths(data_type: &DataType, rows: usize) -> Vec<usize> {
        let arrays = null_rows(&Field::new("a", data_type.clone(), true), rows).unwrap();
        assert!(arrays.iter().all(|array| array.data_type() == data_type));
        arrays.iter().map(Array::len).collect()
    }

    #[test]
    fn nulls_come_in_as_many_arrays_as_run_ends_can_count() {
        let field = |data_type| Arc::new(Field::new("a", data_type, true));
        let ends = Arc::new(Field::new("run_ends", DataType::Int16, false));
        let runs = DataType::RunEndEncoded(ends, field(DataType::Utf8));
        let pairs = DataType::FixedSizeList(field(runs.clone()), 2);
        let inside = DataType::Struct(vec![field(DataType::Int8), field(pairs.clone())].into());
        assert_eq!(lengths(&DataType::Int8, 70_000), [70_000]);
        assert_eq!(lengths(&runs, 70_000), [32_767, 32_767, 4466]);
        assert_eq!(lengths(&pairs, 20_000), [16_383, 3617]);
        assert_eq!(lengths(&inside, 20_000), [16_383, 3617]);
        assert_eq!(lengths(&inside, 0), [0]);
        let long = Field::new("a", DataType::FixedSizeList(field(runs), 40_000), true);
        assert_eq!(null_rows(&long, 1).unwrap_err().kind(), shmframe_format::ErrorKind::CapacityExceeded);
        assert_eq!(null_rows(&long, 0).unwrap().len(), 1);
    }
}
