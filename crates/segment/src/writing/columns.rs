//! Columns of a frame that change while the others stay where they stand.

use crate::writing::put::{Schema, capacity_of, column_extents, places};
use crate::writing::staged_frame::StagedFrame;
use crate::writing::staging::Staging;
use shmframe_format::columns::{ColumnSource, NewColumn, rearrange};
use shmframe_format::frame::{Layout, State, read_schema};
use shmframe_format::record::RecordKind;
use shmframe_format::table::{NodeItem, RecordReference};
use shmframe_format::{Describe, ErrorKind, Report, Result};

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
#[derive(Debug)]
pub struct FrameRecords {
    name: String,
    staged: Box<StagedFrame>,
    layout: Layout,
    state: State,
}

impl FrameRecords {
    /// The schema record.
    #[must_use]
    pub fn schema_reference(&self) -> RecordReference {
        self.layout.schema
    }

    /// The rows of each chunk.
    pub fn chunk_rows(&self) -> impl Iterator<Item = u64> {
        self.state.chunks.iter().map(|chunk| chunk.rows)
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
    /// Bytes of its buffers, depth-first.
    pub buffer_lengths: Vec<u64>,
}

impl Staging<'_> {
    /// The records of a frame, if there is one of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`]; [`ErrorKind::WriterInChild`].
    pub fn frame_records(&self, name: &str) -> Result<Option<FrameRecords>> {
        let Some(staged) = self.frame(name)? else { return Ok(None) };
        let mapped = &*self.store.mapped;
        let layout = Layout::read(mapped, mapped.geometry(), &staged.layout)?;
        let state = State::read(mapped, &layout, &staged.state)?;
        Ok(Some(FrameRecords { name: name.to_owned(), staged, layout, state }))
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
        if put.is_err() {
            self.give_back(taken_before);
        }
        put
    }

    fn assemble(
        &mut self,
        draft: ColumnsDraft<'_>,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) -> Result<RecordReference> {
        let ColumnsDraft { frame: FrameRecords { name, staged: before, layout, state }, .. } = draft;
        // Else bytes that another change dropped would be dropped again.
        if self.frame(&name)?.is_none_or(|now| (now.layout, now.state) != (before.layout, before.state)) {
            return Err(ColumnsKind::OtherFrame { name }.into());
        }
        let schema = self.schema_record(&name, draft.schema, Some(&before))?;
        let added = self.write_column(draft.added, fill)?;
        let generation = self.root.next_generation;
        let (layout, state) = rearrange((&layout, &state), draft.columns, &added, schema, generation)?;
        let state = self.write_record(RecordKind::State, state.to_draft(Vec::new()))?;
        let (layout, extents) = (layout.to_draft(Vec::new()), layout.extents);
        let layout = self.write_record(RecordKind::Layout, layout)?;
        // Compared for equality only.
        self.root.next_generation = self.root.next_generation.wrapping_add(1);
        let after = Box::new(StagedFrame { layout, state, schema, extents });
        self.replace(&name, Some(before), Some(after));
        Ok(schema)
    }

    /// Gives the new column an extent for each chunk, and lets `fill` write all of its buffers.
    fn write_column(
        &mut self,
        chunks: Vec<ColumnDraft>,
        fill: impl FnOnce(Vec<&mut [u8]>),
    ) -> Result<Vec<NewColumn>> {
        let lengths: Vec<u64> =
            chunks.iter().flat_map(|chunk| chunk.buffer_lengths.iter().copied()).collect();
        let data = capacity_of(&lengths);
        if data == 0 {
            let empty = |ColumnDraft { nodes, buffer_lengths }| NewColumn {
                nodes,
                buffer_lengths,
                places: Vec::new(),
                extent: None,
            };
            return Ok(chunks.into_iter().map(empty).collect());
        }
        let range = self.take(data)?;
        let all = places(range.start, &lengths);
        self.staged(range.start, data).hand_out(&lengths, &all, fill);
        let version = self.version();
        let mut rest = all.as_slice();
        let column = |ColumnDraft { nodes, buffer_lengths }| {
            let (places, others) = rest.split_at(buffer_lengths.len());
            rest = others;
            let extent = column_extents(&nodes, places, version).into_iter().next();
            NewColumn { nodes, buffer_lengths, places: places.to_vec(), extent }
        };
        Ok(chunks.into_iter().map(column).collect())
    }
}
