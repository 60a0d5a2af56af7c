//! The Parquet files that the demo publishes, and checks against.

use super::shared::dates::{column, dates};
use super::shared::report::Date;
use anyhow::{Context as _, Result};
use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use clap::Args;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Where the files are.
#[derive(Args, Clone)]
pub struct Source {
    /// The folder of flights.parquet and weather.parquet
    #[arg(long, value_name = "DIR", default_value = "tests/data")]
    data: PathBuf,
}

impl Source {
    /// The file of a table.
    pub fn table(&self, name: &str) -> PathBuf {
        self.data.join(name).with_extension("parquet")
    }
}

/// Opens a file.
pub fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("cannot open {}", path.display()))
}

/// The rows of a file hour by hour, as the demo publishes them; those of an hour stand in the order of the file.
pub fn read(path: &Path) -> Result<RecordBatch> {
    let table = ParquetRecordBatchReaderBuilder::try_new(open(path)?)
        .and_then(ParquetRecordBatchReaderBuilder::build)
        .with_context(|| format!("{} is no Parquet file that can be read", path.display()))?;
    let batches = table.collect::<Result<Vec<_>, _>>()?;
    let first = batches.first().with_context(|| format!("{} has no rows", path.display()))?;
    let all = concat_batches(&first.schema(), &batches)?;
    in_order(&all).with_context(|| format!("{} cannot be cut into hours", path.display()))
}

/// The rows hour by hour.
pub fn in_order(all: &RecordBatch) -> Result<RecordBatch> {
    let hours = hours(all)?;
    let rows = u32::try_from(hours.len()).context("more rows than a demo needs")?;
    let mut order: Vec<u32> = (0..rows).collect();
    order.sort_by_key(|&row| hours[row as usize]);
    Ok(take_record_batch(all, &UInt32Array::from(order))?)
}

/// The day and the hour of each row.
pub fn hours(batch: &RecordBatch) -> Result<Vec<(Date, i64)>> {
    Ok(dates(batch)?.zip(column(batch, "hour")?.iter().copied()).collect())
}
