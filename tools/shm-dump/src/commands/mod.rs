//! The commands, one a file.

mod cat;
mod completions;
mod diff;
mod doctor;
mod export;
mod gc;
mod head;
mod info;
mod json_schema;
mod ls;
mod man;
mod map;
mod metrics;
mod readers;
mod rm;
mod sample;
mod schema;
mod stats;
mod tail;
mod verify;
mod versions;
mod wait;
mod watch;

use crate::options::Options;
use crate::session::Session;
use anyhow::Result;
use clap::Subcommand;
use shmframe_cli::{Exit, Output};

/// What to look at.
#[derive(Debug, Subcommand)]
pub enum Command {
    Ls(ls::LsOptions),
    Info(info::InfoOptions),
    Schema(schema::SchemaOptions),
    Versions(versions::VersionsOptions),
    Head(head::HeadOptions),
    Tail(tail::TailOptions),
    Cat(cat::CatOptions),
    Sample(sample::SampleOptions),
    Stats(stats::StatsOptions),
    Export(export::ExportOptions),
    Diff(diff::DiffOptions),
    Watch(watch::WatchOptions),
    Wait(wait::WaitOptions),
    Readers(readers::ReadersOptions),
    Map(map::MapOptions),
    Metrics(metrics::MetricsOptions),
    Verify(verify::VerifyOptions),
    Doctor(doctor::DoctorOptions),
    Gc(gc::GcOptions),
    Rm(rm::RmOptions),
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
        Command::Ls(options) => ls::run(&mut session, &options),
        Command::Info(options) => info::run(&mut session, &options),
        Command::Schema(options) => schema::run(&mut session, &options),
        Command::Versions(options) => versions::run(&mut session, &options),
        Command::Head(options) => head::run(&mut session, &options),
        Command::Tail(options) => tail::run(&mut session, &options),
        Command::Cat(options) => cat::run(&mut session, &options),
        Command::Sample(options) => sample::run(&mut session, &options),
        Command::Stats(options) => stats::run(&mut session, &options),
        Command::Export(options) => export::run(&mut session, &options),
        Command::Diff(options) => diff::run(&mut session, &options),
        Command::Watch(options) => watch::run(&mut session, &options),
        Command::Wait(options) => wait::run(&mut session, &options),
        Command::Readers(options) => readers::run(&mut session, &options),
        Command::Map(options) => map::run(&mut session, &options),
        Command::Metrics(options) => metrics::run(&mut session, &options),
        Command::Verify(options) => verify::run(&mut session, &options),
        Command::Doctor(options) => doctor::run(&mut session, &options),
        Command::Gc(options) => gc::run(&mut session, &options),
        Command::Rm(options) => rm::run(&mut session, &options),
        Command::Completions(options) => completions::run(&mut session, &options),
        Command::Man(options) => man::run(&mut session, &options),
        Command::JsonSchema(options) => json_schema::run(&mut session, &options),
    }
}
