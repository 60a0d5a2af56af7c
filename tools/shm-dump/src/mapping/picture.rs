//! A segment's memory as rows of letters.

use super::pieces::{Owner, Piece};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lines that the picture has at the most.
const LINES: u64 = 8;
/// Bytes that a letter stands for at least: a page.
const LEAST: u64 = 4096;
/// The letters of frames, the largest first; those for which there is none left share the last sign.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
const OTHERS: char = '#';

/// A segment's memory as rows of letters, each for the same number of bytes. Where there is no memory nothing is drawn: most of a
/// segment's address space is empty.
pub struct Picture {
    /// Bytes that a letter stands for.
    pub scale: u64,
    /// The letters, line by line.
    pub lines: Vec<String>,
    /// The letter of each frame.
    pub letters: BTreeMap<Arc<str>, char>,
}

impl Picture {
    /// Draws pieces, `width` letters a line.
    pub fn draw(pieces: &[Piece], width: u64) -> Self {
        let letters = letters(pieces);
        let total: u64 = pieces.iter().map(Piece::length).sum();
        let scale = total.div_ceil(width * LINES).max(LEAST);
        let mut drawn = String::new();
        // For each letter that is to come: how many of its bytes are whose.
        let mut shares: BTreeMap<char, u64> = BTreeMap::new();
        let mut filled = 0;
        for piece in pieces {
            let sign = sign(&piece.owner, &letters);
            let mut left = piece.length();
            while left > 0 {
                let part = left.min(scale - filled);
                *shares.entry(sign).or_default() += part;
                (left, filled) = (left - part, filled + part);
                if filled == scale {
                    drawn.extend(largest(&shares));
                    (shares, filled) = (BTreeMap::new(), 0);
                }
            }
        }
        drawn.extend(largest(&shares));
        let drawn: Vec<char> = drawn.chars().collect();
        let lines = drawn.chunks(width as usize).map(|line| line.iter().collect()).collect();
        Self { scale, lines, letters }
    }
}

/// Letters for frames, the largest first.
fn letters(pieces: &[Piece]) -> BTreeMap<Arc<str>, char> {
    let mut sizes: BTreeMap<Arc<str>, u64> = BTreeMap::new();
    for piece in pieces {
        if let Owner::Frame(frame) = &piece.owner {
            *sizes.entry(Arc::clone(frame)).or_default() += piece.length();
        }
    }
    let mut frames: Vec<(Arc<str>, u64)> = sizes.into_iter().collect();
    frames.sort_by_key(|(_, size)| core::cmp::Reverse(*size));
    frames
        .into_iter()
        .map(|(frame, _)| frame)
        .zip(LETTERS.chars().chain(core::iter::repeat(OTHERS)))
        .collect()
}

fn sign(owner: &Owner, letters: &BTreeMap<Arc<str>, char>) -> char {
    match owner {
        Owner::Tables => '=',
        Owner::Directory => '+',
        Owner::Free => '.',
        Owner::Frame(frame) => letters.get(frame).copied().unwrap_or(OTHERS),
    }
}

/// The sign with most bytes.
fn largest(shares: &BTreeMap<char, u64>) -> Option<char> {
    shares.iter().max_by_key(|(_, bytes)| **bytes).map(|(sign, _)| *sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_for_bytes_and_the_largest_frame_is_a() {
        let piece = |bytes, owner| Piece { bytes, owner };
        let frame = |name: &str| Owner::Frame(name.into());
        let drawn = Picture::draw(
            &[
                piece(0..8192, Owner::Tables),
                piece(8192..8256, Owner::Directory),
                piece(1 << 30..(1 << 30) + 12_224, frame("large")),
                piece(2 << 30..(2 << 30) + 4096, frame("small")),
                piece(3 << 30..(3 << 30) + 8192, Owner::Free),
            ],
            5,
        );
        assert_eq!((drawn.scale, drawn.lines), (4096, vec!["==aaa".to_owned(), "b..".to_owned()]));
    }

    #[test]
    fn picture_has_few_lines_however_large_the_segment() {
        let pieces = [Piece { bytes: 0..1 << 40, owner: Owner::Free }];
        let drawn = Picture::draw(&pieces, 60);
        assert_eq!(drawn.lines.len(), 8);
        assert!(drawn.lines.iter().all(|line| line.chars().all(|sign| sign == '.')));
    }
}
