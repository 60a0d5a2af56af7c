//! How each of the three programs begins, speaks, and ends.

use super::report::Report;
use anyhow::{Context as _, Result};
use clap::{Args, Parser};
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

/// What a program is called where a segment lists who uses it.
pub const LABEL: &str = env!("CARGO_PKG_NAME");

/// The arguments of every program.
#[derive(Args)]
pub struct Common {
    /// The segment to write or to read
    #[arg(long, value_name = "NAME")]
    pub segment: String,
}

/// Reads the arguments, does the work, and ends; what went wrong stands on standard error.
pub fn run<A: Parser>(work: impl FnOnce(&A) -> Result<()>) -> ExitCode {
    match work(&A::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Says something to the launcher.
pub fn say(report: &Report) -> Result<()> {
    writeln!(io::stdout(), "{report}").context("nobody listens any more")
}

/// Waits until the standard input ends: whoever started this program wants it to end, or is gone.
pub fn wait_for_end_of_input() {
    let mut buffer = [0; 64];
    while matches!(io::stdin().read(&mut buffer), Ok(1..)) {}
}
