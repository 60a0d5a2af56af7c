//! Columns that are filled become a frame, or rows of one.

use super::Building;
use super::arrays::batches;
use super::column::{Bytes, Column, Content};
use super::error::BuilderError;
use crate::growth::SMALL_FRAME;
use crate::growth::in_place::{Added, InPlace, InPlaceColumn, InPlaceDraft};
use crate::layout::Plan;
use crate::operation::{append, with_schema};
use crate::schema::Schemas;
use arrow::datatypes::SchemaRef;
use shmframe_format::Result;
use shmframe_format::table::NodeItem;
use shmframe_segment::{
    BufferDraft, BuiltFrame, FrameDraft, FrameRecords, GrowthDraft, Identity, LastChunk, Schema, Staging,
};

/// A frame, or rows, whose columns are filled.
pub(super) struct Filled<'f> {
    pub(super) frame: &'f str,
    pub(super) schema: &'f SchemaRef,
    pub(super) rows: u64,
    pub(super) columns: &'f [Column],
}

impl Filled<'_> {
    /// Fails if columns were never taken, or have too few values.
    pub(super) fn check(&self) -> Result<()> {
        let missing = self.columns.iter().filter(|column| column.is_missing());
        let missing: Vec<String> = missing.map(|column| column.field.name().clone()).collect();
        if !missing.is_empty() {
            return Err(BuilderError::NeverTaken { columns: missing, all: self.columns.len() }.into());
        }
        self.columns.iter().try_for_each(|column| column.check_rows(self.rows))
    }

    /// Makes a new frame of the columns. A small one is packed, as a put packs it; others stay where they stand.
    pub(super) fn put(&self, building: &mut Building<'_, '_>) -> Result<()> {
        let (mut nodes, mut buffers) = (Vec::new(), Vec::new());
        for column in self.columns {
            column.finish(self.rows, &mut nodes, &mut buffers);
        }
        let Building { staging, schemas, .. } = building;
        let schemas = Schemas { published: schemas.published, learned: schemas.learned };
        let small = buffers.iter().map(|bytes| bytes.length).sum::<u64>() <= SMALL_FRAME;
        with_schema(schemas, self.frame, self.schema, None, |schema| match small {
            true => self.pack(staging, schema, nodes, &buffers),
            false => {
                let buffers = buffers.iter().map(|bytes| (bytes.buffer, bytes.length)).collect();
                staging.put_built(BuiltFrame { name: self.frame, schema, rows: self.rows, nodes, buffers })
            }
        })
    }

    fn pack(
        &self,
        staging: &mut Staging<'_>,
        schema: Schema<'_>,
        nodes: Vec<NodeItem>,
        buffers: &[Bytes],
    ) -> Result<shmframe_format::table::RecordReference> {
        let copy = |bytes: &Bytes| staging.built_bytes(bytes.buffer, bytes.length).map(<[u8]>::to_vec);
        let copies = buffers.iter().map(copy).collect::<Result<Vec<_>>>()?;
        staging.abandon_building();
        let draft = |&Bytes { length, addressing, .. }: &Bytes| BufferDraft { length, addressing, room: 0 };
        let draft = FrameDraft {
            name: self.frame,
            schema,
            rows: self.rows,
            nodes,
            identity: Identity::New,
            buffers: buffers.iter().map(draft).collect(),
        };
        staging.put_frame(draft, |destinations| {
            for (destination, bytes) in destinations.into_iter().zip(&copies) {
                destination.copy_from_slice(bytes);
            }
        })
    }

    /// Adds the rows to a frame: where they stand, or, if it does not take them so, as arrays.
    pub(super) fn append(
        &self,
        building: &mut Building<'_, '_>,
        records: FrameRecords,
        in_place: Option<&InPlace>,
    ) -> Result<()> {
        if let Some(in_place) = in_place
            && self.columns.iter().zip(&in_place.columns).all(|(column, standing)| fits(column, standing))
        {
            return self.grow(building.staging, records, in_place);
        }
        let Building { staging, schemas, means } = building;
        let batches = batches(staging, self.schema, self.columns, self.rows)?;
        staging.abandon_building();
        let plan = Plan::new(self.schema, &batches)?;
        let schemas = Schemas { published: schemas.published, learned: schemas.learned };
        append(staging, schemas, means, records, (self.schema, &plan))
    }

    fn grow(&self, staging: &mut Staging<'_>, frame: FrameRecords, in_place: &InPlace) -> Result<()> {
        let mut draft = InPlaceDraft::default();
        for (column, standing) in self.columns.iter().zip(&in_place.columns) {
            draft.push(standing, self.rows, &added(staging, column)?);
        }
        let InPlaceDraft { nodes, buffers, words } = draft;
        let schema = Schema::Unchanged(frame.schema_reference());
        let rows = in_place.chunk_rows + self.rows;
        let draft =
            GrowthDraft { frame, schema, chunk: LastChunk::Grows, rows, nodes: &nodes, buffers: &buffers };
        let filled = staging.grow_built(draft, |destinations| {
            for (destination, words) in destinations.into_iter().zip(&words) {
                destination.copy_from_slice(words);
            }
        });
        filled.map(drop)
    }
}

/// Whether all of a column stands behind the one that is there.
fn fits(column: &Column, standing: &InPlaceColumn) -> bool {
    let nulls = standing.has_validity() || column.shown_nulls().is_none();
    nulls
        && match &column.content {
            Content::Nothing | Content::Values(_) => true,
            Content::Appended(appended) => appended.data.len() <= appended.base.in_place,
            Content::Missing | Content::Copied(_, _) | Content::Arrays(_) => false,
        }
}

/// What is added to a column.
fn added(staging: &Staging<'_>, column: &Column) -> Result<Added> {
    let copy = |bytes: &Bytes| staging.built_bytes(bytes.buffer, bytes.length).map(<[u8]>::to_vec);
    let mut added = Added::default();
    if let Some(nulls) = column.shown_nulls() {
        added.nulls = nulls.count;
        added.validity = Some(copy(&nulls.bitmap)?);
    }
    match &column.content {
        Content::Values(bytes) if *column.field.data_type() == arrow::datatypes::DataType::Boolean => {
            added.bits = Some(copy(bytes)?);
        }
        Content::Appended(appended) => added.data = appended.data.first().map_or(0, |bytes| bytes.length),
        _ => {}
    }
    Ok(added)
}
