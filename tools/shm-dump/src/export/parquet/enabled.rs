//! With the feature `parquet`.

use crate::export::Compression;
use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;
use parquet::basic;
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::sync::Arc;

/// Writes Parquet.
pub struct ParquetWriter<W: Write + Send>(Box<ArrowWriter<W>>);

impl<W: Write + Send> ParquetWriter<W> {
    pub fn new(compression: Compression, schema: &Arc<Schema>, to: W) -> Result<Self> {
        let compression = match compression {
            Compression::Zstd => basic::Compression::ZSTD(basic::ZstdLevel::default()),
            Compression::Snappy => basic::Compression::SNAPPY,
            Compression::None | Compression::Lz4 => basic::Compression::UNCOMPRESSED,
        };
        let properties = WriterProperties::builder().set_compression(compression).build();
        Ok(Self(Box::new(ArrowWriter::try_new(to, Arc::clone(schema), Some(properties))?)))
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        Ok(self.0.write(batch)?)
    }

    pub fn finish(self) -> Result<W> {
        Ok(self.0.into_inner()?)
    }
}
