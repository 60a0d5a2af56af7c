//! A frame is put whole: one extent for its buffers, with its records beside them.

use crate::writing::staged_bytes::check_record_length;
use crate::writing::staged_frame::StagedFrame;
use crate::writing::staging::Staging;
use shmframe_format::frame::{Layout, State, schema_draft};
use shmframe_format::geometry::{ALIGNMENT, PADDING};
use shmframe_format::record::RecordKind;
use shmframe_format::table::{BufferItem, BufferStateItem, ChunkItem, ExtentItem, NodeItem, RecordReference};
use shmframe_format::{Describe, ErrorKind, Report, Result};

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
    /// Rows.
    pub rows: u64,
    /// Its nodes, depth-first.
    pub nodes: Vec<NodeItem>,
    /// Bytes of its buffers, depth-first.
    pub buffer_lengths: Vec<u64>,
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
        self.store.mapped.lease.check_process()?;
        let taken_before = self.allocated.len();
        let put = self.lay_out(draft, fill);
        if put.is_err() {
            self.give_back(taken_before);
        }
        put
    }

    fn lay_out(
        &mut self,
        draft: FrameDraft<'_>,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) -> Result<RecordReference> {
        let before = self.frame(draft.name)?;
        let schema = match draft.schema {
            Schema::Message(message) => self.write_record(RecordKind::Schema, schema_draft(message))?,
            Schema::Unchanged(reference) => match &before {
                Some(before) if before.schema == reference => reference,
                _ => return Err(PutKind::OtherSchema { name: draft.name.to_owned() }.into()),
            },
        };
        let capacities =
            draft.buffer_lengths.iter().map(|length| (length + PADDING).next_multiple_of(ALIGNMENT));
        let data: u64 = capacities.clone().sum();
        let generation = self.root.next_generation;
        let state = new_state(generation, draft.rows, draft.nodes, &draft.buffer_lengths).to_draft();
        let layout_length = Layout::draft_length(usize::from(data > 0), draft.buffer_lengths.len());
        check_record_length(layout_length)?;
        check_record_length(state.len() as u64)?;
        let layout_room = layout_length.next_multiple_of(ALIGNMENT);
        let range = self.take(data + layout_room + state.len() as u64)?;
        let mut at = range.start;
        let buffers: Vec<BufferItem> = capacities
            .map(|capacity| {
                let item = BufferItem { offset: at, capacity };
                at += capacity;
                item
            })
            .collect();
        let extent = ExtentItem { offset: range.start, length: data, version: self.version() };
        let extents = if data > 0 { vec![extent] } else { Vec::new() };
        if data > 0 {
            self.staged(range.start, data).hand_out(&draft.buffer_lengths, &buffers, fill);
        }
        let layout = Layout { schema, generation, chunks: 1, extents, buffers };
        let (draft_of_layout, extents) = (layout.to_draft(), layout.extents);
        let layout = self.seal_at(RecordKind::Layout, range.start + data, draft_of_layout);
        let state = self.seal_at(RecordKind::State, range.start + data + layout_room, state);
        self.root.next_generation += 1;
        self.replace(draft.name, before, Some(StagedFrame { layout, state, schema, extents }));
        Ok(schema)
    }
}

/// The state of a frame that is laid out as one chunk.
fn new_state(generation: u64, rows: u64, nodes: Vec<NodeItem>, lengths: &[u64]) -> State {
    let chunk = ChunkItem { rows, nodes: nodes.len() as u32, buffers: lengths.len() as u32 };
    let buffers = lengths.iter().map(|length| BufferStateItem { length: *length, open_word: 0 }).collect();
    State { generation, rows, first_row: 0, chunks: vec![chunk], nodes, buffers }
}
