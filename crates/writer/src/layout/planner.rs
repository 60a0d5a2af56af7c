//! Walks the schema and the arrays of all batches, and plans node after node.

use std::borrow::Cow;
use std::slice;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, SchemaRef, UnionFields};
use shmframe_format::Result;
use shmframe_format::addressing::Addressing;

use super::agreement;
use super::dictionary;
use super::error::{LENGTH_LIMIT, LayoutError};
use super::kind::Kind;
use super::list_views;
use super::lists;
use super::nulls::{self, Hidden};
use super::path::Path;
use super::plan::{NodePlan, Plan, Rule, Source};
use super::runs;
use super::strings;
use super::unions::{self, UnionPlan};
use super::views;

/// What a layout can address, and how finely views are cut; tests use smaller ones.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The highest 32-bit offset.
    pub(crate) offset: usize,
    /// The most values that keys of a dictionary tell apart, whatever their width.
    pub(crate) keys: usize,
    /// The longest data buffer of views, in bytes.
    pub(crate) view_data: usize,
    /// The most rows of views that are written in one go.
    pub(crate) block_rows: usize,
    /// The most bytes of long values that are written in one go, unless one alone is longer.
    pub(crate) block_bytes: usize,
}

impl Limits {
    /// Arrow's, with signed 32-bit offsets.
    pub(crate) const ARROW: Self = Self {
        offset: i32::MAX as usize,
        keys: usize::MAX,
        view_data: i32::MAX as usize,
        block_rows: 1 << 16,
        block_bytes: 8 << 20,
    };
}

pub(crate) fn plan(schema: &SchemaRef, batches: &[RecordBatch], limits: &Limits) -> Result<Plan> {
    plan_in_place_of(Plan::default(), schema, batches, limits)
}

pub(super) fn plan_in_place_of(
    spare: Plan,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    limits: &Limits,
) -> Result<Plan> {
    let mut rows = 0_usize;
    for (number, batch) in batches.iter().enumerate() {
        agreement::check(schema, batch, number)?;
        rows = match rows.checked_add(batch.num_rows()) {
            Some(rows) if rows <= LENGTH_LIMIT => rows,
            _ => return Err(too_many_rows(&Path::column("(all)"))),
        };
    }
    let columns = (0..schema.fields().len()).map(|index| match batches {
        [batch] => Cow::Borrowed(slice::from_ref(batch.column(index))),
        _ => batches.iter().map(|batch| Arc::clone(batch.column(index))).collect(),
    });
    plan_columns(schema, columns, rows as u64, limits, spare)
}

pub(super) fn plan_columns<'p>(
    schema: &SchemaRef,
    columns: impl Iterator<Item = Cow<'p, [ArrayRef]>>,
    rows: u64,
    limits: &Limits,
    spare: Plan,
) -> Result<Plan> {
    let mut planner = Planner::in_place_of(spare, limits);
    for (field, pieces) in schema.fields().iter().zip(columns) {
        planner.column(field, pieces)?;
    }
    Ok(planner.finish(rows))
}

pub(super) fn plan_column(field: &Field, arrays: Vec<ArrayRef>, limits: &Limits) -> Result<Plan> {
    let mut planner = Planner::in_place_of(Plan::default(), limits);
    planner.column(field, arrays.into())?;
    let rows = planner.plan.nodes[0].length;
    Ok(planner.finish(rows))
}

pub(super) fn plan_values(data_type: &DataType, arrays: Vec<ArrayRef>, limits: &Limits) -> Result<Plan> {
    let mut planner = Planner::in_place_of(Plan::default(), limits);
    planner.child(None, Child { grows: true, ..Child::of_dictionary(data_type, arrays) })?;
    let rows = planner.plan.nodes[0].length;
    Ok(planner.finish(rows))
}

struct Planner<'a> {
    limits: &'a Limits,
    /// What is planned so far.
    plan: Plan,
}

impl<'a> Planner<'a> {
    fn in_place_of(mut spare: Plan, limits: &'a Limits) -> Self {
        spare.clear();
        Self { limits, plan: spare }
    }

    fn finish(self, rows: u64) -> Plan {
        Plan { rows, ..self.plan }
    }

    fn column(&mut self, field: &Field, pieces: Cow<'_, [ArrayRef]>) -> Result<()> {
        let grows = Kind::grows(field, 1);
        let values = grows.then_some(1);
        self.child(None, Child { values, grows, ..Child::of(field, pieces, Hidden::No) })
    }

    fn child(&mut self, parent: Option<&Path<'_>>, child: Child<'_>) -> Result<()> {
        let path = match parent {
            Some(parent) => parent.child(child.name),
            None => Path::column(child.name),
        };
        nulls::check(&path, &child.pieces, child.hidden)?;
        self.node(&path, &child)
    }

    fn node(&mut self, path: &Path<'_>, node: &Child<'_>) -> Result<()> {
        let Child { data_type, ordered, ref pieces, values, grows, .. } = *node;
        let kind = Kind::at(path, data_type)?;
        let (mut length, mut null_count) = (0_usize, 0);
        for piece in &**pieces {
            // Arrays without buffers can be of any length.
            length = match length.checked_add(piece.len()) {
                Some(length) if length <= LENGTH_LIMIT => length,
                _ => return Err(too_many_rows(path)),
            };
            null_count += piece.null_count();
        }
        let has_validity = null_count > 0;
        let first_buffer = self.plan.lengths.len();
        if has_validity {
            self.plan.lengths.push(bitmap(length));
        }
        let Rules { rule, children } = self.rules(path, kind, ordered, pieces, length)?;
        let Plan { nodes, sources, lengths, addressing, pieces: all_pieces, .. } = &mut self.plan;
        if let Some(values) = values {
            addressing.extend(has_validity.then_some(Addressing::Bitmap(values)));
            addressing.extend((lengths.len() > addressing.len()).then(|| kind.addressing(values)));
        }
        addressing.resize(lengths.len(), Addressing::Bytes);
        nodes.push(NodePlan {
            length: length as u64,
            null_count: null_count as u64,
            has_validity,
            buffer_count: (lengths.len() - first_buffer) as u32,
            child_count: children.len() as u32,
        });
        let first_piece = all_pieces.len();
        all_pieces.extend_from_slice(pieces);
        sources.push(Source { pieces: first_piece..all_pieces.len(), rule, grows });
        let below = values.and_then(|values| kind.values_below(values));
        let child = |child| Child { values: below, grows, ..child };
        children.into_iter().try_for_each(|below| self.child(Some(path), child(below)))
    }

    /// Adds the lengths of a node's buffers, and says how they are made and what its children are.
    fn rules<'p>(
        &mut self,
        path: &Path<'_>,
        kind: Kind<'p>,
        ordered: bool,
        pieces: &'p [ArrayRef],
        length: usize,
    ) -> Result<Rules<'p>> {
        let limit = self.limits.offset;
        let lengths = &mut self.plan.lengths;
        Ok(match kind {
            Kind::Null => Rules::of(Rule::NoBuffers),
            Kind::Bits => {
                lengths.push(bitmap(length));
                Rules::of(Rule::Bits)
            }
            Kind::Fixed(width) => {
                lengths.push(bytes(length, width));
                Rules::of(Rule::Fixed(width))
            }
            Kind::Strings(width) => {
                lengths.push(bytes(length + 1, width.bytes()));
                lengths.push(strings::plan(path, pieces, width, limit)? as u64);
                Rules::of(Rule::Strings(width))
            }
            Kind::Views => {
                lengths.push(bytes(length, views::VIEW_SIZE));
                Rules::of(Rule::Views(views::plan(path, pieces, self.limits, lengths)?))
            }
            Kind::Keys { width, keys: key_type, values: value_type } => {
                lengths.push(bytes(length, width));
                let key_limit = dictionary::countable(key_type).min(self.limits.keys);
                let (values, keys) = dictionary::plan(path, ordered, key_limit, pieces)?;
                let children = vec![Child::of_dictionary(value_type, values)];
                Rules { rule: Rule::Keys(width, keys), children }
            }
            Kind::Struct(fields) => {
                let columns = |index| pieces.iter().map(move |piece| piece.as_struct().column(index).clone());
                let fields = fields.iter().enumerate();
                let children = fields
                    .map(|(index, field)| {
                        Child::of(field, columns(index).collect::<Vec<_>>(), Hidden::Under(pieces, 1))
                    })
                    .collect();
                Rules { rule: Rule::NoBuffers, children }
            }
            Kind::Lists(width, field) => {
                lengths.push(bytes(length + 1, width.bytes()));
                let values = lists::values(path, pieces, width, limit)?;
                Rules { rule: Rule::Lists(width), children: vec![Child::of(field, values, Hidden::No)] }
            }
            Kind::FixedLists(size, field) => {
                let hidden = Hidden::Under(pieces, size);
                let values = lists::fixed_values(pieces);
                Rules { rule: Rule::NoBuffers, children: vec![Child::of(field, values, hidden)] }
            }
            Kind::ListViews(width, field) => {
                lengths.extend([bytes(length, width.bytes()); 2]);
                let (places, values) = list_views::plan(path, pieces, width, limit)?;
                let children = vec![Child::of(field, values, Hidden::Allowed)];
                Rules { rule: Rule::ListViews(width, places), children }
            }
            Kind::SparseUnion(fields) => {
                lengths.push(bytes(length, 1));
                Rules {
                    rule: Rule::SparseUnion,
                    children: Child::of_union(fields, unions::sparse(pieces, fields)),
                }
            }
            Kind::DenseUnion(fields) => {
                lengths.extend([bytes(length, 1), bytes(length, 4)]);
                let (plan, values) = UnionPlan::new(path, pieces, fields, limit)?;
                Rules { rule: Rule::DenseUnion(plan), children: Child::of_union(fields, values) }
            }
            Kind::Runs { ends: end_field, values: value_field } => {
                let (ends, values) = runs::plan(path, end_field.data_type(), pieces)?;
                let children = vec![
                    Child::of(end_field, vec![ends], Hidden::No),
                    Child::of(value_field, values, Hidden::Allowed),
                ];
                Rules { rule: Rule::NoBuffers, children }
            }
        })
    }
}

/// How a node's own buffers are made, and its children.
struct Rules<'a> {
    rule: Rule,
    children: Vec<Child<'a>>,
}

impl Rules<'_> {
    fn of(rule: Rule) -> Self {
        Self { rule, children: Vec::new() }
    }
}

/// A column, or what stands below one, with its pieces.
struct Child<'a> {
    name: &'a str,
    data_type: &'a DataType,
    /// Whether it is a dictionary that claims an order.
    ordered: bool,
    hidden: Hidden<'a>,
    pieces: Cow<'a, [ArrayRef]>,
    /// How many values each row of the column has here; none if rows cannot be told apart.
    values: Option<u32>,
    /// Whether it belongs to a column that grows in place.
    grows: bool,
}

impl<'a> Child<'a> {
    /// A field, whose nulls are hidden like this if it is declared without any.
    fn of(field: &'a Field, pieces: impl Into<Cow<'a, [ArrayRef]>>, hidden: Hidden<'a>) -> Self {
        let hidden = if field.is_nullable() { Hidden::Allowed } else { hidden };
        let ordered = field.dict_is_ordered() == Some(true);
        Self {
            name: field.name(),
            data_type: field.data_type(),
            ordered,
            hidden,
            pieces: pieces.into(),
            values: None,
            grows: false,
        }
    }

    /// The values of a dictionary.
    fn of_dictionary(data_type: &'a DataType, pieces: Vec<ArrayRef>) -> Self {
        let pieces = Cow::Owned(pieces);
        let (name, hidden) = ("(dictionary values)", Hidden::Allowed);
        Self { name, data_type, ordered: false, hidden, pieces, values: None, grows: false }
    }

    /// The children of a union.
    fn of_union(fields: &'a UnionFields, values: Vec<Vec<ArrayRef>>) -> Vec<Self> {
        let fields = fields.iter().map(|(_, field)| field);
        fields.zip(values).map(|(field, values)| Child::of(field, values, Hidden::Allowed)).collect()
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

#[cfg(test)]
mod tests {
    use arrow::array::{FixedSizeListArray, Int32Array, ListArray, StructArray};
    use arrow::buffer::{NullBuffer, OffsetBuffer};
    use shmframe_format::ErrorKind;

    use super::*;

    fn item(nullable: bool) -> Arc<Field> {
        Arc::new(Field::new("item", DataType::Int32, nullable))
    }

    /// Arrow builds no such arrays without `unsafe`, so the type is claimed instead.
    fn claimed(data_type: DataType, piece: ArrayRef) -> Result<()> {
        let mut planner = Planner::in_place_of(Plan::default(), &Limits::ARROW);
        planner.child(None, Child::of(&Field::new("c", data_type, false), vec![piece], Hidden::No))
    }

    #[test]
    fn nulls_in_a_field_declared_without_are_refused() {
        let child = || Arc::new(Int32Array::from(vec![Some(1), None, Some(3), Some(4)])) as ArrayRef;
        let structs = |nulls: Option<Vec<bool>>| {
            let nulls = nulls.map(NullBuffer::from);
            Arc::new(StructArray::new(vec![item(true)].into(), vec![child()], nulls)) as ArrayRef
        };
        let pairs: ArrayRef = Arc::new(FixedSizeListArray::new(item(true), 2, child(), None));
        let lists = |lengths: [usize; 2]| {
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(ListArray::new(item(true), offsets, child(), None)) as ArrayRef
        };
        let of_structs = |nullable| DataType::Struct(vec![item(nullable)].into());
        let refused = [
            (DataType::Int32, child(), "\"c\""),
            (of_structs(false), structs(None), "\"c.item\""),
            (DataType::FixedSizeList(item(false), 2), pairs, "\"c.item\""),
            (DataType::List(item(false)), lists([1, 1]), "\"c.item\""),
            (of_structs(true), structs(Some(vec![true, false, true, true])), "\"c\""),
        ];
        for (data_type, piece, path) in refused {
            let error = claimed(data_type, piece).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
            assert!(error.to_string().contains(path), "{error}");
        }
        // What no row covers does not count.
        claimed(DataType::List(item(false)), lists([1, 0])).unwrap();
        claimed(of_structs(true), structs(None)).unwrap();
    }
}
