//! Dictionaries that are too many for their keys when put behind each other: each value that a row uses, once.
//!
//! Arrow's own merging `concat` is not used: it forgets a value when another's hash falls on the same place, so it can
//! run out of keys although there would be enough, and it merges only some types of values.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use shmframe_format::Result;

use super::dictionary::{Distinct, read_key};
use super::error::LayoutError;
use super::path::Path;
use super::source::{self, Valid};

/// The merged values, and for each dictionary the new key of every old one; old keys that no row uses map to 0.
pub(super) fn merge(
    path: &Path<'_>,
    limit: usize,
    pieces: &[ArrayRef],
    distinct: &Distinct,
) -> Result<(Vec<ArrayRef>, Vec<Vec<u32>>)> {
    let used = used(pieces, distinct);
    // Some nested types have no such form: then no two values are known to be equal.
    let encoded = encode(&distinct.values).ok();
    // With the key, the first value that got it.
    let mut key_of: HashMap<Identity<'_>, (u32, (usize, usize))> = HashMap::new();
    let mut chosen = Chosen { values: Vec::new(), count: 0 };
    let mut tables = Vec::with_capacity(distinct.values.len());
    for (which, used) in used.iter().enumerate() {
        let mut table = vec![0; used.len()];
        for (old, _) in used.iter().enumerate().filter(|(_, used)| **used) {
            let bytes = encoded.as_ref().map(|encoded| Identity::Bytes(encoded[which].row(old).data()));
            let identity = bytes.filter(|bytes| {
                let known = key_of.get(bytes);
                known.is_none_or(|(_, known)| distinct.is_equal(*known, (which, old)))
            });
            table[old] = match key_of.entry(identity.unwrap_or(Identity::Place(which, old))) {
                Entry::Occupied(known) => known.get().0,
                Entry::Vacant(_) if chosen.count == limit => {
                    let values = limit.saturating_add(1);
                    return Err(LayoutError::KeysOverflow { path: path.to_string(), values, limit }.into());
                }
                Entry::Vacant(new) => new.insert((chosen.add(which, old), (which, old))).0,
            };
        }
        tables.push(table);
    }
    Ok((chosen.cut(&distinct.values), tables))
}

impl Distinct {
    /// Whether two values, each its dictionary and its place there, are equal, given that they have equal bytes: those
    /// of unions may have them and not be, and a null key and the key of a null are told apart by some and not by others.
    fn is_equal(&self, one: (usize, usize), other: (usize, usize)) -> bool {
        let value = |(which, at): (usize, usize)| self.values[which].slice(at, 1);
        let data_type = self.values[one.0].data_type();
        let plain = !data_type.is_nested() && !matches!(data_type, DataType::Dictionary(_, _));
        plain || value(one) == value(other)
    }
}

/// What tells a value from others.
#[derive(PartialEq, Eq, Hash)]
enum Identity<'a> {
    Bytes(&'a [u8]),
    Place(usize, usize),
}

/// Values that go into the merged dictionary.
struct Chosen {
    /// The dictionary, the first value and how many of them, in their order.
    values: Vec<(usize, usize, usize)>,
    count: usize,
}

impl Chosen {
    /// Adds a value, and gives its key.
    fn add(&mut self, which: usize, old: usize) -> u32 {
        match self.values.last_mut() {
            Some((last, first, count)) if *last == which && *first + *count == old => *count += 1,
            _ => self.values.push((which, old, 1)),
        }
        self.count += 1;
        (self.count - 1) as u32
    }

    fn cut(self, dictionaries: &[ArrayRef]) -> Vec<ArrayRef> {
        let slice = |(which, first, count): (usize, usize, usize)| dictionaries[which].slice(first, count);
        self.values.into_iter().map(slice).collect()
    }
}

/// For each dictionary, which of its values a row uses.
fn used(pieces: &[ArrayRef], distinct: &Distinct) -> Vec<Vec<bool>> {
    let mut used: Vec<_> = distinct.values.iter().map(|values| vec![false; values.len()]).collect();
    for (piece, &which) in pieces.iter().zip(&distinct.of_piece) {
        let mut mark = |key: u64| used[which][key as usize] = true;
        let width = piece.as_any_dictionary().keys().data_type().primitive_width().unwrap_or(8);
        match width {
            1 => for_each_key::<1>(piece, &mut mark),
            2 => for_each_key::<2>(piece, &mut mark),
            4 => for_each_key::<4>(piece, &mut mark),
            _ => for_each_key::<8>(piece, &mut mark),
        }
    }
    used
}

fn for_each_key<const WIDTH: usize>(piece: &ArrayRef, visit: &mut impl FnMut(u64)) {
    let valid = Valid::of(piece, 0);
    for (row, key) in source::keys(piece, WIDTH).chunks_exact(WIDTH).enumerate() {
        if valid.row(row) {
            visit(read_key::<WIDTH>(key));
        }
    }
}

/// The values in a form in which equal ones have equal bytes, whatever their type.
fn encode(dictionaries: &[ArrayRef]) -> Result<Vec<Rows>, ArrowError> {
    let value_type = dictionaries[0].data_type().clone();
    let converter = RowConverter::new(vec![SortField::new(value_type)])?;
    dictionaries.iter().map(|values| converter.convert_columns(std::slice::from_ref(values))).collect()
}
