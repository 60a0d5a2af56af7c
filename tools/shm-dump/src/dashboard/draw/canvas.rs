//! The brushes: texts, bars and charts in a place of a terminal.

use crate::dashboard::history::History;
use crate::live::told;
use crate::rows::short;
use core::ops::Range;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::{RenderDirection, Sparkline, Widget};
use shmframe_cli::record::{Cell, Tone};
use shmframe_cli::words;
use unicode_width::UnicodeWidthStr;

/// How things are painted.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    pub has_colours: bool,
    /// Whether numbers are wanted to the last digit.
    pub is_exact: bool,
}

impl Paint {
    fn coloured(self, colour: Color) -> Style {
        if self.has_colours { Style::new().fg(colour) } else { Style::new() }
    }

    pub fn style(self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => Style::new(),
            Tone::Good => self.coloured(Color::Green),
            Tone::Warning => self.coloured(Color::Yellow),
            Tone::Bad => self.coloured(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Faint => self.coloured(Color::DarkGray),
            Tone::Head => Style::new().add_modifier(Modifier::BOLD),
        }
    }

    pub fn count(self, count: u64) -> String {
        words::count(count, self.is_exact)
    }

    pub fn bytes(self, bytes: u64) -> String {
        words::bytes(bytes, self.is_exact)
    }

    /// A rate; `-` if it is not known.
    pub fn rate(self, rate: Option<f64>) -> String {
        rate.map_or("-".to_owned(), |rate| told(rate, self.is_exact))
    }
}

/// A terminal's cells, and how they are painted.
pub struct Canvas<'a> {
    pub buffer: &'a mut Buffer,
    pub paint: Paint,
}

impl Canvas<'_> {
    /// Writes a text at the left of the place's first line, cut where that ends; what a terminal would obey is written as an
    /// escape. Returns the columns that it took.
    pub fn text(&mut self, place: Rect, text: &str, tone: Tone) -> u16 {
        self.styled(place, text, self.paint.style(tone))
    }

    fn styled(&mut self, place: Rect, text: &str, style: Style) -> u16 {
        let place = place.intersection(self.buffer.area);
        if place.is_empty() {
            return 0;
        }
        let text = short::cut(text, usize::from(place.width));
        let (end, _) = self.buffer.set_stringn(place.x, place.y, text, usize::from(place.width), style);
        end - place.x
    }

    /// Writes a text at the right of the place's first line.
    pub fn right(&mut self, place: Rect, text: &str, tone: Tone) {
        let width = text.width().min(usize::from(place.width)) as u16;
        self.text(columns(place, place.width - width..place.width), text, tone);
    }

    /// Writes texts one behind the other.
    pub fn line(&mut self, place: Rect, texts: &[Cell]) -> u16 {
        texts.iter().fold(0, |at, (text, tone)| at + self.text(columns(place, at..place.width), text, *tone))
    }

    /// A rule with a title; a bright one where keys go.
    pub fn title(&mut self, place: Rect, title: &str, tone: Tone) {
        self.text(place, &"─".repeat(usize::from(place.width)), Tone::Faint);
        self.text(columns(place, 2..place.width), &format!(" {title} "), tone);
    }

    /// A bar of which a share is filled.
    pub fn bar(&mut self, place: Rect, share: f64, tone: Tone) {
        let filled = (share.clamp(0.0, 1.0) * f64::from(place.width)).round() as u16;
        self.text(place, &"░".repeat(usize::from(place.width)), Tone::Faint);
        self.text(columns(place, 0..filled), &"█".repeat(usize::from(filled)), tone);
    }

    /// A chart of the last rates, the newest at the right. A rate that is not 0 is seen, however small.
    pub fn chart(&mut self, place: Rect, history: &History) {
        let place = place.intersection(self.buffer.area);
        let (width, full) = (usize::from(place.width), u64::from(place.height) * 8);
        let largest = history.largest(width);
        let level = |rate: f32| (f64::from(rate / largest) * full as f64).ceil() as u64;
        Sparkline::default()
            .data(history.newest(width).map(|rate| rate.map(|rate| if rate > 0.0 { level(rate) } else { 0 })))
            .max(full)
            .direction(RenderDirection::RightToLeft)
            .style(self.paint.coloured(Color::Cyan))
            .render(place, self.buffer);
    }

    /// Shows that a line is the selected one.
    pub fn select(&mut self, place: Rect) {
        self.buffer.set_style(place, Style::new().add_modifier(Modifier::REVERSED));
    }
}

/// Some columns of a place.
pub fn columns(place: Rect, columns: Range<u16>) -> Rect {
    let (start, end) = (columns.start.min(place.width), columns.end.min(place.width));
    Rect { x: place.x + start, width: end.saturating_sub(start), ..place }
}

/// Some lines of a place.
pub fn lines(place: Rect, lines: Range<u16>) -> Rect {
    let (start, end) = (lines.start.min(place.height), lines.end.min(place.height));
    Rect { y: place.y + start, height: end.saturating_sub(start), ..place }
}
