//! `repeat CASE TIMES`: one thing again and again, for a profiler. Instructions for one are the difference between two
//! runs under callgrind, divided by the difference of their TIMES: they do not depend on what else the machine does.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::Float64Type;
use shmframe::arrow;
use shmframe_benches::Place;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let case = words.next().context("usage: repeat put|append|snapshot|new|batches TIMES")?;
    let times: u64 = words.next().context("how often?")?.parse()?;
    let place = Place::create()?;
    // Valgrind cannot map the default of 1 TiB.
    let mut writer = place.options().capacity(1 << 30).create("repeat")?;
    let column = |number: usize| -> (String, ArrayRef) {
        (format!("c{number}"), Arc::new(Float64Array::from_iter_values((0..13).map(f64::from))))
    };
    let columns = if case == "batches" { 10 } else { 1 };
    let batch = RecordBatch::try_from_iter((0..columns).map(column))?;
    for _ in 0..100 {
        writer.put("frame", &batch)?;
    }
    let rows = |count: i32| {
        RecordBatch::try_from_iter((0..2).map(|number| -> (String, ArrayRef) {
            (format!("c{number}"), Arc::new(Float64Array::from_iter_values((0..count).map(f64::from))))
        }))
    };
    let few = rows(3)?;
    writer.put("ticks", &rows(20_000)?)?;
    for _ in 0..100 {
        writer.append("ticks", &few)?;
    }
    let reader = place.reader("repeat")?;
    drop(reader.snapshot()?.frame("frame")?);
    let look = || -> Result<()> {
        let column = reader.snapshot()?.frame("frame")?.column::<Float64Type>("c0")?;
        black_box(column[0]);
        Ok(())
    };
    for _ in 0..times {
        match case.as_str() {
            "put" => _ = writer.put("frame", &batch)?,
            "append" => _ = writer.append("ticks", &few)?,
            "snapshot" => look()?,
            "new" => {
                writer.put("frame", &batch)?;
                look()?;
            }
            "batches" => drop(black_box(reader.snapshot()?.frame("frame")?.batches()?)),
            other => bail!("{other:?} is no case"),
        }
    }
    Ok(writer.remove_segment()?)
}
