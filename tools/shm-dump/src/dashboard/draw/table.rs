//! A table of which one line is selected.

use super::canvas::{Canvas, columns, lines};
use crate::dashboard::history::History;
use ratatui::layout::{Constraint, Layout, Rect};
use shmframe_cli::record::{Cell, Tone};

/// A column.
pub struct Column {
    /// Its head. One that begins with `#` is that of numbers, which stand at the right.
    pub head: &'static str,
    pub width: Constraint,
    /// Columns that the terminal has at the least if this one is shown.
    pub from: u16,
}

/// What stands in a cell of a table.
pub enum Content<'a> {
    Text(Cell),
    Chart(&'a History),
}

/// A table.
pub struct Grid<'a> {
    pub columns: &'a [Column],
    pub items: usize,
    pub selected: usize,
    /// Whether keys go to it.
    pub is_active: bool,
}

impl Grid<'_> {
    /// Draws heads, and as many items as there is room for, the selected one among them. `item` gives an item's contents.
    pub fn draw<'b>(&self, canvas: &mut Canvas<'_>, area: Rect, item: impl Fn(usize) -> Vec<Content<'b>>) {
        let shown: Vec<bool> = self.columns.iter().map(|column| column.from <= area.width).collect();
        let known = || self.columns.iter().zip(&shown).filter(|(_, shown)| **shown).map(|(column, _)| column);
        let layout = Layout::horizontal(known().map(|column| column.width)).spacing(1);
        let places = layout.split(columns(area, 1..area.width.saturating_sub(1)));
        for (column, place) in known().zip(places.iter()) {
            let text = column.head.trim_start_matches('#');
            align(canvas, lines(*place, 0..1), column, text, Tone::Faint);
        }
        let height = usize::from(area.height.saturating_sub(1));
        let first = first_shown(self.items, self.selected, height);
        for (line, number) in (first..self.items.min(first + height)).enumerate() {
            let line = 1 + line as u16;
            let contents = item(number).into_iter().zip(&shown).filter(|(_, shown)| **shown);
            for ((column, place), (content, _)) in known().zip(places.iter()).zip(contents) {
                let place = lines(*place, line..line + 1);
                match content {
                    Content::Text((text, tone)) => align(canvas, place, column, &text, tone),
                    Content::Chart(history) => canvas.chart(place, history),
                }
            }
            if self.is_active && number == self.selected {
                canvas.select(lines(area, line..line + 1));
            }
        }
    }
}

fn align(canvas: &mut Canvas<'_>, place: Rect, column: &Column, text: &str, tone: Tone) {
    if column.head.starts_with('#') {
        canvas.right(place, text, tone);
    } else {
        canvas.text(place, text, tone);
    }
}

/// The first item that is shown, so that the selected one stands in the middle where that is possible.
fn first_shown(items: usize, selected: usize, height: usize) -> usize {
    selected.saturating_sub(height / 2).min(items.saturating_sub(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selected_item_is_shown_and_no_line_is_lost_at_the_ends() {
        let of = |selected| first_shown(10, selected, 4);
        assert_eq!([of(0), of(2), of(3), of(8), of(9)], [0, 0, 1, 6, 6]);
        assert_eq!((first_shown(3, 2, 4), first_shown(0, 0, 4), first_shown(3, 2, 0)), (0, 0, 2));
    }
}
