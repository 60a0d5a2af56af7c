//! Unions: type ids as they are. The children of a sparse one are sliced with it; those of a dense one keep the values
//! that rows refer to, and its offsets say where those went.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::UnionFields;
use shmframe_format::Result;

use super::lists;
use super::path::Path;
use super::ranges::{Places, Ranges};
use shmframe_format::addressing::OffsetWidth;

/// The bytes of an offset.
pub(super) const OFFSET_SIZE: usize = 4;

/// How many type ids there can be.
const TYPE_IDS: usize = 128;

/// Where the values of the children went.
pub(crate) struct UnionPlan {
    /// For each type id, which field it is.
    field_of: [u8; TYPE_IDS],
    /// For each piece, for each field.
    places: Vec<Vec<Places>>,
}

impl UnionPlan {
    /// Plans a dense union: its offsets, and for each field its values.
    pub(super) fn new(
        path: &Path<'_>,
        pieces: &[ArrayRef],
        fields: &UnionFields,
        limit: usize,
    ) -> Result<(Self, Vec<Vec<ArrayRef>>)> {
        let mut plan = Self { field_of: [0; TYPE_IDS], places: Vec::with_capacity(pieces.len()) };
        for (number, (type_id, _)) in fields.iter().enumerate() {
            plan.field_of[index(type_id)] = number as u8;
        }
        let mut children: Vec<_> = fields.iter().map(|_| (Vec::new(), 0)).collect();
        for piece in pieces {
            let union = piece.as_union();
            let mut ranges: Vec<_> = fields.iter().map(|_| Ranges::default()).collect();
            for (type_id, place) in rows(piece).each() {
                ranges[plan.field(type_id)].add(place..place + 1);
            }
            let cut = ranges.into_iter().zip(fields.iter()).zip(&mut children);
            let cut = cut.map(|((ranges, (type_id, _)), (values, length))| {
                ranges.cut(union.child(type_id), values, length)
            });
            plan.places.push(cut.collect());
        }
        for ((_, field), (_, length)) in fields.iter().zip(&children) {
            lists::check(&path.child(field.name()), OffsetWidth::Narrow, *length, limit, None)?;
        }
        Ok((plan, children.into_iter().map(|(values, _)| values).collect()))
    }

    fn field(&self, type_id: i8) -> usize {
        usize::from(self.field_of[index(type_id)])
    }

    /// Writes the offsets of rows of a piece.
    pub(super) fn write_offsets(&self, piece: usize, rows: Rows<'_>, destination: &mut [u8]) {
        let places = &self.places[piece];
        for ((type_id, place), out) in rows.each().zip(destination.chunks_exact_mut(OFFSET_SIZE)) {
            let place = places[self.field(type_id)].of(place);
            out.copy_from_slice(&(place as u32).to_le_bytes());
        }
    }
}

/// For each field of a sparse union, its values.
pub(super) fn sparse(pieces: &[ArrayRef], fields: &UnionFields) -> Vec<Vec<ArrayRef>> {
    let values = |type_id| pieces.iter().map(|piece| piece.as_union().child(type_id).clone()).collect();
    fields.iter().map(|(type_id, _)| values(type_id)).collect()
}

/// Rows of a dense union.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    type_ids: &'a [i8],
    offsets: &'a [i32],
}

/// The rows of a piece of a dense union.
pub(super) fn rows(piece: &ArrayRef) -> Rows<'_> {
    let union = piece.as_union();
    Rows { type_ids: union.type_ids(), offsets: union.offsets().map_or(&[], |offsets| offsets) }
}

impl<'a> Rows<'a> {
    pub(super) fn part(self, first: usize, count: usize) -> Self {
        Self { type_ids: &self.type_ids[first..][..count], offsets: &self.offsets[first..][..count] }
    }

    /// For each row its type id, and where in that child its value stands.
    fn each(self) -> impl Iterator<Item = (i8, usize)> + use<'a> {
        self.type_ids.iter().zip(self.offsets).map(|(type_id, offset)| (*type_id, *offset as usize))
    }
}

fn index(type_id: i8) -> usize {
    // Type ids are not negative.
    type_id as usize % TYPE_IDS
}
