//! Sizes, spans of time and single characters, as they are written on the command line.

use core::time::Duration;

/// Letters of the units, each 1024 (or 1000) times the one before.
const UNITS: &str = "KMGT";

/// A size: `4096`, `512M`, `4GiB` (1024 each), `4GB` (1000 each).
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size: a number with K, M, G or T, as 512M or 4GiB");
    let (number, unit) = split(text);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let (letter, base) = match unit.to_ascii_uppercase().as_str() {
        "" | "B" => return Ok(number),
        unit => match (unit.get(..1), unit.get(1..)) {
            (Some(letter), Some("" | "IB")) => (letter.to_owned(), 1024),
            (Some(letter), Some("B")) => (letter.to_owned(), 1000),
            _ => return Err(wrong()),
        },
    };
    let power = UNITS.find(&letter).ok_or_else(wrong)? + 1;
    (0..power).try_fold(number, |size, _| u64::checked_mul(size, base)).ok_or_else(wrong)
}

/// A span of time: `100ms`, `2s`, `1min`.
pub fn span(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let milliseconds = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "min" => Some(60_000),
        _ => None,
    };
    let span = milliseconds.and_then(|unit| number.parse::<u64>().ok()?.checked_mul(unit));
    let wrong = || format!("{text:?} is no span of time: a number with ms, s or min, as 100ms");
    span.filter(|span| *span > 0).map(Duration::from_millis).ok_or_else(wrong)
}

/// One ASCII character, or `\t`.
pub fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => Err(format!("{text:?} is no delimiter: one ASCII character, or \\t for a tab")),
    }
}

fn split(text: &str) -> (&str, &str) {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    (number, unit.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let sizes = ["4096", "1K", "2MiB", "3 GB", "1T"].map(|text| bytes(text).unwrap());
        assert_eq!(sizes, [4096, 1024, 2 << 20, 3_000_000_000, 1 << 40]);
        for wrong in ["", "M", "1X", "1.5G", "-1", "99999999999T", "1KiBs"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn spans_have_units() {
        let spans = ["100ms", "2s", "1min"].map(|text| span(text).unwrap().as_millis());
        assert_eq!(spans, [100, 2000, 60_000]);
        for wrong in ["", "5", "0ms", "1h", "s"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn delimiters_are_one_character() {
        assert_eq!((delimiter(";"), delimiter("\\t")), (Ok(b';'), Ok(b'\t')));
        assert!(delimiter("ab").is_err() && delimiter("ä").is_err() && delimiter("\"").is_err());
    }
}
