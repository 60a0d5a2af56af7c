//! Parquet. What comes through a pipe is read whole first, since a Parquet file says at its end what it holds.

use super::{First, Piece, Source, agreed};
use crate::fit::fit;
use crate::format::Format;
use crate::input::Input;
use crate::options::ReadingOptions;
use anyhow::{Context, Result, anyhow};
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;
use shmframe_cli::{Exit, Failure};
use std::io::Read;

pub struct ParquetSource {
    name: String,
    reader: ParquetRecordBatchReader,
    schema: SchemaRef,
    length: u64,
    rows: u64,
    rows_read: u64,
}

impl ParquetSource {
    pub fn new(name: String, mut input: Input, reading: &ReadingOptions, first: First<'_>) -> Result<Self> {
        let head = input.head().with_context(|| name.clone())?;
        match input {
            Input::File(file) => Self::of(name, file, reading, first),
            // Before all of it is read into memory.
            Input::Pipe(_) if Format::of_bytes(&head) != Some(Format::Parquet) => {
                let text = format!("{name}: is not readable as Parquet: it does not begin with PAR1");
                Err(Failure::new(Exit::Failed, text).into())
            }
            Input::Pipe(mut pipe) => {
                let mut bytes = Vec::new();
                pipe.read_to_end(&mut bytes).with_context(|| name.clone())?;
                Self::of(name, Bytes::from(bytes), reading, first)
            }
        }
    }

    fn of<R: ChunkReader + 'static>(
        name: String,
        chunks: R,
        reading: &ReadingOptions,
        first: First<'_>,
    ) -> Result<Self> {
        let length = chunks.len();
        let unreadable = || format!("{name}: is not readable as Parquet");
        let builder = ParquetRecordBatchReaderBuilder::try_new(chunks).with_context(unreadable)?;
        let rows = builder.metadata().file_metadata().num_rows().unsigned_abs();
        let schema = agreed(&name, builder.schema(), reading, first)?;
        let reader = builder.with_batch_size(reading.batch_rows.get()).build().with_context(unreadable)?;
        Ok(Self { name, reader, schema, length, rows, rows_read: 0 })
    }
}

impl Source for ParquetSource {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn next(&mut self) -> Result<Option<Piece>> {
        let place = || format!("{}: behind row {}", self.name, self.rows_read);
        let Some(batch) = self.reader.next().transpose().with_context(place)? else { return Ok(None) };
        let misfit = |error| anyhow!("{}: rows behind row {}: {error}", self.name, self.rows_read);
        let batch = fit(&batch, &self.schema).map_err(misfit)?;
        self.rows_read += batch.num_rows() as u64;
        Ok(Some(Piece { batch, line: None }))
    }

    fn position(&self) -> u64 {
        let share = u128::from(self.length) * u128::from(self.rows_read) / u128::from(self.rows.max(1));
        u64::try_from(share).unwrap_or(self.length)
    }
}
