//! Rows are cut off the front of a frame: readers of older versions keep them, and the pages below the oldest row that
//! anybody sees go back to the system.

use crate::reading::version::out_of_heap;
use crate::writing::columns::FrameRecords;
use crate::writing::mapped::Mapped;
use crate::writing::staging::Staging;
use core::ops::Range;
use shmframe_format::Result;
use shmframe_format::retention::{Cut, cut_front};
use shmframe_format::table::BufferItem;
use std::sync::Arc;

impl Staging<'_> {
    /// Cuts up to `rows` rows off the front of a frame: whole chunks but the last, and whole words of 64 rows of a chunk.
    /// Returns how many went; reads the validity bitmaps of those rows and nothing else of the frame.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Corrupt`], [`shmframe_format::ErrorKind::DirectoryFull`],
    /// [`shmframe_format::ErrorKind::QuotaExceeded`]; the transaction is then as it was before.
    pub fn cut_front(&mut self, frame: FrameRecords, rows: u64) -> Result<u64> {
        self.store.check_process()?;
        self.check_current(&frame)?;
        let mapped = &*self.store.mapped;
        let zeros = |place: &BufferItem, bits: Range<u64>| zeros(mapped, place, bits);
        let Some(Cut { state, layout, rows }) = cut_front(&frame.layout, &frame.state, rows, zeros)? else {
            return Ok(0);
        };
        let after = state.used(layout.as_ref().unwrap_or(&frame.layout));
        let extents = &layout.as_ref().unwrap_or(&frame.layout).extents;
        let used_before = frame.state.used(&frame.layout);
        let mut fronts = Vec::new();
        for (extent, before) in frame.layout.extents.iter().zip(used_before) {
            let kept = extents.binary_search_by_key(&extent.offset, |extent| extent.offset);
            if let Some(used) = kept.ok().map(|at| &after[at])
                && before.start < used.start
            {
                fronts.push((before.start..used.start, extent.version));
            }
        }
        let taken = self.allocated.len();
        let staged = self.stage_records(frame, layout, Arc::new(state));
        match &staged {
            Ok(()) => self.fronts.extend(fronts),
            Err(error) => self.undo(taken, error),
        }
        staged.map(|()| rows)
    }
}

/// Counts the zero bits of a bitmap of the newest version, or of this transaction.
fn zeros(mapped: &Mapped, place: &BufferItem, bits: Range<u64>) -> Result<u64> {
    let bytes = bits.start / 8..bits.end / 8;
    if bytes.end > place.capacity {
        return Err(out_of_heap(place.offset, bytes.end));
    }
    let words = mapped.frozen_bytes(place.offset + bytes.start, bytes.end - bytes.start)?;
    Ok(words.iter().map(|byte| u64::from(byte.count_zeros())).sum())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use crate::writing::planted_leaks::Segment;
    use crate::{
        BufferDraft, BufferGrowth, FrameDraft, GrowthDraft, Identity, LastChunk, Schema, Start, Store,
    };
    use shmframe_format::addressing::Addressing;
    use shmframe_format::table::NodeItem;

    const NUMBERS: Addressing = Addressing::Values(64);

    fn numbers(rows: u64) -> Vec<NodeItem> {
        vec![NodeItem { length: rows, nulls: 0, buffers: 1, children: 0, validity: 0, pieces: 0 }]
    }

    /// Puts a frame of numbers, with room for more.
    fn put(store: &mut Store, rows: u64, room: u64) {
        let mut transaction = store.begin().unwrap();
        let buffers = vec![BufferDraft { length: rows * 8, addressing: NUMBERS, room }];
        let schema = Schema::Message(b"numbers");
        let nodes = numbers(rows);
        let draft = FrameDraft { name: "grows", schema, rows, identity: Identity::New, nodes, buffers };
        transaction
            .put_frame(draft, |buffers| buffers.into_iter().for_each(|buffer| buffer.fill(7)))
            .unwrap();
        transaction.commit().unwrap();
    }

    /// Adds rows, and drops as many of them as there are above `keep`.
    fn append(store: &mut Store, rows: u64, keep: u64) -> u64 {
        let mut transaction = store.begin().unwrap();
        let frame = transaction.frame_records("grows").unwrap().unwrap();
        let (length, seen) = (frame.state().nodes[0].length, frame.state().rows);
        let schema = Schema::Unchanged(frame.schema_reference());
        let growth =
            BufferGrowth { start: Start::Stays(0), addressing: NUMBERS, added: rows * 8, open_word: 0 };
        let draft = GrowthDraft {
            frame,
            schema,
            chunk: LastChunk::Grows,
            rows: seen + rows,
            nodes: &numbers(length + rows),
            buffers: &[growth],
        };
        transaction
            .grow_frame(draft, |buffers| buffers.into_iter().for_each(|buffer| buffer.fill(8)))
            .unwrap();
        let frame = transaction.frame_records("grows").unwrap().unwrap();
        let over = frame.state().rows.saturating_sub(keep);
        let cut = transaction.cut_front(frame, over).unwrap();
        transaction.commit().unwrap();
        cut
    }

    fn check(store: &mut Store) {
        let audit = store.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }

    #[test]
    fn appended_rows_are_written_behind_the_others_and_nothing_moves() {
        let mut segment = Segment::new("grow");
        let store = segment.store();
        put(store, 10_000, 1 << 30);
        let place = |store: &mut Store| {
            let transaction = store.begin().unwrap();
            let frame = transaction.frame_records("grows").unwrap().unwrap();
            (frame.layout().buffers[0], frame.layout().extents[0], frame.state().rows)
        };
        let before = place(store);
        for round in 1..=100 {
            append(store, 3, u64::MAX);
            check(store);
            assert_eq!(place(store), (before.0, before.1, 10_000 + 3 * round));
        }
    }

    #[test]
    fn run_takes_the_pages_that_its_rows_fill_and_an_eighth_ahead() {
        let mut segment = Segment::new("pages");
        let store = segment.store();
        put(store, 10_000, 1 << 30);
        let bytes = |store: &Store| store.allocated_bytes();
        let empty = bytes(store) - 80_000;
        for _ in 0..300 {
            append(store, 1000, u64::MAX);
        }
        let data = 310_000 * 8;
        assert!(bytes(store) - empty < data + data / 8 + (64 << 10), "{} bytes", bytes(store) - empty);
        store.trim(0).unwrap();
        assert!(bytes(store) - empty < data + (16 << 10), "{} bytes", bytes(store) - empty);
        append(store, 1000, u64::MAX);
        check(store);
    }

    #[test]
    fn dropped_rows_give_their_pages_back_and_the_next_writer_knows_what_is_free() {
        let mut segment = Segment::new("keep");
        put(segment.store(), 100_000, 8 << 20);
        let mut most = 0;
        for round in 0..200 {
            let cut = append(segment.store(), 1000, 100_000);
            assert!((937..=1063).contains(&cut), "{cut} rows");
            check(segment.store());
            if round == 100 {
                segment.reopen(crate::StoreOptions::default());
                check(segment.store());
            }
            most = most.max(segment.store().allocated_bytes());
        }
        let store = segment.store();
        // The rows, those of 32 versions that wait for a reclaim, and an eighth each before and behind.
        assert!(most < (100_000 + 32_000) * 8 * 5 / 4 + (1790 << 10), "{most} bytes at most");
        store.trim(0).unwrap();
        let frame = store.begin().unwrap().frame_records("grows").unwrap().unwrap();
        assert_eq!(frame.state().first_row + frame.state().rows, 300_000);
        let mut transaction = store.begin().unwrap();
        transaction.remove_frame("grows").unwrap();
        transaction.commit().unwrap();
        store.trim(0).unwrap();
        check(store);
        assert!(store.allocated_bytes() < 1800 << 10, "{} bytes", store.allocated_bytes());
    }

    #[test]
    fn rolled_back_growth_leaves_nothing_and_is_written_over() {
        let mut segment = Segment::new("rollback");
        let store = segment.store();
        put(store, 10_000, 1 << 30);
        let before = format!("{:?}", store.runs);
        for _ in 0..3 {
            let mut transaction = store.begin().unwrap();
            let frame = transaction.frame_records("grows").unwrap().unwrap();
            let schema = Schema::Unchanged(frame.schema_reference());
            let growth = BufferGrowth { start: Start::Stays(0), addressing: NUMBERS, added: 8, open_word: 0 };
            let (chunk, rows, nodes) = (LastChunk::Grows, 10_001, &*numbers(10_001));
            let draft = GrowthDraft { frame, schema, chunk, rows, nodes, buffers: &[growth] };
            transaction.grow_frame(draft, |buffers| buffers.into_iter().for_each(|b| b.fill(9))).unwrap();
        }
        assert_eq!(format!("{:?}", store.runs), before);
        check(store);
        append(store, 5, u64::MAX);
    }
}
