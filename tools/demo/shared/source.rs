//! The Parquet files that the demo publishes, and checks against.

use anyhow::{Context as _, Result};
use clap::Args;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Where the files are.
#[derive(Args, Clone)]
pub struct Source {
    /// The folder of flights.parquet and weather.parquet
    #[arg(long, value_name = "DIR", default_value = "tests/data")]
    data: PathBuf,
}

impl Source {
    /// The file of a table.
    pub fn table(&self, name: &str) -> PathBuf {
        self.data.join(name).with_extension("parquet")
    }
}

/// Opens a file.
pub fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("cannot open {}", path.display()))
}
