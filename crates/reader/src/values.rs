//! Values of a primitive column, in place: as one slice, or as few as there are.

use crate::error::ReadKind;
use crate::frame::Frame;
use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use core::ops::Range;
use shmframe_format::Result;
use shmframe_format::columns::Span;
use shmframe_segment::{FrameBytes, pieces, to_buffer, to_values};

/// Values of a column that stand behind one another, and which of them are null.
#[derive(Clone, Debug)]
pub struct ColumnChunk<T: ArrowPrimitiveType> {
    /// The values, in place; where `nulls` says null, any.
    pub values: ScalarBuffer<T::Native>,
    /// Which of the rows are null; none if no row is.
    pub nulls: Option<NullBuffer>,
}

/// Bytes of a buffer of values.
#[derive(Debug)]
struct Part {
    buffer: usize,
    bytes: Range<u64>,
    /// Where they stand.
    offset: u64,
}

impl Part {
    fn length(&self) -> u64 {
        self.bytes.end - self.bytes.start
    }
}

/// A primitive column of a frame.
struct Column<'a> {
    frame: &'a Frame,
    index: usize,
}

impl Frame {
    /// A whole primitive column as one slice, in place, over all chunks of a run. It holds the version for as long as
    /// it lives. A column of an [`crate::Inspector`] is copied instead.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ColumnMissing`], [`crate::ErrorKind::ColumnType`], [`crate::ErrorKind::ColumnNulls`],
    /// [`crate::ErrorKind::ColumnRuns`], [`crate::ErrorKind::Corrupt`].
    pub fn column<T: ArrowPrimitiveType>(&self, name: &str) -> Result<ScalarBuffer<T::Native>> {
        let column = || Column::of::<T>(self, name)?.whole::<T>();
        column().map_err(|error| self.placed(error))
    }

    /// A primitive column as the slices that it consists of, in place, each with its nulls: one without nulls for as long as
    /// its run lasts; where there are nulls, one or two for each chunk. Slices have rows.
    ///
    /// ```no_run
    /// # use shmframe_reader as shmframe;
    /// use arrow::datatypes::Float64Type;
    ///
    /// # fn main() -> shmframe::Result<()> {
    /// let frame = shmframe::Reader::open("ticks")?.snapshot()?.frame("trades")?;
    /// let mut sum = 0.0;
    /// for chunk in frame.column_chunks::<Float64Type>("price")? {
    ///     match &chunk.nulls {
    ///         None => sum += chunk.values.iter().sum::<f64>(),
    ///         Some(nulls) => sum += nulls.valid_indices().map(|row| chunk.values[row]).sum::<f64>(),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`crate::ErrorKind::ColumnMissing`], [`crate::ErrorKind::ColumnType`], [`crate::ErrorKind::Corrupt`].
    pub fn column_chunks<T: ArrowPrimitiveType>(&self, name: &str) -> Result<Vec<ColumnChunk<T>>> {
        let chunks = || Column::of::<T>(self, name)?.chunks::<T>();
        chunks().map_err(|error| self.placed(error))
    }
}

impl<'a> Column<'a> {
    fn of<T: ArrowPrimitiveType>(frame: &'a Frame, name: &str) -> Result<Self> {
        let index = frame.index_of(name)?;
        let found = frame.known.schema.field(index).data_type();
        if PrimitiveArray::<T>::is_compatible(found) {
            return Ok(Self { frame, index });
        }
        let (column, wanted) = (name.to_owned(), T::DATA_TYPE.to_string());
        Err(ReadKind::ColumnType { column, wanted, found: found.clone() }.into())
    }

    fn name(&self) -> String {
        self.frame.known.schema.field(self.index).name().clone()
    }

    fn whole<T: ArrowPrimitiveType>(&self) -> Result<ScalarBuffer<T::Native>> {
        if let ([span], [chunk]) =
            (self.frame.known.spans.as_slice(), self.frame.pinned.state().chunks.as_slice())
            && let root = &self.frame.pinned.state().nodes[span[self.index].nodes.start]
            && (root.pieces, root.nulls) == (0, 0)
        {
            // One part as a rule, and nothing to be joined.
            let rows = root.length.saturating_sub(chunk.rows)..root.length;
            let part = self.part::<T>(&span[self.index], rows)?;
            return self.slice::<T>(part.as_slice());
        }
        let mut parts = Vec::new();
        for chunk in 0..self.frame.known.spans.len() {
            let nulls = self.nulls(chunk)?;
            if nulls != 0 {
                return Err(ReadKind::ColumnNulls { column: self.name(), nulls }.into());
            }
            self.add_parts::<T>(&mut parts, chunk)?;
        }
        match runs(&parts).as_slice() {
            [] => self.slice::<T>(&[]),
            [run] => self.slice::<T>(run),
            runs => Err(ReadKind::ColumnRuns { column: self.name(), runs: runs.len() }.into()),
        }
    }

    fn chunks<T: ArrowPrimitiveType>(&self) -> Result<Vec<ColumnChunk<T>>> {
        let (mut chunks, mut plain) = (Vec::new(), Vec::new());
        for chunk in 0..self.frame.known.spans.len() {
            if self.nulls(chunk)? == 0 {
                self.add_parts::<T>(&mut plain, chunk)?;
                continue;
            }
            self.add_plain(&mut chunks, &core::mem::take(&mut plain))?;
            for array in self.frame.build(chunk, self.index)?.iter().filter(|array| !array.is_empty()) {
                let array = array.as_any().downcast_ref::<PrimitiveArray<T>>().ok_or(ReadKind::Batch)?;
                chunks.push(ColumnChunk { values: array.values().clone(), nulls: array.nulls().cloned() });
            }
        }
        self.add_plain(&mut chunks, &plain)?;
        Ok(chunks)
    }

    /// Adds parts without nulls.
    fn add_plain<T: ArrowPrimitiveType>(
        &self,
        chunks: &mut Vec<ColumnChunk<T>>,
        parts: &[Part],
    ) -> Result<()> {
        for run in runs(parts) {
            chunks.push(ColumnChunk { values: self.slice::<T>(run)?, nulls: None });
        }
        Ok(())
    }

    /// Parts that stand behind one another, as one slice.
    fn slice<T: ArrowPrimitiveType>(&self, run: &[Part]) -> Result<ScalarBuffer<T::Native>> {
        let length: u64 = run.iter().map(Part::length).sum();
        let parts = run.iter().map(|part| (part.buffer, part.bytes.clone()));
        let bytes = self.frame.pinned.joined(parts)?.ok_or(ReadKind::Batch)?;
        to_values::<T>(to_buffer(bytes), length as usize / size_of::<T::Native>())
            .map_err(|error| error.at(format_args!("column {:?}", self.name())))
    }

    fn span(&self, chunk: usize) -> &'a Span {
        &self.frame.known.spans[chunk][self.index]
    }

    /// Null rows of a chunk that are seen.
    fn nulls(&self, chunk: usize) -> Result<u64> {
        let (span, state) = (self.span(chunk), self.frame.pinned.state());
        let root = &state.nodes[span.nodes.start];
        if root.pieces == 0 {
            return Ok(root.nulls);
        }
        let nulls = pieces(&self.frame.pinned, span).map(|piece| state.nodes[piece.nodes.start].nulls);
        let all = nulls.fold(0, u64::saturating_add);
        if all == 0 || root.length == state.chunks[chunk].rows {
            return Ok(all);
        }
        // Those in rows that are not seen do not count.
        let arrays = self.frame.build(chunk, self.index)?;
        Ok(arrays.iter().map(|array| array.null_count() as u64).sum())
    }

    /// Adds where the values of a chunk's rows stand.
    fn add_parts<T: ArrowPrimitiveType>(&self, parts: &mut Vec<Part>, chunk: usize) -> Result<()> {
        let (span, state) = (self.span(chunk), self.frame.pinned.state());
        let root = &state.nodes[span.nodes.start];
        let mut skipped = root.length.saturating_sub(state.chunks[chunk].rows);
        if root.pieces == 0 {
            parts.extend(self.part::<T>(span, skipped..root.length)?);
            return Ok(());
        }
        for piece in pieces(&self.frame.pinned, span) {
            let length = state.nodes[piece.nodes.start].length;
            parts.extend(self.part::<T>(&piece, skipped.min(length)..length)?);
            skipped = skipped.saturating_sub(length);
        }
        Ok(())
    }

    /// Where the values of rows of a tree stand; nowhere if there are none.
    fn part<T: ArrowPrimitiveType>(&self, tree: &Span, rows: Range<u64>) -> Result<Option<Part>> {
        if rows.is_empty() {
            return Ok(None);
        }
        let (state, width) = (self.frame.pinned.state(), size_of::<T::Native>() as u64);
        let buffer = tree.buffers.start + state.nodes[tree.nodes.start].validity as usize;
        let held = if tree.buffers.contains(&buffer) { state.buffers[buffer].length } else { 0 };
        let wanted = rows.end.saturating_mul(width);
        if held < wanted {
            return Err(ReadKind::Values { column: self.name(), wanted, found: held }.into());
        }
        let bytes = rows.start * width..wanted;
        let offset = self.frame.pinned.layout().buffers[buffer].offset + bytes.start;
        Ok(Some(Part { buffer, bytes, offset }))
    }
}

/// Parts that stand behind one another, together.
fn runs(parts: &[Part]) -> Vec<&[Part]> {
    parts.chunk_by(|before, after| before.offset + before.length() == after.offset).collect()
}
