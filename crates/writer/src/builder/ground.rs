//! Where a builder writes: a new frame, or the room behind the rows of one that is there.

use super::column::Base;
use crate::growth::in_place::{InPlace, InPlaceColumn};
use crate::growth::{SMALL_FRAME, in_place, share};
use crate::layout::kind::Kind;
use arrow::datatypes::SchemaRef;
use shmframe_segment::{FrameRecords, Staging};

/// Where a frame that is being built comes to stand.
#[derive(Debug)]
pub(super) enum Ground {
    /// By itself, its columns with so much room each.
    New { room: u64 },
    /// Behind the rows of this frame; in place, if it takes them so.
    Behind(Box<FrameRecords>, Option<InPlace>),
}

/// Where a column comes to stand.
#[derive(Clone, Copy)]
pub(super) enum Target<'b> {
    /// By itself, with so much room.
    New { room: u64 },
    /// Behind the rows of this column.
    Behind(&'b FrameRecords, &'b InPlaceColumn),
    /// Aside, until it is appended as arrays are.
    Aside,
}

impl Ground {
    /// That of a new frame of so many rows.
    pub(super) fn new(staging: &Staging<'_>, schema: &SchemaRef, rows: u64) -> Self {
        let widths = schema.fields().iter().map(|field| match Kind::of(field.data_type()) {
            Some(Kind::Fixed(width)) => width as u64,
            _ => 8,
        });
        let small = rows.saturating_mul(widths.sum()) <= SMALL_FRAME;
        let columns = schema.fields().len().max(1) as u64;
        Self::New { room: if small { 0 } else { share(staging) / columns } }
    }

    /// That of so many rows behind those of a frame.
    pub(super) fn behind(frame: FrameRecords, schema: &SchemaRef, rows: u64) -> Self {
        let in_place = in_place::in_place(&frame, schema, rows);
        Self::Behind(Box::new(frame), in_place)
    }

    /// Where the column with this number comes to stand.
    pub(super) fn target(&self, column: usize) -> Target<'_> {
        match self {
            Self::New { room } => Target::New { room: *room },
            Self::Behind(frame, Some(in_place)) => Target::Behind(frame, &in_place.columns[column]),
            Self::Behind(_, None) => Target::Aside,
        }
    }
}

impl Target<'_> {
    /// Bytes that the column may come to have.
    pub(super) fn room(self) -> u64 {
        match self {
            Self::New { room } => room,
            Self::Behind(..) | Self::Aside => 0,
        }
    }

    /// What offsets and views of its new values count from.
    pub(super) fn base(self) -> Base {
        match self {
            Self::Behind(_, column) => {
                let (offset, data_buffers) = (column.data_start(), column.data_buffers());
                Base { buffer: data_buffers.saturating_sub(1), offset, in_place: data_buffers.min(1) }
            }
            Self::New { .. } | Self::Aside => Base::default(),
        }
    }
}
