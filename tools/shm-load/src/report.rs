//! The closing line: a sentence for people, an object for programs.

use crate::progress::per_second;
use crate::published::Published;
use core::time::Duration;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, cell};
use shmframe_cli::{Line, Output, words};
use std::io;

/// What was loaded.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Loaded {
    /// The segment's name.
    pub segment: String,
    /// The frame's name.
    pub frame: String,
    /// How many files were read.
    pub files: u64,
    /// How many rows were published.
    pub rows: u64,
    /// Bytes of their values in memory.
    pub bytes: u64,
    /// In how many versions they were published.
    pub versions: u64,
    /// The newest of these versions; none: nothing was published.
    pub version: Option<u64>,
    /// Bytes of memory that the segment takes.
    pub segment_bytes: u64,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

impl Record for Loaded {
    const KIND: &'static str = "loaded";
    const HEADS: &'static [&'static str] = &["SEGMENT", "FRAME", "#ROWS", "#BYTES", "#VERSION"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        vec![
            cell(&self.segment),
            cell(&self.frame),
            cell(words::count(self.rows, exact)),
            cell(words::bytes(self.bytes, exact)),
            cell(self.version.map(|version| version.to_string()).unwrap_or_default()),
        ]
    }
}

impl Loaded {
    /// What was published, of so many files in such a time.
    pub fn new((segment, frame): (&str, &str), files: usize, published: &Published, time: Duration) -> Self {
        Self {
            segment: segment.to_owned(),
            frame: frame.to_owned(),
            files: files as u64,
            rows: published.rows,
            bytes: published.bytes,
            versions: published.versions,
            version: published.version,
            segment_bytes: 0,
            milliseconds: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Prints it.
    pub fn print(&self, output: &mut Output) -> io::Result<()> {
        if output.is_json() { output.line(self) } else { output.text(&self.sentence(output.is_exact())) }
    }

    fn sentence(&self, exact: bool) -> String {
        let Self { segment, frame, .. } = self;
        let Some(version) = self.version else {
            return format!("{segment}/{frame}: nothing came, and nothing was published");
        };
        let time = Duration::from_millis(self.milliseconds);
        format!(
            "{segment}/{frame}: {} of {}, {}, version {version}, in {} ({} rows/s)",
            words::counted(self.rows, "row"),
            words::counted(self.files, "file"),
            words::bytes(self.bytes, exact),
            words::span(time),
            words::count(per_second(self.rows, time), false),
        )
    }
}

/// The schema of the line that programs get.
pub fn schema() -> Schema {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = Line::<Loaded>::json_schema(&mut generator);
    if let Some(kind) = schema.pointer_mut("/properties/kind") {
        *kind = serde_json::json!({ "const": Loaded::KIND });
    }
    schema
}
