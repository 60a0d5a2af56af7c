//! Rows on standard output.

use super::csv::CsvWriter;
use super::frame_rows::{FrameRows, Part};
use super::json;
use super::table::RowTable;
use anyhow::Result;
use shmframe_cli::Output;

/// Writes the rows of a frame to standard output.
pub struct RowWriter {
    frame: String,
    form: Form,
}

/// How rows are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As the output says: JSON lines, or a table that fits the terminal.
    Fitting,
    /// As the output says, and tables cut nothing.
    Whole,
    /// CSV.
    Csv,
}

enum Form {
    Table(RowTable),
    Json,
    Csv(CsvWriter),
}

impl RowWriter {
    /// What writes these rows of a frame in this style.
    pub fn new(output: &Output, rows: &FrameRows, style: Style) -> Self {
        let form = match style {
            Style::Csv => Form::Csv(CsvWriter::new(output.has_heads().then(|| rows.schema()))),
            _ if output.is_json() => Form::Json,
            Style::Whole => Form::Table(RowTable::whole().up_to(rows.last())),
            Style::Fitting => Form::Table(RowTable::fitting(output.width()).up_to(rows.last())),
        };
        Self { frame: rows.frame.clone(), form }
    }

    /// Writes some rows. They are seen at once if [`shmframe_cli::Output::raw`] is flushed.
    pub fn write(&mut self, output: &mut Output, part: &Part) -> Result<()> {
        match &mut self.form {
            Form::Table(table) => table.write(output, part),
            Form::Json => json::write_rows(&self.frame, part, output.raw()),
            Form::Csv(csv) => csv.write(&part.batch, output.raw()),
        }
    }

    /// Says to people what was left out, or that there was no row; ends the output.
    pub fn finish(self, output: &mut Output) -> Result<()> {
        match self.form {
            Form::Table(table) => table.finish(output)?,
            Form::Csv(mut csv) => csv.finish(output.raw())?,
            Form::Json => {}
        }
        Ok(output.raw().flush()?)
    }
}
