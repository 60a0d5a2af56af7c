//! Frames that are built in place: their columns are handed out as slices of shared memory, filled there, and published
//! without a copy.
//!
//! | file | what it knows |
//! |---|---|
//! | `columns` | how columns are taken |
//! | `column` | what of a column is handed out and written so far |
//! | `bits`, `appender` | what is filled otherwise than as a slice |

mod appender;
mod bits;
mod column;
mod columns;
mod error;

use crate::layout::Plan;
use crate::operation::with_schema;
use crate::schema::Schemas;
use crate::transaction::Transaction;
pub use appender::{BinaryAppender, StringAppender};
use arrow::datatypes::SchemaRef;
pub use bits::{Booleans, Validity};
use column::Column;
pub use columns::Columns;
use error::BuilderError;
#[cfg(test)]
pub(crate) use error::every_kind;
use shmframe_format::Result;
use shmframe_format::name::check_frame_name;
use shmframe_segment::{BuiltFrame, Staging};
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
        let form = Form::new(frame, schema, rows)?;
        transaction.building()?.staging.begin_building()?;
        Ok(Self { transaction, form })
    }

    /// The columns, as far as they were not taken before.
    ///
    /// # Errors
    /// [`ErrorKind::WriterInChild`](crate::ErrorKind::WriterInChild).
    pub fn columns(&mut self) -> Result<Columns<'_>> {
        let Building { staging, threads, .. } = self.transaction.building()?;
        Ok(Columns::new(&mut self.form, staging.lender(), threads))
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
    pub fn publish(mut self) -> Result<u64> {
        self.form.finish(self.transaction.building()?)?;
        self.transaction.commit()
    }
}

/// What a builder needs of its transaction.
pub(crate) struct Building<'t, 'w> {
    pub(crate) staging: &'t mut Staging<'w>,
    pub(crate) schemas: Schemas<'t>,
    pub(crate) threads: usize,
}

/// What of a frame is built so far.
#[derive(Debug)]
pub(crate) struct Form {
    frame: String,
    schema: SchemaRef,
    rows: u64,
    columns: Vec<Column>,
}

impl Form {
    pub(crate) fn new(frame: &str, schema: &SchemaRef, rows: usize) -> Result<Self> {
        check_frame_name(frame)?;
        // Refuses types without a layout.
        Plan::new(schema, &[]).map_err(|error| error.at(format_args!("frame {frame:?}")))?;
        let columns = schema.fields().iter().map(Column::new).collect();
        Ok(Self { frame: frame.to_owned(), schema: Arc::clone(schema), rows: rows as u64, columns })
    }

    /// Hands the columns to `fill` as far as they were not taken before.
    pub(crate) fn columns<'b>(&'b mut self, staging: &'b mut Staging<'_>, threads: usize) -> Columns<'b> {
        Columns::new(self, staging.lender(), threads)
    }

    /// Puts the frame into the transaction.
    pub(crate) fn finish(&mut self, building: Building<'_, '_>) -> Result<()> {
        let columns = core::mem::take(&mut self.columns);
        let Building { staging, schemas, .. } = building;
        self.put(columns, staging, schemas).map_err(|error| {
            staging.abandon_building();
            error.at(format_args!("frame {:?}", self.frame))
        })
    }

    fn put(&self, columns: Vec<Column>, staging: &mut Staging<'_>, schemas: Schemas<'_>) -> Result<()> {
        let missing = columns.iter().filter(|column| column.is_missing());
        let missing: Vec<String> = missing.map(|column| column.field.name().clone()).collect();
        if !missing.is_empty() {
            return Err(BuilderError::NeverTaken { columns: missing, all: columns.len() }.into());
        }
        let (mut nodes, mut buffers) = (Vec::new(), Vec::new());
        for column in columns {
            column.finish(self.rows, &mut nodes, &mut buffers)?;
        }
        with_schema(schemas, &self.frame, &self.schema, None, |schema| {
            staging.put_built(BuiltFrame { name: &self.frame, schema, rows: self.rows, nodes, buffers })
        })
    }
}
