//! One frame of a snapshot, as Arrow.

use crate::columns::{Columns, Span, build_column};
use crate::error::ReadKind;
use crate::schema;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::SchemaRef;
use shmframe_format::{Error, Result};
use shmframe_segment::{CheckedFrame, PinnedFrame, to_buffer};
use std::sync::Arc;

/// What is known of a frame without a pin: its records, its schema, and where its columns' nodes stand.
#[derive(Debug)]
pub(crate) struct KnownFrame {
    checked: Arc<CheckedFrame>,
    schema: SchemaRef,
    /// For each chunk, for each column.
    spans: Vec<Vec<Span>>,
}

impl KnownFrame {
    /// Reads what the records of a frame say; `before` saves decoding the schema again.
    pub(crate) fn read(pinned: &PinnedFrame, before: Option<&Self>) -> Result<Self> {
        let checked = Arc::clone(pinned.checked());
        let same = before.filter(|before| before.checked.schema_reference() == checked.schema_reference());
        let schema = match same {
            Some(before) => Arc::clone(&before.schema),
            None => {
                let message = pinned.schema_message()?;
                Arc::new(schema::decode(&message)?)
            }
        };
        let spans = Columns::of(checked.state(), schema.fields().len())?;
        Ok(Self { checked, schema, spans })
    }

    pub(crate) fn checked(&self) -> &Arc<CheckedFrame> {
        &self.checked
    }
}

/// One frame of a snapshot. Holds the version for as long as it lives.
#[derive(Clone, Debug)]
pub struct Frame {
    pinned: PinnedFrame,
    known: Arc<KnownFrame>,
    /// The columns to build, and their schema; all of them if there is none.
    selected: Option<(Arc<[usize]>, SchemaRef)>,
}

impl Frame {
    pub(crate) fn new(pinned: PinnedFrame, known: Arc<KnownFrame>) -> Self {
        Self { pinned, known, selected: None }
    }

    /// The frame's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.known.checked.name()
    }

    /// The frame's schema, metadata included; that of the selected columns after [`Frame::select`].
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        match &self.selected {
            Some((_, schema)) => Arc::clone(schema),
            None => Arc::clone(&self.known.schema),
        }
    }

    /// The frame's rows.
    #[must_use]
    pub fn num_rows(&self) -> u64 {
        self.known.checked.state().rows
    }

    /// The bytes of the frame's buffers.
    #[must_use]
    pub fn num_bytes(&self) -> u64 {
        self.known.checked.buffer_bytes()
    }

    /// The frame with only these columns, in this order: the others are not built.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ColumnMissing`], with the names that exist.
    pub fn select(&self, columns: &[&str]) -> Result<Self> {
        let all = &self.known.schema;
        let indices: Vec<usize> =
            columns.iter().map(|column| self.index_of(column)).collect::<Result<_>>()?;
        let schema = all.project(&indices).map_err(|cause| Error::from(ReadKind::Batch).because(cause))?;
        let selected = Some((indices.into(), Arc::new(schema)));
        Ok(Self { selected, ..self.clone() })
    }

    /// The rows as record batches whose buffers lie in the mapping, one for each chunk; costs the same for any
    /// number of rows. A frame of an [`crate::Inspector`] is copied instead, and its contents are validated.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn batches(&self) -> Result<Vec<RecordBatch>> {
        (0..self.known.spans.len()).map(|chunk| self.batch(chunk)).collect()
    }

    fn batch(&self, chunk: usize) -> Result<RecordBatch> {
        let schema = self.schema();
        let spans = &self.known.spans[chunk];
        let state = self.known.checked.state();
        let build = |column: usize, at: usize| {
            let field = schema.field(at);
            build_column(&self.pinned, &spans[column], field.data_type())
                .map_err(|error| error.at(format_args!("column {:?}", field.name())))
        };
        let build = |column, at| match build(column, at) {
            Ok(array) if self.pinned.is_copied() => validated(array, schema.field(at).name()),
            built => built,
        };
        let arrays = match &self.selected {
            Some((columns, _)) => columns.iter().enumerate().map(|(at, column)| build(*column, at)).collect(),
            None => {
                (0..schema.fields().len()).map(|column| build(column, column)).collect::<Result<Vec<_>>>()
            }
        };
        let rows = RecordBatchOptions::new().with_row_count(Some(state.chunks[chunk].rows as usize));
        RecordBatch::try_new_with_options(schema, arrays?, &rows)
            .map_err(|cause| Error::from(ReadKind::Batch).because(cause))
    }

    /// A whole primitive column as one slice, in place. It holds the version for as long as it lives.
    /// A column of an [`crate::Inspector`] is copied instead.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ColumnMissing`], [`crate::ErrorKind::ColumnType`], [`crate::ErrorKind::ColumnNulls`],
    /// [`crate::ErrorKind::ColumnRuns`], [`crate::ErrorKind::Corrupt`].
    pub fn column<T: ArrowPrimitiveType>(&self, name: &str) -> Result<ScalarBuffer<T::Native>> {
        let index = self.index_of(name)?;
        let column = || name.to_owned();
        let found = self.known.schema.field(index).data_type();
        if !PrimitiveArray::<T>::is_compatible(found) {
            let wanted = T::DATA_TYPE.to_string();
            return Err(ReadKind::ColumnType { column: column(), wanted, found: found.clone() }.into());
        }
        let [spans] = self.known.spans.as_slice() else {
            return Err(ReadKind::ColumnRuns { column: column(), runs: self.known.spans.len() }.into());
        };
        let state = self.known.checked.state();
        let span = &spans[index];
        let node = &state.nodes[span.nodes.start];
        if node.nulls != 0 {
            return Err(ReadKind::ColumnNulls { column: column(), nulls: node.nulls }.into());
        }
        let wanted = node.length.saturating_mul(size_of::<T::Native>() as u64);
        let values = span.buffers.start + node.validity as usize;
        let bytes =
            if values < span.buffers.end { self.pinned.buffer(values)? } else { self.pinned.no_bytes() };
        let found = bytes.as_ref().len() as u64;
        if found < wanted {
            return Err(ReadKind::Values { column: column(), wanted, found }.into());
        }
        // Buffers are aligned to 64 bytes (checked with the layout record), so this does not panic.
        Ok(ScalarBuffer::new(to_buffer(bytes), 0, node.length as usize))
    }

    /// Whether an address lies in the mapping that holds this frame: what was handed out in place does.
    #[must_use]
    pub fn contains_address(&self, address: *const u8) -> bool {
        self.pinned.contains_address(address)
    }

    fn index_of(&self, column: &str) -> Result<usize> {
        let schema = &self.known.schema;
        schema.fields().iter().position(|field| field.name() == column).ok_or_else(|| {
            let names = schema.fields().iter().map(|field| field.name().clone()).collect();
            ReadKind::ColumnMissing { column: column.to_owned(), names }.into()
        })
    }
}

/// An array whose owner nobody vouches for: its contents are looked at before anybody uses them.
fn validated(array: ArrayRef, column: &str) -> Result<ArrayRef> {
    match array.to_data().validate_full() {
        Ok(()) => Ok(array),
        Err(cause) => Err(Error::from(ReadKind::Batch).because(cause).at(format_args!("column {column:?}"))),
    }
}
