//! Columns whose arrays end at different rows, as batches.

use arrow::array::ArrayRef;
use core::ops::Range;

/// Cuts columns at all rows where an array of any of them ends: for each part, its rows and one array for each column. Of the
/// columns, these rows are taken; without columns they are one part. None if a column has too few.
pub(crate) fn split(columns: &[Vec<ArrayRef>], rows: Range<usize>) -> Option<Vec<(usize, Vec<ArrayRef>)>> {
    let mut ends = vec![rows.end];
    for arrays in columns {
        let mut end = 0_usize;
        ends.extend(arrays.iter().map(|array| {
            end = end.saturating_add(array.len());
            end
        }));
    }
    ends.retain(|end| rows.contains(end) && *end > rows.start || *end == rows.end);
    ends.sort_unstable();
    ends.dedup();
    let mut cuts: Vec<Cut<'_>> = columns.iter().map(|arrays| Cut { arrays, start: 0 }).collect();
    let mut start = rows.start;
    let part = |end| {
        let arrays = cuts.iter_mut().map(|cut| cut.rows(start..end)).collect::<Option<_>>()?;
        let rows = end - start;
        start = end;
        Some((rows, arrays))
    };
    ends.into_iter().map(part).collect()
}

/// A column that is cut from the front to the back.
struct Cut<'a> {
    /// Its arrays that are not behind yet.
    arrays: &'a [ArrayRef],
    /// The row where they begin.
    start: usize,
}

impl Cut<'_> {
    /// These rows, which lie in one array, and not before those that were cut last.
    fn rows(&mut self, rows: Range<usize>) -> Option<ArrayRef> {
        loop {
            let (first, others) = self.arrays.split_first()?;
            let end = self.start.saturating_add(first.len());
            if rows.end <= end {
                let whole = rows == (self.start..end);
                return if whole {
                    Some(first.clone())
                } else {
                    Some(first.slice(rows.start.checked_sub(self.start)?, rows.len()))
                };
            }
            (self.arrays, self.start) = (others, end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;
    use arrow::array::{ArrayRef, AsArray, Int32Array};
    use arrow::datatypes::Int32Type;
    use core::ops::Range;
    use std::sync::Arc;

    /// Columns that count from 0, in arrays of these lengths.
    fn columns(lengths: &[&[usize]]) -> Vec<Vec<ArrayRef>> {
        let column = |lengths: &&[usize]| {
            let mut next = 0;
            let array = |length: &usize| -> ArrayRef {
                let values = next..next + *length as i32;
                next = values.end;
                Arc::new(Int32Array::from_iter_values(values))
            };
            lengths.iter().map(array).collect()
        };
        lengths.iter().map(column).collect()
    }

    fn cut(lengths: &[&[usize]], rows: Range<usize>) -> Vec<Vec<i32>> {
        let parts = split(&columns(lengths), rows).unwrap();
        let part = |(rows, arrays): (usize, Vec<ArrayRef>)| {
            let [first, others @ ..] = arrays.as_slice() else { return vec![-1; rows] };
            assert!(others.iter().all(|other| other == first));
            assert_eq!(first.len(), rows);
            first.as_primitive::<Int32Type>().values().to_vec()
        };
        parts.into_iter().map(part).collect()
    }

    #[test]
    fn batches_end_where_an_array_of_any_column_ends() {
        assert_eq!(cut(&[&[4], &[3, 1]], 0..4), [vec![0, 1, 2], vec![3]]);
        assert_eq!(cut(&[&[4], &[3, 1], &[1, 2, 1]], 0..4), [vec![0], vec![1, 2], vec![3]]);
        assert_eq!(cut(&[&[2], &[2]], 0..2), [vec![0, 1]]);
        assert_eq!(cut(&[&[1, 0, 1], &[2]], 0..2), [vec![0], vec![1]]);
        assert_eq!(cut(&[&[0], &[0]], 0..0), [vec![0; 0]]);
        assert_eq!(cut(&[], 0..3), [vec![-1; 3]]);
    }

    #[test]
    fn rows_in_front_are_left_out() {
        assert_eq!(cut(&[&[4], &[3, 1]], 1..4), [vec![1, 2], vec![3]]);
        assert_eq!(cut(&[&[4], &[3, 1]], 3..4), [vec![3]]);
        assert_eq!(cut(&[&[4], &[1, 1, 2]], 2..4), [vec![2, 3]]);
    }

    #[test]
    fn column_that_is_too_short_is_noticed() {
        assert!(split(&columns(&[&[4], &[3]]), 0..4).is_none());
        assert!(split(&columns(&[&[]]), 0..0).is_none());
    }
}
