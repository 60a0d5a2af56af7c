//! How a rate was lately.

use std::collections::VecDeque;

/// Looks that are remembered: more than most terminals are wide.
const LONGEST: usize = 240;

/// The rates of the last looks, oldest first; none where there was no rate to know.
#[derive(Clone, Debug, Default)]
pub struct History {
    rates: VecDeque<Option<f32>>,
}

impl History {
    pub fn push(&mut self, rate: Option<f64>) {
        if self.rates.len() == LONGEST {
            self.rates.pop_front();
        }
        self.rates.push_back(rate.map(|rate| rate as f32));
    }

    /// The last so many, newest first.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = Option<f32>> + Clone + '_ {
        self.rates.iter().rev().take(count).copied()
    }

    /// The largest of the last so many; 0 if there is none.
    pub fn largest(&self, count: usize) -> f32 {
        self.newest(count).flatten().fold(0.0, f32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_forgets_the_oldest_rate_when_it_is_full() {
        let mut history = History::default();
        (0..LONGEST + 3).for_each(|rate| history.push(Some(rate as f64)));
        assert_eq!(history.newest(usize::MAX).count(), LONGEST);
        assert_eq!(history.newest(2).flatten().collect::<Vec<_>>(), [242.0, 241.0]);
        assert_eq!(history.newest(usize::MAX).last(), Some(Some(3.0)));
    }

    #[test]
    fn largest_rate_is_that_of_what_is_shown() {
        let mut history = History::default();
        for rate in [Some(9.0), None, Some(2.0), Some(1.0)] {
            history.push(rate);
        }
        assert_eq!((history.largest(3), history.largest(4), History::default().largest(5)), (2.0, 9.0, 0.0));
    }
}
