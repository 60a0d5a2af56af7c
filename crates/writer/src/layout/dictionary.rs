//! Dictionaries: one for all pieces, and keys that fit it.
//!
//! Pieces with equal values share them, and so do ordered ones that are each the beginning of the longest. Different values are put behind each other and the keys shifted, or, if the
//! keys cannot count that far, merged (see `merge`).

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use shmframe_format::Result;

use super::error::LayoutError;
use super::merge;
use super::path::Path;
use super::source::Valid;

/// How many of the last different dictionaries a new one is compared with, value by value.
const COMPARED: usize = 16;

/// What becomes of the keys.
pub(crate) enum KeyPlan {
    /// All pieces have the same dictionary.
    Unchanged,
    /// Per piece, what is added to its keys.
    Shifted(Vec<u64>),
    /// Per piece, which table gives the new key for an old one.
    Mapped { table_of: Vec<usize>, tables: Vec<Vec<u32>> },
}

/// The dictionaries of some pieces, each once.
pub(super) struct Distinct {
    pub(super) values: Vec<ArrayRef>,
    /// Per piece, which one it has.
    pub(super) of_piece: Vec<usize>,
}

/// Combines the dictionaries of all pieces: what to put behind each other as the values, and how to get at the keys.
pub(super) fn plan(
    path: &Path<'_>,
    ordered: bool,
    limit: usize,
    pieces: &[ArrayRef],
) -> Result<(Vec<ArrayRef>, KeyPlan)> {
    if let [piece] = pieces {
        return Ok((vec![piece.as_any_dictionary().values().clone()], KeyPlan::Unchanged));
    }
    let distinct = Distinct::of(pieces);
    if distinct.values.len() <= 1 {
        return Ok((distinct.values, KeyPlan::Unchanged));
    }
    if ordered {
        let longest = longest(&distinct.values);
        let differ = || LayoutError::OrderedDictionariesDiffer { path: path.to_string() };
        return Ok((vec![longest.ok_or_else(differ)?], KeyPlan::Unchanged));
    }
    let mut starts = Vec::with_capacity(distinct.values.len());
    let mut total = 0_usize;
    for values in &distinct.values {
        starts.push(total as u64);
        total = total.saturating_add(values.len());
    }
    if total > limit {
        let (values, tables) = merge::merge(path, limit, pieces, &distinct)?;
        return Ok((values, KeyPlan::Mapped { table_of: distinct.of_piece, tables }));
    }
    let shifts = distinct.of_piece.iter().map(|&which| starts[which]).collect();
    Ok((distinct.values, KeyPlan::Shifted(shifts)))
}

impl Distinct {
    fn of(pieces: &[ArrayRef]) -> Self {
        let mut distinct = Self { values: Vec::new(), of_piece: Vec::with_capacity(pieces.len()) };
        let mut known = HashMap::new();
        for piece in pieces {
            let values = piece.as_any_dictionary().values();
            let address = Arc::as_ptr(values).cast::<u8>();
            let which = *known.entry(address).or_insert_with(|| distinct.find_or_add(values));
            distinct.of_piece.push(which);
        }
        distinct
    }

    fn find_or_add(&mut self, values: &ArrayRef) -> usize {
        let count = self.values.len();
        let first = count.saturating_sub(COMPARED);
        let equal = |other: &ArrayRef| other.len() == values.len() && other.as_ref() == values.as_ref();
        match self.values[first..].iter().rposition(equal) {
            Some(found) => first + found,
            None => {
                self.values.push(Arc::clone(values));
                count
            }
        }
    }
}

/// The dictionary that each of the others is the beginning of.
fn longest(dictionaries: &[ArrayRef]) -> Option<ArrayRef> {
    let longest = dictionaries.iter().max_by_key(Array::len)?;
    let begins = |values: &ArrayRef| longest.slice(0, values.len()).as_ref() == values.as_ref();
    dictionaries.iter().all(begins).then(|| Arc::clone(longest))
}

/// How many values keys of this type can tell apart.
pub(crate) fn countable(key_type: &DataType) -> usize {
    match key_type {
        DataType::Int8 => 1 << 7,
        DataType::UInt8 => 1 << 8,
        DataType::Int16 => 1 << 15,
        DataType::UInt16 => 1 << 16,
        DataType::Int32 => 1 << 31,
        DataType::UInt32 => 1 << 32,
        _ => usize::MAX,
    }
}

/// How the keys of one piece are written.
#[derive(Clone, Copy)]
pub(crate) enum KeyMap<'a> {
    Shift(u64),
    Table(&'a [u32]),
}

impl KeyPlan {
    pub(crate) fn of_piece(&self, piece: usize) -> KeyMap<'_> {
        match self {
            Self::Unchanged => KeyMap::Shift(0),
            Self::Shifted(shifts) => KeyMap::Shift(shifts[piece]),
            Self::Mapped { table_of, tables } => KeyMap::Table(&tables[table_of[piece]]),
        }
    }
}

/// Writes keys of `width` bytes; those of nulls become 0.
pub(super) fn write_keys(
    keys: &[u8],
    width: usize,
    valid: Valid<'_>,
    map: KeyMap<'_>,
    destination: &mut [u8],
) {
    match width {
        1 => write_keys_of::<1>(keys, valid, map, destination),
        2 => write_keys_of::<2>(keys, valid, map, destination),
        4 => write_keys_of::<4>(keys, valid, map, destination),
        _ => write_keys_of::<8>(keys, valid, map, destination),
    }
}

fn write_keys_of<const WIDTH: usize>(keys: &[u8], valid: Valid<'_>, map: KeyMap<'_>, destination: &mut [u8]) {
    match map {
        KeyMap::Shift(shift) => {
            rewrite::<WIDTH>(keys, valid, destination, |key| key.wrapping_add(shift));
        }
        KeyMap::Table(table) => {
            rewrite::<WIDTH>(keys, valid, destination, |key| u64::from(table[key as usize]));
        }
    }
}

fn rewrite<const WIDTH: usize>(
    keys: &[u8],
    valid: Valid<'_>,
    destination: &mut [u8],
    new: impl Fn(u64) -> u64,
) {
    let keys = keys.chunks_exact(WIDTH);
    let destination = destination.chunks_exact_mut(WIDTH);
    if valid.all() {
        for (key, out) in keys.zip(destination) {
            out.copy_from_slice(&new(read_key::<WIDTH>(key)).to_le_bytes()[..WIDTH]);
        }
    } else {
        for (row, (key, out)) in keys.zip(destination).enumerate() {
            let key = if valid.row(row) { new(read_key::<WIDTH>(key)) } else { 0 };
            out.copy_from_slice(&key.to_le_bytes()[..WIDTH]);
        }
    }
}

/// A key, widened; `bytes` are `WIDTH` many.
pub(crate) fn read_key<const WIDTH: usize>(bytes: &[u8]) -> u64 {
    let mut wide = [0; 8];
    wide[..WIDTH].copy_from_slice(bytes);
    u64::from_le_bytes(wide)
}
