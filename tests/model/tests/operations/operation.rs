//! What can be done, drawn at random.

use super::columns;
use arrow::array::RecordBatch;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use shmframe::TrimPolicy;
use shmframe_arbitrary::{Limits, schema_and_batches};

/// One of the few names of frames.
pub type Name = u8;

/// The rows of a frame.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// One of the case's tables.
    Table(usize),
    /// A column of this many integers: a few bytes, or many.
    Numbers(usize),
}

/// A change that must be refused.
#[derive(Clone, Copy, Debug)]
pub enum Bad {
    Name,
    NoBatches,
    Type,
    Schema,
    /// More than the segment's capacity; the frame's name may be in use.
    Capacity(Name),
    /// Of a frame that is not there.
    Remove,
}

/// A part of a transaction.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Put(Name, Content),
    /// If the frame is there.
    Remove(Name),
    Columns(Name, columns::Change),
    Bad(Bad),
}

#[derive(Clone, Debug)]
pub enum Operation {
    Put(Name, Content),
    Columns(Name, columns::Change),
    Remove(Name),
    Bad(Bad),
    Transaction {
        changes: Vec<Change>,
        commit: bool,
    },
    /// Puts a frame this many times.
    Churn(Name, usize, usize),
    Snapshot,
    /// Of a version this far back.
    SnapshotAt(u64),
    /// Of what is held: drops the snapshot, keeps its arrays.
    KeepArrays(usize),
    /// Of what is held: keeps slices of some arrays, and clones of them, and nothing else.
    KeepSlices(usize),
    DropHeld(usize),
    Trim(u64),
    /// Drops the writers, and opens one with this history.
    ReopenWriter(Option<u64>),
    ReopenReader,
    /// The other writer goes on, where writers take turns; first of all by a trim, or not.
    OtherWriter(bool),
}

/// One run.
#[derive(Clone, Debug)]
pub struct Case {
    pub tables: Vec<Vec<RecordBatch>>,
    pub history: u64,
    pub trim: TrimPolicy,
    pub operations: Vec<Operation>,
}

pub fn case() -> impl Strategy<Value = Case> {
    let limits = Limits { columns: 3, depth: 1, batches: 3, rows: 70, dictionary: 6 };
    let table = schema_and_batches(&limits).prop_map(|(schema, batches)| {
        if batches.is_empty() { vec![RecordBatch::new_empty(schema)] } else { batches }
    });
    let history = prop_oneof![3 => Just(1_u64), 2 => 1..=32_u64];
    let trim = prop_oneof![Just(TrimPolicy::Never), (0..200_000_u64).prop_map(TrimPolicy::KeepFree)];
    (vec(table, 1..4), history, trim, vec(operation(), 1..40))
        .prop_map(|(tables, history, trim, operations)| Case { tables, history, trim, operations })
}

fn name() -> impl Strategy<Value = Name> {
    0..4_u8
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        3 => any::<usize>().prop_map(Content::Table),
        2 => (0..100_usize).prop_map(Content::Numbers),
        1 => (0..60_000_usize).prop_map(Content::Numbers),
    ]
}

fn bad() -> impl Strategy<Value = Bad> {
    prop_oneof![
        1 => Just(Bad::Name),
        1 => Just(Bad::NoBatches),
        1 => Just(Bad::Type),
        1 => Just(Bad::Schema),
        1 => Just(Bad::Remove),
        4 => name().prop_map(Bad::Capacity),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (name(), content()).prop_map(|(name, content)| Change::Put(name, content)),
        2 => name().prop_map(Change::Remove),
        5 => (name(), columns::change()).prop_map(|(name, change)| Change::Columns(name, change)),
        2 => bad().prop_map(Change::Bad),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => (name(), content()).prop_map(|(name, content)| Operation::Put(name, content)),
        2 => name().prop_map(Operation::Remove),
        5 => (name(), columns::change()).prop_map(|(name, change)| Operation::Columns(name, change)),
        2 => bad().prop_map(Operation::Bad),
        4 => (vec(change(), 0..6), any::<bool>())
            .prop_map(|(changes, commit)| Operation::Transaction { changes, commit }),
        1 => (name(), 1..80_usize, 0..300_usize).prop_map(|(name, times, rows)| Operation::Churn(name, times, rows)),
        7 => Just(Operation::Snapshot),
        4 => prop_oneof![0..4_u64, 0..100_u64].prop_map(Operation::SnapshotAt),
        2 => any::<usize>().prop_map(Operation::KeepArrays),
        2 => any::<usize>().prop_map(Operation::KeepSlices),
        3 => any::<usize>().prop_map(Operation::DropHeld),
        2 => prop_oneof![Just(0), 0..500_000_u64].prop_map(Operation::Trim),
        2 => option::of(1..=32_u64).prop_map(Operation::ReopenWriter),
        2 => Just(Operation::ReopenReader),
        4 => any::<bool>().prop_map(Operation::OtherWriter),
    ]
}
