//! The measurements: what the package in `benches/` prints.

use std::process::ExitCode;

use anyhow::Result;

use crate::context::Context;
use crate::packages::BENCHES;
use crate::step;

/// Runs the benchmarks, with `arguments` (a filter, options) handed on to them.
pub fn run(context: &Context, arguments: &[String]) -> Result<ExitCode> {
    context.require(BENCHES)?;
    let fixed = ["bench", "-p", BENCHES, "--"];
    let outcome =
        step::run(&mut context.cargo(fixed.into_iter().chain(arguments.iter().map(String::as_str))))?;
    for problem in &outcome.problems {
        eprintln!("{problem}");
    }
    Ok(if outcome.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
