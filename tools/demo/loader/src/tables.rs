//! The tables of the demo, hour by hour.

use crate::shared::report::Date;
use crate::source::{self, hours};
use anyhow::{Context as _, Result};
use arrow::array::RecordBatch;
use std::ops::Range;
use std::path::Path;

/// A table whose rows stand hour by hour. Rows are known by their numbers, which are also those of the frame.
pub struct Table {
    rows: RecordBatch,
    hours: Vec<(Date, i64)>,
}

impl Table {
    /// Reads a Parquet file that has the columns `year`, `month`, `day` and `hour`.
    pub fn read(path: &Path) -> Result<Self> {
        Self::new(source::read(path)?).with_context(|| format!("{} has no hours", path.display()))
    }

    /// A table of rows that stand hour by hour.
    fn new(rows: RecordBatch) -> Result<Self> {
        let hours = hours(&rows)?;
        Ok(Self { rows, hours })
    }

    /// The days that have rows, in order.
    pub fn days(&self) -> Vec<Date> {
        let mut days: Vec<_> = self.hours.iter().map(|&(date, _)| date).collect();
        days.dedup();
        days
    }

    /// The number of the first row of this day or a later one.
    pub fn start_of(&self, day: Date) -> usize {
        self.hours.partition_point(|&(date, _)| date < day)
    }

    /// The number behind the last row of this hour or an earlier one.
    pub fn end_of(&self, day: Date, hour: i64) -> usize {
        self.hours.partition_point(|&moment| moment <= (day, hour))
    }

    /// The hour of a day that has the most rows.
    pub fn peak(&self, day: Date) -> i64 {
        let rows = &self.hours[self.start_of(day)..self.end_of(day, i64::MAX)];
        let hours = rows.chunk_by(|before, after| before == after);
        hours.max_by_key(|hour| hour.len()).map_or(0, |hour| hour[0].1)
    }

    /// Rows by their numbers.
    pub fn rows(&self, rows: Range<usize>) -> RecordBatch {
        self.rows.slice(rows.start, rows.len())
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::source::in_order;
    use arrow::array::{ArrayRef, AsArray as _, Int64Array};
    use arrow::datatypes::Int64Type;
    use std::sync::Arc;

    /// A table of these hours, in the order of a file, with the column `row` that numbers them.
    pub fn table(hours: &[(Date, i64)]) -> Table {
        let column = |value: fn(&(Date, i64)) -> i64| {
            Arc::new(hours.iter().map(value).collect::<Int64Array>()) as ArrayRef
        };
        let columns = [
            ("year", column(|(date, _)| date.year)),
            ("month", column(|(date, _)| date.month)),
            ("day", column(|(date, _)| date.day)),
            ("hour", column(|&(_, hour)| hour)),
            ("row", Arc::new((0..hours.len() as i64).collect::<Int64Array>())),
        ];
        Table::new(in_order(&RecordBatch::try_from_iter(columns).unwrap()).unwrap()).unwrap()
    }

    fn date(month: i64, day: i64) -> Date {
        Date { year: 2013, month, day }
    }

    fn mixed() -> Table {
        table(&[
            (date(1, 1), 7),
            (date(10, 5), 0),
            (date(2, 3), 0),
            (date(1, 1), 6),
            (date(2, 4), 23),
            (date(1, 1), 7),
        ])
    }

    fn rows(rows: Range<usize>) -> Vec<i64> {
        mixed().rows(rows)["row"].as_primitive::<Int64Type>().values().to_vec()
    }

    #[test]
    fn hours_come_in_order_whatever_the_order_of_the_file() {
        assert_eq!(rows(0..6), [3, 0, 5, 2, 4, 1]);
        assert_eq!(mixed().days(), [date(1, 1), date(2, 3), date(2, 4), date(10, 5)]);
    }

    #[test]
    fn rows_are_found_by_day_and_hour() {
        let days = [date(1, 1), date(1, 2), date(2, 4), date(12, 31)];
        assert_eq!(days.map(|day| mixed().start_of(day)), [0, 3, 4, 6]);
        assert_eq!([0, 6, 7, 23].map(|hour| mixed().end_of(date(1, 1), hour)), [0, 1, 3, 3]);
    }

    #[test]
    fn peak_is_the_hour_with_the_most_rows() {
        assert_eq!([date(1, 1), date(2, 4), date(3, 1)].map(|day| mixed().peak(day)), [7, 23, 0]);
    }
}
