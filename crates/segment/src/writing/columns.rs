//! Columns of a frame that change while the others stay where they stand.

use crate::writing::put::{BufferDraft, Placed, Schema};
use crate::writing::staged_frame::{Contents, StagedFrame};
use crate::writing::staging::Staging;
use shmframe_format::columns::{ColumnSource, NewColumn, rearrange};
use shmframe_format::frame::{Chunk, Layout, State, read_schema};
use shmframe_format::table::{BufferItem, BufferStateItem, NodeItem, RecordReference};
use shmframe_format::{Describe, ErrorKind, Report, Result};
use std::sync::Arc;

#[derive(Debug)]
enum ColumnsKind {
    OtherFrame { name: String },
}

impl Describe for ColumnsKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidArgument
    }

    fn report(&self) -> Report {
        let Self::OtherFrame { name } = self;
        Report::new(
            format!("frame {name:?} has changed since its records were read"),
            "the records that it has now",
            "others",
            "read its records again",
        )
    }
}

shmframe_format::every_kind!(ColumnsKind {
    OtherFrame: ColumnsKind::OtherFrame { name: "a".into() };
});

/// A frame's records, as a transaction leaves them so far.
#[derive(Clone, Debug)]
pub struct FrameRecords {
    pub(super) staged: Arc<StagedFrame>,
    pub(super) layout: Arc<Layout>,
    pub(super) state: Arc<State>,
}

impl FrameRecords {
    /// The frame's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.staged.name
    }

    /// The frame's name, to be kept.
    #[must_use]
    pub fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.staged.name)
    }

    /// The schema record.
    #[must_use]
    pub fn schema_reference(&self) -> RecordReference {
        self.layout.schema
    }

    /// Where the frame's buffers stand.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What the transaction sees of the frame.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The rows of each chunk.
    pub fn chunk_rows(&self) -> impl Iterator<Item = u64> {
        self.state.chunks.iter().map(|chunk| chunk.rows)
    }

    /// The chunks.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk<'_>> {
        self.state.chunks_in(&self.layout)
    }

    /// A buffer of the last chunk: its place, and what the transaction sees of it.
    #[must_use]
    pub fn last_buffer(&self, index: usize) -> Option<(BufferItem, BufferStateItem)> {
        let held = self.state.chunks.last()?.buffers as usize;
        let first = self.state.buffers.len().checked_sub(held)?;
        let at = first + Some(index).filter(|index| *index < held)?;
        Some((*self.layout.buffers.get(at)?, *self.state.buffers.get(at)?))
    }
}

/// A frame to be put together anew from columns of its own and a new one.
#[derive(Debug)]
pub struct ColumnsDraft<'s> {
    /// The frame as it is.
    pub frame: FrameRecords,
    /// Its schema from now on.
    pub schema: Schema<'s>,
    /// Its columns from now on.
    pub columns: &'s [ColumnSource],
    /// The new column, chunk by chunk; empty if there is none.
    pub added: Vec<ColumnDraft>,
}

/// A new column in one chunk.
#[derive(Debug)]
pub struct ColumnDraft {
    /// Its nodes, depth-first.
    pub nodes: Vec<NodeItem>,
    /// Its buffers, depth-first.
    pub buffers: Vec<BufferDraft>,
}

impl Staging<'_> {
    /// The records of a frame, if there is one of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`]; [`ErrorKind::WriterInChild`].
    pub fn frame_records(&self, name: &str) -> Result<Option<FrameRecords>> {
        let Some(staged) = self.frame(name)? else { return Ok(None) };
        let (layout, state) = match &staged.contents {
            Contents::Records(layout, state) => (Arc::clone(layout), Arc::clone(state)),
            Contents::Extents(_) => {
                let mapped = &*self.store.mapped;
                let layout = Layout::read(mapped, mapped.geometry(), &staged.layout)?;
                let state = State::read(mapped, &layout, &staged.state)?;
                state.check_room(&layout)?;
                (Arc::new(layout), Arc::new(state))
            }
        };
        Ok(Some(FrameRecords { staged, layout, state }))
    }

    /// Fails if the frame has changed since its records were read: bytes that another change dropped would be dropped
    /// again.
    pub(super) fn check_current(&self, frame: &FrameRecords) -> Result<()> {
        let before = (frame.staged.layout, frame.staged.state);
        if self.frame(frame.name())?.is_some_and(|now| (now.layout, now.state) == before) {
            return Ok(());
        }
        Err(ColumnsKind::OtherFrame { name: frame.name().to_owned() }.into())
    }

    /// A frame's Arrow IPC schema message.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`]; [`ErrorKind::WriterInChild`].
    pub fn schema_message(&self, frame: &FrameRecords) -> Result<Vec<u8>> {
        read_schema(&*self.store.mapped, &frame.layout.schema)
    }

    /// Puts a frame together anew: lets `fill` write the buffers of its new column, chunk by chunk, and writes its
    /// records. What is kept is neither read nor written. Returns where its schema stands.
    ///
    /// # Errors
    /// [`ErrorKind::DirectoryFull`], [`ErrorKind::CapacityExceeded`], [`ErrorKind::Corrupt`]; the transaction is then as
    /// it was before.
    pub fn put_columns(
        &mut self,
        draft: ColumnsDraft<'_>,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) -> Result<RecordReference> {
        self.store.check_process()?;
        let taken_before = self.allocated.len();
        let put = self.assemble(draft, fill);
        put.inspect_err(|error| self.undo(taken_before, error))
    }

    fn assemble(
        &mut self,
        draft: ColumnsDraft<'_>,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) -> Result<RecordReference> {
        let ColumnsDraft { frame, schema, columns, added } = draft;
        self.check_current(&frame)?;
        let schema = self.schema_record(frame.name(), schema, Some(&frame.staged))?;
        let added = self.write_column(added, fill)?;
        let generation = self.next_generation;
        let before = (&*frame.layout, &*frame.state);
        let (layout, state) = rearrange(before, columns, &added, schema, generation)?;
        self.stage_records(frame, Some(layout), Arc::new(state))?;
        // Compared for equality only.
        self.next_generation = self.next_generation.wrapping_add(1);
        Ok(schema)
    }

    /// Gives the new column an extent for each chunk, and lets `fill` write all of its buffers.
    fn write_column(
        &mut self,
        chunks: Vec<ColumnDraft>,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) -> Result<Vec<NewColumn>> {
        let mut columns = Vec::with_capacity(chunks.len());
        for ColumnDraft { nodes, buffers } in chunks {
            let Placed { places, extents, .. } =
                self.place(&nodes, |index| Some(buffers[index]), buffers.len(), 0)?;
            let buffer_lengths = buffers.iter().map(|buffer| buffer.length).collect();
            columns.push(NewColumn { nodes, buffer_lengths, places, extents });
        }
        let places = columns.iter().flat_map(|column| column.places.iter().zip(&column.buffer_lengths));
        self.hand_out(places.map(|(place, length)| (place.offset, *length)), fill);
        Ok(columns)
    }
}
