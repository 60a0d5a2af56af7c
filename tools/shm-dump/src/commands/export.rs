//! `shm-dump export`: a frame as a file.

use crate::export::{
    Compression, Existing, Form, TableWriter, check, one_dictionary, refuse_overwriting, write_file,
};
use crate::frames;
use crate::session::Session;
use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use clap::Args;
use core::sync::atomic::{AtomicBool, Ordering};
use indicatif::ProgressBar;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, cell};
use shmframe_cli::{Exit, Failure, Target, words};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that become one batch of an Arrow file: more of them, fewer batches for who reads it.
const BATCH: usize = 1 << 20;
/// Rows that are written at once in other forms, which need memory for them.
const STEP: usize = 1 << 13;

/// Write a frame to a file: Parquet, Arrow, CSV, JSON lines
///
/// All rows of one version. The file comes to stand under its name when it is whole; a file that is there is only replaced with
/// --force.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump export ticks/trades -o trades.parquet
  shm-dump export ticks/trades@12 -o trades.arrow --compression zstd
  shm-dump export ticks/trades -c symbol,price -o - --as csv | gzip > trades.csv.gz")]
pub struct ExportOptions {
    /// Segment and frame; the segment alone if it has one frame
    target: Target,
    /// The file; - is standard output
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// The form; unset: what the file's extension says
    #[arg(long = "as", value_enum, value_name = "FORM")]
    form: Option<Form>,
    /// The columns to write, in this order; unset: all
    #[arg(long, short, value_name = "COLUMN,...", value_delimiter = ',')]
    columns: Vec<String>,
    /// How to compress; unset: zstd for Parquet, else none
    #[arg(long, value_enum)]
    compression: Option<Compression>,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

/// A frame that was written to a file.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Exported {
    /// The frame's name.
    frame: String,
    /// The version that was written.
    version: u64,
    /// The file.
    file: String,
    /// Its form.
    form: Form,
    /// Rows in it.
    rows: u64,
    /// Its size.
    bytes: u64,
}

impl Record for Exported {
    const KIND: &'static str = "exported";
    const HEADS: &'static [&'static str] = &["FRAME", "#VERSION", "FILE", "FORM", "#ROWS", "#SIZE"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        vec![
            cell(&self.frame),
            cell(self.version),
            cell(&self.file),
            cell(self.form),
            cell(words::count(self.rows, exact)),
            cell(words::bytes(self.bytes, exact)),
        ]
    }
}

impl ExportOptions {
    /// What becomes of a file of the name.
    fn existing(&self) -> Existing {
        if self.force { Existing::IsReplaced } else { Existing::Stays }
    }
}

pub fn run(session: &mut Session, options: &ExportOptions) -> Result<Exit> {
    let is_standard = options.output == Path::new("-");
    let form = match options.form {
        Some(form) => form,
        None if is_standard => {
            return Err(Failure::usage(
                "for standard output say the form: --as parquet, arrow, arrows, csv or jsonl",
            )
            .into());
        }
        None => Form::of(&options.output)?,
    };
    let compression = form.compression(options.compression)?;
    if is_standard && form.is_binary() && std::io::stdout().is_terminal() {
        return Err(Failure::usage(format!("{form} is not for a terminal; redirect standard output")).into());
    }
    if !is_standard {
        refuse_overwriting(&options.output, options.existing())?;
    }
    // What is written elsewhere is valid.
    let look = session.open_validating(&options.target.place)?;
    let table = look.view(options.target.version, |view| {
        let frame = frames::one(&options.target, view)?;
        let columns: Vec<&str> = options.columns.iter().map(String::as_str).collect();
        let frame = if columns.is_empty() { frame } else { frame.select(&columns)? };
        let (name, schema) = (frame.name().to_owned(), frame.schema());
        Ok(Table { name, version: view.version(), schema, batches: frame.batches()? })
    })?;
    check(form, compression, &table.schema, &table.batches)?;
    let table = Table { batches: one_dictionary(form, &table.schema, &table.batches)?, ..table };
    let interrupted = interruption()?;
    let bar = session.progress(table.rows());
    let export = Export { table: &table, form, compression, bar: &bar, interrupted: &interrupted };
    if is_standard {
        export.write(session.output.raw())?.flush()?;
        bar.finish_and_clear();
        return Ok(Exit::Success);
    }
    let bytes = write_file(&options.output, options.existing(), |file| export.write(file))?;
    bar.finish_and_clear();
    let file = options.output.display().to_string();
    let rows = table.rows();
    let exported = Exported { frame: table.name, version: table.version, file, form, rows, bytes };
    session.output.record(&exported)?;
    Ok(Exit::Success)
}

/// Whether the program was asked to end.
fn interruption() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&interrupted);
    ctrlc::set_handler(move || noted.store(true, Ordering::Relaxed)).context("asking for Ctrl-C")?;
    Ok(interrupted)
}

/// The rows of a version of a frame.
struct Table {
    name: String,
    version: u64,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Table {
    fn rows(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }
}

/// What is written, and how.
struct Export<'a> {
    table: &'a Table,
    form: Form,
    compression: Compression,
    bar: &'a ProgressBar,
    interrupted: &'a AtomicBool,
}

impl Export<'_> {
    fn write<W: Write + Send>(&self, to: W) -> Result<W> {
        let mut writer = TableWriter::new(self.form, self.compression, &self.table.schema, to)?;
        let step = match self.form {
            Form::Arrow | Form::Arrows => BATCH,
            Form::Parquet | Form::Csv | Form::Jsonl => STEP,
        };
        for batch in &self.table.batches {
            for start in (0..batch.num_rows()).step_by(step) {
                let part = batch.slice(start, step.min(batch.num_rows() - start));
                writer.write(&part)?;
                self.bar.inc(part.num_rows() as u64);
                if self.interrupted.load(Ordering::Relaxed) {
                    return Err(Failure::new(Exit::Interrupted, "interrupted: nothing was exported").into());
                }
            }
        }
        writer.finish()
    }
}
