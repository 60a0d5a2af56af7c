//! The foot, and the help.

use super::canvas::{Canvas, columns, lines};
use crate::dashboard::keys;
use crate::dashboard::model::{Model, Table};
use ratatui::layout::{Constraint, Rect};
use ratatui::widgets::{Block, Clear, Widget};
use shmframe_cli::record::{Tone, cell, toned};

/// Columns of the names of keys.
const NAME: u16 = 17;
/// Columns and lines of the help.
const SIZE: (u16, u16) = (66, 18);

/// What the columns mean that do not say it themselves.
const MEANING: [&str; 6] = [
    "ROWS/S       appended or put since the last look",
    "BEHIND       versions from its oldest pin to the newest one",
    "HOLDS ALONE  bytes that only this slot keeps in use",
    "memory       allocated bytes of the segment, of its quota",
    "file system  bytes in use where the segment is, of its size",
    "A chart is as high as the highest rate that it shows.",
];

pub fn foot(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let other = match model.table {
        Table::Frames => " readers  ",
        Table::Readers => " frames  ",
    };
    let key = |text: &str| toned(text, Tone::Head);
    let texts = [
        key(" ?"),
        cell(" help  "),
        key("q"),
        cell(" end  "),
        key("Tab"),
        cell(other),
        key("s"),
        cell(" sort  "),
        key("space"),
        cell(if model.is_paused { " go on  " } else { " hold  " }),
        key("up down"),
        cell(" select"),
    ];
    canvas.line(area, &texts);
}

pub fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let place = area.centered(Constraint::Length(SIZE.0), Constraint::Length(SIZE.1));
    Clear.render(place, canvas.buffer);
    let block = Block::bordered().title(" Help ");
    let inner = block.inner(place);
    block.render(place, canvas.buffer);
    let inner = columns(inner, 1..inner.width);
    let count = keys::TOLD.len() as u16;
    for (line, (name, meaning)) in (0..).zip(keys::TOLD) {
        let place = lines(inner, line..line + 1);
        canvas.text(place, name, Tone::Head);
        canvas.text(columns(place, NAME..place.width), meaning, Tone::Plain);
    }
    for (line, text) in (count + 1..).zip(MEANING) {
        canvas.text(lines(inner, line..line + 1), text, Tone::Plain);
    }
}
