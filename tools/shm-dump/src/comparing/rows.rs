//! What the rows of two frames differ in.

use crate::rows::{FrameRows, text};
use anyhow::Result;
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::row::{RowConverter, SortField};

/// How the rows of two frames with the same columns differ: row by row, from the first.
#[derive(Debug, Default)]
pub struct RowDifferences {
    /// Rows that both have, and that are not equal.
    pub differing: u64,
    /// The first few of them.
    pub first: Vec<Differing>,
}

/// A row that differs.
#[derive(Debug)]
pub struct Differing {
    /// Its absolute number in the first frame, and in the second.
    pub numbers: [u64; 2],
    /// Its values that differ, in the first frame, and in the second.
    pub values: [RecordBatch; 2],
}

impl RowDifferences {
    /// Compares the rows at the same places of both, as many as both have; keeps the first `keep` that differ.
    ///
    /// # Errors
    /// If Arrow cannot compare them.
    pub fn find(
        before: &FrameRows,
        after: &FrameRows,
        keep: usize,
        mut done: impl FnMut(u64),
    ) -> Result<Self> {
        let (mut found, mut row) = (Self::default(), 0);
        let (olds, news) = (before.schema(), after.schema());
        debug_assert_eq!(olds.fields().len(), news.fields().len());
        while let Some((old, new)) = before.rows_from(row)?.zip(after.rows_from(row)?) {
            let count = old.num_rows().min(new.num_rows());
            let (old, new) = (old.slice(0, count), new.slice(0, count));
            for place in differing(&old, &new)? {
                found.differing += 1;
                if found.first.len() < keep {
                    let at = row + place as u64;
                    found.first.push(Differing {
                        numbers: [before.first() + at, after.first() + at],
                        values: differing_values(&old.slice(place, 1), &new.slice(place, 1))?,
                    });
                }
            }
            row += count as u64;
            done(count as u64);
        }
        Ok(found)
    }
}

/// The places of the rows that are not equal.
fn differing(old: &RecordBatch, new: &RecordBatch) -> Result<Vec<usize>> {
    let mut differs = vec![false; old.num_rows()];
    for (old, new) in old.columns().iter().zip(new.columns()) {
        // Most are equal: that is found out without looking at each value.
        if old.to_data() == new.to_data() {
            continue;
        }
        let (old, new) = (keys(old)?, keys(new)?);
        for (differs, (old, new)) in differs.iter_mut().zip(old.iter().zip(&new)) {
            *differs |= old != new;
        }
    }
    Ok((0..differs.len()).filter(|place| differs[*place]).collect())
}

/// Of two rows, the values that are not equal.
fn differing_values(old: &RecordBatch, new: &RecordBatch) -> Result<[RecordBatch; 2]> {
    let mut differs = Vec::new();
    for (index, (old, new)) in old.columns().iter().zip(new.columns()).enumerate() {
        if keys(old)? != keys(new)? {
            differs.push(index);
        }
    }
    Ok([old.project(&differs)?, new.project(&differs)?])
}

/// For each value, bytes that are the same for equal values: NaN equals itself, and 0 is not -0.
fn keys(array: &ArrayRef) -> Result<Vec<Vec<u8>>> {
    let field = SortField::new(array.data_type().clone());
    if RowConverter::supports_fields(core::slice::from_ref(&field)) {
        let rows = RowConverter::new(vec![field])?.convert_columns(core::slice::from_ref(array))?;
        return Ok(rows.iter().map(|row| row.as_ref().to_vec()).collect());
    }
    let formatter = text::formatter(array);
    Ok((0..array.len()).map(|row| formatter.value(row).to_string().into_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{DictionaryArray, Float64Array, StringArray};
    use arrow::datatypes::Int32Type;
    use std::sync::Arc;

    fn rows(array: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([("c", array, true)]).unwrap()
    }

    #[test]
    fn rows_differ_where_a_value_does() {
        let old = rows(Arc::new(Float64Array::from(vec![Some(1.0), Some(f64::NAN), None, Some(4.0)])));
        let new = rows(Arc::new(Float64Array::from(vec![Some(1.0), Some(f64::NAN), Some(0.0), Some(5.0)])));
        assert_eq!(differing(&old, &new).unwrap(), [2, 3]);
        assert!(differing(&old, &old).unwrap().is_empty());
    }

    #[test]
    fn dictionaries_are_equal_if_their_values_are() {
        let old: DictionaryArray<Int32Type> = ["a", "b"].into_iter().collect();
        let values = StringArray::from(vec!["b", "a", "c"]);
        let new = DictionaryArray::<Int32Type>::new(vec![1, 0].into(), Arc::new(values.clone()));
        assert!(differing(&rows(Arc::new(old.clone())), &rows(Arc::new(new))).unwrap().is_empty());
        let new = DictionaryArray::<Int32Type>::new(vec![1, 2].into(), Arc::new(values));
        assert_eq!(differing(&rows(Arc::new(old)), &rows(Arc::new(new))).unwrap(), [1]);
    }
}
