//! The lines above the tables: segment, writer, rates, memory.

use super::canvas::{Canvas, columns, lines};
use crate::dashboard::history::History;
use crate::dashboard::model::Model;
use ratatui::layout::Rect;
use shmframe_cli::record::{Tone, cell, toned};
use shmframe_cli::words;
use std::time::SystemTime;

/// Columns of the names before numbers.
const NAME: u16 = 13;
/// Columns of a rate, and of two sizes.
const RATE: u16 = 11;
const SIZES: u16 = 36;
/// From how much on memory is worth a look, and from how much on it is bad.
const WORTH_A_LOOK: f64 = 0.8;
const BAD: f64 = 0.95;

/// The segment, and when it was looked at.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let state = match (model.is_paused, model.late, model.overtaken) {
        (true, ..) => "held  ".to_owned(),
        (_, Some(late), _) => format!("no answer for {}  ", words::span(late)),
        (.., 0) => String::new(),
        (.., looks) => format!("{} overtaken  ", words::counted(looks, "look")),
    };
    let tone = if state.is_empty() { Tone::Plain } else { Tone::Warning };
    let right = format!("{state}{}", model.now.clock);
    canvas.right(area, &right, tone);
    let left = columns(area, 1..area.width.saturating_sub(right.len() as u16 + 1));
    let Some(facts) = &model.facts else {
        canvas.line(left, &[toned(&model.title, Tone::Head), toned("  segment gone", Tone::Bad)]);
        return;
    };
    let texts = [
        toned(&model.title, Tone::Head),
        cell(format!("  version {}", canvas.paint.count(facts.version))),
        cell(format!("  committed {} ago", ago(model, facts.committed))),
    ];
    canvas.line(left, &texts);
}

/// Who writes.
pub fn writer(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let area = columns(area, 1..area.width);
    let Some(facts) = &model.facts else {
        canvas.text(area, "waiting for somebody to create it again", Tone::Faint);
        return;
    };
    let writer = &facts.writer;
    let since = ago(model, writer.since);
    let (state, span) = match writer.alive {
        Some(true) => (toned("alive", Tone::Good), format!("for {since}")),
        Some(false) => (toned("gone", Tone::Bad), format!("came {since} ago")),
        None => (toned("unknown", Tone::Faint), format!("came {since} ago")),
    };
    let who = format!("  process {} {:?}  {span}", writer.pid, writer.label);
    canvas.line(area, &[cell("writer "), state, cell(who)]);
}

/// Versions and rows a second: a line each, or side by side and higher.
pub fn charts(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let rates = model.rates;
    let both = [
        ("versions/s", rates.map(|rates| rates.versions), &model.versions),
        ("rows/s", rates.map(|rates| rates.rows), &model.rows),
    ];
    if area.height <= 2 {
        for (line, (name, rate, history)) in (0..area.height).zip(both) {
            let place = columns(lines(area, line..line + 1), 1..area.width.saturating_sub(1));
            canvas.text(place, name, Tone::Plain);
            canvas.right(columns(place, NAME..NAME + RATE), &canvas.paint.rate(rate), Tone::Head);
            canvas.chart(columns(place, NAME + RATE + 1..place.width), history);
        }
        return;
    }
    let (half, end) = (area.width / 2, area.width.saturating_sub(1));
    let places = [columns(area, 1..half.saturating_sub(1)), columns(area, half + 1..end)];
    for (place, (name, rate, history)) in places.into_iter().zip(both) {
        high_chart(canvas, place, name, rate, history);
    }
}

/// A chart under a line that says what it shows, the present rate, and the highest one.
pub fn high_chart(canvas: &mut Canvas<'_>, place: Rect, name: &str, rate: Option<f64>, history: &History) {
    let texts = [cell(format!("{name}  ")), toned(canvas.paint.rate(rate), Tone::Head)];
    let used = canvas.line(place, &texts);
    let largest = canvas.paint.rate(Some(f64::from(history.largest(usize::from(place.width)))));
    canvas.right(columns(place, used + 2..place.width), &format!("at most {largest}"), Tone::Faint);
    canvas.chart(lines(place, 1..place.height), history);
}

/// What is allocated, and what the file system has.
pub fn memory(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let Some(facts) = &model.facts else { return };
    let (size, free) = facts.file_system;
    let gauges = [
        ("memory", facts.allocated, facts.quota, "quota"),
        ("file system", size.saturating_sub(free), Some(size).filter(|size| *size > 0), "size"),
    ];
    for (line, (name, used, most, what)) in (0..area.height).zip(gauges) {
        let place = columns(lines(area, line..line + 1), 1..area.width.saturating_sub(1));
        canvas.text(place, name, Tone::Plain);
        let used_told = canvas.paint.bytes(used);
        let Some(most) = most else {
            canvas.text(
                columns(place, NAME + 1..place.width),
                &format!("{used_told}, no {what}"),
                Tone::Plain,
            );
            continue;
        };
        let share = used as f64 / most.max(1) as f64;
        let sizes = format!("{used_told} of {}", canvas.paint.bytes(most));
        canvas.text(columns(place, NAME + 1..NAME + SIZES), &sizes, Tone::Plain);
        canvas.right(
            columns(place, NAME + SIZES - 7..NAME + SIZES),
            &format!("{:.0} %", share * 100.0),
            Tone::Head,
        );
        canvas.bar(columns(place, NAME + SIZES + 1..place.width), share, tone_of(share));
    }
}

fn tone_of(share: f64) -> Tone {
    if share >= BAD {
        Tone::Bad
    } else if share >= WORTH_A_LOOK {
        Tone::Warning
    } else {
        Tone::Good
    }
}

/// How long before the last look something was.
pub fn ago(model: &Model, time: SystemTime) -> String {
    words::span(model.now.time.duration_since(time).unwrap_or_default())
}
