//! A column on its way: what of it is handed out, and how much of that is written.

use super::error::BuilderError;
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use shmframe_format::Result;
use shmframe_format::addressing::Addressing;
use shmframe_format::table::NodeItem;
use shmframe_segment::BuiltBuffer;

/// A column of a frame that is being built.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) field: FieldRef,
    pub(super) content: Content,
    pub(super) nulls: Option<Nulls>,
}

/// What a column has so far.
#[derive(Debug)]
pub(super) enum Content {
    /// Nobody took it.
    Missing,
    /// It needs nothing: all its values are null.
    Nothing,
    /// A value for each row, handed out as a slice.
    Values(Bytes),
    /// What was appended.
    Appended(Appended),
    /// A whole array that was copied.
    Copied(Vec<NodeItem>, Vec<Bytes>),
    /// A whole array, to be copied.
    Arrays(Vec<ArrayRef>),
}

/// A buffer, and its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes {
    pub(super) buffer: BuiltBuffer,
    pub(super) length: u64,
    pub(super) addressing: Addressing,
}

/// A validity bitmap, and how many nulls it has.
#[derive(Debug)]
pub(super) struct Nulls {
    pub(super) bitmap: Bytes,
    pub(super) count: u64,
}

/// Values that are appended: offsets or views, and the bytes that they lead to.
#[derive(Debug)]
pub(super) struct Appended {
    pub(super) rows: u64,
    pub(super) index: Bytes,
    /// Offsets that stand in front of the first row's end: none if they stand in the frame.
    pub(super) lead: usize,
    /// The bytes, in stretches.
    pub(super) data: Vec<Bytes>,
    pub(super) base: Base,
}

/// What offsets and views of appended values count from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Base {
    /// The number of the data buffer that the first stretch of bytes is in.
    pub(super) buffer: usize,
    /// Bytes in front of the first one.
    pub(super) offset: u64,
    /// How many stretches, the first ones, go on in the frame.
    pub(super) in_place: usize,
}

impl Column {
    pub(super) fn new(field: &FieldRef) -> Self {
        let content = match field.data_type() {
            DataType::Null => Content::Nothing,
            _ => Content::Missing,
        };
        Self { field: FieldRef::clone(field), content, nulls: None }
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self.content, Content::Missing)
    }

    /// Fails if fewer values were appended than there are rows.
    pub(super) fn check_rows(&self, rows: u64) -> Result<()> {
        match &self.content {
            Content::Appended(Appended { rows: appended, .. }) if *appended < rows => {
                let (column, appended) = (self.field.name().clone(), *appended);
                Err(BuilderError::TooFew { column, rows, appended }.into())
            }
            _ => Ok(()),
        }
    }

    /// The validity bitmap and its nulls, if there are any.
    pub(super) fn shown_nulls(&self) -> Option<&Nulls> {
        self.nulls.as_ref().filter(|nulls| nulls.count > 0)
    }

    /// Adds its nodes and buffers to those of a new frame, depth-first.
    pub(super) fn finish(&self, rows: u64, nodes: &mut Vec<NodeItem>, buffers: &mut Vec<Bytes>) {
        if let Content::Copied(own, bytes) = &self.content {
            nodes.extend(own);
            buffers.extend(bytes);
            return;
        }
        let first = buffers.len();
        let nulls = self.shown_nulls();
        buffers.extend(nulls.map(|nulls| nulls.bitmap));
        match &self.content {
            Content::Values(bytes) => buffers.push(*bytes),
            Content::Appended(appended) => {
                buffers.push(appended.index);
                buffers.extend(&appended.data);
            }
            _ => {}
        }
        nodes.push(NodeItem {
            length: rows,
            nulls: nulls.map_or(0, |nulls| nulls.count),
            buffers: (buffers.len() - first) as u32,
            children: 0,
            validity: u32::from(nulls.is_some()),
            pieces: 0,
        });
    }
}
