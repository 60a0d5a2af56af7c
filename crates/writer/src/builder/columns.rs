//! The columns of a frame that is being built, to be taken one by one and filled in any order, by any threads.

use super::Form;
use super::appender::{Appender, BYTES_LIMIT, BinaryAppender, Leads, Stretches, StringAppender};
use super::bits::{Bits, Booleans, Validity};
use super::column::{Appended, Bytes, Column, Content, Nulls};
use super::error::BuilderError;
use super::ground::Target;
use crate::arrays::Arrays;
use crate::columns::{missing, plan_column};
use crate::growth;
use crate::layout::kind::Kind;
use crate::layout::views::VIEW_SIZE;
use crate::operation::node_items;
use arrow::array::PrimitiveArray;
use arrow::datatypes::{ArrowPrimitiveType, DataType, FieldRef};
use core::fmt;
use shmframe_format::addressing::Addressing;
use shmframe_format::{Error, Result};
use shmframe_segment::{BufferDraft, BuiltBuffer, Lender};

/// A bitmap is given this share of its column's room.
const BITMAP_SHARE: u64 = 64;
/// Bytes of strings that a column is given room for at the least.
const LEAST_ROOM: u64 = 1 << 12;

/// The columns of a frame that is being built. Each is taken once; what is taken lives as long as the borrow of the builder
/// that this came from, and can be filled while others are.
pub struct Columns<'b> {
    frame: &'b str,
    rows: u64,
    threads: usize,
    lender: Lender<'b>,
    slots: Vec<Slot<'b>>,
    /// Where the last column was found.
    at: usize,
}

/// A column, as far as nobody took it.
struct Slot<'b> {
    field: &'b FieldRef,
    target: Target<'b>,
    content: Option<&'b mut Content>,
    nulls: Option<&'b mut Option<Nulls>>,
}

impl fmt::Debug for Columns<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Columns({:?}, {} columns, {} rows)", self.frame, self.slots.len(), self.rows)
    }
}

impl<'b> Columns<'b> {
    pub(super) fn new(form: &'b mut Form, lender: Lender<'b>, threads: usize) -> Self {
        let Form { frame, rows, columns, ground, .. } = form;
        let ground = &*ground;
        let slot = |(index, column): (usize, &'b mut Column)| Slot {
            field: &column.field,
            target: ground.target(index),
            content: Some(&mut column.content),
            nulls: Some(&mut column.nulls),
        };
        let slots = columns.iter_mut().enumerate().map(slot).collect();
        Self { frame, rows: *rows, threads, lender, slots, at: 0 }
    }

    /// The values of a column of numbers, dates, times or decimals: one for each row, all zero.
    ///
    /// Where the field may be null, [`Columns::validity`] says which values are.
    ///
    /// # Errors
    /// [`ErrorKind::ColumnMissing`]; [`ErrorKind::SchemaMismatch`] if the column is of another type;
    /// [`ErrorKind::InvalidArgument`] if it was taken before; [`ErrorKind::CapacityExceeded`],
    /// [`ErrorKind::DirectoryFull`], [`ErrorKind::QuotaExceeded`].
    ///
    /// [`ErrorKind::ColumnMissing`]: crate::ErrorKind::ColumnMissing
    /// [`ErrorKind::SchemaMismatch`]: crate::ErrorKind::SchemaMismatch
    /// [`ErrorKind::InvalidArgument`]: crate::ErrorKind::InvalidArgument
    /// [`ErrorKind::CapacityExceeded`]: crate::ErrorKind::CapacityExceeded
    /// [`ErrorKind::DirectoryFull`]: crate::ErrorKind::DirectoryFull
    /// [`ErrorKind::QuotaExceeded`]: crate::ErrorKind::QuotaExceeded
    pub fn take<T: ArrowPrimitiveType>(&mut self, column: &str) -> Result<&'b mut [T::Native]> {
        self.tell(|columns| {
            let is_compatible = |found: &DataType| PrimitiveArray::<T>::is_compatible(found);
            let slot = columns.find(column, is_compatible, || T::DATA_TYPE.to_string())?;
            let buffer = columns.place_values(slot, size_of::<T::Native>())?;
            columns.lender.values::<T::Native>(buffer)
        })
    }

    /// The values of a column of booleans: one for each row, all false.
    ///
    /// # Errors
    /// Those of [`Columns::take`].
    pub fn booleans(&mut self, column: &str) -> Result<Booleans<'b>> {
        self.tell(|columns| {
            let is_boolean = |found: &DataType| *found == DataType::Boolean;
            let slot = columns.find(column, is_boolean, || DataType::Boolean.to_string())?;
            let bytes = columns.place_bits(slot)?;
            columns.note(slot, Content::Values(bytes));
            Ok(Booleans::new(columns.lender.bytes(bytes.buffer)?, columns.rows))
        })
    }

    /// The values of a column of binary values of a fixed size, one behind the other, all zero.
    ///
    /// # Errors
    /// Those of [`Columns::take`].
    pub fn fixed_size_binary(&mut self, column: &str) -> Result<&'b mut [u8]> {
        self.tell(|columns| {
            let is_fixed = |found: &DataType| matches!(found, DataType::FixedSizeBinary(_));
            let slot = columns.find(column, is_fixed, || "FixedSizeBinary of any size".to_owned())?;
            let width = match columns.slots[slot].field.data_type() {
                DataType::FixedSizeBinary(width) => *width as usize,
                _ => 0,
            };
            let buffer = columns.place_values(slot, width)?;
            columns.lender.bytes(buffer)
        })
    }

    /// Which values of a column are null: none, until they are set to null. For columns whose values are taken as slices or
    /// as booleans; it may be taken before the values, after them, or not at all.
    ///
    /// # Errors
    /// [`ErrorKind::SchemaMismatch`](crate::ErrorKind::SchemaMismatch) if the field is declared without nulls, or is
    /// of a type whose values are not taken like that; else those of [`Columns::take`].
    pub fn validity(&mut self, column: &str) -> Result<Validity<'b>> {
        self.tell(|columns| {
            let slot = columns.slot(column)?;
            let field = columns.slots[slot].field;
            if !matches!(Kind::of(field.data_type()), Some(Kind::Fixed(_) | Kind::Bits)) {
                let expected = "values of one size".to_owned();
                return Err(other_type(field, expected));
            }
            if !field.is_nullable() {
                return Err(BuilderError::NoNulls { column: column.to_owned() }.into());
            }
            let (bytes, count) = columns.place_validity(slot)?;
            Ok(Validity::new(bytes, columns.rows, count))
        })
    }

    /// Appends the values of a column of strings: `Utf8`, `LargeUtf8` or `Utf8View`.
    ///
    /// # Errors
    /// Those of [`Columns::take`].
    pub fn strings(&mut self, column: &str) -> Result<StringAppender<'b>> {
        let is_string =
            |found: &DataType| matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        let expected = || "Utf8, LargeUtf8 or Utf8View".to_owned();
        self.tell(|columns| columns.appender(column, is_string, expected)).map(StringAppender)
    }

    /// Appends the values of a column of binary values: `Binary`, `LargeBinary` or `BinaryView`.
    ///
    /// # Errors
    /// Those of [`Columns::take`].
    pub fn binary(&mut self, column: &str) -> Result<BinaryAppender<'b>> {
        let is_binary = |found: &DataType| {
            matches!(found, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
        };
        let expected = || "Binary, LargeBinary or BinaryView".to_owned();
        self.tell(|columns| columns.appender(column, is_binary, expected)).map(BinaryAppender)
    }

    /// Gives a column of any type as a finished array, or several behind each other. They are copied.
    ///
    /// # Errors
    /// [`ErrorKind::SchemaMismatch`](crate::ErrorKind::SchemaMismatch) if the values are of another type, or more or fewer
    /// than the frame has rows, or null where the field forbids it; else those of [`Columns::take`].
    pub fn set<'a>(&mut self, column: &str, values: impl Into<Arrays<'a>>) -> Result<()> {
        let Arrays(values) = values.into();
        self.tell(|columns| {
            let slot = columns.find(column, |_| true, String::new)?;
            let plans = plan_column(columns.slots[slot].field, values, &[columns.rows])?;
            let Target::New { room } = columns.slots[slot].target else {
                columns.note(slot, Content::Arrays(values.to_vec()));
                return Ok(());
            };
            for plan in plans {
                let nodes = node_items(&plan);
                let drafts = growth::with_room(room, &plan);
                let buffers = columns.lender.place(&nodes, &drafts)?;
                let destinations = buffers.iter().map(|buffer| columns.lender.unspecified(*buffer));
                plan.fill(destinations.collect::<Result<_>>()?, columns.threads);
                let bytes = buffers.into_iter().zip(drafts).map(|(buffer, draft)| Bytes::of(buffer, &draft));
                columns.note(slot, Content::Copied(nodes, bytes.collect()));
            }
            Ok(())
        })
    }

    /// Adds to an error which frame it is.
    fn tell<V>(&mut self, work: impl FnOnce(&mut Self) -> Result<V>) -> Result<V> {
        work(self).map_err(|error| error.at(format_args!("frame {:?}", self.frame)))
    }

    /// The column of this name. Columns are found at once that are asked for in their order.
    fn slot(&mut self, column: &str) -> Result<usize> {
        let named = |slot: &Slot<'_>| slot.field.name() == column;
        let (before, from) = self.slots.split_at(self.at);
        let found = from.iter().position(named).map(|behind| self.at + behind);
        match found.or_else(|| before.iter().position(named)) {
            Some(found) => {
                self.at = found;
                Ok(found)
            }
            None => Err(missing(self.slots.iter().map(|slot| slot.field), column)),
        }
    }

    /// The column of this name and of a type like this, which nobody took.
    fn find(
        &mut self,
        column: &str,
        fits: impl Fn(&DataType) -> bool,
        expected: impl FnOnce() -> String,
    ) -> Result<usize> {
        let found = self.slot(column)?;
        let Slot { field, content, .. } = &self.slots[found];
        if !fits(field.data_type()) {
            return Err(other_type(field, expected()));
        }
        match content {
            Some(Content::Missing | Content::Nothing) => Ok(found),
            _ => Err(BuilderError::Taken { column: column.to_owned() }.into()),
        }
    }

    /// Notes what a column has from now on.
    fn note(&mut self, slot: usize, is: Content) -> Option<&'b mut Content> {
        let content = self.slots[slot].content.take();
        content.map(|content| {
            *content = is;
            content
        })
    }

    fn place(&self, draft: BufferDraft) -> Result<Bytes> {
        Ok(Bytes::of(self.lender.place_one(draft)?, &draft))
    }

    /// A bitmap. Those of a frame that grows stand apart: its last rows and the new ones share a word.
    fn place_bits(&self, slot: usize) -> Result<Bytes> {
        let room = self.slots[slot].target.room() / BITMAP_SHARE;
        self.place(BufferDraft { length: self.rows.div_ceil(8), addressing: Addressing::Bitmap(1), room })
    }

    /// Bytes of so many values of a width.
    fn length(&self, slot: usize, values: u64, width: usize) -> Result<u64> {
        let fits = |bytes: &u64| isize::try_from(*bytes).is_ok();
        values.checked_mul(width as u64).filter(fits).ok_or_else(|| {
            let column = self.slots[slot].field.name().clone();
            BuilderError::TooLong { column, rows: self.rows, width }.into()
        })
    }

    fn place_values(&mut self, slot: usize, width: usize) -> Result<BuiltBuffer> {
        let length = self.length(slot, self.rows, width)?;
        let bits = u32::try_from(width).ok().and_then(|width| width.checked_mul(8));
        let bytes = self.place_rows(slot, length, bits.map_or(Addressing::Bytes, Addressing::Values), 1)?;
        self.note(slot, Content::Values(bytes));
        Ok(bytes.buffer)
    }

    /// Bytes of which each row has as many: behind those that stand there, or by themselves with a share of the column's room.
    fn place_rows(&self, slot: usize, length: u64, addressing: Addressing, share: u64) -> Result<Bytes> {
        let target = self.slots[slot].target;
        if let Target::Behind(frame, column) = target
            && let Some(index) = column.index()
        {
            let buffer = self.lender.go_on(frame, index, length)?;
            return Ok(Bytes { buffer, length, addressing });
        }
        self.place(BufferDraft { length, addressing, room: target.room() / share })
    }

    /// A validity bitmap, all zero, and where its nulls are counted.
    fn place_validity(&mut self, slot: usize) -> Result<(&'b mut [u8], &'b mut u64)> {
        let field = self.slots[slot].field;
        let taken = || BuilderError::Taken { column: field.name().clone() };
        if !matches!(self.slots[slot].nulls, Some(None)) {
            return Err(taken().into());
        }
        let bitmap = self.place_bits(slot)?;
        let bytes = self.lender.bytes(bitmap.buffer)?;
        let nulls = self.slots[slot].nulls.take().ok_or_else(taken)?;
        Ok((bytes, &mut nulls.insert(Nulls { bitmap, count: 0 }).count))
    }

    fn appender(
        &mut self,
        column: &str,
        fits: impl Fn(&DataType) -> bool,
        expected: impl FnOnce() -> String,
    ) -> Result<Appender<'b>> {
        let slot = self.find(column, fits, expected)?;
        let field: &'b FieldRef = self.slots[slot].field;
        let target = self.slots[slot].target;
        let base = target.base();
        let (leads, lead) = match Kind::of(field.data_type()) {
            Some(Kind::Strings(width)) => (Leads::Offsets(width), usize::from(base.in_place == 0)),
            _ => (Leads::Views, 0),
        };
        let (width, addressing) = match leads {
            Leads::Offsets(width) => (width.bytes(), Kind::Strings(width).addressing(1)),
            Leads::Views => (VIEW_SIZE, Kind::Views.addressing(1)),
        };
        let length = self.length(slot, self.rows.saturating_add(lead as u64), width)?;
        let index = self.place_rows(slot, length, addressing, 2)?;
        let mut appended = Appended { rows: 0, index, lead, data: Vec::new(), base };
        let index = self.lender.unspecified(index.buffer)?;
        index[..lead * width].fill(0);
        let room = (target.room() / 2).clamp(LEAST_ROOM, BYTES_LIMIT);
        let data = self.stretches(target, leads, &mut appended, room)?;
        let validity = match field.is_nullable() {
            true => {
                Some(self.place_validity(slot)?).map(|(bytes, nulls)| (Bits::new(bytes, self.rows), nulls))
            }
            false => None,
        };
        match self.note(slot, Content::Appended(appended)) {
            Some(Content::Appended(appended)) => {
                let (frame, rows, limit) = (self.frame, self.rows, BYTES_LIMIT);
                Ok(Appender { frame, field, rows, appended, index, validity, leads, limit, data })
            }
            _ => Err(BuilderError::Taken { column: column.to_owned() }.into()),
        }
    }

    /// Where bytes that are appended go at first; views of short values need none.
    fn stretches(
        &self,
        target: Target<'b>,
        leads: Leads,
        appended: &mut Appended,
        room: u64,
    ) -> Result<Stretches<'b>> {
        let addressing = Addressing::Bytes;
        let first = match (target, leads) {
            (Target::Behind(frame, column), _) => match column.last_data() {
                Some(index) => {
                    Some(Bytes { buffer: self.lender.go_on(frame, index, 0)?, length: 0, addressing })
                }
                None => None,
            },
            (_, Leads::Offsets(_)) => Some(self.place(BufferDraft { length: 0, addressing, room })?),
            (_, Leads::Views) => None,
        };
        appended.data.extend(first);
        let last = first.map(|bytes| self.lender.growing(bytes.buffer)).transpose()?;
        Ok(Stretches { lender: self.lender.clone(), last, before: 0, room })
    }
}

impl Bytes {
    fn of(buffer: BuiltBuffer, draft: &BufferDraft) -> Self {
        Self { buffer, length: draft.length, addressing: draft.addressing }
    }
}

fn other_type(field: &FieldRef, expected: String) -> Error {
    let (column, found) = (field.name().clone(), field.data_type().to_string());
    BuilderError::OtherType { column, expected, found }.into()
}
