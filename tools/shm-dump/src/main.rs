//! `shm-dump`: looks into a shmframe segment. See `docs/shm-dump.md`.
#![forbid(unsafe_code)]

mod commands;
mod comparing;
#[cfg(feature = "tui")]
mod dashboard;
mod doctor;
mod export;
mod frames;
mod live;
mod mapping;
mod metrics;
mod options;
mod progress;
mod rows;
mod session;
mod verifying;
mod view;

use clap::Parser;
use shmframe_cli::finish;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = options::Options::parse_from(options::arguments(std::env::args_os()));
    finish("shm-dump", commands::run(options))
}
