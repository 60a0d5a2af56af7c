//! One frame of a snapshot, as Arrow.

use crate::columns::{Columns, build_column};
use crate::error::ReadKind;
use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::SchemaRef;
use core::fmt;
use shmframe_format::columns::Span;
use shmframe_format::table::RecordReference;
use shmframe_format::{Error, Result};
use shmframe_segment::{CheckedFrame, PinnedFrame, Validation, to_buffer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a frame's records say once they are decoded: its schema, and where its columns' nodes stand.
#[derive(Debug)]
pub(crate) struct KnownFrame {
    schema_reference: RecordReference,
    schema: SchemaRef,
    /// For each chunk, for each column.
    spans: Vec<Vec<Span>>,
    /// In the same order, whether the contents of the column were looked at; empty if who decoded it does not ask.
    validated: Vec<Vec<AtomicBool>>,
}

impl KnownFrame {
    /// Reads what the records of a frame say; `before` saves decoding the schema again.
    pub(crate) fn read(pinned: &PinnedFrame, before: Option<&Self>, validation: Validation) -> Result<Self> {
        let checked = pinned.checked();
        let schema_reference = *checked.schema_reference();
        let same = before.filter(|before| before.schema_reference == schema_reference);
        let schema = match same {
            Some(before) => Arc::clone(&before.schema),
            None => {
                let message = pinned.schema_message()?;
                Arc::new(shmframe_segment::from_message(&message)?)
            }
        };
        let spans = Columns::of(checked.state(), schema.fields().len())?;
        let validated = match validation {
            Validation::Layout => Vec::new(),
            Validation::Full => {
                spans.iter().map(|chunk| chunk.iter().map(|_| AtomicBool::new(false)).collect()).collect()
            }
        };
        Ok(Self { schema_reference, schema, spans, validated })
    }

    /// What is known of a frame, if it was decoded before.
    pub(crate) fn of(checked: &CheckedFrame) -> Option<Arc<Self>> {
        Arc::clone(checked.decoded()?).downcast().ok()
    }

    /// Keeps it with the records that it was decoded from.
    pub(crate) fn keep(self, checked: &CheckedFrame) -> Arc<Self> {
        let known = Arc::new(self);
        checked.keep_decoded(known.clone());
        known
    }
}

/// One frame of a snapshot. Holds the version for as long as it lives.
#[derive(Clone)]
pub struct Frame {
    pinned: PinnedFrame,
    known: Arc<KnownFrame>,
    validation: Validation,
    /// The columns to build, and their schema; all of them if there is none.
    selected: Option<(Arc<[usize]>, SchemaRef)>,
}

impl fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, rows, columns) = (self.name(), self.num_rows(), self.schema().fields().len());
        let version = self.pinned.version();
        write!(formatter, "Frame {{ name: {name:?}, version: {version}, rows: {rows}, columns: {columns} }}")
    }
}

impl Frame {
    pub(crate) fn new(pinned: PinnedFrame, known: Arc<KnownFrame>, validation: Validation) -> Self {
        Self { pinned, known, validation, selected: None }
    }

    /// The frame's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.pinned.checked().name()
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
        self.pinned.checked().state().rows
    }

    /// The bytes of the frame's buffers.
    #[must_use]
    pub fn num_bytes(&self) -> u64 {
        self.pinned.checked().buffer_bytes()
    }

    /// The frame with only these columns, in this order: the others are not built.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ColumnMissing`], with the names that exist.
    pub fn select(&self, columns: &[&str]) -> Result<Self> {
        let all = &self.known.schema;
        let indices: Vec<usize> = columns
            .iter()
            .map(|column| self.index_of(column))
            .collect::<Result<_>>()
            .map_err(|error| self.placed(error))?;
        let schema = all
            .project(&indices)
            .map_err(|cause| self.placed(Error::from(ReadKind::Batch).because(cause)))?;
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
        let state = self.pinned.checked().state();
        let build = |column: usize| self.build(chunk, column);
        let arrays = match &self.selected {
            Some((columns, _)) => columns.iter().map(|column| build(*column)).collect(),
            None => (0..schema.fields().len()).map(build).collect::<Result<Vec<_>>>(),
        };
        let rows = RecordBatchOptions::new().with_row_count(Some(state.chunks[chunk].rows as usize));
        let arrays = arrays.map_err(|error| self.placed(error))?;
        RecordBatch::try_new_with_options(schema, arrays, &rows)
            .map_err(|cause| self.placed(Error::from(ReadKind::Batch).because(cause)))
    }

    /// Builds a column of a chunk; looks at its contents if that was asked for and nobody is known to have done it.
    fn build(&self, chunk: usize, column: usize) -> Result<ArrayRef> {
        let field = self.known.schema.field(column);
        let looked_at = self.known.validated.get(chunk).and_then(|chunk| chunk.get(column));
        let validation = match looked_at {
            Some(looked_at) if looked_at.load(Ordering::Relaxed) => Validation::Layout,
            _ => self.validation,
        };
        let span = &self.known.spans[chunk][column];
        let array = build_column(&self.pinned, span, field.data_type(), validation)
            .map_err(|error| error.at(format_args!("column {:?}", field.name())))?;
        if let (Some(looked_at), Validation::Full) = (looked_at, validation) {
            looked_at.store(true, Ordering::Relaxed);
        }
        Ok(array)
    }

    /// A whole primitive column as one slice, in place. It holds the version for as long as it lives.
    /// A column of an [`crate::Inspector`] is copied instead.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ColumnMissing`], [`crate::ErrorKind::ColumnType`], [`crate::ErrorKind::ColumnNulls`],
    /// [`crate::ErrorKind::ColumnRuns`], [`crate::ErrorKind::Corrupt`].
    pub fn column<T: ArrowPrimitiveType>(&self, name: &str) -> Result<ScalarBuffer<T::Native>> {
        self.whole_column::<T>(name).map_err(|error| self.placed(error))
    }

    fn whole_column<T: ArrowPrimitiveType>(&self, name: &str) -> Result<ScalarBuffer<T::Native>> {
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
        let state = self.pinned.checked().state();
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

    /// Adds to an error which frame of which segment it is; an `Inspector` adds its segment itself.
    fn placed(&self, error: Error) -> Error {
        let error = error.at(format_args!("frame {:?}", self.name()));
        match self.pinned.location() {
            Some(location) => error.at(location.path().display()),
            None => error,
        }
    }

    fn index_of(&self, column: &str) -> Result<usize> {
        let schema = &self.known.schema;
        schema.fields().iter().position(|field| field.name() == column).ok_or_else(|| {
            let names = schema.fields().iter().map(|field| field.name().clone()).collect();
            ReadKind::ColumnMissing { column: column.to_owned(), names }.into()
        })
    }
}
