//! `shm-load`: fills a shmframe segment from files. See `docs/shm-load.md`.
#![forbid(unsafe_code)]

mod access;
mod fit;
mod follow;
mod format;
mod input;
mod interrupt;
mod load;
mod options;
mod pieces;
mod progress;
mod published;
mod quantities;
mod report;
mod run;
mod segment;
mod source;
mod types;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    shmframe_cli::finish("shm-load", run::run(&options::Options::parse()))
}
