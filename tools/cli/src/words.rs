//! Sizes, counts, times and ages for people.

use chrono::{DateTime, Local, SecondsFormat, Utc};
use core::char::EscapeDefault;
use core::time::Duration;
use indicatif::{BinaryBytes, HumanCount};
use std::time::SystemTime;

/// Bytes: `1.50 MiB`, or the number if it should be exact.
#[must_use]
pub fn bytes(bytes: u64, exact: bool) -> String {
    if exact { bytes.to_string() } else { BinaryBytes(bytes).to_string() }
}

/// A count: `1,234`, or `1234` if it should be exact.
#[must_use]
pub fn count(count: u64, exact: bool) -> String {
    if exact { count.to_string() } else { HumanCount(count).to_string() }
}

/// A count of things: `1 row`, `1,234 rows`.
#[must_use]
pub fn counted(number: u64, thing: &str) -> String {
    counted_as(number, thing, &format!("{thing}s"))
}

/// As [`counted`], for things that are not made many by an s: `1 directory`, `2 directories`.
#[must_use]
pub fn counted_as(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number, false), if number == 1 { one } else { many })
}

/// A time as RFC 3339 in UTC, to the millisecond: for programs.
#[must_use]
pub fn instant(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A time in the local zone, to the second: for people.
#[must_use]
pub fn clock(time: SystemTime) -> String {
    DateTime::<Local>::from(time).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The time of day in the local zone, to the second: for people.
#[must_use]
pub fn time_of_day(time: SystemTime) -> String {
    DateTime::<Local>::from(time).format("%H:%M:%S").to_string()
}

/// How long ago a time was, in two parts: `3 h 12 min`; `0 s` for one to come.
#[must_use]
pub fn age(time: SystemTime) -> String {
    span(time.elapsed().unwrap_or_default())
}

/// A span of time, in its two largest parts.
#[must_use]
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{} ms", span.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// The escape that is shown for a character that a terminal would obey, or that would turn round the text behind it; none: it is shown
/// as it is.
#[must_use]
pub fn escaped(each: char) -> Option<EscapeDefault> {
    let turns_text = matches!(each, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (each.is_control() || turns_text).then(|| each.escape_default())
}

/// A text on one line, in which nothing is left that a terminal would obey: names, labels, values of others.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for each in text.chars() {
        match escaped(each) {
            Some(escape) => visible.extend(escape),
            None => visible.push(each),
        }
    }
    visible
}

/// As [`visible`], on as many lines as the text has.
#[must_use]
pub fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_as_an_escape() {
        assert_eq!(visible("a\u{1b}[31m\u{9b}0m\u{202e}\n列"), "a\\u{1b}[31m\\u{9b}0m\\u{202e}\\n列");
        assert_eq!(visible_lines("a\u{7}\nb\n"), "a\\u{7}\nb\n");
    }

    #[test]
    fn spans_have_their_two_largest_parts() {
        let of = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(
            [of(0), of(59), of(61), of(7384), of(90_000)],
            ["0 ms", "59 s", "1 min 1 s", "2 h 3 min", "1 d 1 h"].map(str::to_owned)
        );
    }

    #[test]
    fn times_for_programs_are_utc() {
        assert_eq!(instant(SystemTime::UNIX_EPOCH + Duration::from_millis(1500)), "1970-01-01T00:00:01.500Z");
    }

    #[test]
    fn sizes_are_short_for_people_and_exact_for_others() {
        assert_eq!((bytes(1536, false), bytes(1536, true)), ("1.50 KiB".to_owned(), "1536".to_owned()));
        assert_eq!([counted(1, "row"), counted(1234, "row")], ["1 row", "1,234 rows"]);
        let directories = |number| counted_as(number, "directory", "directories");
        assert_eq!([directories(1), directories(2)], ["1 directory", "2 directories"]);
    }
}
