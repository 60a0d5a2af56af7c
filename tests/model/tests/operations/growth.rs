//! What the model makes of frames that are built and filled in place, made one run again, given room, and given further columns.

use super::columns;
use super::model::{MISSING, Model, Refused, Step, cut};
use super::operation::{Content, Filled, Piece};
use super::rows::{Rows, count};
use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use shmframe::ErrorKind;
use std::rc::Rc;

type Changed = (Step, Result<(), Refused>);

/// What a frame that is written anew as one chunk may come to: whether its keys and run ends, or its ordered dictionaries, allow
/// for that is not for the model to say.
const ANEW: &[ErrorKind] = &[ErrorKind::CapacityExceeded, ErrorKind::SchemaMismatch];

/// More rows are not made null in columns of runs: their ends may count to 32767 only.
const FEW_ROWS: usize = 4000;

/// Whoever filled them asked for a column that is not there.
const ABANDONED: Refused = Refused::InTurn(ErrorKind::ColumnMissing);

impl Model {
    pub(super) fn build(&mut self, name: &str, content: Content, filled: Filled) -> Changed {
        let batches = self.content(content);
        let done = match filled {
            Filled::Whole => {
                self.put(name, batches.clone());
                Ok(())
            }
            Filled::Abandoned => Err(ABANDONED),
        };
        (Step::Build(batches, filled), done)
    }

    pub(super) fn fill(&mut self, name: &str, (table, piece): (usize, Piece), filled: Filled) -> Changed {
        let standing = self.frames.get(name).map(Rc::clone);
        let batches = cut(&self.fitting(standing.as_deref(), table), piece);
        let done = match (standing, filled) {
            (None, _) => Err(MISSING),
            (Some(_), Filled::Abandoned) => Err(ABANDONED),
            (Some(_), Filled::Whole) => {
                self.rows(name, |rows| rows.append(&batches));
                Ok(())
            }
        };
        (Step::Fill(batches, filled), done)
    }

    /// None if it cannot be said what it would come to.
    pub(super) fn widen(
        &mut self,
        name: &str,
        (table, piece): (usize, Piece),
        new: [Option<columns::New>; 2],
    ) -> Option<Changed> {
        let sources: Vec<_> = self.tables.iter().map(|table| table[0].clone()).collect();
        let standing = self.frames.get(name).map(Rc::clone);
        let mut batches = cut(&self.fitting(standing.as_deref(), table), piece);
        let mut older = standing.as_ref().map(|rows| rows.batches().to_vec());
        let (mut widened, mut done) = (false, Ok(()));
        for new in new.into_iter().flatten() {
            let Some((position, field, wider)) = columns::with_new(new, &batches, &sources) else { continue };
            (batches, widened) = (wider, true);
            let Some(older) = &mut older else { continue };
            if has_runs(field.data_type()) && count(older) > FEW_ROWS {
                return None;
            }
            if !field.is_nullable() {
                done = Err(Refused::InTurn(ErrorKind::SchemaMismatch));
            }
            if done.is_ok() {
                *older = columns::with_nulls(position, &field, older);
            }
        }
        match (standing, older) {
            (Some(rows), Some(older)) if done.is_ok() => {
                if widened {
                    let rows = rows.with_columns(self.identity(), older);
                    self.frames.insert(name.to_owned(), Rc::new(rows));
                }
                self.rows(name, |rows| rows.append(&batches));
            }
            (None, _) => self.put(name, batches.clone()),
            _ => {}
        }
        Some((Step::Widen(batches), done))
    }

    pub(super) fn compact(&mut self, name: &str) -> Changed {
        let Some(rows) = self.frames.get(name) else { return (Step::Compact(&[]), Err(MISSING)) };
        let step = Step::Compact(if is_free(rows) { &[] } else { ANEW });
        self.rows(name, |rows| rows.compacts += 1);
        (step, Ok(()))
    }

    pub(super) fn reserve(&mut self, name: &str, rows: u64) -> Changed {
        // There may be no such room.
        let done = if self.frames.contains_key(name) { Ok(()) } else { Err(MISSING) };
        (Step::Reserve(rows, ANEW), done)
    }
}

/// Whether all rows of a frame fit into one chunk, however many.
fn is_free(rows: &Rows) -> bool {
    let schema = rows.schema();
    !schema.fields().iter().any(|field| has_runs(field.data_type()) || has(field.data_type(), "Dictionary"))
}

fn has_runs(data_type: &DataType) -> bool {
    has(data_type, "RunEndEncoded")
}

/// Whether a type is this one, or one with it inside.
fn has(data_type: &DataType, name: &str) -> bool {
    data_type.to_string().contains(name)
}

/// Whether all columns are of types that are filled in place.
pub fn is_flat(batch: &RecordBatch) -> bool {
    batch.schema().fields().iter().all(|field| {
        let data_type = field.data_type();
        data_type.is_primitive()
            || data_type.is_string()
            || matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
            || matches!(data_type, DataType::Boolean | DataType::FixedSizeBinary(_))
    })
}
