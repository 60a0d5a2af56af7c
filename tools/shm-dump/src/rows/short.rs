//! Values on one line of a terminal.

use super::text;
use arrow::array::Array;
use arrow::util::display::ArrayFormatter;
use core::fmt::{self, Write as _};
use shmframe_cli::words;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Characters of a value that are shown at the most, unless a terminal is narrow or all are asked for.
pub const LONGEST: usize = 40;
/// What stands for what is left out.
pub const ELLIPSIS: &str = "…";

/// One value, cut behind so many characters.
pub fn value(array: &dyn Array, row: usize, longest: usize) -> String {
    shown(&text::formatter(array), row, longest)
}

/// A value's text on one line, cut behind so many characters.
pub fn shown(formatter: &ArrayFormatter<'_>, row: usize, longest: usize) -> String {
    let mut line = Line { text: String::new(), left: longest, is_cut: false };
    if let Err(error) = formatter.value(row).write(&mut line)
        && !line.is_cut
    {
        return cut(&format!("ERROR: {error}"), longest);
    }
    line.ended()
}

/// A text on one line, cut behind so many characters.
pub fn cut(text: &str, longest: usize) -> String {
    let mut line = Line { text: String::new(), left: longest, is_cut: false };
    let _ = line.write_str(text);
    line.ended()
}

/// A text that takes so many more characters. What a terminal would obey is written as an escape.
struct Line {
    text: String,
    left: usize,
    is_cut: bool,
}

impl Line {
    fn ended(mut self) -> String {
        if self.is_cut {
            let mut left = ELLIPSIS.width();
            while left > self.left {
                let Some(last) = self.text.pop() else { break };
                left = left.saturating_sub(last.width().unwrap_or_default());
            }
            self.text += ELLIPSIS;
        }
        self.text
    }

    fn add(&mut self, each: char) -> fmt::Result {
        let width = each.width().unwrap_or_default();
        if width > self.left {
            self.is_cut = true;
            return Err(fmt::Error);
        }
        self.left -= width;
        self.text.push(each);
        Ok(())
    }
}

impl fmt::Write for Line {
    /// # Errors
    /// When it is full: then nobody looks at the rest of a long value.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for each in text.chars() {
            match words::escaped(each) {
                Some(mut escape) => escape.try_for_each(|each| self.add(each))?,
                None => self.add(each)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_and_those_that_just_fit_are_not() {
        assert_eq!(cut("12345", 5), "12345");
        assert_eq!(cut("123456", 5), "1234…");
        assert_eq!(cut("列列列", 5), "列列…");
        assert_eq!(cut("列列列", 6), "列列列");
        assert_eq!(cut("12", 1), "…");
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_as_an_escape() {
        assert_eq!(cut("a\nb\u{1b}[31m", 40), "a\\nb\\u{1b}[31m");
    }
}
