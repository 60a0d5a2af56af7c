//! A frame is put whole: its buffers one behind the other, an extent for each column, with its records beside them.

use crate::writing::staged_bytes::check_record_length;
use crate::writing::staged_frame::{Contents, StagedFrame};
use crate::writing::staging::Staging;
use shmframe_format::addressing::Addressing;
use shmframe_format::columns::Span;
use shmframe_format::frame::{Layout, State, schema_draft};
use shmframe_format::geometry::{ALIGNMENT, PADDING};
use shmframe_format::record::RecordKind;
use shmframe_format::table::{BufferItem, ExtentItem, NodeItem, RecordReference};
use shmframe_format::{Describe, ErrorKind, Report, Result};
use std::sync::Arc;

#[derive(Debug)]
enum PutKind {
    OtherSchema { name: String },
}

impl Describe for PutKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidArgument
    }

    fn report(&self) -> Report {
        let Self::OtherSchema { name } = self;
        Report::new(
            format!("frame {name:?} has another schema record"),
            "the one that its newest version has",
            "another one",
            "hand in the schema's message",
        )
    }
}

shmframe_format::every_kind!(PutKind {
    OtherSchema: PutKind::OtherSchema { name: "a".into() };
});

/// A frame to be laid out as one chunk.
#[derive(Debug)]
pub struct FrameDraft<'s> {
    /// Its name, checked.
    pub name: &'s str,
    /// Where its schema stands already, or the Arrow IPC schema message to store.
    pub schema: Schema<'s>,
    /// Its rows.
    pub rows: u64,
    /// Which frame it is: a new one, or the one of this name with other rows.
    pub identity: Identity,
    /// Its nodes, depth-first.
    pub nodes: Vec<NodeItem>,
    /// Its buffers, depth-first.
    pub buffers: Vec<BufferDraft>,
}

/// Whether a frame goes on under its name, or another one takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Another frame: with a generation of its own, and rows that count from 0.
    New,
    /// The same, whose first row now has this number.
    Same {
        /// Its generation.
        generation: u64,
        /// The number of its first row.
        first_row: u64,
    },
}

/// A buffer to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferDraft {
    /// Its bytes.
    pub length: u64,
    /// How they follow from rows.
    pub addressing: Addressing,
    /// Bytes that it may come to have where it stands: more than its length, and it gets a run of its own.
    pub room: u64,
}

impl BufferDraft {
    /// Bytes that it takes beside others; none if it gets a run.
    fn packed(&self) -> u64 {
        if self.room > self.length { 0 } else { (self.length + PADDING).next_multiple_of(ALIGNMENT) }
    }
}

/// A frame's schema.
#[derive(Clone, Copy, Debug)]
pub enum Schema<'s> {
    /// The record that the newest version has for this frame.
    Unchanged(RecordReference),
    /// An Arrow IPC schema message.
    Message(&'s [u8]),
}

impl Staging<'_> {
    /// Lays out a frame, replacing the one of this name: allocates its buffers, lets `fill` write each of them once,
    /// and writes its records. Returns where its schema stands.
    ///
    /// `fill` is given one slice for each buffer, of exactly its length; what the slices hold before is unspecified.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::DirectoryFull`], [`shmframe_format::ErrorKind::CapacityExceeded`]; the
    /// transaction is then as it was before.
    pub fn put_frame(
        &mut self,
        draft: FrameDraft<'_>,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) -> Result<RecordReference> {
        self.store.check_process()?;
        let taken_before = self.allocated.len();
        let put = self.lay_out(draft, fill);
        put.inspect_err(|error| self.undo(taken_before, error))
    }

    fn lay_out(
        &mut self,
        draft: FrameDraft<'_>,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) -> Result<RecordReference> {
        let before = self.frame(draft.name)?;
        let schema = self.schema_record(draft.name, draft.schema, before.as_deref())?;
        let (generation, first_row) = match draft.identity {
            Identity::New => (self.next_generation, 0),
            Identity::Same { generation, first_row } => (generation, first_row),
        };
        let buffers = &draft.buffers;
        let packed = |column: &Span| buffers[column.buffers.clone()].iter().any(|buffer| buffer.packed() > 0);
        let columns = Span::trees(&draft.nodes).filter(packed).count();
        let runs = buffers.iter().filter(|buffer| buffer.packed() == 0).count();
        let layout_length = Layout::draft_length(columns + runs, buffers.len());
        check_record_length(layout_length)?;
        let layout_room = layout_length.next_multiple_of(ALIGNMENT);
        let state_length = State::draft_length(1, draft.nodes.len(), buffers.len());
        check_record_length(state_length)?;
        let more = layout_room + state_length;
        let placed = self.place(&draft.nodes, |index| Some(buffers[index]), buffers.len(), more)?;
        let Placed { places, extents, behind } = placed;
        self.hand_out(places.iter().zip(buffers).map(|(place, buffer)| (place.offset, buffer.length)), fill);
        let layout = Layout { schema, generation, chunks: 1, extents, buffers: places };
        let (record, extents) = (layout.to_draft(self.spare_draft()), layout.extents);
        let layout = self.seal_at(RecordKind::Layout, behind, record);
        let (nodes, spare) = (&draft.nodes, self.spare_draft());
        let lengths = buffers.iter().map(|buffer| buffer.length);
        let state = State::draft_of_one_chunk((generation, first_row), draft.rows, nodes, lengths, spare);
        let state = self.seal_at(RecordKind::State, behind + layout_room, state);
        if draft.identity == Identity::New {
            // Compared for equality only.
            self.next_generation = self.next_generation.wrapping_add(1);
        }
        let (before, contents) = (before.as_deref(), Contents::Extents(extents));
        let name = StagedFrame::name_after(before, draft.name);
        let after = StagedFrame { name: Arc::clone(&name), layout, state, schema, contents };
        self.replace(name, before, Some(Arc::new(after)));
        Ok(schema)
    }

    /// Takes room for those of `count` buffers that are new: a run for each that may grow, and for the others an extent for
    /// each column, one behind the other, with `more` bytes behind them.
    pub(super) fn place(
        &mut self,
        nodes: &[NodeItem],
        new: impl Fn(usize) -> Option<BufferDraft>,
        count: usize,
        more: u64,
    ) -> Result<Placed> {
        let (count, packed) = (0..count)
            .filter_map(&new)
            .fold((0, 0), |(count, packed), buffer| (count + 1, packed + buffer.packed()));
        let range = if packed + more > 0 { self.take(packed + more)? } else { 0..0 };
        let mut at = range.start;
        let mut placed = Placed { places: Vec::with_capacity(count), extents: Vec::new(), behind: 0 };
        let version = self.version();
        for column in Span::trees(nodes) {
            let start = at;
            for buffer in column.buffers.filter_map(&new) {
                let packed = buffer.packed();
                let range = match packed {
                    0 => {
                        let run = self.take_run(buffer.length, buffer.room)?;
                        let length = run.end - run.start;
                        placed.extents.push(ExtentItem { offset: run.start, length, version });
                        run
                    }
                    _ => {
                        at += packed;
                        at - packed..at
                    }
                };
                placed.places.push(buffer.addressing.item(range.start, range.end - range.start));
            }
            if at > start {
                placed.extents.push(ExtentItem { offset: start, length: at - start, version });
            }
        }
        placed.extents.sort_unstable_by_key(|extent| extent.offset);
        placed.behind = at;
        Ok(placed)
    }

    /// The record of a frame's schema: the one that `before` has, or a new one.
    pub(super) fn schema_record(
        &mut self,
        name: &str,
        schema: Schema<'_>,
        before: Option<&StagedFrame>,
    ) -> Result<RecordReference> {
        match schema {
            Schema::Message(message) => self.write_record(RecordKind::Schema, schema_draft(message)),
            Schema::Unchanged(reference) => match before {
                Some(before) if before.schema == reference => Ok(reference),
                _ => Err(PutKind::OtherSchema { name: name.to_owned() }.into()),
            },
        }
    }
}

/// Where new buffers stand.
pub(super) struct Placed {
    /// One for each new buffer.
    pub(super) places: Vec<BufferItem>,
    /// Those that hold them, by offset.
    pub(super) extents: Vec<ExtentItem>,
    /// Where the bytes behind them begin.
    pub(super) behind: u64,
}
