//! One look at a snapshot.

use crate::reading::placement::Placement;
use crate::reading::{batches, edition};
use crate::shared::dates::dates;
use crate::shared::report::{Date, Edition};
use anyhow::{Context as _, Result, ensure};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use shmframe_reader::{Frame, Snapshot};
use std::collections::BTreeMap;

/// What the newest version shows.
pub struct Look {
    /// Which version, and of which day.
    pub edition: Edition,
    /// The latest temperature of the day at each airport, in words.
    pub weather: String,
}

impl Look {
    /// Looks at a snapshot, and checks that its frames are of one day.
    pub fn at(snapshot: &Snapshot, placement: &mut Placement) -> Result<Self> {
        let edition = edition(snapshot, placement)?;
        let today = snapshot.frame("today")?;
        for name in ["flights", "weather"] {
            let rows = today.column::<Int64Type>(name)?;
            placement.add_buffer(rows.inner(), |address| today.contains_address(address));
            let expected = rows.first().copied().unwrap_or_default();
            let frame = snapshot.frame(name)?.select(&["year", "month", "day"])?;
            let found = rows_of(edition.day, &frame, placement)?;
            ensure!(
                expected == found,
                "version {} of {}: frame {name:?} has {found} rows of that day, not {expected}",
                edition.version,
                edition.day
            );
        }
        let weather =
            snapshot.frame("weather")?.select(&["year", "month", "day", "origin", "hour", "temp"])?;
        let weather = temperatures(edition.day, &batches(&weather, placement)?)?;
        Ok(Self { edition, weather })
    }
}

/// How many rows are of this day; none may be of a later one.
fn rows_of(day: Date, frame: &Frame, placement: &mut Placement) -> Result<i64> {
    let mut count = 0;
    for batch in batches(frame, placement)? {
        for date in dates(&batch)? {
            ensure!(date <= day, "frame {:?} of {day} has a row of {date}", frame.name());
            count += i64::from(date == day);
        }
    }
    Ok(count)
}

/// The latest temperature of the day at each airport.
fn temperatures(day: Date, batches: &[RecordBatch]) -> Result<String> {
    let mut latest = BTreeMap::<&str, (i64, f64)>::new();
    for batch in batches {
        let origins = batch["origin"].as_string_opt::<i32>().context("the origins are no strings")?;
        let hours = batch["hour"].as_primitive_opt::<Int64Type>().context("the hours are no integers")?;
        let degrees =
            batch["temp"].as_primitive_opt::<Float64Type>().context("the temperatures are no numbers")?;
        for (((date, origin), hour), degrees) in dates(batch)?.zip(origins).zip(hours).zip(degrees) {
            let (Some(origin), Some(hour), Some(degrees)) = (origin, hour, degrees) else { continue };
            if date == day && latest.get(origin).is_none_or(|&(before, _)| before <= hour) {
                latest.insert(origin, (hour, degrees));
            }
        }
    }
    if latest.is_empty() {
        return Ok("no weather known".to_owned());
    }
    let airports = latest.iter().map(|(origin, (_, degrees))| format!("{origin} {degrees:.0} °F"));
    Ok(airports.collect::<Vec<_>>().join(", "))
}
