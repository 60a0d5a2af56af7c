//! `cargo xtask bench [FILTER]`: ours and the peers in turn; the table of ratios comes at the end.

mod append;
mod large;
mod open;
mod read;
mod wake;
mod write;

use anyhow::{Result, ensure};
use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use shmframe::arrow;
use shmframe_benches::{Place, Table};
use std::sync::Arc;

/// A run: which cases are wanted, where they stand, and what they gave.
pub struct Run {
    filter: Vec<String>,
    place: Place,
    table: Table,
}

impl Run {
    fn wants(&self, case: &str) -> bool {
        self.filter.is_empty() || self.filter.iter().any(|word| case.contains(word.as_str()))
    }
}

fn main() -> Result<()> {
    // Cargo adds `--bench`; the other benchmark of this package may be given options that mean nothing here.
    let filter: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut run = Run { filter, place: Place::create()?, table: Table::default() };
    read::run(&mut run)?;
    write::run(&mut run)?;
    append::run(&mut run)?;
    wake::run(&mut run)?;
    open::run(&mut run)?;
    large::run(&mut run)?;
    if run.table.is_empty() {
        ensure!(!run.filter.is_empty(), "nothing was measured");
        return Ok(());
    }
    println!("\n{}\n", run.table.print());
    Ok(())
}

/// A frame of `columns` columns and `bytes` bytes of values.
fn frame_of(bytes: usize, columns: usize) -> Result<RecordBatch> {
    let rows = bytes / columns / 8;
    let column = |number: usize| -> (String, ArrayRef) {
        let values = (0..rows).map(|row| (row + number + 1) as f64);
        (format!("c{number}"), Arc::new(Float64Array::from_iter_values(values)))
    };
    Ok(RecordBatch::try_from_iter((0..columns).map(column))?)
}
