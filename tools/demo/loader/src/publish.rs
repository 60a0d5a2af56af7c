//! Appends the rows of the tables, step by step, until the days or the input end.

use crate::plan::{Plan, Step};
use crate::shared::program::say;
use crate::shared::report::{Edition, Report};
use anyhow::Result;
use arrow::array::{Array as _, RecordBatch};
use shmframe_writer::Writer;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Publishes a day each `pace`, its steps evenly; stops early if somebody drops the sender of `input`.
pub fn publish(plan: &Plan, writer: &mut Writer, pace: Duration, input: &Receiver<()>) -> Result<()> {
    say(&Report::Ready { days: plan.days().len() as u64 })?;
    let mut due = Instant::now();
    for at in 0..plan.days().len() {
        let steps = plan.steps(at);
        for (number, step) in steps.iter().enumerate() {
            let complete = at + usize::from(number + 1 == steps.len());
            publish_step(plan, writer, step, complete as u64)?;
            due += pace / steps.len() as u32;
            let left = due.saturating_duration_since(Instant::now());
            if input.recv_timeout(left) == Err(RecvTimeoutError::Disconnected) {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn publish_step(plan: &Plan, writer: &mut Writer, step: &Step, days: u64) -> Result<()> {
    let today = plan.today(step)?;
    let mut bytes = bytes(&today)?;
    // All in one transaction: no reader sees the flights of one hour beside the weather of another.
    let mut transaction = writer.begin()?;
    for (name, table, rows) in
        [("flights", &plan.flights, &step.flights), ("weather", &plan.weather, &step.weather)]
    {
        let batch = table.rows(rows.clone());
        bytes += self::bytes(&batch)?;
        transaction.append(name, &batch)?;
        if let Some(oldest) = step.oldest {
            transaction.drop_rows_before(name, table.start_of(oldest) as u64)?;
        }
    }
    transaction.put("today", &today)?;
    let version = transaction.commit()?;
    let rows = (step.flights.end + step.weather.end) as u64;
    say(&Report::Published { edition: Edition { version, day: step.day, rows }, bytes, days })
}

/// The bytes of a batch's rows.
fn bytes(batch: &RecordBatch) -> Result<u64> {
    let columns = batch.columns().iter();
    let bytes = columns.map(|column| column.to_data().get_slice_memory_size());
    Ok(bytes.sum::<Result<usize, _>>()? as u64)
}
