//! A transaction over several frames: all of it becomes visible in one step, or nothing.

use crate::arrays::Arrays;
use crate::batches::Batches;
use crate::builder::{Building, Columns, Form};
use crate::columns::ColumnChange;
use crate::layout::Plan;
use crate::operation::{Means, NewColumns, Operation, carry_out, schema_of};
use crate::retention::Retained;
use crate::schema::{SchemaRecords, Schemas};
use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, SchemaRef};
use shmframe_format::header::Id;
use shmframe_format::name::check_frame_name;
use shmframe_format::table::RecordReference;
use shmframe_format::{Describe, ErrorKind, Report, Result};
use shmframe_segment::{Location, Staging, Store, to_message};

#[derive(Debug)]
enum TransactionKind {
    NoBatches { frame: String },
    Ended,
}

impl Describe for TransactionKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidArgument
    }

    fn report(&self) -> Report {
        match self {
            Self::NoBatches { frame } => Report::new(
                format!("no batches for frame {frame:?}"),
                "at least one, which gives the schema",
                "none",
                "hand in an empty batch (RecordBatch::new_empty) for a frame without rows",
            ),
            Self::Ended => Report::new(
                "the transaction has failed",
                "one whose changes could be made when its turn came",
                "one of which nothing is left",
                "see the error of that call, drop the transaction, and begin another one",
            ),
        }
    }
}

/// Changes to several frames that become visible in one version, or, when this is dropped, not at all.
pub struct Transaction<'w> {
    stage: Stage<'w>,
    schemas: &'w mut SchemaRecords,
    means: Means<'w>,
    /// What `schemas` gets to know if the transaction is committed.
    learned: Vec<(String, Option<(SchemaRef, RecordReference)>)>,
    token: Option<u128>,
}

/// Where the changes stand until the commit.
#[allow(clippy::large_enum_variant, reason = "a transaction has one stage: a box costs more than the bytes")]
enum Stage<'w> {
    /// In the segment, under the lease.
    Segment(Staging<'w>),
    /// In private memory: writers take turns, and the lease is taken at the commit.
    Private(&'w mut Store, Vec<(String, Operation)>),
    /// Nowhere: its turn had come, and a change was refused.
    Ended,
}

impl std::fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl<'w> Transaction<'w> {
    pub(crate) fn begin(
        store: &'w mut Store,
        schemas: &'w mut SchemaRecords,
        means: Means<'w>,
    ) -> Result<Self> {
        store.check_process()?;
        let stage = if store.takes_turns() {
            Stage::Private(store, Vec::new())
        } else {
            let staging = store.begin()?;
            schemas.under(staging.epoch());
            means.values.published.under(staging.epoch());
            Stage::Segment(staging)
        };
        Ok(Self { stage, schemas, means, learned: Vec::new(), token: None })
    }

    /// Puts a frame: creates it, or replaces it whole. All batches become one contiguous chunk, with one copy.
    /// A frame's name is 1 to 255 bytes of UTF-8 without control characters, `/` and `@`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`], [`ErrorKind::SchemaMismatch`], [`ErrorKind::TypeNotSupported`],
    /// [`ErrorKind::CapacityExceeded`], [`ErrorKind::DirectoryFull`], [`ErrorKind::QuotaExceeded`]. The transaction is as
    /// it was before, and can go on.
    pub fn put<'b>(&mut self, frame: &str, batches: impl Into<Batches<'b>>) -> Result<()> {
        let Batches(batches) = batches.into();
        let (schema, plan, message) = self.plan(frame, batches)?;
        self.apply(frame, Operation::Put(schema, plan, message))
    }

    /// Adds rows to a frame, behind those that it has; creates it if there is none of this name.
    ///
    /// What stands in the frame stays where it is, and is not written again: the cost depends on the rows that are added, and
    /// on the number of columns. Two kinds of rows are written more than once: those of a frame that has no more than 64 KiB,
    /// and those of columns of types that do not grow in place (lists, maps, unions, runs, dictionaries that are ordered or
    /// have nulls among their values), O(log rows) times.
    ///
    /// # Errors
    /// [`ErrorKind::SchemaMismatch`] if the batches have other fields than the frame, telling all differences (metadata of
    /// the schema as a whole may differ); else those of [`Transaction::put`]. Where writers take turns it may come from the
    /// commit.
    pub fn append<'b>(&mut self, frame: &str, batches: impl Into<Batches<'b>>) -> Result<()> {
        let Batches(batches) = batches.into();
        self.append_rows(frame, batches, NewColumns::AreErrors)
    }

    /// [`Transaction::append`] of rows that may have nullable columns which the frame does not have, anywhere between its
    /// own: they are added to the frame, and its older rows are null there. Readers then see another frame of this name, as
    /// after each change of columns.
    ///
    /// # Errors
    /// Those of [`Transaction::append`].
    pub fn append_new_columns<'b>(&mut self, frame: &str, batches: impl Into<Batches<'b>>) -> Result<()> {
        let Batches(batches) = batches.into();
        self.append_rows(frame, batches, NewColumns::AreAdded)
    }

    fn append_rows(&mut self, frame: &str, batches: &[RecordBatch], new_columns: NewColumns) -> Result<()> {
        let (schema, plan, message) = self.plan(frame, batches)?;
        self.apply(frame, Operation::Append(schema, plan, new_columns, message))
    }

    /// Plans batches, and the message of their schema if the frame is not known to have it.
    fn plan(&mut self, frame: &str, batches: &[RecordBatch]) -> Result<(SchemaRef, Plan, Option<Vec<u8>>)> {
        let is_known = batches.first().is_some_and(|first| self.schemas.meet(frame, first.schema_ref()));
        if !is_known {
            check_frame_name(frame)?;
        }
        let first = batches.first().ok_or_else(|| TransactionKind::NoBatches { frame: frame.to_owned() })?;
        let schema = first.schema();
        let place = |error: shmframe_format::Error| error.at(format_args!("frame {frame:?}"));
        let spare = core::mem::take(&mut self.means.spare.plan);
        let plan = Plan::in_place_of(spare, &schema, batches).map_err(place)?;
        let message = match is_known {
            true => None,
            false => Some(to_message(&schema).map_err(place)?),
        };
        Ok((schema, plan, message))
    }

    /// Builds a frame in place: `fill` takes its columns as slices of shared memory and fills them. As
    /// [`Writer::build`](crate::Writer::build), beside other changes.
    ///
    /// Where writers take turns, the turn is taken now, as by [`Transaction::base_version`].
    ///
    /// # Errors
    /// Those of `fill`; [`ErrorKind::InvalidName`], [`ErrorKind::TypeNotSupported`];
    /// [`ErrorKind::InvalidArgument`] if a column was never taken, or an appender was given fewer values than there are
    /// rows; [`ErrorKind::DirectoryFull`], [`ErrorKind::QuotaExceeded`]. The transaction is as it was before, and can go on.
    pub fn build(
        &mut self,
        frame: &str,
        schema: &SchemaRef,
        rows: usize,
        fill: impl FnOnce(&mut Columns<'_>) -> Result<()>,
    ) -> Result<()> {
        let building = self.building()?;
        Form::new(building.staging, frame, schema, rows)?.fill(building, fill)
    }

    /// Adds so many rows to a frame: `fill` takes its columns as slices of shared memory, behind the rows that stand there,
    /// and fills them. No array is made; the cost depends on the rows that are added, and on the number of columns.
    ///
    /// So it is while the frame has more than 64 KiB, no column of another type than numbers, booleans, strings and
    /// binary, and room, and no column has its first null. Else the rows are filled elsewhere and copied, as by
    /// [`Transaction::append`].
    ///
    /// Where writers take turns, the turn is taken now, as by [`Transaction::base_version`].
    ///
    /// ```
    /// # fn main() -> shmframe_writer::Result<()> {
    /// # let name = &format!("doc-append-with-{}", std::process::id());
    /// use arrow::datatypes::{DataType, Field, Float64Type, Schema};
    /// # let mut writer = shmframe_writer::WriterOptions::new().create(name)?;
    /// # let schema = std::sync::Arc::new(Schema::new(vec![Field::new("price", DataType::Float64, false)]));
    /// # let mut builder = writer.build("trades", &schema, 10_000)?;
    /// # builder.columns()?.take::<Float64Type>("price")?;
    /// # builder.publish()?;
    /// let mut transaction = writer.begin()?;
    /// transaction.append_with("trades", 3, |columns| {
    ///     columns.take::<Float64Type>("price")?.copy_from_slice(&[100.5, 101.0, 99.25]);
    ///     Ok(())
    /// })?;
    /// transaction.commit()?;
    /// # writer.remove_segment()
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::FrameMissing`]; else those of [`Transaction::build`]. The transaction is as it was before, and can go on.
    pub fn append_with(
        &mut self,
        frame: &str,
        rows: usize,
        fill: impl FnOnce(&mut Columns<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut building = self.building()?;
        Form::behind(&mut building, frame, rows)?.fill(building, fill)
    }

    /// The segment, with what a builder needs beside it.
    pub(crate) fn building(&mut self) -> Result<Building<'_, 'w>> {
        self.take_turn()?;
        let Self { stage, schemas, learned, means, .. } = self;
        match stage {
            Stage::Segment(staging) => {
                let schemas = Schemas { published: schemas, learned };
                Ok(Building { staging, schemas, means })
            }
            Stage::Private(_, _) | Stage::Ended => Err(TransactionKind::Ended.into()),
        }
    }

    /// Removes a frame.
    ///
    /// # Errors
    /// [`ErrorKind::FrameMissing`], with the names that exist; where writers take turns it comes from the commit.
    pub fn remove(&mut self, frame: &str) -> Result<()> {
        self.apply(frame, Operation::Remove)
    }

    /// Gives a column of a frame other values, of the type it has. Its field stays as it is.
    ///
    /// All other columns are shared with the version before: no byte of them is copied or stored again. So it is with
    /// all changes of columns.
    ///
    /// # Errors
    /// [`ErrorKind::FrameMissing`] and [`ErrorKind::ColumnMissing`], with the names that exist;
    /// [`ErrorKind::SchemaMismatch`] if the values are of another type, or more or fewer than the frame has rows, or
    /// null where the field forbids it; those of [`Transaction::put`]. Where writers take turns all of them may come from the
    /// commit.
    pub fn replace_column<'a>(
        &mut self,
        frame: &str,
        column: &str,
        values: impl Into<Arrays<'a>>,
    ) -> Result<()> {
        let Arrays(values) = values.into();
        self.change_columns(frame, ColumnChange::Replace(column.to_owned(), values.to_vec()))
    }

    /// Adds a column to a frame, behind the others.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if a column of this name is there already; else as
    /// [`Transaction::replace_column`].
    pub fn add_column<'a>(
        &mut self,
        frame: &str,
        field: impl Into<FieldRef>,
        values: impl Into<Arrays<'a>>,
    ) -> Result<()> {
        let Arrays(values) = values.into();
        self.change_columns(frame, ColumnChange::Insert(None, field.into(), values.to_vec()))
    }

    /// Adds a column to a frame, as column `position`, counted from 0.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if a column of this name is there already, or `position` is above the number of
    /// columns; else as [`Transaction::replace_column`].
    pub fn insert_column<'a>(
        &mut self,
        frame: &str,
        position: usize,
        field: impl Into<FieldRef>,
        values: impl Into<Arrays<'a>>,
    ) -> Result<()> {
        let Arrays(values) = values.into();
        self.change_columns(frame, ColumnChange::Insert(Some(position), field.into(), values.to_vec()))
    }

    /// Drops a column of a frame. The frame keeps its rows, also without its last column.
    ///
    /// # Errors
    /// [`ErrorKind::FrameMissing`] and [`ErrorKind::ColumnMissing`], with the names that exist.
    pub fn drop_column(&mut self, frame: &str, column: &str) -> Result<()> {
        self.change_columns(frame, ColumnChange::Drop(column.to_owned()))
    }

    /// Gives a column of a frame another name.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if another column has the name already; else as [`Transaction::drop_column`].
    pub fn rename_column(&mut self, frame: &str, from: &str, to: &str) -> Result<()> {
        self.change_columns(frame, ColumnChange::Rename(from.to_owned(), to.to_owned()))
    }

    /// Moves a column of a frame so that it is column `position`, counted from 0.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if there is no such position; else as [`Transaction::drop_column`].
    pub fn move_column(&mut self, frame: &str, column: &str, position: usize) -> Result<()> {
        self.change_columns(frame, ColumnChange::Move(column.to_owned(), position))
    }

    /// Drops the oldest rows of a frame, so that `rows` stay, or up to 63 more: rows go in whole words of 64, but whole parts
    /// of a frame also go by themselves.
    ///
    /// Nothing of the frame is copied. Readers of older versions keep their rows; pages that nobody needs any more go back
    /// to the system. Rows keep their numbers: the first one that is left is not number 0 any more.
    ///
    /// # Errors
    /// [`ErrorKind::FrameMissing`], with the names that exist; where writers take turns it comes from the commit.
    pub fn keep_last(&mut self, frame: &str, rows: u64) -> Result<()> {
        self.apply(frame, Operation::Retain(Retained::Last(rows)))
    }

    /// Drops the rows of a frame before the one with this number, or up to 63 fewer. Rows are numbered from the first one
    /// that the frame ever had. Otherwise as [`Transaction::keep_last`].
    ///
    /// # Errors
    /// Those of [`Transaction::keep_last`].
    pub fn drop_rows_before(&mut self, frame: &str, row: u64) -> Result<()> {
        self.apply(frame, Operation::Retain(Retained::From(row)))
    }

    /// Sees to it that `rows` rows more fit behind those of a frame without another run: a column stays one slice while they are
    /// appended. It costs address space, not memory; the frame is written anew for it, unless there is so much room
    /// already. An empty frame can be put first, to reserve room for all of its rows.
    ///
    /// The promise is kept for what has a fixed width. Strings, views and dictionaries get room for as many bytes in a row as
    /// they have so far, at least 8; other columns that do not grow in place get none.
    ///
    /// # Errors
    /// [`ErrorKind::FrameMissing`], with the names that exist; [`ErrorKind::CapacityExceeded`] if there is no such room; those
    /// of [`Transaction::compact`]. Where writers take turns all of them come from the commit.
    pub fn reserve(&mut self, frame: &str, rows: u64) -> Result<()> {
        self.apply(frame, Operation::Reserve(rows))
    }

    /// Makes one run of each column of a frame again: writes all of its rows anew, as one chunk with room to grow. The frame
    /// stays the same: its rows keep their numbers, and positions in it stay good. Bytes of strings and binary data that belong
    /// to dropped rows go; values of dictionaries stay, also those that no row has any more.
    ///
    /// Costs a put of the frame, and private memory for a copy of it meanwhile.
    ///
    /// # Errors
    /// [`ErrorKind::FrameMissing`], with the names that exist; [`ErrorKind::CapacityExceeded`] where all rows together are too
    /// many for the offsets, keys or run ends of a column, which had to begin anew; those of [`Transaction::put`]. Where
    /// writers take turns all of them come from the commit.
    pub fn compact(&mut self, frame: &str) -> Result<()> {
        self.apply(frame, Operation::Compact)
    }

    fn change_columns(&mut self, frame: &str, change: ColumnChange) -> Result<()> {
        change.check_type().map_err(|error| error.at(format_args!("frame {frame:?}")))?;
        self.apply(frame, Operation::Columns(change))
    }

    fn apply(&mut self, frame: &str, operation: Operation) -> Result<()> {
        match &mut self.stage {
            Stage::Private(_, operations) => operations.push((frame.to_owned(), operation)),
            Stage::Segment(staging) => {
                let schemas = Schemas { published: self.schemas, learned: &mut self.learned };
                carry_out(staging, schemas, &mut self.means, frame, operation)?;
            }
            Stage::Ended => return Err(TransactionKind::Ended.into()),
        }
        Ok(())
    }

    /// Gives the commit a token, which tells after a crash whether the commit happened: [`Writer::last_token`] of the
    /// next writer, or `Snapshot::token`. Later commits without a token keep it.
    ///
    /// A token should be used once: a random number, or one that the caller counts up. Only the last one is kept; where
    /// several writers give tokens, whoever looks for its own must look before another writer commits one.
    ///
    /// [`Writer::last_token`]: crate::Writer::last_token
    pub fn token(&mut self, token: u128) {
        self.token = Some(token);
    }

    /// The version that this transaction builds on: nothing is committed between it and this transaction's commit.
    ///
    /// Where writers take turns, the turn is taken now and kept until the transaction ends, and the changes made so far
    /// are carried out.
    ///
    /// # Errors
    /// [`ErrorKind::WriterInChild`]; where writers take turns also those of [`Transaction::commit`], after which nothing can
    /// be done with the transaction but to drop it.
    pub fn base_version(&mut self) -> Result<u64> {
        self.take_turn().map(|staging| staging.version() - 1)
    }

    /// Which segment it is, and the writer's label, for whoever reads the version that this transaction builds on.
    ///
    /// # Errors
    /// Those of [`Transaction::base_version`].
    #[doc(hidden)]
    pub fn segment(&mut self) -> Result<(Location, Id, String)> {
        let staging = self.take_turn()?;
        Ok((staging.location().clone(), staging.instance(), staging.label().to_owned()))
    }

    /// The schema of a frame, with the changes of this transaction; none if there is no frame of this name.
    ///
    /// # Errors
    /// Those of [`Transaction::base_version`]; [`ErrorKind::Corrupt`].
    #[doc(hidden)]
    pub fn schema(&mut self, frame: &str) -> Result<Option<SchemaRef>> {
        let Building { staging, schemas, .. } = self.building()?;
        let records = staging.frame_records(frame)?;
        records.map(|records| schema_of(staging, &schemas, &records)).transpose()
    }

    /// Sees to it that the changes stand in the segment.
    fn take_turn(&mut self) -> Result<&mut Staging<'w>> {
        if let Stage::Private(store, _) = &mut self.stage {
            store.take_turn()?;
            if let Stage::Private(store, operations) = core::mem::replace(&mut self.stage, Stage::Ended) {
                let mut staging = store.begin()?;
                let published = self.schemas.under(staging.epoch());
                self.means.values.published.under(staging.epoch());
                for (frame, operation) in operations {
                    let schemas = Schemas { published, learned: &mut self.learned };
                    carry_out(&mut staging, schemas, &mut self.means, &frame, operation)?;
                }
                self.stage = Stage::Segment(staging);
            }
        }
        match &mut self.stage {
            Stage::Segment(staging) => Ok(staging),
            Stage::Private(_, _) | Stage::Ended => Err(TransactionKind::Ended.into()),
        }
    }

    /// Makes the transaction visible, all of it, and returns its version. A transaction without changes makes one, too.
    ///
    /// # Errors
    /// [`ErrorKind::DirectoryFull`], [`ErrorKind::QuotaExceeded`], [`ErrorKind::Superseded`],
    /// [`ErrorKind::WriterInChild`]; where writers take turns also [`ErrorKind::LeaseTaken`] and those of [`Transaction::remove`]. Nothing is then visible.
    pub fn commit(mut self) -> Result<u64> {
        self.take_turn()?;
        let Stage::Segment(mut staging) = self.stage else { return Err(TransactionKind::Ended.into()) };
        if let Some(token) = self.token {
            staging.set_token(token);
        }
        let version = staging.commit()?;
        for (frame, record) in self.learned {
            self.schemas.note(frame, record);
        }
        self.means.values.publish();
        Ok(version)
    }
}

shmframe_format::every_kind!(TransactionKind {
    NoBatches: TransactionKind::NoBatches { frame: "a".into() };
    Ended: TransactionKind::Ended;
});
