//! One writer for all forms.

use super::form::{Compression, Form};
use super::parquet::ParquetWriter;
use crate::rows::{CsvWriter, ValueWriter};
use anyhow::Result;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use std::io::Write;
use std::sync::Arc;

/// Writes batches of one schema in a form.
pub enum TableWriter<W: Write + Send> {
    Parquet(ParquetWriter<W>),
    Arrow(Box<FileWriter<W>>),
    Arrows(Box<StreamWriter<W>>),
    Csv(CsvWriter, W),
    Jsonl(ValueWriter, W),
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins to write.
    ///
    /// # Errors
    /// If the form cannot hold the schema, or the bytes cannot be written.
    pub fn new(form: Form, compression: Compression, schema: &Arc<Schema>, to: W) -> Result<Self> {
        Ok(match form {
            Form::Parquet => Self::Parquet(ParquetWriter::new(compression, schema, to)?),
            Form::Arrow => Self::Arrow(Box::new(FileWriter::try_new_with_options(
                to,
                schema,
                ipc_options(compression)?,
            )?)),
            Form::Arrows => Self::Arrows(Box::new(StreamWriter::try_new_with_options(
                to,
                schema,
                ipc_options(compression)?,
            )?)),
            Form::Csv => Self::Csv(CsvWriter::new(Some(Arc::clone(schema))), to),
            Form::Jsonl => Self::Jsonl(ValueWriter::new(), to),
        })
    }

    /// Writes some rows.
    ///
    /// # Errors
    /// If the form cannot hold them, or the bytes cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Parquet(writer) => writer.write(batch),
            Self::Arrow(writer) => Ok(writer.write(&compact(batch)?)?),
            Self::Arrows(writer) => Ok(writer.write(&compact(batch)?)?),
            Self::Csv(writer, to) => writer.write(batch, to),
            Self::Jsonl(writer, to) => writer.each(batch, |_, values| Ok(writeln!(to, "{values}")?)),
        }
    }

    /// Writes the end, and gives back where the bytes went.
    ///
    /// # Errors
    /// If the bytes cannot be written.
    pub fn finish(self) -> Result<W> {
        match self {
            Self::Parquet(writer) => writer.finish(),
            Self::Arrow(writer) => Ok(writer.into_inner()?),
            Self::Arrows(writer) => Ok(writer.into_inner()?),
            Self::Csv(mut writer, mut to) => writer.finish(&mut to).map(|()| to),
            Self::Jsonl(_, to) => Ok(to),
        }
    }
}

fn ipc_options(compression: Compression) -> Result<IpcWriteOptions> {
    let compression = match compression {
        Compression::Zstd => Some(CompressionType::ZSTD),
        Compression::Lz4 => Some(CompressionType::LZ4_FRAME),
        Compression::None | Compression::Snappy => None,
    };
    Ok(IpcWriteOptions::default().try_with_compression(compression)?)
}

/// The batch with views of its own rows' bytes alone: else each batch would carry the bytes of all.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let compact = |column: &ArrayRef| -> ArrayRef {
        match column.data_type() {
            DataType::Utf8View => Arc::new(column.as_string_view().gc()),
            DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
            _ => Arc::clone(column),
        }
    };
    if batch.num_columns() == 0 {
        return Ok(batch.clone());
    }
    Ok(RecordBatch::try_new(batch.schema(), batch.columns().iter().map(compact).collect())?)
}
