//! One frame of a snapshot, as Arrow.

use crate::batches::split;
use crate::error::ReadKind;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use core::fmt;
use core::ops::Range;
use shmframe_format::columns::Span;
use shmframe_format::table::RecordReference;
use shmframe_format::{Error, Result};
use shmframe_segment::{CheckedFrame, PinnedFrame, Validation, build_column, columns_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a frame's records say once they are decoded: its schema, and where its columns' nodes stand.
#[derive(Debug)]
pub(crate) struct KnownFrame {
    schema_reference: RecordReference,
    pub(crate) schema: SchemaRef,
    /// For each chunk, for each column.
    pub(crate) spans: Vec<Vec<Span>>,
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
        let spans: Vec<Vec<Span>> = columns_of(checked.state()).collect();
        let wanted = schema.fields().len();
        if let Some(other) = spans.iter().find(|chunk| chunk.len() != wanted) {
            return Err(ReadKind::Columns { wanted, found: other.len() }.into());
        }
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
    pub(crate) pinned: PinnedFrame,
    pub(crate) known: Arc<KnownFrame>,
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

    /// The bytes of the frame's buffers that belong to rows which the version sees. Bytes of strings, of views and of
    /// dictionaries count whole, as long as a row of their chunk is seen.
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

    /// The rows as record batches whose buffers lie in the mapping; costs the same for any number of rows. A frame of
    /// an [`crate::Inspector`] is copied instead, and its contents are validated.
    ///
    /// Each chunk (a frame that was put has one) is one batch, or two where a bitmap grows: the last one has at most 63 rows.
    /// A column in pieces (lists, unions and others that do not grow in place) ends a batch where a piece ends; where
    /// another column with nulls is cut there, its nulls are counted.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn batches(&self) -> Result<Vec<RecordBatch>> {
        let chunks = self.pinned.checked().state().chunks.iter().enumerate();
        let mut batches = Vec::with_capacity(chunks.len());
        for (chunk, item) in chunks {
            self.add_batches(&mut batches, chunk, 0..item.rows)?;
        }
        Ok(batches)
    }

    /// The rows from `row` on, counted from the frame's first, as [`Frame::batches`]; only the chunks that have some are built.
    pub(crate) fn batches_from(&self, row: u64) -> Result<Vec<RecordBatch>> {
        let (mut batches, mut start) = (Vec::new(), 0_u64);
        for (chunk, item) in self.pinned.checked().state().chunks.iter().enumerate() {
            let from = row.saturating_sub(start);
            if from < item.rows {
                self.add_batches(&mut batches, chunk, from..item.rows)?;
            }
            start = start.saturating_add(item.rows);
        }
        Ok(batches)
    }

    /// These rows of a chunk.
    fn add_batches(&self, batches: &mut Vec<RecordBatch>, chunk: usize, rows: Range<u64>) -> Result<()> {
        let schema = self.schema();
        let build = |column: usize| self.build(chunk, column);
        let columns = match &self.selected {
            Some((columns, _)) => columns.iter().map(|column| build(*column)).collect(),
            None => (0..schema.fields().len()).map(build).collect::<Result<Vec<_>>>(),
        };
        let columns = columns.map_err(|error| self.placed(error))?;
        let rows = rows.start as usize..rows.end as usize;
        let parts = split(&columns, rows).ok_or_else(|| self.placed(ReadKind::Batch.into()))?;
        for (rows, arrays) in parts {
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options);
            batches.push(batch.map_err(|cause| self.placed(Error::from(ReadKind::Batch).because(cause)))?);
        }
        Ok(())
    }

    /// Builds a column of a chunk; looks at its contents if that was asked for and nobody is known to have done it.
    pub(crate) fn build(&self, chunk: usize, column: usize) -> Result<Vec<ArrayRef>> {
        let field = self.known.schema.field(column);
        let looked_at = self.known.validated.get(chunk).and_then(|chunk| chunk.get(column));
        let validation = match looked_at {
            Some(looked_at) if looked_at.load(Ordering::Relaxed) => Validation::Layout,
            _ => self.validation,
        };
        let span = &self.known.spans[chunk][column];
        let rows = self.pinned.checked().state().chunks[chunk].rows;
        let arrays = build_column(&self.pinned, rows, span, field.data_type(), validation)
            .map_err(|error| error.at(format_args!("column {:?}", field.name())))?;
        if let (Some(looked_at), Validation::Full) = (looked_at, validation) {
            looked_at.store(true, Ordering::Relaxed);
        }
        Ok(arrays)
    }

    /// Whether an address lies in the mapping that holds this frame: what was handed out in place does.
    #[must_use]
    pub fn contains_address(&self, address: *const u8) -> bool {
        self.pinned.contains_address(address)
    }

    /// Adds to an error which frame of which segment it is; an `Inspector` adds its segment itself.
    pub(crate) fn placed(&self, error: Error) -> Error {
        let error = error.at(format_args!("frame {:?}", self.name()));
        match self.pinned.location() {
            Some(location) => error.at(location.path().display()),
            None => error,
        }
    }

    pub(crate) fn index_of(&self, column: &str) -> Result<usize> {
        let schema = &self.known.schema;
        schema.fields().iter().position(|field| field.name() == column).ok_or_else(|| {
            let names = schema.fields().iter().map(|field| field.name().clone()).collect();
            ReadKind::ColumnMissing { column: column.to_owned(), names }.into()
        })
    }
}
