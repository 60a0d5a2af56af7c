//! `shm-dump completions`: for shells.

use crate::options::Options;
use crate::session::Session;
use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use shmframe_cli::Exit;

/// Print completions for a shell
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump completions bash > ~/.local/share/bash-completion/completions/shm-dump
  shm-dump completions zsh > ~/.zfunc/_shm-dump
  shm-dump completions fish > ~/.config/fish/completions/shm-dump.fish")]
pub struct CompletionsOptions {
    /// The shell
    shell: Shell,
}

pub fn run(session: &mut Session, options: &CompletionsOptions) -> Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut Options::command(), "shm-dump", &mut text);
    if options.shell == Shell::Bash {
        // clap_complete 4.6 calls the tool by one name where it notes the command, and by another where it looks it up: it takes
        // the dash for a subcommand there.
        let mended = String::from_utf8(text)?.replace("shm__subcmd__dump", "shm__dump");
        text = mended.into_bytes();
    }
    session.output.raw().write_all(&text)?;
    session.output.raw().flush()?;
    Ok(Exit::Success)
}
