//! A column on its way: what of it is handed out, and how much of that is written.

use super::error::BuilderError;
use arrow::datatypes::{DataType, FieldRef};
use shmframe_format::Result;
use shmframe_format::table::NodeItem;
use shmframe_segment::BuiltBuffer;

/// A buffer, and its bytes.
pub(super) type Bytes = (BuiltBuffer, u64);

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
    /// A whole array.
    Set(Vec<NodeItem>, Vec<Bytes>),
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
    pub(super) data: Vec<Bytes>,
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

    /// Adds its nodes and buffers, depth-first.
    pub(super) fn finish(self, rows: u64, nodes: &mut Vec<NodeItem>, buffers: &mut Vec<Bytes>) -> Result<()> {
        let first = buffers.len();
        let nulls = self.nulls.filter(|nulls| nulls.count > 0);
        buffers.extend(nulls.as_ref().map(|nulls| nulls.bitmap));
        match self.content {
            Content::Missing | Content::Nothing => {}
            Content::Set(own, bytes) => {
                nodes.extend(own);
                buffers.extend(bytes);
                return Ok(());
            }
            Content::Values(bytes) => buffers.push(bytes),
            Content::Appended(Appended { rows: appended, index, data }) => {
                if appended < rows {
                    let column = self.field.name().clone();
                    return Err(BuilderError::TooFew { column, rows, appended }.into());
                }
                buffers.push(index);
                buffers.extend(data);
            }
        }
        nodes.push(NodeItem {
            length: rows,
            nulls: nulls.as_ref().map_or(0, |nulls| nulls.count),
            buffers: (buffers.len() - first) as u32,
            children: 0,
            validity: u32::from(nulls.is_some()),
            pieces: 0,
        });
        Ok(())
    }
}
