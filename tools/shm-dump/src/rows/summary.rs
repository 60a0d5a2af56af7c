//! What is in a column: nulls, the least and the greatest value, the mean, how many different values, bytes.

use super::text;
use anyhow::Result;
use arrow::array::types::Float64Type;
use arrow::array::{Array, ArrayData, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::compute::{cast, sum};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use core::ops::Range;
use std::collections::HashSet;
use xxhash_rust::xxh3::xxh3_128;

/// What is known of a column so far.
pub struct Summary {
    /// Rows.
    pub rows: u64,
    /// Rows that are null.
    pub nulls: u64,
    has_order: bool,
    /// What makes values comparable as bytes, if their type can be.
    converter: Option<RowConverter>,
    least: Option<Extreme>,
    greatest: Option<Extreme>,
    /// The sum of the numbers.
    sum: Option<f64>,
    /// Hashes of the different values, 128 bits: that two share one is not to be expected.
    seen: HashSet<u128>,
    /// How many different values are counted at the most.
    bound: usize,
    /// Addresses of the buffers.
    buffers: Vec<Range<usize>>,
}

/// A value, and as bytes that compare.
struct Extreme {
    bytes: Vec<u8>,
    value: ArrayRef,
}

/// How many different values there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distinct {
    /// So many.
    Exactly(u64),
    /// As many as are counted, or more.
    AtLeast(u64),
}

impl Summary {
    /// Nothing yet of a column of this type; up to `bound` different values will be counted.
    pub fn new(data_type: &DataType, bound: usize) -> Self {
        let field = SortField::new(data_type.clone());
        let is_supported = RowConverter::supports_fields(core::slice::from_ref(&field));
        Self {
            rows: 0,
            nulls: 0,
            has_order: has_order(text::value_type(data_type)),
            converter: RowConverter::new(vec![field]).ok().filter(|_| is_supported),
            least: None,
            greatest: None,
            sum: text::is_number(data_type).then_some(0.0),
            seen: HashSet::new(),
            bound,
            buffers: Vec::new(),
        }
    }

    /// Adds the buffers of some rows: all that lie there, once, whichever rows they are of.
    pub fn add_buffers(&mut self, array: &ArrayRef) {
        add_buffers(&array.to_data(), &mut self.buffers);
    }

    /// Adds the values of some rows.
    ///
    /// # Errors
    /// If Arrow cannot compare or add them.
    pub fn add(&mut self, array: &ArrayRef) -> Result<()> {
        let nulls = array.logical_nulls();
        self.rows += array.len() as u64;
        self.nulls += nulls.as_ref().map_or(0, |nulls| nulls.null_count() as u64);
        if let Some(total) = &mut self.sum {
            let numbers = cast(array, &DataType::Float64)?;
            *total += sum(numbers.as_primitive::<Float64Type>()).unwrap_or_default();
        }
        let counts = self.bound > 0 && self.seen.len() <= self.bound;
        let Some(converter) = self.converter.as_ref().filter(|_| counts || self.has_order) else {
            return Ok(());
        };
        let rows = converter.convert_columns(core::slice::from_ref(array))?;
        for (index, row) in rows.iter().enumerate() {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(index)) {
                continue;
            }
            if self.bound > 0 && self.seen.len() <= self.bound {
                self.seen.insert(xxh3_128(row.as_ref()));
            }
            if self.has_order {
                let value = || Extreme { bytes: row.as_ref().to_vec(), value: array.slice(index, 1) };
                if self.least.as_ref().is_none_or(|least| row.as_ref() < least.bytes.as_slice()) {
                    self.least = Some(value());
                }
                if self.greatest.as_ref().is_none_or(|greatest| row.as_ref() > greatest.bytes.as_slice()) {
                    self.greatest = Some(value());
                }
            }
        }
        Ok(())
    }

    /// The least value, as an array of one row; none if the type has no order, or all is null.
    pub fn least(&self) -> Option<&ArrayRef> {
        self.least.as_ref().map(|least| &least.value)
    }

    /// The greatest value, likewise. Of floats, NaN is greater than all others.
    pub fn greatest(&self) -> Option<&ArrayRef> {
        self.greatest.as_ref().map(|greatest| &greatest.value)
    }

    /// The mean of the numbers that are not null.
    pub fn mean(&self) -> Option<f64> {
        let count = self.rows - self.nulls;
        self.sum.filter(|_| count > 0).map(|sum| sum / count as f64)
    }

    /// How many different values there are, nulls left out; none if that was not asked for, or cannot be told.
    pub fn distinct(&self) -> Option<Distinct> {
        let (found, bound) = (self.seen.len() as u64, self.bound as u64);
        let is_known = self.bound > 0 && (self.converter.is_some() || self.rows == self.nulls);
        is_known.then_some(if found > bound { Distinct::AtLeast(bound) } else { Distinct::Exactly(found) })
    }

    /// How many separate buffers there are, and their bytes.
    pub fn memory(&self) -> (u64, u64) {
        let mut ranges = self.buffers.clone();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<usize>> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        (merged.len() as u64, merged.iter().map(|range| range.len() as u64).sum())
    }
}

/// Whether a least and a greatest value mean something.
fn has_order(data_type: &DataType) -> bool {
    !data_type.is_nested() && !matches!(data_type, DataType::Interval(_) | DataType::Null)
}

fn add_buffers(data: &ArrayData, ranges: &mut Vec<Range<usize>>) {
    let nulls = data.nulls().map(NullBuffer::buffer);
    for buffer in data.buffers().iter().chain(nulls) {
        let start = buffer.as_ptr() as usize;
        if !buffer.is_empty() {
            ranges.push(start..start + buffer.len());
        }
    }
    data.child_data().iter().for_each(|child| add_buffers(child, ranges));
}

#[cfg(test)]
mod tests {
    use super::super::short;
    use super::*;
    use arrow::array::{Float64Array, Int32Array, IntervalYearMonthArray, StringArray};
    use std::sync::Arc;

    fn summary(arrays: &[ArrayRef], bound: usize) -> Summary {
        let mut summary = Summary::new(arrays[0].data_type(), bound);
        arrays.iter().for_each(|array| summary.add(array).unwrap());
        summary
    }

    fn extremes(summary: &Summary) -> (String, String) {
        (short::value(summary.least().unwrap(), 0, 20), short::value(summary.greatest().unwrap(), 0, 20))
    }

    #[test]
    fn numbers_have_extremes_a_mean_and_a_count_across_arrays() {
        let numbers = [vec![Some(-3), None, Some(9)], vec![Some(9), None, Some(1)]];
        let arrays = numbers.map(|numbers| Arc::new(Int32Array::from(numbers)) as ArrayRef);
        let summary = summary(&arrays, 100);
        assert_eq!((summary.rows, summary.nulls, summary.mean()), (6, 2, Some(4.0)));
        assert_eq!(extremes(&summary), ("-3".to_owned(), "9".to_owned()));
        assert_eq!(summary.distinct(), Some(Distinct::Exactly(3)));
    }

    #[test]
    fn different_values_are_counted_up_to_the_bound() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["b", "a", "b", "c"]));
        assert_eq!(summary(core::slice::from_ref(&texts), 3).distinct(), Some(Distinct::Exactly(3)));
        assert_eq!(summary(core::slice::from_ref(&texts), 2).distinct(), Some(Distinct::AtLeast(2)));
        assert_eq!(summary(core::slice::from_ref(&texts), 0).distinct(), None);
        assert_eq!(extremes(&summary(&[texts], 0)), ("a".to_owned(), "c".to_owned()));
    }

    #[test]
    fn nan_is_the_greatest_number_and_intervals_have_no_order() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN, f64::NEG_INFINITY]));
        assert_eq!(extremes(&summary(&[floats], 9)), ("-inf".to_owned(), "NaN".to_owned()));
        let intervals: ArrayRef = Arc::new(IntervalYearMonthArray::from(vec![1, 2, 1]));
        let summary = summary(&[intervals], 9);
        assert!(summary.least().is_none());
        assert_eq!(summary.distinct(), Some(Distinct::Exactly(2)));
    }

    #[test]
    fn column_without_values_has_neither_extremes_nor_a_mean() {
        let nothing: ArrayRef = Arc::new(Int32Array::new_null(3));
        let summary = summary(&[nothing], 9);
        assert!(summary.least().is_none() && summary.greatest().is_none() && summary.mean().is_none());
        assert_eq!(summary.distinct(), Some(Distinct::Exactly(0)));
    }

    #[test]
    fn buffers_that_several_arrays_share_count_once() {
        let whole: ArrayRef = Arc::new(Int32Array::from_iter_values(0..100));
        let mut summary = Summary::new(whole.data_type(), 0);
        for part in [whole.slice(0, 64), whole.slice(64, 36), whole.slice(10, 80)] {
            summary.add_buffers(&part);
        }
        assert_eq!(summary.memory(), (1, 400));
    }
}
