//! What the light reader knows, and how it gets to know more: by each row once.

use crate::reading::placement::Placement;
use crate::reading::{column, counted, today};
use crate::shared::dates::dates;
use crate::shared::report::{Date, Edition};
use anyhow::{Context as _, Result, bail, ensure};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Float64Type;
use shmframe_reader::{Position, Since, Snapshot};
use std::collections::BTreeMap;

/// What was seen so far.
#[derive(Default)]
pub struct Looks {
    flights: Feed,
    weather: Feed,
    /// The latest temperature at each airport.
    latest: BTreeMap<String, f64>,
}

/// A frame that grows: how far it was read.
#[derive(Default)]
struct Feed {
    position: Option<Position>,
    /// Rows that were read, and rows that were dropped before.
    read: u64,
    dropped: u64,
    /// The last day of which rows were read, and how many those were.
    day: Option<(Date, i64)>,
}

impl Looks {
    /// Reads what is new in a snapshot, and checks that its frames are of one day.
    pub fn look(&mut self, snapshot: &Snapshot, placement: &mut Placement) -> Result<Edition> {
        let (edition, today) = today(snapshot, placement)?;
        let flights = ["year", "month", "day"];
        let weather = ["year", "month", "day", "origin", "temp"];
        for (name, columns, feed) in
            [("flights", &flights[..], &mut self.flights), ("weather", &weather[..], &mut self.weather)]
        {
            let batches = feed.read(snapshot, name, columns, placement)?;
            if name == "weather" {
                note_temperatures(&mut self.latest, &batches)?;
            }
            let (expected, found) = (column(&today, name, placement)?[0], feed.rows_of(edition.day)?);
            ensure!(
                expected == found,
                "{edition}: {found} rows of that day came in {name:?}, not {expected}"
            );
        }
        Ok(edition)
    }

    /// How many rows were dropped before they were read.
    pub fn dropped(&self) -> u64 {
        self.flights.dropped + self.weather.dropped
    }

    /// The latest temperatures in words.
    pub fn temperatures(&self) -> String {
        if self.latest.is_empty() {
            return "no weather known".to_owned();
        }
        let airports = self.latest.iter().map(|(origin, degrees)| format!("{origin} {degrees:.0} °F"));
        airports.collect::<Vec<_>>().join(", ")
    }
}

impl Feed {
    /// The rows that came since the last look.
    fn read(
        &mut self,
        snapshot: &Snapshot,
        name: &str,
        columns: &[&str],
        placement: &mut Placement,
    ) -> Result<Vec<RecordBatch>> {
        let frame = snapshot.frame(name)?.select(columns)?;
        let position = self.position.unwrap_or_else(|| {
            self.dropped = frame.first_position().row();
            frame.first_position()
        });
        let appended = frame.appended_since(position)?;
        match appended.since {
            Since::Continued => {}
            Since::Dropped { rows } => self.dropped += rows,
            other => bail!("{name:?} does not go on after {position}: {other:?}"),
        }
        let batches = counted(&frame, appended.batches, placement);
        for batch in &batches {
            self.read += batch.num_rows() as u64;
            for date in dates(batch)? {
                self.count(name, date)?;
            }
        }
        self.position = Some(appended.position);
        let (counted, row) = (self.read + self.dropped, appended.position.row());
        ensure!(counted == row, "of the {row} rows of {name:?} {counted} came by");
        Ok(batches)
    }

    fn count(&mut self, name: &str, date: Date) -> Result<()> {
        let count = match self.day {
            Some((day, count)) if day == date => count,
            Some((day, _)) => {
                ensure!(day < date, "frame {name:?} has a row of {date} after those of {day}");
                0
            }
            None => 0,
        };
        self.day = Some((date, count + 1));
        Ok(())
    }

    /// How many rows of this day came; there may be none of a later one.
    fn rows_of(&self, day: Date) -> Result<i64> {
        let Some((last, count)) = self.day else { return Ok(0) };
        ensure!(last <= day, "on {day} there are rows of {last}");
        Ok(if last == day { count } else { 0 })
    }
}

fn note_temperatures(latest: &mut BTreeMap<String, f64>, batches: &[RecordBatch]) -> Result<()> {
    for batch in batches {
        let origins = batch["origin"].as_string_opt::<i32>().context("the origins are no strings")?;
        let degrees = batch["temp"].as_primitive_opt::<Float64Type>();
        let degrees = degrees.context("the temperatures are no numbers")?;
        for (origin, degrees) in origins.iter().zip(degrees) {
            let (Some(origin), Some(degrees)) = (origin, degrees) else { continue };
            latest.insert(origin.to_owned(), degrees);
        }
    }
    Ok(())
}
