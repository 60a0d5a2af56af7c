//! The memory of a segment, cut into pieces that belong to somebody.

use core::ops::Range;
use shmframe_segment::{Allocated, Coverage, What};
use std::sync::Arc;

/// Whose a piece of memory is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// Header, publication block, commit ring, retained table.
    Tables,
    /// Records of the directory.
    Directory,
    /// Records and buffers of a frame.
    Frame(Arc<str>),
    /// Nobody's, with pages: for the next frames, or ahead in a run.
    Free,
}

/// A piece of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes from the start of `data`.
    pub bytes: Range<u64>,
    /// Whose it is.
    pub owner: Owner,
}

impl Piece {
    /// Bytes.
    pub fn length(&self) -> u64 {
        self.bytes.end - self.bytes.start
    }
}

/// All pieces, ascending and apart: the tables, what live versions use, and pages in between that somebody wrote to once.
pub fn pieces(heap: u64, coverage: &Coverage, allocated: &Allocated) -> Vec<Piece> {
    let mut used = vec![Piece { bytes: 0..heap, owner: Owner::Tables }];
    for range in &coverage.ranges {
        let owner = match (&range.what, &range.frame) {
            (What::Root | What::Directory, _) | (_, None) => Owner::Directory,
            (_, Some(frame)) => Owner::Frame(Arc::clone(frame)),
        };
        // Damaged ranges may overlap: each byte is shown once.
        let start = range.used().start.max(used.last().map_or(0, |last| last.bytes.end));
        let bytes = start..range.used().end.max(start);
        if !bytes.is_empty() {
            used.push(Piece { bytes, owner });
        }
    }
    with_free(used, allocated)
}

/// Adds the pages between what is used.
fn with_free(used: Vec<Piece>, allocated: &Allocated) -> Vec<Piece> {
    let mut all = Vec::with_capacity(used.len() * 2);
    let mut written = allocated.written.iter().peekable();
    let mut at = 0;
    for piece in used.into_iter().map(Some).chain([None]) {
        let gap = at..piece.as_ref().map_or(u64::MAX, |piece| piece.bytes.start);
        while let Some(pages) = written.peek() {
            let bytes = pages.start.max(gap.start)..pages.end.min(gap.end);
            if !bytes.is_empty() {
                all.push(Piece { bytes, owner: Owner::Free });
            }
            if pages.end > gap.end {
                break;
            }
            written.next();
        }
        at = piece.as_ref().map_or(gap.end, |piece| piece.bytes.end);
        all.extend(piece);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(bytes: Range<u64>, owner: Owner) -> Piece {
        Piece { bytes, owner }
    }

    #[test]
    fn pages_between_what_is_used_are_free() {
        let used = vec![piece(0..100, Owner::Tables), piece(200..300, Owner::Directory)];
        let allocated = Allocated { bytes: 0, written: vec![0..150, 160..250, 290..400, 500..600] };
        let free = |bytes| piece(bytes, Owner::Free);
        assert_eq!(
            with_free(used.clone(), &allocated),
            [
                used[0].clone(),
                free(100..150),
                free(160..200),
                used[1].clone(),
                free(300..400),
                free(500..600)
            ]
        );
    }

    #[test]
    fn memory_without_free_pages_is_what_is_used() {
        let used = vec![piece(0..100, Owner::Tables), piece(100..300, Owner::Directory)];
        let allocated = Allocated { bytes: 0, written: vec![0..100, 100..300] };
        assert_eq!(with_free(used.clone(), &allocated), used);
    }
}
