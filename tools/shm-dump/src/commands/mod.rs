//! The commands, one a file.

mod completions;
mod json_schema;
mod man;
mod schema;
mod versions;

use crate::options::Options;
use crate::session::Session;
use anyhow::Result;
use clap::Subcommand;
use shmframe_cli::{Exit, Output};

/// What to look at.
#[derive(Debug, Subcommand)]
pub enum Command {
    Schema(schema::SchemaOptions),
    Versions(versions::VersionsOptions),
    Completions(completions::CompletionsOptions),
    Man(man::ManOptions),
    #[command(name = "json-schema")]
    JsonSchema(json_schema::JsonSchemaOptions),
}

/// Runs the command.
pub fn run(options: Options) -> Result<Exit> {
    let Options { command, looking, output } = options;
    let mut session = Session::new(looking, Output::new(&output));
    match command {
        Command::Schema(options) => schema::run(&mut session, &options),
        Command::Versions(options) => versions::run(&mut session, &options),
        Command::Completions(options) => completions::run(&mut session, &options),
        Command::Man(options) => man::run(&mut session, &options),
        Command::JsonSchema(options) => json_schema::run(&mut session, &options),
    }
}
