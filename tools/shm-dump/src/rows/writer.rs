//! Rows on standard output.

use super::csv::CsvWriter;
use super::frame_rows::Part;
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
    /// What writes rows of the frame in this style.
    pub fn new(output: &Output, frame: &str, style: Style) -> Self {
        let form = match style {
            Style::Csv => Form::Csv(CsvWriter::new(output.has_heads())),
            _ if output.is_json() => Form::Json,
            Style::Whole => Form::Table(RowTable::whole()),
            Style::Fitting => Form::Table(RowTable::fitting(output.width())),
        };
        Self { frame: frame.to_owned(), form }
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
        if let Form::Table(table) = self.form {
            table.finish(output)?;
        }
        Ok(output.raw().flush()?)
    }
}
