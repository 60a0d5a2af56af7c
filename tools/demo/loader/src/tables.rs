//! The tables of the demo, day by day.

use crate::shared::dates::dates;
use crate::shared::report::Date;
use crate::source::open;
use anyhow::{Context as _, Result};
use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::BTreeMap;
use std::path::Path;

/// A table cut into days; the rows of a day stand in the order of the file.
pub struct Table {
    schema: SchemaRef,
    days: BTreeMap<Date, RecordBatch>,
}

impl Table {
    /// Reads a Parquet file that has the columns `year`, `month` and `day`.
    pub fn read(path: &Path) -> Result<Self> {
        let table = ParquetRecordBatchReaderBuilder::try_new(open(path)?)
            .and_then(ParquetRecordBatchReaderBuilder::build)
            .with_context(|| format!("{} is no Parquet file that can be read", path.display()))?;
        let batches = table.collect::<Result<Vec<_>, _>>()?;
        let first = batches.first().with_context(|| format!("{} has no rows", path.display()))?;
        let all = concat_batches(&first.schema(), &batches)?;
        Self::cut(&all).with_context(|| format!("{} cannot be cut into days", path.display()))
    }

    fn cut(all: &RecordBatch) -> Result<Self> {
        let dates: Vec<Date> = dates(all)?.collect();
        let rows = u32::try_from(dates.len()).context("more rows than a demo needs")?;
        let mut order: Vec<u32> = (0..rows).collect();
        order.sort_by_key(|&row| dates[row as usize]);
        let sorted = take_record_batch(all, &UInt32Array::from(order))?;
        let mut lengths = BTreeMap::<Date, usize>::new();
        for date in dates {
            *lengths.entry(date).or_default() += 1;
        }
        let mut days = BTreeMap::new();
        let mut start = 0;
        for (date, length) in lengths {
            days.insert(date, sorted.slice(start, length));
            start += length;
        }
        Ok(Self { schema: all.schema(), days })
    }

    /// The days that have rows, in order.
    pub fn days(&self) -> impl Iterator<Item = Date> {
        self.days.keys().copied()
    }

    /// How many rows a day has.
    pub fn rows_of(&self, day: Date) -> usize {
        self.days.get(&day).map_or(0, RecordBatch::num_rows)
    }

    /// The rows of all days from `first` to `last`, at least one batch.
    pub fn between(&self, first: Date, last: Date) -> Vec<RecordBatch> {
        let days: Vec<_> = self.days.range(first..=last).map(|(_, rows)| rows.clone()).collect();
        if days.is_empty() { vec![RecordBatch::new_empty(self.schema.clone())] } else { days }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, AsArray as _, Int64Array};
    use arrow::datatypes::Int64Type;
    use std::sync::Arc;

    fn date(month: i64, day: i64) -> Date {
        Date { year: 2013, month, day }
    }

    fn table() -> Table {
        let column = |values: [i64; 5]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
        let columns = [
            ("year", column([2013; 5])),
            ("month", column([1, 10, 2, 1, 2])),
            ("day", column([1, 5, 3, 1, 4])),
            ("row", column([0, 1, 2, 3, 4])),
        ];
        Table::cut(&RecordBatch::try_from_iter(columns).unwrap()).unwrap()
    }

    fn rows(batches: &[RecordBatch]) -> Vec<i64> {
        let column = |batch: &RecordBatch| batch["row"].as_primitive::<Int64Type>().values().to_vec();
        batches.iter().flat_map(column).collect()
    }

    #[test]
    fn days_come_in_order_whatever_the_order_of_the_file() {
        assert_eq!(table().days().collect::<Vec<_>>(), [date(1, 1), date(2, 3), date(2, 4), date(10, 5)]);
    }

    #[test]
    fn days_between_two_dates_include_both() {
        assert_eq!(rows(&table().between(date(1, 1), date(2, 3))), [0, 3, 2]);
        assert_eq!(rows(&table().between(date(2, 4), date(12, 31))), [4, 1]);
    }

    #[test]
    fn days_without_rows_are_an_empty_batch() {
        let batches = table().between(date(3, 1), date(4, 1));
        assert_eq!((batches.len(), batches[0].num_rows()), (1, 0));
    }
}
