//! The rules for the names of segments and frames.

use crate::error::{Describe, ErrorKind, Report, Result};

/// The longest name of a segment, in bytes.
pub const SEGMENT_NAME_LIMIT: usize = 200;
/// The longest name of a frame, in bytes.
pub const FRAME_NAME_LIMIT: usize = 255;

#[derive(Debug)]
enum NameKind {
    Segment { name: String },
    Frame { name: String },
}

impl Describe for NameKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidName
    }

    fn report(&self) -> Report {
        match self {
            Self::Segment { name } => Report::new(
                "invalid segment name",
                "1 to 200 characters of A-Z a-z 0-9 . _ - without a leading dot",
                format!("{name:?}"),
                "choose another name",
            ),
            Self::Frame { name } => Report::new(
                "invalid frame name",
                "1 to 255 bytes of UTF-8 without control characters, '/' or '@'",
                format!("{name:?}"),
                "choose another name",
            ),
        }
    }
}

/// Checks the name of a segment: 1 to 200 of `[A-Za-z0-9._-]`, no leading dot.
///
/// # Errors
/// [`ErrorKind::InvalidName`].
pub fn check_segment_name(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let fits = (1..=SEGMENT_NAME_LIMIT).contains(&name.len());
    if fits && !name.starts_with('.') && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(NameKind::Segment { name: shorten(name) }.into())
}

/// Checks the name of a frame: UTF-8, 1 to 255 bytes, no control characters, no `/` or `@`.
///
/// # Errors
/// [`ErrorKind::InvalidName`].
pub fn check_frame_name(name: &str) -> Result<()> {
    let forbidden = |character: char| character.is_control() || matches!(character, '/' | '@');
    let fits = (1..=FRAME_NAME_LIMIT).contains(&name.len());
    if fits && !name.chars().any(forbidden) {
        return Ok(());
    }
    Err(NameKind::Frame { name: shorten(name) }.into())
}

fn shorten(name: &str) -> String {
    if name.len() <= FRAME_NAME_LIMIT {
        return name.to_owned();
    }
    let start: String = name.chars().take(40).collect();
    format!("{start}... ({} bytes)", name.len())
}

crate::every_kind!(NameKind {
    Segment: NameKind::Segment { name: "a/b".into() }, NameKind::Segment { name: shorten(&"a".repeat(999)) };
    Frame: NameKind::Frame { name: "a\nb".into() };
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segment_names_take_the_portable_characters_only() {
        for good in ["a", "A.b_c-9", "x.", &"n".repeat(200)] {
            assert!(check_segment_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".a", "a/b", "a b", "ä", "a\0", &"n".repeat(201)] {
            assert_eq!(check_segment_name(bad).unwrap_err().kind(), ErrorKind::InvalidName, "{bad}");
        }
    }

    #[test]
    fn frame_names_take_utf8_without_separators_and_control_characters() {
        for good in ["flights", "été 2013", ".hidden", &"é".repeat(127)] {
            assert!(check_frame_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a/b", "a@1", "a\n", "a\u{85}", &"é".repeat(128)] {
            assert_eq!(check_frame_name(bad).unwrap_err().kind(), ErrorKind::InvalidName, "{bad}");
        }
    }
}
