//! Departure delays by carrier and route, computed over the arrays where they lie.

use anyhow::{Context as _, Result};
use arrow::array::{AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use std::collections::HashMap;
use std::fmt;

/// The columns that the statistics need.
pub const COLUMNS: [&str; 4] = ["carrier", "origin", "dest", "dep_delay"];

/// Fewer departures say little about a route.
const ENOUGH: u64 = 10;

/// A carrier's flights between two airports.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Route {
    pub carrier: String,
    pub origin: String,
    pub dest: String,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}-{}", self.carrier, self.origin, self.dest)
    }
}

/// The departure delays of a route, in minutes; below zero is early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// Flights that left.
    pub departed: u64,
    /// Flights that did not: their delay is null.
    pub cancelled: u64,
    /// The sum of all delays, so that the mean does not depend on the order of rows.
    pub sum: i64,
    /// The greatest delay, if a flight left.
    pub max: Option<i64>,
}

impl Delays {
    /// The mean delay, if a flight left.
    pub fn mean(&self) -> Option<f64> {
        (self.departed > 0).then(|| self.sum as f64 / self.departed as f64)
    }
}

/// The delays of every route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics(pub HashMap<Route, Delays>);

impl Statistics {
    /// Computes them over batches that have the [`COLUMNS`].
    pub fn of(batches: &[RecordBatch]) -> Result<Self> {
        let mut delays = HashMap::<[&str; 3], Delays>::new();
        for batch in batches {
            let [carriers, origins, dests] =
                [strings(batch, "carrier")?, strings(batch, "origin")?, strings(batch, "dest")?];
            let delay = column(batch, "dep_delay")?.as_primitive_opt::<Int64Type>();
            let delay = delay.context("column \"dep_delay\" has no 64-bit integers")?;
            for (row, delay) in delay.iter().enumerate() {
                let route = [carriers, origins, dests].map(|column| column.value(row));
                let route = delays.entry(route).or_default();
                match delay {
                    None => route.cancelled += 1,
                    Some(delay) => {
                        route.departed += 1;
                        route.sum += delay;
                        route.max = route.max.max(Some(delay));
                    }
                }
            }
        }
        let owned = |[carrier, origin, dest]: [&str; 3]| Route {
            carrier: carrier.to_owned(),
            origin: origin.to_owned(),
            dest: dest.to_owned(),
        };
        Ok(Self(delays.into_iter().map(|(route, delays)| (owned(route), delays)).collect()))
    }

    /// The route whose flights leave latest, in words.
    pub fn worst(&self) -> String {
        let known = self.0.iter().filter(|(_, delays)| delays.departed >= ENOUGH);
        let means = known.filter_map(|(route, delays)| Some((delays.mean()?, route, delays)));
        match means.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1))) {
            Some((mean, route, delays)) => {
                let (departed, max) = (delays.departed, delays.max.unwrap_or_default());
                format!("worst is {route}, late {mean:.0} min of {departed} (max {max})")
            }
            None => format!("no route has {ENOUGH} departures"),
        }
    }
}

fn strings<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b StringArray> {
    column(batch, name)?.as_string_opt().with_context(|| format!("column {name:?} has no strings"))
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b dyn arrow::array::Array> {
    Ok(batch.column_by_name(name).with_context(|| format!("there is no column {name:?}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array};
    use std::sync::Arc;

    fn flights(rows: &[([&str; 3], Option<i64>)]) -> RecordBatch {
        let names =
            |at: usize| Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0[at]))) as ArrayRef;
        let delays = Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()) as ArrayRef;
        RecordBatch::try_from_iter(COLUMNS.into_iter().zip([names(0), names(1), names(2), delays])).unwrap()
    }

    fn delays(statistics: &Statistics, [carrier, origin, dest]: [&str; 3]) -> Delays {
        let [carrier, origin, dest] = [carrier, origin, dest].map(str::to_owned);
        statistics.0[&Route { carrier, origin, dest }]
    }

    const OUT: [&str; 3] = ["UA", "JFK", "SFO"];
    const BACK: [&str; 3] = ["UA", "SFO", "JFK"];

    #[test]
    fn flights_without_a_delay_count_as_cancelled_not_as_zero() {
        let batches = [flights(&[(OUT, Some(-4)), (OUT, None), (BACK, None)]), flights(&[(OUT, Some(7))])];
        let statistics = Statistics::of(&batches).unwrap();
        let out = delays(&statistics, OUT);
        assert_eq!(out, Delays { departed: 2, cancelled: 1, sum: 3, max: Some(7) });
        assert_eq!(out.mean(), Some(1.5));
        let back = delays(&statistics, BACK);
        assert_eq!((back.cancelled, back.max, back.mean()), (1, None, None));
    }

    #[test]
    fn greatest_delay_of_early_flights_is_below_zero() {
        let statistics = Statistics::of(&[flights(&[(OUT, Some(-9)), (OUT, Some(-4))])]).unwrap();
        assert_eq!(delays(&statistics, OUT).max, Some(-4));
    }

    #[test]
    fn worst_route_has_enough_departures() {
        let mut rows = vec![(OUT, Some(5)); 10];
        rows.push((BACK, Some(500)));
        let worst = Statistics::of(&[flights(&rows)]).unwrap().worst();
        assert_eq!(worst, "worst is UA JFK-SFO, late 5 min of 10 (max 5)");
        assert_eq!(Statistics::default().worst(), "no route has 10 departures");
    }
}
