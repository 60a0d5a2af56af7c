//! The same statistics from the Parquet file: computed in another way, row by row and without arrays, for every
//! version; and by the same code over the file's own arrays, for the last one.

use crate::shared::dates::dates;
use crate::shared::report::Date;
use crate::source::open;
use crate::statistics::{Delays, Route, Statistics};
use anyhow::{Context as _, Result, ensure};
use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// The flights of a Parquet file, by day.
pub struct Rows {
    days: BTreeMap<Date, Vec<(Route, Option<i64>)>>,
}

impl Rows {
    /// Reads the file by Parquet's own rows, not by arrays.
    pub fn read(path: &Path) -> Result<Self> {
        let reader = SerializedFileReader::new(open(path)?)?;
        let columns = ["year", "month", "day", "carrier", "origin", "dest", "dep_delay"];
        let schema = reader.metadata().file_metadata().schema();
        let wanted = schema.get_fields().iter().filter(|field| columns.contains(&field.name()));
        let wanted = wanted.map(Arc::clone).collect();
        let projection = Type::group_type_builder(schema.name()).with_fields(wanted).build()?;
        let mut days = BTreeMap::<Date, Vec<_>>::new();
        for row in reader.get_row_iter(Some(projection))? {
            let row = row?;
            let integer = |name| integer(&row, name);
            let date =
                || Some(Date { year: integer("year")?, month: integer("month")?, day: integer("day")? });
            let date = date().context("a row without a date")?;
            let text = |name| text(&row, name).with_context(|| format!("a row without {name}"));
            let route = Route { carrier: text("carrier")?, origin: text("origin")?, dest: text("dest")? };
            days.entry(date).or_default().push((route, integer("dep_delay")));
        }
        Ok(Self { days })
    }

    /// The statistics of the days from `first` to `last`.
    pub fn statistics(&self, first: Date, last: Date) -> Statistics {
        let mut delays = HashMap::<&Route, Vec<Option<i64>>>::new();
        for (route, delay) in self.days.range(first..=last).flat_map(|(_, flights)| flights) {
            delays.entry(route).or_default().push(*delay);
        }
        Statistics(delays.into_iter().map(|(route, delays)| (route.clone(), summed(&delays))).collect())
    }
}

/// The statistics of the days from `first` to `last`, by the code that the reader uses, over the arrays of the file.
pub fn statistics_by_arrays(path: &Path, first: Date, last: Date) -> Result<Statistics> {
    let mut batches = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(open(path)?)?.build()? {
        let batch = batch?;
        let wanted: Vec<bool> = dates(&batch)?.map(|date| first <= date && date <= last).collect();
        batches.push(filter_record_batch(&batch, &BooleanArray::from(wanted))?);
    }
    Statistics::of(&batches)
}

/// Fails if there are none, or if the two are not the same.
pub fn compare(found: &Statistics, expected: &Statistics) -> Result<()> {
    ensure!(
        expected.0.values().any(|delays| delays.departed > 0),
        "the Parquet file has no flights to compare with"
    );
    for route in expected.0.keys().chain(found.0.keys()) {
        let (expected, found) = (expected.0.get(route), found.0.get(route));
        ensure!(expected == found, "{route}: {found:?} in the segment, {expected:?} in the Parquet file");
    }
    Ok(())
}

fn summed(delays: &[Option<i64>]) -> Delays {
    let known = || delays.iter().flatten().copied();
    let departed = known().count() as u64;
    Delays { departed, cancelled: delays.len() as u64 - departed, sum: known().sum(), max: known().max() }
}

fn field<'r>(row: &'r Row, name: &str) -> Option<&'r Field> {
    row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field)
}

fn integer(row: &Row, name: &str) -> Option<i64> {
    match field(row, name)? {
        Field::Long(value) => Some(*value),
        _ => None,
    }
}

fn text(row: &Row, name: &str) -> Option<String> {
    match field(row, name)? {
        Field::Str(value) => Some(value.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn flights() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/data/flights.parquet")
    }

    fn date(month: i64, day: i64) -> Date {
        Date { year: 2013, month, day }
    }

    #[test]
    fn rows_and_arrays_of_the_file_give_the_same() {
        let rows = Rows::read(&flights()).unwrap();
        let january = rows.statistics(date(1, 1), date(1, 31));
        let total = |count: fn(&Delays) -> u64| january.0.values().map(count).sum::<u64>();
        // Known of this table: 27,004 flights in January, of which 521 did not leave.
        assert_eq!((total(|delays| delays.departed), total(|delays| delays.cancelled)), (26_483, 521));
        compare(&statistics_by_arrays(&flights(), date(1, 1), date(1, 31)).unwrap(), &january).unwrap();
    }

    #[test]
    fn one_minute_of_one_flight_is_noticed() {
        let expected = Rows::read(&flights()).unwrap().statistics(date(7, 1), date(7, 2));
        let mut found = expected.clone();
        compare(&found, &expected).unwrap();
        let route = expected.0.keys().min().unwrap();
        found.0.get_mut(route).unwrap().sum += 1;
        assert!(compare(&found, &expected).unwrap_err().to_string().starts_with(&route.to_string()));
        found.0.remove(route);
        assert!(compare(&found, &expected).is_err());
        assert!(compare(&expected, &found).is_err());
        assert!(compare(&Statistics::default(), &Statistics::default()).is_err());
    }
}
