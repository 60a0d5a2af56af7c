//! What has to be known of types to find the nodes and buffers of a column.

use arrow::datatypes::DataType;
use shmframe_format::addressing::Addressing;
use shmframe_format::columns::Span;
use shmframe_format::table::{BufferItem, NodeItem};

/// The types of a type's children, in their order.
pub(super) fn children_of(data_type: &DataType) -> Vec<&DataType> {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        DataType::Union(fields, _) => fields.iter().map(|(_, field)| field.data_type()).collect(),
        DataType::Dictionary(_, values) => vec![values],
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => vec![field.data_type()],
        DataType::RunEndEncoded(ends, values) => vec![ends.data_type(), values.data_type()],
        DataType::Null
        | DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _)
        | DataType::Date32
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Timestamp(_, _)
        | DataType::Duration(_)
        | DataType::Interval(_)
        | DataType::FixedSizeBinary(_)
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView => Vec::new(),
    }
}

/// How many of a node's buffers, behind its validity bitmap, are addressed by rows where rows can be told apart; none
/// where they cannot.
pub(super) fn addressed_buffers(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Null | DataType::Struct(_) | DataType::FixedSizeList(_, _) => Some(0),
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Map(_, _)
        | DataType::Union(_, _)
        | DataType::RunEndEncoded(_, _) => None,
        _ => Some(1),
    }
}

/// How many values each row of the column has in the children, if it has so many here: the inner one is none where the
/// children are not addressed by rows, the outer one if there is no such number.
pub(super) fn values_below(data_type: &DataType, values: u64) -> Option<Option<u64>> {
    match data_type {
        DataType::Dictionary(_, _) => Some(None),
        DataType::FixedSizeList(_, size) => {
            u64::try_from(*size).ok().and_then(|size| size.checked_mul(values)).map(Some)
        }
        _ => Some(Some(values)),
    }
}

/// Whether the rows of a column can be told apart: by its type, and by what its buffers say.
pub(super) fn has_rows(data_type: &DataType, nodes: &[NodeItem], places: &[BufferItem]) -> bool {
    Walk { nodes, places, node: 0, buffer: 0 }.has_rows(data_type).unwrap_or(false)
}

/// Walks the nodes of a column, depth-first.
struct Walk<'a> {
    nodes: &'a [NodeItem],
    places: &'a [BufferItem],
    node: usize,
    buffer: usize,
}

impl Walk<'_> {
    /// None if the nodes are not those of the type.
    fn has_rows(&mut self, data_type: &DataType) -> Option<bool> {
        let node = self.nodes.get(self.node)?;
        let Some(addressed) = addressed_buffers(data_type) else { return Some(false) };
        let addressed = self.places.get(self.buffer..self.buffer + node.validity as usize + addressed)?;
        if addressed.iter().any(|place| Addressing::of(place) == Some(Addressing::Bytes)) {
            return Some(false);
        }
        if let DataType::Dictionary(_, _) = data_type {
            let tree = Span::of_tree(self.nodes, self.node, self.buffer);
            (self.node, self.buffer) = (tree.nodes.end, tree.buffers.end);
            return Some(true);
        }
        self.node += 1;
        self.buffer += node.buffers as usize;
        for child in children_of(data_type) {
            if !self.has_rows(child)? {
                return Some(false);
            }
        }
        Some(true)
    }
}
