//! Which values of a child its parents refer to, and where those go.
//!
//! List views and dense unions may refer to the values of their child in any order, twice, or not at all. What nobody
//! refers to is left out; the rest stays in its order, and what was shared stays shared.

use std::ops::Range;

use arrow::array::ArrayRef;

/// So many values in a row that nobody refers to are not worth a range of their own.
const GAP: usize = 32;

/// Ranges of one array, while they are being collected.
#[derive(Default)]
pub(super) struct Ranges {
    ranges: Vec<Range<usize>>,
    /// Whether a range begins before the one that was added before it.
    unordered: bool,
}

impl Ranges {
    pub(super) fn add(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        if let Some(last) = self.ranges.last_mut() {
            if extend(last, &range) {
                return;
            }
            self.unordered |= range.start < last.start;
        }
        self.ranges.push(range);
    }

    /// Cuts them out of `values`, behind the `length` values that stand before them, and says where each went.
    pub(super) fn cut(mut self, values: &ArrayRef, pieces: &mut Vec<ArrayRef>, length: &mut usize) -> Places {
        if self.unordered {
            self.ranges.sort_unstable_by_key(|range| range.start);
            self.ranges.dedup_by(|range, last| extend(last, range));
        }
        let mut places = Places(Vec::with_capacity(self.ranges.len()));
        for range in self.ranges {
            places.0.push((range.start, *length));
            // Arrays without buffers can be of any length.
            *length = length.saturating_add(range.len());
            pieces.push(values.slice(range.start, range.len()));
        }
        places
    }
}

/// Takes a range that begins in the last one, or not far behind it, into that one.
fn extend(last: &mut Range<usize>, range: &Range<usize>) -> bool {
    let near = range.start >= last.start && range.start <= last.end.saturating_add(GAP);
    if near {
        last.end = last.end.max(range.end);
    }
    near
}

/// For each range, where it began and where it begins now.
pub(crate) struct Places(Vec<(usize, usize)>);

impl Places {
    /// Where the value went that stood at `place`, which lies in one of the ranges.
    pub(super) fn of(&self, place: usize) -> usize {
        let range = match self.0.as_slice() {
            [only] => only,
            several => &several[several.partition_point(|(from, _)| *from <= place) - 1],
        };
        place - range.0 + range.1
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, AsArray, Int32Array};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn cut(ranges: &[Range<usize>]) -> (Vec<ArrayRef>, Places) {
        let values: ArrayRef = Arc::new(Int32Array::from_iter_values(0..1000));
        let mut collected = Ranges::default();
        ranges.iter().for_each(|range| collected.add(range.clone()));
        let (mut pieces, mut length) = (Vec::new(), 7);
        let places = collected.cut(&values, &mut pieces, &mut length);
        assert_eq!(length, 7 + pieces.iter().map(Array::len).sum::<usize>());
        (pieces, places)
    }

    #[test]
    fn every_value_that_is_referred_to_is_found_again() {
        let cases: [&[Range<usize>]; 6] = [
            &[0..10, 10..20, 20..25],
            &[500..510, 0..10, 505..600, 100..101, 5..6],
            &[3..4, 3..4, 3..4],
            &[900..1000, 0..1000],
            &[0..0, 90..90, 7..8],
            &[0..1, 34..35, 200..201, 100..101],
        ];
        for ranges in cases {
            let (pieces, places) = cut(ranges);
            let joined: Vec<i32> =
                pieces.iter().flat_map(|piece| piece.as_primitive::<Int32Type>().values().to_vec()).collect();
            for value in ranges.iter().cloned().flatten() {
                assert_eq!(joined[places.of(value) - 7], value as i32, "{ranges:?}");
            }
        }
    }

    #[test]
    fn what_nobody_refers_to_is_left_out_and_what_is_shared_stays_shared() {
        let (pieces, _) = cut(&[800..900, 0..10, 850..900, 0..10]);
        assert_eq!(pieces.iter().map(Array::len).collect::<Vec<_>>(), [10, 100]);
        assert!(cut(&[5..5, 7..7]).0.is_empty());
    }
}
