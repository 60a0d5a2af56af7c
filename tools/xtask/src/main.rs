//! The one command of the project: `cargo xtask test` runs every check, `cargo xtask bench` the measurements.
#![forbid(unsafe_code)]

mod bench;
mod cargo_steps;
mod context;
mod gate;
mod leftovers;
mod licences;
mod limit;
mod lock_file;
mod loom;
mod machine_paths;
mod one_arrow;
mod packages;
mod packaging;
mod processes;
mod rust_source;
mod source_rules;
mod step;
mod summary;
mod test_counts;

use std::process::ExitCode;

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

use context::Context;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The one command of the project", version)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every check of the project, in order, and report all failures at the end
    Test {
        /// Search longer: sets SHMFRAME_FULL=1 for the loom models, the harness and the property tests
        #[arg(long)]
        full: bool,
        /// Run this step only (may be given several times)
        #[arg(long, value_name = "STEP", value_parser = PossibleValuesParser::new(gate::names()))]
        only: Vec<String>,
        /// List the steps and stop
        #[arg(long)]
        list: bool,
    },
    /// Run the benchmarks; what follows is handed on to them
    Bench {
        /// A filter, and options of the benchmarks
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FILTER")]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    task(Cli::parse().command).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn task(task: Task) -> Result<ExitCode> {
    match task {
        Task::Test { list: true, .. } => {
            gate::list();
            Ok(ExitCode::SUCCESS)
        }
        Task::Test { full, only, list: false } => gate::run(&Context::new(full)?, &only),
        Task::Bench { arguments } => bench::run(&Context::new(false)?, &arguments),
    }
}
