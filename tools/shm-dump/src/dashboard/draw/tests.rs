//! Pictures of segments that were made by hand, as text.

use super::{Paint, draw};
use crate::dashboard::model::{Action, Look, Model};
use crate::dashboard::samples::{facts, frame, moment, slot, watched};
use crate::dashboard::selection::Step;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

const PLAIN: Paint = Paint { has_colours: false, is_exact: false };

fn drawn(model: &Model, paint: Paint, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(model, paint, frame)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let line = |cells: &[ratatui::buffer::Cell]| {
        let mut line = String::new();
        let mut covered = 0;
        for cell in cells {
            if covered == 0 {
                line += cell.symbol();
                covered = unicode_width::UnicodeWidthStr::width(cell.symbol());
            }
            covered = covered.saturating_sub(1);
        }
        line.trim_end().to_owned() + "\n"
    };
    buffer.content.chunks(width).map(line).collect()
}

#[track_caller]
fn assert_picture(model: &Model, (width, height): (u16, u16), expected: &str) {
    let found = text(&drawn(model, PLAIN, width, height));
    assert!(found == expected, "another picture:\n{found}");
}

#[test]
fn picture_of_a_usual_terminal() {
    assert_picture(&watched(30), (80, 24), include_str!("pictures/usual.txt"));
}

#[test]
fn large_terminal_has_higher_charts_and_details() {
    assert_picture(&watched(30), (130, 44), include_str!("pictures/large.txt"));
}

#[test]
fn small_terminal_has_the_table_that_keys_go_to() {
    let mut model = watched(5);
    assert_picture(&model, (40, 8), include_str!("pictures/small.txt"));
    model.act(Action::OtherTable);
    assert_picture(&model, (40, 8), include_str!("pictures/small-readers.txt"));
}

#[test]
fn segment_that_is_gone_is_told_and_what_was_stays_in_the_charts() {
    let mut model = watched(9);
    model.look(moment(9), Look::Gone);
    assert_picture(&model, (80, 24), include_str!("pictures/gone.txt"));
}

#[test]
fn help_stands_above_all() {
    let mut model = watched(3);
    model.act(Action::Help);
    assert_picture(&model, (80, 24), include_str!("pictures/help.txt"));
}

#[test]
fn no_size_is_too_small() {
    let mut models = vec![watched(3), watched(1)];
    models[0].act(Action::OtherTable);
    models[1].act(Action::Help);
    let mut gone = watched(2);
    gone.look(moment(2), Look::Gone);
    models.push(gone);
    for model in models {
        for size in [(0, 0), (1, 1), (2, 40), (200, 1), (3, 3), (13, 17), (25, 50), (37, 20), (300, 100)] {
            drawn(&model, PLAIN, size.0, size.1);
        }
    }
}

#[test]
fn names_cannot_break_the_screen() {
    let names = ["a\u{1b}[2Jb", "\u{202e}turned", "列".repeat(200).as_str(), "x\ty", "👩‍👩‍👧 family"]
        .map(|name| frame(name, 1));
    let mut facts = facts(0, 1, names.to_vec());
    facts.writer.label = "w\u{1b}]0;title\u{7}".to_owned();
    facts.readers = Some(vec![slot(0, "r\u{1b}c\n", &[1])]);
    let mut model = Model::new("ticks".to_owned(), "ticks", moment(0), facts);
    model.act(Action::Go(Step::Last));
    let found = text(&drawn(&model, PLAIN, 120, 50));
    assert!(!found.chars().any(|each| each.is_control() && each != '\n'), "{found:?}");
    assert!(found.contains("\\u{1b}[2Jb") && found.contains("r\\u{1b}c\\n"), "{found}");
    assert!(found.contains("列列…") && !found.contains('\u{202e}'), "{found}");
    assert_eq!(found.lines().count(), 50);
}

#[test]
fn selected_frame_is_seen_among_thousands() {
    let frames: Vec<_> = (0..5000).map(|number| frame(&format!("symbol.{number:04}"), number)).collect();
    let mut model = Model::new("ticks".to_owned(), "ticks", moment(0), facts(0, 1, frames));
    for (step, name) in
        [(Step::Last, "symbol.4999"), (Step::Up(2500), "symbol.2499"), (Step::First, "symbol.0000")]
    {
        model.act(Action::Go(step));
        let buffer = drawn(&model, PLAIN, 80, 24);
        let reversed = |cell: &&ratatui::buffer::Cell| cell.modifier.contains(Modifier::REVERSED);
        let selected: String =
            buffer.content.iter().filter(reversed).map(ratatui::buffer::Cell::symbol).collect();
        assert!(selected.starts_with(&format!(" {name} ")) && selected.len() < 100, "{selected:?}");
    }
}

#[test]
fn without_colours_there_is_none_and_with_them_what_is_dead_is_red() {
    let model = watched(5);
    let plain = drawn(&model, PLAIN, 80, 24);
    assert!(plain.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
    let coloured = drawn(&model, Paint { has_colours: true, ..PLAIN }, 80, 24);
    let red = coloured.content.iter().filter(|cell| cell.fg == Color::Red);
    let red: String = red.map(ratatui::buffer::Cell::symbol).collect();
    // The dead reader holds more than half of what is allocated.
    assert_eq!(red, "dead40.00 MiB");
    assert_eq!(text(&plain), text(&coloured));
}

#[test]
fn sizes_are_exact_where_that_is_asked_for() {
    let found = text(&drawn(&watched(2), Paint { is_exact: true, ..PLAIN }, 100, 30));
    assert!(found.contains("67108864 of 268435456") && found.contains("41943040"), "{found}");
}

#[test]
fn what_is_not_known_is_not_told() {
    let mut facts = facts(0, 1, Vec::new());
    (facts.readers, facts.quota, facts.file_system, facts.writer.alive) = (None, None, (0, 0), None);
    let model = Model::new("ticks".to_owned(), "ticks", moment(0), facts);
    let found = text(&drawn(&model, PLAIN, 80, 24));
    for part in ["writer unknown", "64.00 MiB, no quota", "0 B, no size", "the registry cannot be read"] {
        assert!(found.contains(part), "{part}: {found}");
    }
}
