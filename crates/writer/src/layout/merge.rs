//! Dictionaries that are too many for their keys when put behind each other: each value that a row uses, once.
//!
//! Arrow's own merging `concat` is not used: it forgets a value when another's hash falls on the same place, so it can
//! run out of keys although there would be enough, and it merges only some types of values.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::interleave;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use shmframe_format::{Error, Result};

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
) -> Result<(ArrayRef, Vec<Vec<u32>>)> {
    let refused = |cause: ArrowError| {
        Error::from(LayoutError::DictionariesNotMerged { path: path.to_string() }).because(cause)
    };
    let used = used(pieces, distinct);
    let encoded = encode(&distinct.values).map_err(refused)?;
    let mut key_of: HashMap<&[u8], u32> = HashMap::new();
    let mut chosen = Vec::new();
    let mut tables = Vec::with_capacity(distinct.values.len());
    for (which, (rows, used)) in encoded.iter().zip(&used).enumerate() {
        let mut table = vec![0; used.len()];
        for (old, _) in used.iter().enumerate().filter(|(_, used)| **used) {
            table[old] = match key_of.entry(rows.row(old).data()) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(_) if chosen.len() == limit => {
                    let values = limit.saturating_add(1);
                    return Err(LayoutError::KeysOverflow { path: path.to_string(), values, limit }.into());
                }
                Entry::Vacant(new) => {
                    chosen.push((which, old));
                    *new.insert((chosen.len() - 1) as u32)
                }
            };
        }
        tables.push(table);
    }
    let values: Vec<&dyn Array> = distinct.values.iter().map(AsRef::as_ref).collect();
    Ok((interleave(&values, &chosen).map_err(refused)?, tables))
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
