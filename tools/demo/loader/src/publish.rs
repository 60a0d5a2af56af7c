//! One version a day, until the days or the input end.

use crate::shared::program::say;
use crate::shared::report::{Date, Edition, Report};
use crate::source::Source;
use crate::tables::Table;
use anyhow::Result;
use arrow::array::{Array as _, ArrayRef, Int64Array, RecordBatch};
use shmframe_writer::Writer;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// What is published.
pub struct Plan {
    flights: Table,
    weather: Table,
    /// The days on which flights left.
    days: Vec<Date>,
    /// How many days of rows each version has.
    window: usize,
}

impl Plan {
    /// Reads the tables; `days` and `window` are at least 1.
    pub fn read(source: &Source, days: usize, window: usize) -> Result<Self> {
        let flights = Table::read(&source.table("flights"))?;
        let weather = Table::read(&source.table("weather"))?;
        let days = flights.days().take(days).collect();
        Ok(Self { flights, weather, days, window })
    }

    /// Publishes a version each `pace`; stops early if somebody drops the sender of `input`.
    pub fn publish(&self, writer: &mut Writer, pace: Duration, input: &Receiver<()>) -> Result<()> {
        say(&Report::Ready { days: self.days.len() as u64 })?;
        let mut due = Instant::now();
        for at in 0..self.days.len() {
            self.publish_day(writer, at)?;
            due += pace;
            let left = due.saturating_duration_since(Instant::now());
            if input.recv_timeout(left) == Err(RecvTimeoutError::Disconnected) {
                break;
            }
        }
        Ok(())
    }

    fn publish_day(&self, writer: &mut Writer, at: usize) -> Result<()> {
        let day = self.days[at];
        let first = self.days[(at + 1).saturating_sub(self.window)];
        let frames = [
            ("flights", self.flights.between(first, day)),
            ("weather", self.weather.between(first, day)),
            ("today", vec![self.today(day)?]),
        ];
        // All in one transaction: no reader sees the flights of one day beside the weather of another.
        let mut transaction = writer.begin()?;
        for (name, batches) in &frames {
            transaction.put(name, batches)?;
        }
        let version = transaction.commit()?;
        let batches = || frames.iter().flat_map(|(_, batches)| batches);
        let rows = batches().map(|batch| batch.num_rows() as u64).sum();
        let mut bytes = 0;
        for column in batches().flat_map(RecordBatch::columns) {
            bytes += column.to_data().get_slice_memory_size()? as u64;
        }
        say(&Report::Published { edition: Edition { version, day, rows }, bytes })
    }

    /// One row: the day, and how many rows it has in each table.
    fn today(&self, day: Date) -> Result<RecordBatch> {
        let column = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
        Ok(RecordBatch::try_from_iter([
            ("year", column(day.year)),
            ("month", column(day.month)),
            ("day", column(day.day)),
            ("flights", column(self.flights.rows_of(day) as i64)),
            ("weather", column(self.weather.rows_of(day) as i64)),
        ])?)
    }
}
