//! More of what is selected, where there is room.

use super::canvas::{Canvas, columns, lines};
use super::head::high_chart;
use super::tables::{alive, changed, claimed};
use crate::dashboard::model::{FrameLine, Model, Table};
use ratatui::layout::Rect;
use shmframe_cli::record::{Tone, cell, toned};
use shmframe_segment::SlotPins;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let place = columns(lines(area, 1..area.height), 1..area.width.saturating_sub(1));
    match (model.table, model.selected_frame(), model.selected_slot()) {
        (Table::Frames, Some(line), _) => {
            canvas.title(area, &line.facts.name, Tone::Head);
            frame(canvas, place, model, line);
        }
        (Table::Readers, _, Some(slot)) => {
            canvas.title(area, &format!("Slot {}", slot.slot), Tone::Head);
            reader(canvas, place, model, slot);
        }
        _ => {}
    }
}

fn frame(canvas: &mut Canvas<'_>, place: Rect, model: &Model, line: &FrameLine) {
    let (facts, paint) = (&line.facts, canvas.paint);
    let row = facts.bytes as f64 / facts.rows.max(1) as f64;
    let mut texts = vec![
        cell(format!("{} rows", paint.count(facts.rows))),
        cell(format!(", {} dropped before them", paint.count(facts.rows_ever.saturating_sub(facts.rows)))),
        cell(format!("   {row:.1} bytes a row")),
        cell(format!("   changed: {}", changed(model, line))),
    ];
    if line.puts > 0 {
        texts.push(cell(format!("   put anew: with {} looks", paint.count(line.puts))));
    }
    canvas.line(place, &texts);
    high_chart(canvas, lines(place, 1..place.height), "rows/s", line.rate, &line.history);
}

fn reader(canvas: &mut Canvas<'_>, place: Rect, model: &Model, slot: &SlotPins) {
    let paint = canvas.paint;
    let who = format!("process {} {:?}, claimed {} ago: ", slot.pid, slot.label, claimed(model, slot));
    canvas.line(place, &[cell(who), alive(slot)]);
    let held = model.held(slot).map_or("not known yet".to_owned(), |held| paint.bytes(held));
    canvas.text(lines(place, 1..2), &format!("only it keeps in use: {held}"), Tone::Plain);
    let pins: Vec<String> = slot.versions.iter().map(|version| paint.count(*version)).collect();
    let pins = if pins.is_empty() { "none".to_owned() } else { pins.join(" ") };
    canvas.line(lines(place, 2..3), &[cell("pinned versions: "), cell(pins)]);
    if !slot.alive {
        let text = "Its slot is cleared when a writer needs that, or by `shm-dump readers --reap`.";
        canvas.line(lines(place, 3..4), &[toned(text, Tone::Faint)]);
    }
}
