//! The same statistics from the Parquet file: computed in another way, row by row and without arrays, for every
//! version; and by the same code over the file's own arrays, for the last one.

use crate::source::{self, open};
use crate::statistics::{Delays, Route, Statistics};
use anyhow::{Context as _, Result, ensure};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The flights of a Parquet file, hour by hour: the row with a number is also that of the segment.
pub struct Rows {
    routes: Vec<Route>,
    flights: Vec<Flight>,
}

/// A flight: where its route stands, and what is computed of it.
struct Flight {
    route: usize,
    delay: Option<i64>,
    distance: i64,
}

impl Rows {
    /// Reads the file by Parquet's own rows, not by arrays.
    pub fn read(path: &Path) -> Result<Self> {
        let reader = SerializedFileReader::new(open(path)?)?;
        let columns = ["year", "month", "day", "hour", "carrier", "origin", "dest", "dep_delay", "distance"];
        let schema = reader.metadata().file_metadata().schema();
        let wanted = schema.get_fields().iter().filter(|field| columns.contains(&field.name()));
        let wanted = wanted.map(Arc::clone).collect();
        let projection = Type::group_type_builder(schema.name()).with_fields(wanted).build()?;
        let (mut places, mut flights) = (HashMap::<Route, usize>::new(), Vec::new());
        for row in reader.get_row_iter(Some(projection))? {
            let row = row?;
            let number = |name| integer(&row, name).with_context(|| format!("a row without {name}"));
            let moment = [number("year")?, number("month")?, number("day")?, number("hour")?];
            let text = |name| text(&row, name).with_context(|| format!("a row without {name}"));
            let route = Route { carrier: text("carrier")?, origin: text("origin")?, dest: text("dest")? };
            let next = places.len();
            let route = *places.entry(route).or_insert(next);
            let flight = Flight { route, delay: integer(&row, "dep_delay"), distance: number("distance")? };
            flights.push((moment, flight));
        }
        flights.sort_by_key(|(moment, _)| *moment);
        let mut routes: Vec<_> = places.into_iter().collect();
        routes.sort_by_key(|(_, place)| *place);
        let routes = routes.into_iter().map(|(route, _)| route).collect();
        Ok(Self { routes, flights: flights.into_iter().map(|(_, flight)| flight).collect() })
    }

    /// The statistics of these rows.
    pub fn statistics(&self, rows: Range<usize>) -> Result<Statistics> {
        let mut delays = vec![Vec::new(); self.routes.len()];
        for flight in self.part(rows)? {
            delays[flight.route].push(flight.delay);
        }
        let flown = self.routes.iter().zip(&delays).filter(|(_, delays)| !delays.is_empty());
        Ok(Statistics(flown.map(|(route, delays)| (route.clone(), summed(delays))).collect()))
    }

    /// The miles of these rows.
    pub fn miles(&self, rows: Range<usize>) -> Result<i64> {
        Ok(self.part(rows)?.iter().map(|flight| flight.distance).sum())
    }

    fn part(&self, rows: Range<usize>) -> Result<&[Flight]> {
        let all = self.flights.len();
        self.flights.get(rows.clone()).with_context(|| format!("rows {rows:?} of {all} in the Parquet file"))
    }
}

/// The statistics of these rows, by the code that the reader uses, over the arrays of the file.
pub fn statistics_by_arrays(path: &Path, rows: Range<usize>) -> Result<Statistics> {
    Statistics::of(&[source::read(path)?.slice(rows.start, rows.len())])
}

/// Fails if there are none, or if the two are not the same.
pub fn compare(found: &Statistics, expected: &Statistics) -> Result<()> {
    ensure!(!expected.0.is_empty(), "the Parquet file has no flights to compare with");
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

    /// Known of this table: so many flights were to leave in January.
    const JANUARY: usize = 27_004;

    #[test]
    fn rows_and_arrays_of_the_file_give_the_same() {
        let rows = Rows::read(&flights()).unwrap();
        let january = rows.statistics(0..JANUARY).unwrap();
        let total = |count: fn(&Delays) -> u64| january.0.values().map(count).sum::<u64>();
        // Known, too: 521 of them did not leave.
        assert_eq!((total(|delays| delays.departed), total(|delays| delays.cancelled)), (26_483, 521));
        compare(&statistics_by_arrays(&flights(), 0..JANUARY).unwrap(), &january).unwrap();
    }

    #[test]
    fn one_row_more_or_less_is_noticed() {
        let rows = Rows::read(&flights()).unwrap();
        let expected = rows.statistics(100..JANUARY).unwrap();
        for other in [101..JANUARY, 100..JANUARY - 1, 99..JANUARY, 100..JANUARY + 1] {
            let found = statistics_by_arrays(&flights(), other.clone()).unwrap();
            assert!(compare(&found, &expected).is_err(), "{other:?}");
            assert_ne!(rows.miles(other).unwrap(), rows.miles(100..JANUARY).unwrap());
        }
        assert!(rows.statistics(0..400_000).is_err());
    }

    #[test]
    fn one_minute_of_one_flight_is_noticed() {
        let expected = Rows::read(&flights()).unwrap().statistics(200_000..202_000).unwrap();
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
