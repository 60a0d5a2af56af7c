//! A frame is put whole: its buffers one behind the other, an extent for each column, with its records beside them.

use crate::writing::staged_bytes::check_record_length;
use crate::writing::staged_frame::StagedFrame;
use crate::writing::staging::Staging;
use shmframe_format::columns::Span;
use shmframe_format::frame::{Layout, State, schema_draft};
use shmframe_format::geometry::{ALIGNMENT, PADDING};
use shmframe_format::record::RecordKind;
use shmframe_format::table::{BufferItem, ExtentItem, NodeItem, RecordReference};
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
        self.store.check_process()?;
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
        let schema = self.schema_record(draft.name, draft.schema, before.as_deref())?;
        let generation = self.root.next_generation;
        let lengths = draft.buffer_lengths;
        let data = capacity_of(&lengths);
        let columns = Span::trees(&draft.nodes).filter(|column| !column.buffers.is_empty()).count();
        let layout_length = Layout::draft_length(columns, lengths.len());
        check_record_length(layout_length)?;
        let layout_room = layout_length.next_multiple_of(ALIGNMENT);
        let state_length = State::draft_length(1, draft.nodes.len(), lengths.len());
        check_record_length(state_length)?;
        let range = self.take(data + layout_room + state_length)?;
        let buffers = places(range.start, &lengths);
        let extents = column_extents(&draft.nodes, &buffers, self.version());
        if data > 0 {
            self.staged(range.start, data).hand_out(&lengths, &buffers, fill);
        }
        let layout = Layout { schema, generation, chunks: 1, extents, buffers };
        let (record, extents) = (layout.to_draft(self.spare_draft()), layout.extents);
        let layout = self.seal_at(RecordKind::Layout, range.start + data, record);
        let (nodes, spare) = (&draft.nodes, self.spare_draft());
        let state = State::draft_of_one_chunk(generation, draft.rows, nodes, &lengths, spare);
        let state = self.seal_at(RecordKind::State, range.start + data + layout_room, state);
        // Compared for equality only.
        self.root.next_generation = self.root.next_generation.wrapping_add(1);
        let after = Box::new(StagedFrame { layout, state, schema, extents });
        self.replace(draft.name, before, Some(after));
        Ok(schema)
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

fn capacities(lengths: &[u64]) -> impl Iterator<Item = u64> {
    lengths.iter().map(|length| (length + PADDING).next_multiple_of(ALIGNMENT))
}

/// Bytes that buffers of these lengths take, one behind the other.
pub(super) fn capacity_of(lengths: &[u64]) -> u64 {
    capacities(lengths).sum()
}

/// The places of buffers of these lengths, one behind the other from `start` on.
pub(super) fn places(start: u64, lengths: &[u64]) -> Vec<BufferItem> {
    let mut at = start;
    let place = |capacity| {
        let item = BufferItem { offset: at, capacity };
        at += capacity;
        item
    };
    capacities(lengths).map(place).collect()
}

/// The extents of columns that stand one behind the other: one for each that has buffers, so that its bytes can come
/// free without those of the others.
pub(super) fn column_extents(nodes: &[NodeItem], places: &[BufferItem], version: u64) -> Vec<ExtentItem> {
    let extent = |column: Span| {
        let places = places.get(column.buffers)?;
        let (first, last) = (places.first()?, places.last()?);
        let length = last.offset + last.capacity - first.offset;
        Some(ExtentItem { offset: first.offset, length, version })
    };
    Span::trees(nodes).filter_map(extent).collect()
}
