//! What is published when: the rows of each day, cut into steps.

use crate::shared::report::Date;
use crate::source::Source;
use crate::tables::Table;
use anyhow::Result;
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use std::ops::Range;
use std::sync::Arc;

/// What is published.
pub struct Plan {
    pub flights: Table,
    pub weather: Table,
    /// The days on which flights left.
    days: Vec<Date>,
    /// How many days of rows are kept.
    window: usize,
}

/// What one version adds: the numbers of its rows in each table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub day: Date,
    pub flights: Range<usize>,
    pub weather: Range<usize>,
    /// The rows of days before this one are dropped; with the first step of a day only.
    pub oldest: Option<Date>,
}

impl Plan {
    /// Reads the tables; `days` and `window` are at least 1.
    pub fn read(source: &Source, days: usize, window: usize) -> Result<Self> {
        let flights = Table::read(&source.table("flights"))?;
        Ok(Self::new(flights, Table::read(&source.table("weather"))?, days, window))
    }

    fn new(flights: Table, weather: Table, days: usize, window: usize) -> Self {
        let days = flights.days().into_iter().take(days).collect();
        Self { flights, weather, days, window }
    }

    /// The days that are published.
    pub fn days(&self) -> &[Date] {
        &self.days
    }

    /// The steps of a day, by its place among the days: each hour with what was measured and who left then; the flights of
    /// the busiest hour come one by one.
    pub fn steps(&self, at: usize) -> Vec<Step> {
        let day = self.days[at];
        let before = at.checked_sub(1).map(|before| self.days[before]);
        let start = |table: &Table| before.map_or(0, |before| table.end_of(before, i64::MAX));
        let (mut flights, mut weather) = (start(&self.flights), start(&self.weather));
        let peak = self.flights.peak(day);
        let step = |flights, weather| Step { day, flights, weather, oldest: None };
        let mut steps = Vec::new();
        for hour in 0..24 {
            let leaving = flights..self.flights.end_of(day, hour);
            let mut measured = weather..self.weather.end_of(day, hour);
            (flights, weather) = (leaving.end, measured.end);
            let rows_each = if hour == peak { 1 } else { leaving.len().max(1) };
            for start in leaving.clone().step_by(rows_each) {
                steps.push(step(start..start + rows_each, measured.clone()));
                measured = weather..weather;
            }
            if !measured.is_empty() {
                steps.push(step(leaving, measured));
            }
        }
        if let Some(first) = steps.first_mut() {
            first.oldest = (at >= self.window).then(|| self.oldest(day));
        }
        steps
    }

    /// The oldest day of which rows are kept on this day.
    fn oldest(&self, day: Date) -> Date {
        let at = self.days.partition_point(|&other| other < day);
        self.days[(at + 1).saturating_sub(self.window)]
    }

    /// One row: the day, how many rows it has so far in each table, and from which row on they are kept.
    pub fn today(&self, step: &Step) -> Result<RecordBatch> {
        let column = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
        let (day, oldest) = (step.day, self.oldest(step.day));
        let so_far = |table: &Table, end: usize| column((end - table.start_of(day)) as i64);
        let kept_from = |table: &Table| column(table.start_of(oldest) as i64);
        Ok(RecordBatch::try_from_iter([
            ("year", column(day.year)),
            ("month", column(day.month)),
            ("day", column(day.day)),
            ("flights", so_far(&self.flights, step.flights.end)),
            ("weather", so_far(&self.weather, step.weather.end)),
            ("flights_kept_from", kept_from(&self.flights)),
            ("weather_kept_from", kept_from(&self.weather)),
        ])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::tests::table;

    const FIRST: Date = Date { year: 2013, month: 1, day: 1 };
    const SECOND: Date = Date { year: 2013, month: 1, day: 2 };

    fn plan(window: usize) -> Plan {
        let flights = table(&[(FIRST, 6), (FIRST, 7), (FIRST, 7), (SECOND, 5), (SECOND, 5), (SECOND, 9)]);
        let weather = table(&[(FIRST, 6), (FIRST, 8), (SECOND, 5)]);
        Plan::new(flights, weather, 365, window)
    }

    #[test]
    fn flights_of_the_busiest_hour_come_one_by_one_and_the_weather_with_the_first() {
        let step = |flights, weather| Step { day: FIRST, flights, weather, oldest: None };
        assert_eq!(
            plan(2).steps(0),
            [step(0..1, 0..1), step(1..2, 1..1), step(2..3, 1..1), step(3..3, 1..2)]
        );
        let step = |flights, weather, oldest| Step { day: SECOND, flights, weather, oldest };
        let steps = [step(3..4, 2..3, None), step(4..5, 3..3, None), step(5..6, 3..3, None)];
        assert_eq!(plan(2).steps(1), steps);
    }

    #[test]
    fn first_step_of_a_day_drops_what_is_older_than_the_window() {
        let oldest = |window| plan(window).steps(1).iter().map(|step| step.oldest).collect::<Vec<_>>();
        assert_eq!(oldest(1), [Some(SECOND), None, None]);
        assert_eq!(oldest(2), [None; 3]);
    }
}
