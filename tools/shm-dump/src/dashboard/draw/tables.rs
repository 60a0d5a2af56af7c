//! The tables: frames, and reader slots.

use super::canvas::{Canvas, lines};
use super::head::ago;
use super::table::{Column, Content, Grid};
use crate::dashboard::model::{FrameLine, Model, Table};
use crate::live::{Facts, time};
use ratatui::layout::{Constraint, Rect};
use shmframe_cli::record::{Cell, Tone, cell, toned};
use shmframe_cli::words;
use shmframe_segment::SlotPins;

/// What a slot holds alone is worth a look from this share of the allocated bytes on, and bad from that on.
const WORTH_A_LOOK: f64 = 0.1;
const BAD: f64 = 0.5;

const fn column(head: &'static str, width: Constraint, from: u16) -> Column {
    Column { head, width, from }
}

const FRAMES: &[Column] = &[
    column("FRAME", Constraint::Fill(2), 0),
    column("#ROWS", Constraint::Length(13), 30),
    column("#ROWS/S", Constraint::Length(9), 20),
    column("#BYTES", Constraint::Length(10), 60),
    column("#CHANGED", Constraint::Length(14), 110),
    column("ROWS/S LATELY", Constraint::Fill(2), 60),
];

const READERS: &[Column] = &[
    column("#SLOT", Constraint::Length(4), 30),
    column("#PID", Constraint::Length(8), 0),
    column("LABEL", Constraint::Fill(1), 20),
    column("STATE", Constraint::Length(5), 20),
    column("#PINS", Constraint::Length(6), 60),
    column("#BEHIND", Constraint::Length(8), 36),
    column("#HOLDS ALONE", Constraint::Length(12), 60),
    column("#CLAIMED", Constraint::Length(16), 110),
    column("PINNED VERSIONS", Constraint::Fill(2), 110),
];

pub fn frames(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let is_active = model.table == Table::Frames;
    let title = titled("Frames", model.frame.place(), model.frames.len(), is_active);
    title_of(canvas, area, &format!("{title}, by {}", model.order.told()), is_active);
    let place = lines(area, 1..area.height);
    if model.frames.is_empty() {
        canvas.text(lines(place, 0..1), " none", Tone::Faint);
        return;
    }
    let paint = canvas.paint;
    let items = model.frames.len();
    let grid = Grid { columns: FRAMES, items, selected: model.frame.place(), is_active };
    grid.draw(canvas, place, |number| {
        let Some(line) = model.frames.get(number) else { return Vec::new() };
        let rate_tone = if line.rate.is_some_and(|rate| rate > 0.0) { Tone::Plain } else { Tone::Faint };
        vec![
            Content::Text(cell(&line.facts.name)),
            Content::Text(cell(paint.count(line.facts.rows))),
            Content::Text(toned(paint.rate(line.rate), rate_tone)),
            Content::Text(cell(paint.bytes(line.facts.bytes))),
            Content::Text(cell(changed(model, line))),
            Content::Chart(&line.history),
        ]
    });
}

pub fn readers(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let is_active = model.table == Table::Readers;
    let slots = model.slots();
    let mut title = titled("Readers", model.reader.place(), slots.len(), is_active);
    let dead = slots.iter().filter(|slot| !slot.alive).count();
    if dead > 0 {
        title += &format!(", {dead} dead");
    }
    title_of(canvas, area, &title, is_active);
    let place = lines(area, 1..area.height);
    let Some(facts) = &model.facts else { return };
    if slots.is_empty() {
        let text = if facts.readers.is_some() { " none" } else { " the registry cannot be read" };
        canvas.text(lines(place, 0..1), text, Tone::Faint);
        return;
    }
    let paint = canvas.paint;
    let grid = Grid { columns: READERS, items: slots.len(), selected: model.reader.place(), is_active };
    grid.draw(canvas, place, |number| {
        let Some(slot) = slots.get(number) else { return Vec::new() };
        let held = model.held(slot);
        let pins: Vec<String> = slot.versions.iter().map(|version| paint.count(*version)).collect();
        let cells = [
            cell(slot.slot),
            cell(slot.pid),
            cell(&slot.label),
            alive(slot),
            cell(slot.versions.len()),
            cell(facts.lag(slot).map_or("-".to_owned(), |lag| paint.count(lag))),
            toned(held.map_or("...".to_owned(), |held| paint.bytes(held)), tone_of(held, facts)),
            cell(format!("{} ago", claimed(model, slot))),
            cell(pins.join(" ")),
        ];
        cells.into_iter().map(Content::Text).collect()
    });
}

/// How many, and which one is selected.
fn titled(name: &str, selected: usize, items: usize, is_active: bool) -> String {
    match items {
        0 => name.to_owned(),
        _ if is_active => format!(
            "{name} {} of {}",
            words::count(selected as u64 + 1, false),
            words::count(items as u64, false)
        ),
        _ => format!("{name} {}", words::count(items as u64, false)),
    }
}

fn title_of(canvas: &mut Canvas<'_>, area: Rect, title: &str, is_active: bool) {
    canvas.title(area, title, if is_active { Tone::Head } else { Tone::Faint });
}

/// Whether who claimed a slot lives.
pub fn alive(slot: &SlotPins) -> Cell {
    if slot.alive { toned("alive", Tone::Good) } else { toned("dead", Tone::Bad) }
}

/// How long ago a slot was claimed.
pub fn claimed(model: &Model, slot: &SlotPins) -> String {
    ago(model, time(slot.since))
}

/// When a frame was seen to change.
pub fn changed(model: &Model, line: &FrameLine) -> String {
    match line.changed {
        None => "-".to_owned(),
        Some(time) if time == model.now.time => "now".to_owned(),
        Some(time) => format!("{} ago", ago(model, time)),
    }
}

fn tone_of(held: Option<u64>, facts: &Facts) -> Tone {
    let Some(held) = held else { return Tone::Faint };
    let share = held as f64 / facts.allocated.max(1) as f64;
    if share >= BAD {
        Tone::Bad
    } else if share >= WORTH_A_LOOK {
        Tone::Warning
    } else {
        Tone::Plain
    }
}
