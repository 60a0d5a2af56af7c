//! The dates of a table's rows: its columns `year`, `month` and `day`.

use super::report::Date;
use anyhow::{Context as _, Result, ensure};
use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;

/// The date of each row.
pub fn dates(batch: &RecordBatch) -> Result<impl Iterator<Item = Date>> {
    let (years, months, days) = (column(batch, "year")?, column(batch, "month")?, column(batch, "day")?);
    let rows = years.iter().zip(months).zip(days);
    Ok(rows.map(|((&year, &month), &day)| Date { year, month, day }))
}

/// A column of integers without nulls.
pub fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b [i64]> {
    let column = batch.column_by_name(name).with_context(|| format!("there is no column {name:?}"))?;
    let column = column.as_primitive_opt::<Int64Type>();
    let column = column.with_context(|| format!("column {name:?} has no 64-bit integers"))?;
    ensure!(column.null_count() == 0, "column {name:?} has nulls");
    Ok(column.values())
}
