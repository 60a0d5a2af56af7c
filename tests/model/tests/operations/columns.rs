//! Changes of columns, and what becomes of a plain table by them.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, new_empty_array, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use proptest::prelude::*;
use shmframe::{ErrorKind, Result, Transaction, Writer};
use std::sync::Arc;

/// A change, drawn at random: numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// Rotates the rows of a column by this many.
    Replace(usize, usize),
    /// Gives a column one row too many.
    ReplaceLonger(usize),
    /// The rows of a column of a table, again and again, under this name: at a position, or at the end.
    Insert {
        position: Option<usize>,
        table: usize,
        column: usize,
        name: u8,
    },
    Drop(usize),
    Rename(usize, u8),
    Move(usize, usize),
    Missing,
}

impl Change {
    /// Whether what is handed in for it depends on how many rows there are.
    pub fn counts_rows(self) -> bool {
        matches!(self, Self::Replace(..) | Self::ReplaceLonger(_) | Self::Insert { .. })
    }
}

pub fn change() -> impl Strategy<Value = Change> {
    let any = any::<usize>;
    prop_oneof![
        4 => (any(), any()).prop_map(|(column, rows)| Change::Replace(column, rows)),
        1 => any().prop_map(Change::ReplaceLonger),
        4 => (proptest::option::of(any()), any(), any(), 0..4_u8)
            .prop_map(|(position, table, column, name)| Change::Insert { position, table, column, name }),
        2 => any().prop_map(Change::Drop),
        2 => (any(), 0..4_u8).prop_map(|(column, name)| Change::Rename(column, name)),
        2 => (any(), any()).prop_map(|(column, position)| Change::Move(column, position)),
        1 => Just(Change::Missing),
    ]
}

/// A column that appended rows have besides: the rows of a column of a table, again and again, under this name, at this place.
#[derive(Clone, Copy, Debug)]
pub struct New {
    position: usize,
    table: usize,
    column: usize,
    name: u8,
}

pub fn new() -> impl Strategy<Value = New> {
    let any = any::<usize>;
    (any(), any(), any(), 0..4_u8).prop_map(|(position, table, column, name)| New {
        position,
        table,
        column,
        name,
    })
}

/// A change of a certain frame.
#[derive(Clone, Debug)]
pub enum Step {
    Replace(String, Vec<ArrayRef>),
    Add(FieldRef, Vec<ArrayRef>),
    Insert(usize, FieldRef, Vec<ArrayRef>),
    Drop(String),
    Rename(String, String),
    Move(String, usize),
}

impl Step {
    pub fn within(&self, transaction: &mut Transaction<'_>, frame: &str) -> Result<()> {
        match self {
            Self::Replace(column, values) => transaction.replace_column(frame, column, values),
            Self::Add(field, values) => transaction.add_column(frame, Arc::clone(field), values),
            Self::Insert(position, field, values) => {
                transaction.insert_column(frame, *position, Arc::clone(field), values)
            }
            Self::Drop(column) => transaction.drop_column(frame, column),
            Self::Rename(from, to) => transaction.rename_column(frame, from, to),
            Self::Move(column, position) => transaction.move_column(frame, column, *position),
        }
    }

    pub fn alone(&self, writer: &mut Writer, frame: &str) -> Result<u64> {
        match self {
            Self::Replace(column, values) => writer.replace_column(frame, column, values),
            Self::Add(field, values) => writer.add_column(frame, Arc::clone(field), values),
            Self::Insert(position, field, values) => {
                writer.insert_column(frame, *position, Arc::clone(field), values)
            }
            Self::Drop(column) => writer.drop_column(frame, column),
            Self::Rename(from, to) => writer.rename_column(frame, from, to),
            Self::Move(column, position) => writer.move_column(frame, column, *position),
        }
    }
}

/// What a change does to this frame (none: there is no such frame), and what the frame becomes, or why not.
pub fn resolve(
    change: Change,
    frame: Option<&[RecordBatch]>,
    tables: &[RecordBatch],
) -> (Step, std::result::Result<Vec<RecordBatch>, ErrorKind>) {
    let none = [RecordBatch::new_empty(Arc::new(Schema::empty()))];
    let (step, after) = applied(change, frame.unwrap_or(&none), tables);
    (step, if frame.is_some() { after } else { Err(ErrorKind::FrameMissing) })
}

fn applied(
    change: Change,
    batches: &[RecordBatch],
    tables: &[RecordBatch],
) -> (Step, std::result::Result<Vec<RecordBatch>, ErrorKind>) {
    let mut table = Table::of(batches);
    let columns = table.fields.len();
    let absent = "no such column".to_owned();
    if columns == 0 && !matches!(change, Change::Insert { .. }) {
        return (Step::Drop(absent), Err(ErrorKind::ColumnMissing));
    }
    match change {
        Change::Missing => (Step::Move(absent, 0), Err(ErrorKind::ColumnMissing)),
        Change::Replace(column, rows) => {
            let column = column % columns;
            let (name, shift) = (table.fields[column].name().clone(), rows % table.rows.max(1));
            let mut values = part(&table.values[column], shift, table.rows - shift);
            values.extend(part(&table.values[column], 0, shift));
            table.values[column].clone_from(&values);
            (Step::Replace(name, values), Ok(table.batches()))
        }
        Change::ReplaceLonger(column) => {
            let column = column % columns;
            let mut values = table.values[column].clone();
            values.push(new_null_array(table.fields[column].data_type(), 1));
            (Step::Replace(table.fields[column].name().clone(), values), Err(ErrorKind::SchemaMismatch))
        }
        Change::Insert { position, table: source, column, name } => {
            let name = format!("new {name}");
            let (field, values) = repeated(&tables[source % tables.len()], column, table.rows, &name);
            let at = position.map_or(columns, |position| position % (columns + 1));
            let exists = table.find(&name).is_some();
            table.fields.insert(at, Arc::clone(&field));
            table.values.insert(at, values.clone());
            let step = match position {
                Some(_) => Step::Insert(at, field, values),
                None => Step::Add(field, values),
            };
            (step, if exists { Err(ErrorKind::InvalidArgument) } else { Ok(table.batches()) })
        }
        Change::Drop(column) => {
            let field = table.fields.remove(column % columns);
            table.values.remove(column % columns);
            (Step::Drop(field.name().clone()), Ok(table.batches()))
        }
        Change::Rename(column, name) => {
            let (column, to) = (column % columns, format!("new {name}"));
            let from = table.fields[column].name().clone();
            let taken = table.find(&to).is_some_and(|other| other != column);
            table.fields[column] = Arc::new(table.fields[column].as_ref().clone().with_name(&to));
            let after = if taken { Err(ErrorKind::InvalidArgument) } else { Ok(table.batches()) };
            (Step::Rename(from, to), after)
        }
        Change::Move(column, position) => {
            let (column, position) = (column % columns, position % (columns + 1));
            let field = table.fields.remove(column);
            let name = field.name().clone();
            if position == columns {
                return (Step::Move(name, position), Err(ErrorKind::InvalidArgument));
            }
            let values = table.values.remove(column);
            table.fields.insert(position, field);
            table.values.insert(position, values);
            (Step::Move(name, position), Ok(table.batches()))
        }
    }
}

/// Batches with a column that they do not have yet, and where it stands; none if they have one of its name.
pub fn with_new(
    new: New,
    batches: &[RecordBatch],
    tables: &[RecordBatch],
) -> Option<(usize, FieldRef, Vec<RecordBatch>)> {
    let position = new.position % (batches[0].num_columns() + 1);
    let New { table, column, name, .. } = new;
    let insert = Change::Insert { position: Some(position), table, column, name };
    let widened = resolve(insert, Some(batches), tables).1.ok()?;
    let field = Arc::clone(&widened[0].schema().fields()[position]);
    Some((position, field, widened))
}

/// Batches with a column of nulls at a position.
pub fn with_nulls(position: usize, field: &FieldRef, batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let mut table = Table::of(batches);
    table.fields.insert(position, Arc::clone(field));
    table.values.insert(position, vec![new_null_array(field.data_type(), table.rows)]);
    table.batches()
}

/// A frame, column by column; each column in pieces.
struct Table {
    fields: Vec<FieldRef>,
    values: Vec<Vec<ArrayRef>>,
    rows: usize,
    schema: Arc<Schema>,
}

impl Table {
    fn of(batches: &[RecordBatch]) -> Self {
        let schema = batches[0].schema();
        let column = |index| batches.iter().map(|batch| Arc::clone(batch.column(index))).collect();
        Self {
            fields: schema.fields().iter().cloned().collect(),
            values: (0..schema.fields().len()).map(column).collect(),
            rows: batches.iter().map(RecordBatch::num_rows).sum(),
            schema,
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name() == name)
    }

    /// Batches that end wherever a piece of a column ends.
    fn batches(&self) -> Vec<RecordBatch> {
        let metadata = self.schema.metadata().clone();
        let schema = Arc::new(Schema::new_with_metadata(self.fields.clone(), metadata));
        let mut ends = vec![self.rows];
        for pieces in &self.values {
            let mut end = 0;
            for piece in pieces {
                end += piece.len();
                ends.push(end);
            }
        }
        ends.sort_unstable();
        ends.dedup();
        ends.retain(|end| *end > 0 || self.rows == 0);
        let mut start = 0;
        let cut = |end| {
            let rows = end - start;
            let column = |(pieces, field): (&Vec<ArrayRef>, &FieldRef)| {
                part(pieces, start, rows).pop().unwrap_or_else(|| new_empty_array(field.data_type()))
            };
            let columns = self.values.iter().zip(&self.fields).map(column).collect();
            start = end;
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options).unwrap()
        };
        ends.into_iter().map(cut).collect()
    }
}

/// Rows of a column in pieces.
fn part(pieces: &[ArrayRef], first: usize, rows: usize) -> Vec<ArrayRef> {
    let (mut skipped, mut missing) = (first, rows);
    let mut taken = Vec::new();
    for piece in pieces {
        let from = skipped.min(piece.len());
        let count = missing.min(piece.len() - from);
        if count > 0 {
            taken.push(piece.slice(from, count));
        }
        (skipped, missing) = (skipped - from, missing - count);
    }
    taken
}

/// So many rows of a column of a table, which are repeated; or numbers, where it has none.
fn repeated(table: &RecordBatch, column: usize, rows: usize, name: &str) -> (FieldRef, Vec<ArrayRef>) {
    let column = column.checked_rem(table.num_columns());
    // Run ends may count to 32767 only.
    let narrow = |column: usize| table.column(column).data_type().to_string().contains("RunEndEncoded");
    let uncountable = column.is_some_and(|column| rows > 4000 && narrow(column));
    // Many pieces make the comparison slow.
    if table.num_columns() == 0 || table.num_rows() == 0 || rows / table.num_rows() > 50 || uncountable {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
        return (Arc::new(Field::new(name, DataType::Int64, true)), vec![numbers]);
    }
    let column = column.unwrap_or(0);
    let field = table.schema().field(column).clone().with_name(name);
    let mut missing = rows;
    let mut values = Vec::new();
    while missing > 0 {
        let piece = table.column(column);
        let count = missing.min(piece.len());
        values.push(piece.slice(0, count));
        missing -= count;
    }
    (Arc::new(field), values)
}
