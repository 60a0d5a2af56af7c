//! Frames that are built in place, and rows that are added so: columns are handed out as slices of shared memory, filled
//! there, and published without a copy.
//!
//! Killed while a column is filled, the writer leaves the last version: what was handed out is covered by no version, and
//! the next writer finds it free, or behind the rows that count. Readers have nothing to do with it before the commit.
//!
//! | file | what it knows |
//! |---|---|
//! | `columns` | how columns are taken |
//! | `column` | what of a column is handed out and written so far |
//! | `bits`, `appender` | what is filled otherwise than as a slice |
//! | `ground` | where all that comes to stand |
//! | `filled` | how it becomes a frame, or rows of one |
//! | `arrays` | how it becomes arrays, for rows that a frame does not take in place |

mod appender;
mod arrays;
mod bits;
mod column;
mod columns;
mod error;
mod filled;
mod ground;

use crate::layout::Plan;
use crate::operation::{self, Means};
use crate::schema::Schemas;
use crate::transaction::Transaction;
pub use appender::{BinaryAppender, StringAppender};
use arrow::datatypes::SchemaRef;
pub use bits::{Booleans, Validity};
use column::Column;
pub use columns::Columns;
#[cfg(test)]
pub(crate) use error::every_kind;
use filled::Filled;
use ground::Ground;
use shmframe_format::Result;
use shmframe_format::name::check_frame_name;
use shmframe_segment::Staging;
use std::sync::Arc;

/// A frame that is being built in shared memory: each of its columns is taken once and filled there, then the frame is
/// published without a copy. Dropped, it leaves nothing behind.
///
/// ```
/// # fn main() -> shmframe_writer::Result<()> {
/// # let name = &format!("doc-builder-{}", std::process::id());
/// use arrow::datatypes::{DataType, Field, Float64Type, Schema};
/// use shmframe_writer::WriterOptions;
/// use std::sync::Arc;
///
/// let mut writer = WriterOptions::new().create(name)?;
/// let schema = Arc::new(Schema::new(vec![
///     Field::new("price", DataType::Float64, false),
///     Field::new("symbol", DataType::Utf8, true),
/// ]));
/// let mut builder = writer.build("trades", &schema, 2)?;
/// let mut columns = builder.columns()?;
/// let price = columns.take::<Float64Type>("price")?;
/// let mut symbol = columns.strings("symbol")?;
/// price[0] = 100.5;
/// symbol.append("A")?;
/// price[1] = 101.0;
/// symbol.append_null()?;
/// let version = builder.publish()?;
/// assert_eq!(version, 2);
/// # writer.remove_segment()
/// # }
/// ```
///
/// Published, a slice is gone:
///
/// ```compile_fail,E0505
/// # fn published(writer: &mut shmframe_writer::Writer) -> shmframe_writer::Result<()> {
/// # use arrow::datatypes::{DataType, Field, Float64Type, Schema};
/// # let schema = std::sync::Arc::new(Schema::new(vec![Field::new("price", DataType::Float64, false)]));
/// let mut builder = writer.build("trades", &schema, 2)?;
/// let price = builder.columns()?.take::<Float64Type>("price")?;
/// builder.publish()?;
/// price[0] = 100.5;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder that is not published leaves nothing"]
#[derive(Debug)]
pub struct Builder<'w> {
    transaction: Transaction<'w>,
    form: Form,
}

impl<'w> Builder<'w> {
    pub(crate) fn new(
        mut transaction: Transaction<'w>,
        frame: &str,
        schema: &SchemaRef,
        rows: usize,
    ) -> Result<Self> {
        let form = Form::new(transaction.building()?.staging, frame, schema, rows)?;
        Ok(Self { transaction, form })
    }

    /// The columns, as far as they were not taken before.
    ///
    /// # Errors
    /// [`ErrorKind::WriterInChild`](crate::ErrorKind::WriterInChild).
    pub fn columns(&mut self) -> Result<Columns<'_>> {
        let Building { staging, means, .. } = self.transaction.building()?;
        Ok(Columns::new(&mut self.form, staging.lender(), means.threads))
    }

    /// Gives the version a token, as [`Transaction::token`].
    pub fn token(&mut self, token: u128) {
        self.transaction.token(token);
    }

    /// Makes the frame visible, replacing the one of its name, and returns the version that has it. What was filled is
    /// neither copied nor read, however much it is.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) if a column was never taken, or an appender was
    /// given fewer values than there are rows; those of [`Transaction::commit`]. Nothing is then visible.
    pub fn publish(self) -> Result<u64> {
        let Self { mut transaction, form } = self;
        form.finish(&mut transaction.building()?)?;
        transaction.commit()
    }
}

/// What a builder needs of its transaction.
pub(crate) struct Building<'t, 'w> {
    pub(crate) staging: &'t mut Staging<'w>,
    pub(crate) schemas: Schemas<'t>,
    pub(crate) means: &'t mut Means<'w>,
}

/// What of a frame is built so far.
#[derive(Debug)]
pub(crate) struct Form {
    frame: String,
    schema: SchemaRef,
    rows: u64,
    columns: Vec<Column>,
    ground: Ground,
}

impl Form {
    /// That of a new frame; begins the building.
    pub(crate) fn new(
        staging: &mut Staging<'_>,
        frame: &str,
        schema: &SchemaRef,
        rows: usize,
    ) -> Result<Self> {
        check_frame_name(frame)?;
        // Refuses types without a layout.
        Plan::new(schema, &[]).map_err(|error| error.at(format_args!("frame {frame:?}")))?;
        staging.begin_building()?;
        let ground = Ground::new(staging, schema, rows as u64);
        Ok(Self::on(ground, frame, schema, rows))
    }

    /// That of rows behind those of a frame; begins the building.
    pub(crate) fn behind(building: &mut Building<'_, '_>, frame: &str, rows: usize) -> Result<Self> {
        let Building { staging, schemas, .. } = building;
        let records = staging.frame_records(frame)?.ok_or_else(|| operation::missing(staging, frame))?;
        let schema = operation::schema_of(staging, schemas, &records)?;
        staging.begin_building()?;
        let ground = Ground::behind(records, &schema, rows as u64);
        Ok(Self::on(ground, frame, &schema, rows))
    }

    fn on(ground: Ground, frame: &str, schema: &SchemaRef, rows: usize) -> Self {
        let columns = schema.fields().iter().map(Column::new).collect();
        Self { frame: frame.to_owned(), schema: Arc::clone(schema), rows: rows as u64, columns, ground }
    }

    /// Lets `fill` take the columns and fill them, and makes the frame of them.
    pub(crate) fn fill(
        mut self,
        building: Building<'_, '_>,
        fill: impl FnOnce(&mut Columns<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut scope = Scope(building);
        let Building { staging, means, .. } = &mut scope.0;
        fill(&mut Columns::new(&mut self, staging.lender(), means.threads))?;
        self.finish(&mut scope.0)
    }

    /// Puts the frame into the transaction, or adds the rows to it.
    pub(crate) fn finish(self, building: &mut Building<'_, '_>) -> Result<()> {
        let Self { frame, schema, rows, columns, ground } = self;
        let filled = Filled { frame: &frame, schema: &schema, rows, columns: &columns };
        let finished = filled.check().and_then(|()| match ground {
            Ground::New { .. } => filled.put(building),
            Ground::Behind(records, in_place) => filled.append(building, *records, in_place.as_ref()),
        });
        finished.map_err(|error| error.at(format_args!("frame {frame:?}")))
    }
}

/// Gives back what was handed out and became no frame, however its end is reached.
struct Scope<'t, 'w>(Building<'t, 'w>);

impl Drop for Scope<'_, '_> {
    fn drop(&mut self) {
        self.0.staging.abandon_building();
    }
}
