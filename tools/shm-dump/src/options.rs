//! The command line.

use crate::commands::Command;
use clap::{Args, CommandFactory, Parser};
use shmframe_cli::{Exit, OutputOptions};
use std::ffi::OsString;
use std::path::PathBuf;

/// Looks into a shmframe segment: its frames, its readers, its memory, and what is wrong with it.
#[derive(Debug, Parser)]
#[command(name = "shm-dump", version, max_term_width = 100, after_help = examples(), after_long_help = statuses())]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub looking: LookingOptions,
    #[command(flatten)]
    pub output: OutputOptions,
}

/// Where segments are looked for, and how.
#[derive(Args, Clone, Debug)]
pub struct LookingOptions {
    /// The directory that holds segments
    #[arg(long, env = "SHMFRAME_DIR", default_value = "/dev/shm", global = true, help_heading = "Looking")]
    pub dir: PathBuf,
    /// Take no reader slot and pin nothing: copy what is shown, and check it
    #[arg(long, global = true, help_heading = "Looking")]
    pub no_pin: bool,
    /// Trust this user id's segments enough to read them in place; may be given several times
    #[arg(long, value_name = "UID", global = true, help_heading = "Looking")]
    pub trust_owner: Vec<u32>,
    /// Leave out what is said beside the answer
    #[arg(long, short, global = true, help_heading = "Looking")]
    pub quiet: bool,
}

fn examples() -> &'static str {
    "Examples:
  shm-dump ls                         which segments there are
  shm-dump ticks                      what is in one: the same as shm-dump info ticks
  shm-dump head ticks/trades          the first rows of a frame
  shm-dump tail -f ticks/trades       its last rows, and those that come
  shm-dump readers ticks              who holds which memory
  shm-dump verify --deep ticks        whether all of it adds up
  shm-dump export ticks/trades -o trades.parquet

A target is NAME, NAME@VERSION, NAME/FRAME or NAME/FRAME@VERSION; what begins with / or ./ is the path of a
segment's directory, such as /dev/shm/ticks.shmf. On a terminal there are tables, in a pipe JSON lines."
}

fn statuses() -> String {
    let mut text = examples().to_owned() + "\n\nExit statuses:";
    for (_, number, meaning) in Exit::ALL {
        text += &format!("\n  {number}  {meaning}");
    }
    text
}

/// Puts `info` before a bare target: `shm-dump ticks` is `shm-dump info ticks`.
pub fn arguments(given: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = given.into_iter().collect();
    let command = Options::command();
    let takes_value = |argument: &str| {
        let known = command
            .get_arguments()
            .find(|known| known.get_long().is_some_and(|long| argument.strip_prefix("--") == Some(long)));
        known.is_some_and(|known| known.get_action().takes_values())
    };
    let mut at = 1;
    while let Some(argument) = arguments.get(at) {
        let text = argument.to_string_lossy();
        if !text.starts_with('-') {
            let is_command = text == "help" || command.find_subcommand(text.as_ref()).is_some();
            // With something behind it, it is rather a command that was misspelt: the parser says so.
            let is_alone = arguments[at + 1..].iter().all(|rest| rest.to_string_lossy().starts_with('-'));
            if !is_command && (is_alone || is_target(&text)) {
                arguments.insert(at, "info".into());
            }
            break;
        }
        at += if takes_value(&text) { 2 } else { 1 };
    }
    arguments
}

/// Whether an argument can be nothing but a target.
fn is_target(text: &str) -> bool {
    text.contains(['/', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(arguments: &[&str]) -> Vec<String> {
        let all = super::arguments(arguments.iter().map(OsString::from));
        all.into_iter().map(|argument| argument.into_string().unwrap()).collect()
    }

    #[test]
    fn command_line_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn bare_target_means_info() {
        assert_eq!(full(&["shm-dump", "ticks"]), ["shm-dump", "info", "ticks"]);
        assert_eq!(
            full(&["shm-dump", "--dir", "/tmp", "ticks"]),
            ["shm-dump", "--dir", "/tmp", "info", "ticks"]
        );
        assert_eq!(full(&["shm-dump", "--json", "./a.shmf"]), ["shm-dump", "--json", "info", "./a.shmf"]);
    }

    #[test]
    fn misspelt_command_is_no_target() {
        let misspelt = ["shm-dump", "haed", "ticks/trades"];
        assert_eq!(full(&misspelt), misspelt);
        let error = Options::try_parse_from(misspelt).unwrap_err().to_string();
        assert!(error.contains("'head'"), "{error}");
        assert_eq!(
            full(&["shm-dump", "ticks/trades", "--json"]),
            ["shm-dump", "info", "ticks/trades", "--json"]
        );
    }

    #[test]
    fn commands_and_flags_stay_what_they_are() {
        for same in
            [&["shm-dump", "ls"][..], &["shm-dump", "--help"], &["shm-dump"], &["shm-dump", "help", "ls"]]
        {
            assert_eq!(full(same), same);
        }
    }
}
