//! The picture of a dashboard: of nothing but its model and the size of the terminal.

mod canvas;
mod details;
mod head;
mod help;
mod table;
mod tables;
#[cfg(test)]
mod tests;

pub use canvas::Paint;

use super::model::{Model, Table};
use canvas::{Canvas, lines};
use ratatui::Frame;
use ratatui::layout::Rect;
use shmframe_cli::record::Tone;

/// Lines of a table beside those of its items: its title and its heads.
const HEADS: u16 = 2;
/// Lines from which on there is room for both tables.
const BOTH: u16 = 2 * (HEADS + 1) + 1;
/// Lines of the details at the least and at the most.
const DETAILS: (u16, u16) = (6, 20);

/// Draws the dashboard.
pub fn draw(model: &Model, paint: Paint, frame: &mut Frame<'_>) {
    let area = frame.area();
    let canvas = &mut Canvas { buffer: frame.buffer_mut(), paint };
    let mut rest = Rest(area);
    let height = area.height;
    let foot = rest.last(u16::from(height >= 4));
    head::draw(canvas, rest.first(1), model);
    head::writer(canvas, rest.first(u16::from(height >= 3)), model);
    // What there is no room for is left out, the least important first.
    let has_charts = height >= 14;
    head::charts(canvas, rest.first(if height >= 40 { 6 } else { 2 * u16::from(has_charts) }), model);
    head::memory(canvas, rest.first(2 * u16::from(height >= 18)), model);
    let events = match height {
        0..12 => 0,
        12..20 => 1,
        20..40 => 3,
        _ => 6,
    };
    events_of(canvas, rest.last(events), model);
    tables_of(canvas, rest.0, model);
    help::foot(canvas, foot, model);
    if model.has_help {
        help::draw(canvas, area);
    }
}

fn tables_of(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let plan = Plan::of(area.height, model);
    let mut rest = Rest(area);
    tables::frames(canvas, rest.first(plan.frames), model);
    let details = rest.last(plan.details);
    tables::readers(canvas, rest.first(plan.readers), model);
    details::draw(canvas, details, model);
}

/// The last events, the newest below; a title if there is room.
fn events_of(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let titles = u16::from(area.height > 1);
    if titles > 0 {
        canvas.title(area, "What happened", Tone::Faint);
    }
    let area = lines(area, titles..area.height);
    let first = model.events.len().saturating_sub(usize::from(area.height));
    for (line, event) in (0..area.height).zip(model.events.iter().skip(first)) {
        let time = (format!(" {}  ", event.clock), Tone::Faint);
        canvas.line(lines(area, line..line + 1), &[time, (event.text.clone(), Tone::Plain)]);
    }
}

/// How many lines each table gets.
struct Plan {
    frames: u16,
    readers: u16,
    details: u16,
}

impl Plan {
    fn of(height: u16, model: &Model) -> Self {
        if height < BOTH {
            return match model.table {
                Table::Frames => Self { frames: height, readers: 0, details: 0 },
                Table::Readers => Self { frames: 0, readers: height, details: 0 },
            };
        }
        let wanted = |items: usize| u16::try_from(items.max(1)).unwrap_or(u16::MAX).saturating_add(HEADS);
        let (frames, readers) = (wanted(model.frames.len()), wanted(model.slots().len()));
        let left = height.saturating_sub(frames.saturating_add(readers));
        let details =
            if left < DETAILS.0 && height < 4 * DETAILS.0 { 0 } else { left.clamp(DETAILS.0, DETAILS.1) };
        let height = height - details;
        // Many readers take a third at the most, if there are many frames, too.
        let readers = readers.min((height / 3).max(HEADS + 1).max(height.saturating_sub(frames)));
        Self { frames: (height - readers).min(frames), readers, details }
    }
}

/// The part of an area that is not used yet.
struct Rest(Rect);

impl Rest {
    fn first(&mut self, height: u16) -> Rect {
        let taken = lines(self.0, 0..height);
        self.0 = lines(self.0, height..self.0.height);
        taken
    }

    fn last(&mut self, height: u16) -> Rect {
        let start = self.0.height.saturating_sub(height);
        let taken = lines(self.0, start..self.0.height);
        self.0 = lines(self.0, 0..start);
        taken
    }
}
