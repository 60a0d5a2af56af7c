//! What the commands that show rows have in common on the command line.

use super::condition::Condition;
use super::frame_rows::{FrameRows, Selection};
use super::writer::{RowWriter, Style};
use crate::frames;
use crate::session::Session;
use anyhow::Result;
use clap::Args;
use shmframe_cli::Target;

/// Which frame, which of its columns and rows, and how they are printed.
#[derive(Args, Clone, Debug)]
pub struct RowOptions {
    /// Segment and frame; the segment alone if it has one frame
    pub target: Target,
    /// The columns to show, in this order
    #[arg(long, short, value_name = "COLUMN,...", value_delimiter = ',')]
    columns: Vec<String>,
    /// Only the rows for which this holds, as in: price > 100 and symbol = 'A' and size is not null
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<Condition>,
    /// Print CSV: names, then a line for each row
    #[arg(long, conflicts_with_all = ["format", "json"], help_heading = "Output")]
    csv: bool,
    /// Show long values whole, and all columns however wide the table gets
    #[arg(long, help_heading = "Output")]
    no_trunc: bool,
}

impl RowOptions {
    /// Which columns, and for which rows.
    pub fn selection(&self) -> Selection {
        Selection { columns: self.columns.clone(), condition: self.condition.clone() }
    }

    /// The frame's rows: in place, or copied.
    pub fn read(&self, session: &Session) -> Result<FrameRows> {
        let selection = self.selection();
        session.view(&self.target, |view| FrameRows::read(&frames::one(&self.target, view)?, &selection))
    }

    /// What writes rows as the options say.
    pub fn writer(&self, session: &Session, rows: &FrameRows) -> RowWriter {
        let style = match (self.csv, self.no_trunc) {
            (true, _) => Style::Csv,
            (false, true) => Style::Whole,
            (false, false) => Style::Fitting,
        };
        RowWriter::new(&session.output, rows, style)
    }
}
