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

enum Form {
    Table(RowTable),
    Json,
    Csv(CsvWriter),
}

impl RowWriter {
    /// CSV if that is asked for; else as the output says. `whole`: tables cut nothing.
    pub fn new(output: &Output, frame: &str, csv: bool, whole: bool) -> Self {
        let form = if csv {
            Form::Csv(CsvWriter::new(output.has_heads()))
        } else if output.is_json() {
            Form::Json
        } else if whole {
            Form::Table(RowTable::whole())
        } else {
            Form::Table(RowTable::fitting(output.width()))
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
