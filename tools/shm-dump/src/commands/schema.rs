//! `shm-dump schema`: the columns of frames.

use crate::frames;
use crate::session::Session;
use anyhow::Result;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned};
use shmframe_cli::{Exit, Target};
use std::collections::BTreeMap;

/// Show the columns of a frame, or of all frames of a segment
///
/// Names, Arrow types, whether nulls may stand there, and metadata.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump schema ticks/trades
  shm-dump schema 'ticks/trades.*' --json | jq -r .type")]
pub struct SchemaOptions {
    /// Segment, frame, or pattern of frames
    target: Target,
}

/// A column of a frame.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Column {
    /// The frame's name.
    frame: String,
    /// The column's name.
    column: String,
    /// Its Arrow type, as Arrow's Rust library writes it.
    #[serde(rename = "type")]
    data_type: String,
    /// Whether nulls may stand in it.
    nullable: bool,
    /// Its metadata: extension types among others.
    metadata: BTreeMap<String, String>,
}

impl Record for Column {
    const KIND: &'static str = "column";
    const HEADS: &'static [&'static str] = &["FRAME", "COLUMN", "TYPE", "NULLS", "METADATA"];

    fn cells(&self, _exact: bool) -> Vec<Cell> {
        let metadata = self.metadata.iter().map(|(key, value)| format!("{key}={value}"));
        vec![
            cell(&self.frame),
            cell(&self.column),
            cell(&self.data_type),
            if self.nullable { cell("yes") } else { toned("no", Tone::Faint) },
            cell(metadata.collect::<Vec<_>>().join(", ")),
        ]
    }
}

pub fn run(session: &mut Session, options: &SchemaOptions) -> Result<Exit> {
    let columns = session.view(&options.target, |view| {
        let mut columns = Vec::new();
        for name in frames::named(&options.target, view.frames()?)? {
            let schema = view.frame(&name)?.schema();
            columns.extend(schema.fields().iter().map(|field| Column {
                frame: name.clone(),
                column: field.name().clone(),
                data_type: field.data_type().to_string(),
                nullable: field.is_nullable(),
                metadata: field.metadata().clone().into_iter().collect(),
            }));
        }
        Ok(columns)
    })?;
    session.output.records(&columns, "no columns")?;
    Ok(Exit::Success)
}
