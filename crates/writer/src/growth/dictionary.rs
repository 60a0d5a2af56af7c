//! Dictionaries: keys go on, values that no row named yet are added behind the others.
//!
//! Where keys are used up, or the values' runs, a new dictionary begins, in a new chunk, of the values that its rows name.

use super::chunk::How;
use super::grower::{Attempt, Cursor, Grower, Own, Stop, Way};
use super::known_values::{AddedValues, Base, KnownValues, ValueBytes};
use super::last::StandingNode;
use crate::layout::dictionary::{KeyMap, countable};
use crate::layout::kind::Kind;
use crate::layout::plan::{Plan, Rule};
use crate::layout::source::{self, Valid};
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use shmframe_format::table::NodeItem;
use std::collections::HashMap;

/// What a dictionary is made of: bytes of a key, the types of keys and values.
type Types<'t> = (usize, &'t DataType, &'t DataType);

impl Grower<'_, '_> {
    /// Goes on in a dictionary, whose node `item` has begun.
    pub(super) fn dictionary(
        &mut self,
        own: Own<'_>,
        types: Types<'_>,
        item: usize,
        cursor: &mut Cursor,
    ) -> Attempt<()> {
        let values = cursor.next(self.last);
        // Values with nulls do not grow.
        let grows = values.as_ref().filter(|values| values.item.validity == 0 && values.item.children == 0);
        let Some(standing) = grows else {
            return match own.way {
                Way::Extends => Err(Stop::NewChunk),
                Way::Begins(_, _) => self.values(own, types, item, (Base::Nothing, values.as_ref())),
            };
        };
        let (mark, begun) = (self.draft.mark(), self.draft.nodes[item]);
        match self.values(own, types, item, (Base::Standing, Some(standing))) {
            Err(Stop::NewChunk) if own.way != Way::Extends => {
                self.draft.go_back(&mark);
                // It may have ended.
                self.draft.nodes[item] = begun;
                self.values(own, types, item, (Base::Nothing, Some(standing)))
            }
            done => done,
        }
    }

    fn values(
        &mut self,
        own: Own<'_>,
        (width, key_type, value_type): Types<'_>,
        item: usize,
        (base, standing): (Base, Option<&StandingNode>),
    ) -> Attempt<()> {
        let limit = countable(key_type).min(self.limits.keys);
        let known = match (base, self.last, standing) {
            (Base::Standing, Some(last), Some(standing)) => {
                let back = self.back;
                let tree = last.tree(standing.node, standing.buffers.start);
                self.values.of(own.node, (last, standing), || back.tree(&tree, value_type))?;
                self.values.known.get(&own.node)
            }
            _ => None,
        };
        let Some(encoded) = encode(self.plan, own.node, width, (known, limit)) else {
            return Err(Stop::NewChunk);
        };
        let kind = Kind::Keys { width, keys: key_type, values: value_type };
        self.addressed(own, kind, encoded.keys.len() as u64, How::Bytes(encoded.keys))?;
        self.draft.end_node(item);

        let added = encoded.added.iter().map(|values| values.len() as u64).sum::<u64>();
        let plan = Plan::of_values(value_type, encoded.added, self.limits)?;
        let buffer = self.draft.buffers.len();
        let before = match base {
            Base::Standing => standing.map_or(0, |standing| standing.item.length),
            Base::Nothing => 0,
        };
        let node = self.draft.begin_node(NodeItem { length: before + added, ..plan.nodes[0].item() });
        let whose = self.draft.add_plan(plan);
        let way = match base {
            Base::Standing => Way::Extends,
            Base::Nothing => own.way,
        };
        let own_values = Own { way, whose, node: 0, standing, rows: None };
        match Kind::of(value_type) {
            Some(Kind::Fixed(width)) => self.fixed(own_values, width)?,
            Some(Kind::Strings(width)) => self.strings(own_values, width)?,
            Some(Kind::Views) => self.views(own_values)?,
            // `Kind::grows` leaves the others out.
            _ => return Err(Stop::NewChunk),
        }
        self.draft.end_node(node);
        self.values.added.push(AddedValues { node: own.node, base, buffer, values: encoded.values });
        Ok(())
    }
}

/// Keys of a growing dictionary, and the values that it does not have yet.
struct Encoded {
    keys: Vec<u8>,
    added: Vec<ArrayRef>,
    /// The bytes of the added ones.
    values: Vec<Box<[u8]>>,
}

/// The keys of the rows of a node; none if the dictionary would have more values than keys can count.
fn encode(
    plan: &Plan,
    node: usize,
    width: usize,
    (known, limit): (Option<&KnownValues>, usize),
) -> Option<Encoded> {
    let Rule::Keys(_, key_plan) = &plan.sources[node].rule else { return None };
    let mut encoder = Encoder::new(plan.pieces_of(node + 1), known, limit);
    let mut keys = Vec::with_capacity(plan.nodes[node].length as usize * width);
    for (number, piece) in plan.pieces_of(node).iter().enumerate() {
        let (map, valid) = (key_plan.of_piece(number), Valid::of(piece, 0));
        for (row, key) in source::keys(piece, width).chunks_exact(width).enumerate() {
            let mut wide = [0; 8];
            if valid.row(row) {
                wide[..width].copy_from_slice(key);
                let planned = match map {
                    KeyMap::Shift(shift) => u64::from_le_bytes(wide) + shift,
                    KeyMap::Table(table) => u64::from(table[u64::from_le_bytes(wide) as usize]),
                };
                wide = encoder.key(planned as usize)?.to_le_bytes();
            }
            keys.extend_from_slice(&wide[..width]);
        }
    }
    let (added, values) = encoder.into_added();
    Some(Encoded { keys, added, values })
}

/// Gives planned values their keys in a growing dictionary.
struct Encoder<'a> {
    pieces: &'a [ArrayRef],
    bytes: Vec<ValueBytes<'a>>,
    /// The number of the first value of each piece.
    starts: Vec<usize>,
    known: Option<&'a KnownValues>,
    limit: u64,
    /// Keys that were given, by the number of the planned value.
    given: HashMap<usize, u64>,
    /// Keys of values that are added.
    new: HashMap<&'a [u8], u64>,
    /// Each of them: its piece, and its place there.
    added: Vec<(usize, usize)>,
}

impl<'a> Encoder<'a> {
    fn new(pieces: &'a [ArrayRef], known: Option<&'a KnownValues>, limit: usize) -> Self {
        let start = |start: &mut usize, piece: &ArrayRef| {
            let here = *start;
            *start += piece.len();
            Some(here)
        };
        Self {
            pieces,
            bytes: pieces.iter().map(ValueBytes::of).collect(),
            starts: pieces.iter().scan(0, start).collect(),
            known,
            limit: limit as u64,
            given: HashMap::new(),
            new: HashMap::new(),
            added: Vec::new(),
        }
    }

    fn key(&mut self, planned: usize) -> Option<u64> {
        if let Some(&key) = self.given.get(&planned) {
            return Some(key);
        }
        let piece = self.starts.partition_point(|start| *start <= planned) - 1;
        let index = planned - self.starts[piece];
        let bytes = self.bytes[piece].at(index);
        let known = self.known.and_then(|known| known.key_of.get(bytes));
        let key = match known.or_else(|| self.new.get(bytes)) {
            Some(&key) => key,
            None => {
                let key = self.known.map_or(0, |known| known.count) + self.added.len() as u64;
                if key >= self.limit {
                    return None;
                }
                self.new.insert(bytes, key);
                self.added.push((piece, index));
                key
            }
        };
        self.given.insert(planned, key);
        Some(key)
    }

    /// The added values, those that stand together in one array, and the bytes of each.
    fn into_added(self) -> (Vec<ArrayRef>, Vec<Box<[u8]>>) {
        let mut ranges: Vec<(usize, usize, usize)> = Vec::new();
        for &(piece, index) in &self.added {
            match ranges.last_mut() {
                Some((last, first, count)) if *last == piece && *first + *count == index => *count += 1,
                _ => ranges.push((piece, index, 1)),
            }
        }
        let slice = |(piece, first, count): (usize, usize, usize)| self.pieces[piece].slice(first, count);
        let values = self.added.iter().map(|&(piece, index)| self.bytes[piece].at(index).into());
        (ranges.into_iter().map(slice).collect(), values.collect())
    }
}
