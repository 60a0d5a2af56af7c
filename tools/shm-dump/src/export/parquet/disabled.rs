//! Without the feature `parquet`.

use crate::export::Compression;
use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use core::convert::Infallible;
use core::marker::PhantomData;
use shmframe_cli::Failure;
use std::io::Write;
use std::sync::Arc;

/// Says that there is no Parquet: there never is one of these.
pub struct ParquetWriter<W: Write + Send>(Infallible, PhantomData<W>);

impl<W: Write + Send> ParquetWriter<W> {
    pub fn new(_compression: Compression, _schema: &Arc<Schema>, _to: W) -> Result<Self> {
        let text = "this shm-dump was installed without Parquet: install it with \
            `cargo install --path tools/shm-dump --locked --features parquet`, or export as arrow";
        Err(Failure::usage(text).into())
    }

    pub fn write(&mut self, _batch: &RecordBatch) -> Result<()> {
        match self.0 {}
    }

    pub fn finish(self) -> Result<W> {
        match self.0 {}
    }
}
