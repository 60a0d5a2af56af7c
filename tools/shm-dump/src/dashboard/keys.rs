//! What each key means.

use super::model::Action;
use super::selection::Step;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Lines of a page.
const PAGE: usize = 10;

/// The keys, as help and foot tell them.
pub const TOLD: [(&str, &str); 8] = [
    ("q Esc Ctrl-C", "end"),
    ("up down k j", "select a frame or a reader"),
    ("PageUp PageDown", "ten lines at once"),
    ("Home End", "the first line, the last one"),
    ("Tab", "from frames to readers, and back"),
    ("s", "frames by name, rows/s, rows, bytes"),
    ("space", "hold the picture, go on"),
    ("?", "this help"),
];

/// What a key asks for; none: nothing.
pub fn action(key: KeyEvent) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Action::End);
    }
    Some(match key.code {
        KeyCode::Char('q') => Action::End,
        KeyCode::Esc => Action::Leave,
        KeyCode::Up | KeyCode::Char('k') => Action::Go(Step::Up(1)),
        KeyCode::Down | KeyCode::Char('j') => Action::Go(Step::Down(1)),
        KeyCode::PageUp => Action::Go(Step::Up(PAGE)),
        KeyCode::PageDown => Action::Go(Step::Down(PAGE)),
        KeyCode::Home => Action::Go(Step::First),
        KeyCode::End => Action::Go(Step::Last),
        KeyCode::Tab | KeyCode::BackTab => Action::OtherTable,
        KeyCode::Char('s') => Action::Sort,
        KeyCode::Char(' ') => Action::Pause,
        KeyCode::Char('?') => Action::Help,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_c_ends_and_c_does_nothing() {
        let of = |code, modifiers| action(KeyEvent::new(code, modifiers));
        assert_eq!(of(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Action::End));
        assert_eq!(of(KeyCode::Char('c'), KeyModifiers::NONE), None);
        assert_eq!(of(KeyCode::Char('s'), KeyModifiers::CONTROL), None);
        assert_eq!(of(KeyCode::Char('?'), KeyModifiers::SHIFT), Some(Action::Help));
    }
}
