//! Walks the schema and the arrays of all batches, and plans node after node.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Fields, SchemaRef};
use shmframe_format::Result;

use super::agreement;
use super::dictionary;
use super::error::LayoutError;
use super::kind::Kind;
use super::path::Path;
use super::plan::{NodePlan, Plan, Rule, Source};
use super::strings;
use super::views;

/// What a layout can address, and how finely views are cut; tests use smaller ones.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// The highest 32-bit offset.
    pub(super) offset: usize,
    /// The longest data buffer of views, in bytes.
    pub(super) view_data: usize,
    /// The most rows of views that are written in one go.
    pub(super) block_rows: usize,
    /// The most bytes of long values that are written in one go, unless one alone is longer.
    pub(super) block_bytes: usize,
}

impl Limits {
    /// Arrow's, with signed 32-bit offsets.
    pub(super) const ARROW: Self = Self {
        offset: i32::MAX as usize,
        view_data: i32::MAX as usize,
        block_rows: 1 << 16,
        block_bytes: 8 << 20,
    };
}

pub(super) fn plan(schema: &SchemaRef, batches: &[RecordBatch], limits: &Limits) -> Result<Plan> {
    let mut rows = 0_usize;
    for (number, batch) in batches.iter().enumerate() {
        agreement::check(schema, batch, number)?;
        rows = match rows.checked_add(batch.num_rows()) {
            Some(rows) => rows,
            None => return Err(too_many_rows(&Path::column("(all)"))),
        };
    }
    let columns = schema.fields();
    let mut planner = Planner {
        limits,
        nodes: Vec::with_capacity(columns.len()),
        sources: Vec::with_capacity(columns.len()),
        lengths: Vec::with_capacity(columns.len() * 3),
        pieces: Vec::with_capacity(columns.len() * batches.len()),
    };
    for (index, field) in columns.iter().enumerate() {
        let pieces = planner.gather(batches.iter().map(|batch| Arc::clone(batch.column(index))));
        let ordered = field.dict_is_ordered() == Some(true);
        planner.node(&Path::column(field.name()), field.data_type(), ordered, pieces)?;
    }
    let Planner { nodes, sources, lengths, pieces, .. } = planner;
    Ok(Plan { rows: rows as u64, nodes, sources, lengths, pieces })
}

struct Planner<'a> {
    limits: &'a Limits,
    nodes: Vec<NodePlan>,
    sources: Vec<Source>,
    lengths: Vec<u64>,
    pieces: Vec<ArrayRef>,
}

impl Planner<'_> {
    fn gather(&mut self, pieces: impl IntoIterator<Item = ArrayRef>) -> Range<usize> {
        let first = self.pieces.len();
        self.pieces.extend(pieces);
        first..self.pieces.len()
    }

    fn node(
        &mut self,
        path: &Path<'_>,
        data_type: &DataType,
        ordered: bool,
        range: Range<usize>,
    ) -> Result<()> {
        let kind = Kind::at(path, data_type)?;
        let pieces = &self.pieces[range.clone()];
        let (mut length, mut null_count) = (0_usize, 0);
        for piece in pieces {
            // Arrays without buffers can be of any length.
            length = length.checked_add(piece.len()).ok_or_else(|| too_many_rows(path))?;
            null_count += piece.null_count();
        }
        let has_validity = null_count > 0;
        let node = self.nodes.len();
        let first_buffer = self.lengths.len();
        if has_validity {
            self.lengths.push(bitmap(length));
        }
        let mut values = Vec::new();
        let rule = match kind {
            Kind::Null | Kind::Struct => Rule::NoBuffers,
            Kind::Bits => {
                self.lengths.push(bitmap(length));
                Rule::Bits
            }
            Kind::Fixed(width) => {
                self.lengths.push(bytes(length, width));
                Rule::Fixed(width)
            }
            Kind::Strings(width) => {
                let covered = match pieces {
                    [] => 0,
                    pieces => strings::plan(path, pieces, width, self.limits.offset)?,
                };
                self.lengths.push(bytes(length + 1, width.bytes()));
                self.lengths.push(covered as u64);
                Rule::Strings(width)
            }
            Kind::Views => {
                self.lengths.push(bytes(length, views::VIEW_SIZE));
                Rule::Views(views::plan(path, pieces, self.limits, &mut self.lengths)?)
            }
            Kind::Keys(width) => {
                self.lengths.push(bytes(length, width));
                let keys = match (data_type, pieces) {
                    (DataType::Dictionary(key_type, _), [_, ..]) => {
                        let keys;
                        (values, keys) = dictionary::plan(path, ordered, key_type, pieces)?;
                        keys
                    }
                    _ => dictionary::KeyPlan::Unchanged,
                };
                Rule::Keys(width, keys)
            }
        };
        self.nodes.push(NodePlan {
            length: length as u64,
            null_count: null_count as u64,
            has_validity,
            buffer_count: (self.lengths.len() - first_buffer) as u32,
            child_count: 0,
        });
        self.sources.push(Source { pieces: range.clone(), rule });
        self.nodes[node].child_count = match (kind, data_type) {
            (Kind::Struct, DataType::Struct(fields)) => self.fields(path, fields, &range)?,
            (Kind::Keys(_), DataType::Dictionary(_, value_type)) => {
                let pieces = self.gather(values);
                self.node(&path.values(), value_type, false, pieces)?;
                1
            }
            (
                Kind::Null
                | Kind::Bits
                | Kind::Fixed(_)
                | Kind::Strings(_)
                | Kind::Views
                | Kind::Keys(_)
                | Kind::Struct,
                _,
            ) => 0,
        };
        Ok(())
    }

    fn fields(&mut self, path: &Path<'_>, fields: &Fields, structs: &Range<usize>) -> Result<u32> {
        for (index, field) in fields.iter().enumerate() {
            let first = self.pieces.len();
            for parent in structs.clone() {
                let child = Arc::clone(self.pieces[parent].as_struct().column(index));
                self.pieces.push(child);
            }
            let pieces = first..self.pieces.len();
            let ordered = field.dict_is_ordered() == Some(true);
            self.node(&path.child(field.name()), field.data_type(), ordered, pieces)?;
        }
        Ok(fields.len() as u32)
    }
}

fn bitmap(bits: usize) -> u64 {
    bits.div_ceil(8) as u64
}

fn bytes(count: usize, width: usize) -> u64 {
    count as u64 * width as u64
}

fn too_many_rows(path: &Path<'_>) -> shmframe_format::Error {
    LayoutError::TooManyRows { path: path.to_string() }.into()
}
