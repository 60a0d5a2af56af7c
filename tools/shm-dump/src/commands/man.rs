//! `shm-dump man`: manual pages.

use crate::options::Options;
use crate::session::Session;
use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use clap_mangen::Man;
use shmframe_cli::Exit;
use std::path::PathBuf;

/// Print the manual page, or write a page for each command to a directory
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump man | man -l -
  shm-dump man --to ~/.local/share/man/man1")]
pub struct ManOptions {
    /// Write shm-dump.1, shm-dump-ls.1, ... here
    #[arg(long, value_name = "DIRECTORY")]
    to: Option<PathBuf>,
}

pub fn run(session: &mut Session, options: &ManOptions) -> Result<Exit> {
    let mut command = Options::command();
    if let Some(directory) = &options.to {
        // The pages of `help` would say what the others say.
        let command = command.disable_help_subcommand(true);
        std::fs::create_dir_all(directory).with_context(|| format!("creating {}", directory.display()))?;
        clap_mangen::generate_to(command, directory)
            .with_context(|| format!("writing manual pages to {}", directory.display()))?;
    } else {
        command.build();
        let mut text = Vec::new();
        Man::new(command).render(&mut text)?;
        session.output.raw().write_all(&text)?;
        session.output.raw().flush()?;
    }
    Ok(Exit::Success)
}
