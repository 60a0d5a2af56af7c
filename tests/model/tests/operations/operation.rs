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
    /// One of the case's tables, again and again up to about so many rows.
    Table(usize, usize),
    /// A column of this many integers: a few bytes, or many.
    Numbers(usize),
}

/// Rows that are appended.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// Of one of the case's tables: of the frame's schema, or not.
    Table(usize, Piece),
    /// Of a table of the frame's schema, or of the frame itself; of this table if there is no frame.
    Fitting(usize, Piece),
    Numbers(usize),
}

/// So many rows from this one on (modulo what there is); the whole again and again up to about `least` rows.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    pub first: usize,
    pub rows: usize,
    pub least: usize,
}

/// Which rows stay.
#[derive(Clone, Copy, Debug)]
pub enum Kept {
    Last(u64),
    LastShare(f64),
    /// Those from this number on.
    From(u64),
    FromShare(f64),
}

/// What becomes of columns that were filled in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    Whole,
    /// Whoever filled them gives up.
    Abandoned,
}

/// How rows are added.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    Batches,
    InPlace,
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
    /// Rows of a frame that is not there.
    Keep,
}

/// A change of a frame, alone or as a part of a transaction.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Put(Name, Content),
    Append(Name, Source),
    /// Builds a frame in place.
    Build(Name, Content, Filled),
    /// Fills rows behind those of a frame, of its own fields: of this table, or of the frame itself.
    Fill(Name, usize, Piece, Filled),
    /// Adds rows that may have further columns.
    Widen(Name, usize, Piece, [Option<columns::New>; 2]),
    Compact(Name),
    Reserve(Name, u64),
    Keep(Name, Kept),
    /// If the frame is there.
    Remove(Name),
    Columns(Name, columns::Change),
    Bad(Bad),
}

impl Change {
    pub fn name(&self) -> Name {
        match self {
            Self::Put(name, _)
            | Self::Append(name, _)
            | Self::Build(name, ..)
            | Self::Fill(name, ..)
            | Self::Widen(name, ..)
            | Self::Compact(name)
            | Self::Reserve(name, _)
            | Self::Keep(name, _)
            | Self::Remove(name)
            | Self::Columns(name, _) => *name,
            Self::Bad(_) => 0,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Operation {
    Alone(Change),
    Transaction {
        changes: Vec<Change>,
        commit: bool,
    },
    /// Puts a frame this many times.
    Churn(Name, usize, usize),
    /// Adds rows this many times, of this table or of the frame itself.
    Feed(Name, usize, Way, usize, Piece),
    /// Asks what a frame got since a position that is kept, in the newest version or in one that is held, and keeps the
    /// position behind it; or, where there is no such position, begins one.
    Follow {
        position: usize,
        held: Option<usize>,
    },
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
    /// Bytes: many, or so few that runs are used up.
    pub capacity: u64,
    pub operations: Vec<Operation>,
}

pub fn case() -> impl Strategy<Value = Case> {
    let table = |rows| {
        let limits = Limits { columns: 3, depth: 1, batches: 3, rows, dictionary: 6 };
        schema_and_batches(&limits).prop_map(|(schema, batches)| {
            if batches.is_empty() { vec![RecordBatch::new_empty(schema)] } else { batches }
        })
    };
    let table = prop_oneof![2 => table(70), 1 => table(300)].boxed();
    let filled =
        |table: &Vec<RecordBatch>| table.iter().any(|batch| batch.num_columns() * batch.num_rows() > 0);
    let tables =
        (table.clone().prop_filter("rows", filled), vec(table, 0..3)).prop_map(|(first, mut others)| {
            others.insert(0, first);
            others
        });
    // A frame that is too large to be written anew, as a rule.
    let begin =
        (0..15_000_usize).prop_map(|least| Operation::Alone(Change::Put(0, Content::Table(0, least))));
    let operations = (option::of(begin), vec(operation(), 1..100))
        .prop_map(|(first, others)| first.into_iter().chain(others).collect::<Vec<_>>());
    let history = prop_oneof![3 => Just(1_u64), 2 => 1..=32_u64];
    let trim = prop_oneof![Just(TrimPolicy::Never), (0..200_000_u64).prop_map(TrimPolicy::KeepFree)];
    let capacity = prop_oneof![Just(256_u64 << 20), Just(64_u64 << 20)];
    (tables, history, trim, capacity, operations).prop_map(|(tables, history, trim, capacity, operations)| {
        Case { tables, history, trim, capacity, operations }
    })
}

/// One of them more often than the others, so that it grows.
fn name() -> impl Strategy<Value = Name> {
    prop_oneof![1 => Just(0), 1 => 0..4_u8]
}

fn content() -> impl Strategy<Value = Content> {
    let any = any::<usize>;
    prop_oneof![
        2 => any().prop_map(|table| Content::Table(table, 0)),
        3 => (any(), 0..8000_usize).prop_map(|(table, least)| Content::Table(table, least)),
        2 => (0..100_usize).prop_map(Content::Numbers),
        1 => (0..60_000_usize).prop_map(Content::Numbers),
    ]
}

fn piece() -> impl Strategy<Value = Piece> {
    let piece = |(first, rows, least)| Piece { first, rows, least };
    prop_oneof![
        3 => (any::<usize>(), 0..4_usize, Just(0)).prop_map(piece),
        3 => (any::<usize>(), 0..200_usize, Just(0)).prop_map(piece),
        3 => (any::<usize>(), 0..200_usize, 0..6000_usize).prop_map(piece),
    ]
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        1 => (any::<usize>(), piece()).prop_map(|(table, piece)| Source::Table(table, piece)),
        10 => (any::<usize>(), piece()).prop_map(|(table, piece)| Source::Fitting(table, piece)),
        1 => (0..20_000_usize).prop_map(Source::Numbers),
    ]
}

/// Rarely given up.
fn filled() -> impl Strategy<Value = Filled> {
    prop_oneof![5 => Just(Filled::Whole), 1 => Just(Filled::Abandoned)]
}

/// Rows that there may be room for, or surely not.
fn reserved() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..3000_u64, 1 => any::<u64>()]
}

fn widen() -> impl Strategy<Value = Change> {
    let new = [option::weighted(0.8, columns::new()), option::weighted(0.3, columns::new())];
    (name(), any::<usize>(), piece(), new)
        .prop_map(|(name, table, piece, new)| Change::Widen(name, table, piece, new))
}

fn kept() -> impl Strategy<Value = Kept> {
    prop_oneof![
        2 => (0..300_u64).prop_map(Kept::Last),
        3 => (0.0..1.1).prop_map(Kept::LastShare),
        1 => prop_oneof![0..10_000_u64, any::<u64>()].prop_map(Kept::From),
        3 => (0.0..1.0).prop_map(Kept::FromShare),
    ]
}

fn bad() -> impl Strategy<Value = Bad> {
    prop_oneof![
        1 => Just(Bad::Name),
        1 => Just(Bad::NoBatches),
        1 => Just(Bad::Type),
        1 => Just(Bad::Schema),
        1 => Just(Bad::Remove),
        1 => Just(Bad::Keep),
        4 => name().prop_map(Bad::Capacity),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0..4_u8, content()).prop_map(|(name, content)| Change::Put(name, content)),
        14 => (name(), source()).prop_map(|(name, source)| Change::Append(name, source)),
        2 => (0..4_u8, content(), filled())
            .prop_map(|(name, content, filled)| Change::Build(name, content, filled)),
        6 => (name(), any::<usize>(), piece(), filled())
            .prop_map(|(name, table, piece, filled)| Change::Fill(name, table, piece, filled)),
        2 => widen(),
        2 => name().prop_map(Change::Compact),
        2 => (name(), reserved()).prop_map(|(name, rows)| Change::Reserve(name, rows)),
        6 => (name(), kept()).prop_map(|(name, kept)| Change::Keep(name, kept)),
        2 => (0..4_u8).prop_map(Change::Remove),
        4 => (name(), columns::change()).prop_map(|(name, change)| Change::Columns(name, change)),
        2 => bad().prop_map(Change::Bad),
    ]
}

/// A few rows each time.
fn feed() -> impl Strategy<Value = Operation> {
    let times = prop_oneof![3 => 1..20_usize, 1 => 20..150_usize];
    let way = prop_oneof![2 => Just(Way::Batches), 1 => Just(Way::InPlace)];
    (name(), times, way, any::<usize>(), any::<usize>(), 1..6_usize).prop_map(
        |(name, times, way, table, first, rows)| {
            Operation::Feed(name, times, way, table, Piece { first, rows, least: 0 })
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    let position = (0..3_usize, option::of(any::<usize>()));
    prop_oneof![
        26 => change().prop_map(Operation::Alone),
        6 => (vec(change(), 0..6), any::<bool>())
            .prop_map(|(changes, commit)| Operation::Transaction { changes, commit }),
        1 => (0..4_u8, 1..80_usize, 0..300_usize).prop_map(|(name, times, rows)| Operation::Churn(name, times, rows)),
        3 => feed(),
        14 => position.prop_map(|(position, held)| Operation::Follow { position, held }),
        10 => Just(Operation::Snapshot),
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
