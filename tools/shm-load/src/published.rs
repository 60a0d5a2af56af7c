//! What was published so far: for the closing line, and for whoever goes on after an error.

use anyhow::Error;
use arrow::array::{Array, RecordBatch};
use shmframe_cli::{Exit, Failure, words};

/// What was published.
#[derive(Debug, Default)]
pub struct Published {
    /// Rows of all files.
    pub rows: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// How many versions.
    pub versions: u64,
    /// The newest of them.
    pub version: Option<u64>,
    /// The file that was read last.
    last: Option<LastFile>,
}

/// How far a file was published.
#[derive(Debug)]
struct LastFile {
    name: String,
    rows: u64,
    line: Option<u64>,
}

impl Published {
    /// Takes note of rows that were given to a transaction.
    pub fn add(&mut self, name: &str, batch: &RecordBatch, line: Option<u64>) {
        let rows = batch.num_rows() as u64;
        self.rows += rows;
        self.bytes += batch.columns().iter().map(|column| bytes(column)).sum::<u64>();
        match &mut self.last {
            Some(last) if last.name == name => {
                last.rows += rows;
                last.line = line;
            }
            last => *last = Some(LastFile { name: name.to_owned(), rows, line }),
        }
    }

    /// Takes note of a version.
    pub fn commit(&mut self, version: u64) {
        self.versions += 1;
        self.version = Some(version);
    }

    /// The file is read from its beginning again.
    pub fn begin_again(&mut self) {
        self.last = None;
    }

    /// An error that ended all: says what stays published.
    pub fn after(&self, error: Error) -> Error {
        match self.version {
            None => error.with_nothing_published(),
            Some(version) => {
                error.with_closing(&format!("published: {}, in versions up to {version}", self.place()))
            }
        }
    }

    /// How many rows of which file, up to which line.
    fn place(&self) -> String {
        let Some(last) = &self.last else {
            return format!("{}, none of them since the file began again", words::counted(self.rows, "row"));
        };
        let rows = words::counted(last.rows, "row");
        let line = last.line.map(|line| format!(", up to line {line}")).unwrap_or_default();
        let before = match self.rows - last.rows {
            0 => String::new(),
            others => format!(", and {} before", words::counted(others, "row")),
        };
        format!("{rows} of {}{line}{before}", last.name)
    }
}

/// Errors that say, below what went wrong, what was published.
pub trait Closing {
    /// Says that nothing was.
    fn with_nothing_published(self) -> Self;
    /// Says this.
    fn with_closing(self, text: &str) -> Self;
}

impl Closing for Error {
    fn with_nothing_published(self) -> Self {
        self.with_closing("nothing was published")
    }

    fn with_closing(self, text: &str) -> Self {
        let exit = Exit::of(&self);
        Failure::new(exit, format!("{}\n{text}", shmframe_cli::told(&self))).into()
    }
}

/// Bytes of the values of a column, without what is allocated beside them.
fn bytes(column: &dyn Array) -> u64 {
    let data = column.to_data();
    data.get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size()) as u64
}
