//! Which line of a table is selected.

/// A step through a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Up(usize),
    Down(usize),
    First,
    Last,
}

/// The selected line: known by its key, whatever lines come, go, or change places. If it goes, the one that takes its
/// place is selected. To begin with, and after a step to the first line, it is the first one, whichever that is.
#[derive(Clone, Debug)]
pub struct Selection<K> {
    key: Option<K>,
    place: usize,
}

impl<K> Default for Selection<K> {
    fn default() -> Self {
        Self { key: None, place: 0 }
    }
}

impl<K: PartialEq> Selection<K> {
    /// The place of the selected line.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Finds it again among lines that may be others than before. While there are no lines it is remembered.
    pub fn find(&mut self, keys: Vec<K>) {
        let Some(key) = &self.key else { return };
        let place = keys.iter().position(|other| other == key).unwrap_or(self.place);
        self.select(place, keys);
    }

    /// Goes to another line.
    pub fn step(&mut self, step: Step, keys: Vec<K>) {
        let place = match step {
            Step::Up(lines) => self.place.saturating_sub(lines),
            Step::Down(lines) => self.place.saturating_add(lines),
            Step::First => {
                *self = Self::default();
                return;
            }
            Step::Last => usize::MAX,
        };
        self.select(place, keys);
    }

    fn select(&mut self, place: usize, keys: Vec<K>) {
        let Some(last) = keys.len().checked_sub(1) else { return };
        self.place = place.min(last);
        self.key = keys.into_iter().nth(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selected_line_is_found_again_wherever_it_went() {
        let mut selection = Selection::default();
        selection.find(vec!["a", "b", "c"]);
        selection.step(Step::Down(1), vec!["a", "b", "c"]);
        selection.find(vec!["c", "x", "a", "b"]);
        assert_eq!(selection.place(), 3);
        selection.find(Vec::new());
        selection.find(vec!["b", "a"]);
        assert_eq!(selection.place(), 0);
    }

    #[test]
    fn who_takes_the_place_of_a_line_that_went_is_selected() {
        let mut selection = Selection::default();
        selection.step(Step::Down(1), vec!["a", "b", "c"]);
        selection.find(vec!["a", "c"]);
        assert_eq!(selection.place(), 1);
        selection.find(vec!["a"]);
        assert_eq!(selection.place(), 0);
    }

    #[test]
    fn first_line_is_whichever_is_the_first_until_another_one_is_chosen() {
        let mut selection = Selection::default();
        selection.find(vec!["a", "b"]);
        selection.find(vec!["b", "a"]);
        assert_eq!(selection.place(), 0);
        selection.step(Step::Down(1), vec!["b", "a"]);
        selection.find(vec!["a", "b"]);
        assert_eq!(selection.place(), 0);
        selection.step(Step::First, vec!["a", "b"]);
        selection.find(vec!["b", "a"]);
        assert_eq!(selection.place(), 0);
    }

    #[test]
    fn steps_end_at_the_first_and_the_last_line() {
        let (mut selection, keys) = (Selection::default(), vec![1, 2, 3]);
        for (step, place) in
            [(Step::Up(5), 0), (Step::Down(9), 2), (Step::First, 0), (Step::Last, 2), (Step::Up(1), 1)]
        {
            selection.step(step, keys.clone());
            assert_eq!(selection.place(), place, "{step:?}");
        }
        Selection::default().step(Step::Last, Vec::<u8>::new());
    }
}
