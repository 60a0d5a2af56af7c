//! Which of the wanted rows: the first, the last, some at random.

use super::frame_rows::{FrameRows, Part};
use anyhow::Result;
use fastrand::Rng;
use std::collections::BTreeSet;

/// What parts are handed to.
pub type Sink<'a> = dyn FnMut(&Part) -> Result<()> + 'a;

impl FrameRows {
    /// Hands out the first `count` of the wanted rows, after `offset` of them.
    pub fn first_wanted(&self, offset: u64, count: u64, sink: &mut Sink<'_>) -> Result<()> {
        let (mut skip, mut left, mut from) = (offset, count, 0);
        if self.is_unconditional() {
            (skip, from) = (0, offset.min(self.len()));
        }
        let to = if self.is_unconditional() { from.saturating_add(count) } else { self.len() };
        for piece in self.pieces(from..to.min(self.len())) {
            if left == 0 {
                break;
            }
            let part = piece.wanted()?;
            let rows = part.numbers.len() as u64;
            let start = skip.min(rows);
            let end = rows.min(start.saturating_add(left));
            (skip, left) = (skip - start, left - (end - start));
            if end > start {
                sink(&part.slice(start as usize..end as usize))?;
            }
        }
        Ok(())
    }

    /// Hands out the last `count` of the wanted rows, before the last `offset` of them; the first of them first.
    pub fn last_wanted(&self, offset: u64, count: u64, sink: &mut Sink<'_>) -> Result<()> {
        if self.is_unconditional() {
            let end = self.len().saturating_sub(offset);
            let start = end.saturating_sub(count);
            return self.pieces(start..end).try_for_each(|piece| sink(&piece.wanted()?));
        }
        let (mut skip, mut left, mut parts) = (offset, count, Vec::new());
        for piece in self.pieces(0..self.len()).rev() {
            if left == 0 {
                break;
            }
            let part = piece.wanted()?;
            let end = (part.numbers.len() as u64).saturating_sub(skip);
            let start = end.saturating_sub(left);
            skip -= part.numbers.len() as u64 - end;
            left -= end - start;
            if end > start {
                parts.push(part.slice(start as usize..end as usize));
            }
        }
        parts.iter().rev().try_for_each(sink)
    }

    /// Hands out `count` of the wanted rows after the first `offset` of them, chosen at random, in their order.
    pub fn some_wanted(&self, offset: u64, count: u64, random: &mut Rng, sink: &mut Sink<'_>) -> Result<()> {
        let chosen = if self.is_unconditional() {
            choose(offset.min(self.len()), self.len(), count, random)
        } else {
            self.choose_wanted(offset, count, random)?
        };
        let Some((first, last)) = chosen.first().zip(chosen.last()) else { return Ok(()) };
        for piece in self.pieces(*first..*last + 1) {
            let start = piece.range.start;
            let places: Vec<u32> =
                chosen.range(piece.range.clone()).map(|row| (row - start) as u32).collect();
            if !places.is_empty() {
                sink(&piece.all()?.take(&places)?)?;
            }
        }
        Ok(())
    }

    /// Rows for which the condition holds, each with the same chance: Algorithm R.
    fn choose_wanted(&self, offset: u64, count: u64, random: &mut Rng) -> Result<BTreeSet<u64>> {
        let (mut chosen, mut seen) = (Vec::new(), 0_u64);
        for piece in self.pieces(0..self.len()) {
            for place in piece.wanted_places()? {
                let (row, place) = (piece.range.start + u64::from(place), seen.checked_sub(offset));
                seen += 1;
                let Some(place) = place else { continue };
                if place < count {
                    chosen.push(row);
                } else if let Some(chosen) = chosen.get_mut(random.u64(0..=place) as usize) {
                    *chosen = row;
                }
            }
        }
        Ok(chosen.into_iter().collect())
    }
}

/// `count` different numbers of `from..to`, each set of them with the same chance: Floyd's algorithm.
fn choose(from: u64, to: u64, count: u64, random: &mut Rng) -> BTreeSet<u64> {
    let mut chosen = BTreeSet::new();
    for end in to - count.min(to - from)..to {
        if !chosen.insert(random.u64(from..=end)) {
            chosen.insert(end);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_different_rows_are_chosen_as_are_asked_for_or_there() {
        let mut random = Rng::with_seed(7);
        for (from, to, count) in [(0, 10, 3), (4, 10, 6), (0, 10, 99), (3, 3, 1), (0, 0, 5), (0, 1000, 500)] {
            let chosen = choose(from, to, count, &mut random);
            assert_eq!(chosen.len() as u64, count.min(to - from), "{from}..{to}");
            assert!(chosen.iter().all(|row| (from..to).contains(row)));
        }
    }

    #[test]
    fn every_row_is_chosen_at_times() {
        let mut random = Rng::with_seed(1);
        let chosen: BTreeSet<u64> = (0..200).flat_map(|_| choose(2, 8, 2, &mut random)).collect();
        assert_eq!(chosen, (2..8).collect());
    }
}
