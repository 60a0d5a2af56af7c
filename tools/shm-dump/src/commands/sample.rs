//! `shm-dump sample`: rows of a frame chosen at random.

use crate::rows::RowOptions;
use crate::session::Session;
use anyhow::Result;
use clap::Args;
use fastrand::Rng;
use shmframe_cli::Exit;

/// Show rows of a frame chosen at random, in their order
///
/// Each row has the same chance. Without --where only the chosen rows are read.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump sample ticks/trades
  shm-dump sample ticks/trades -n 3 --seed 7      the same rows each time")]
pub struct SampleOptions {
    #[command(flatten)]
    rows: RowOptions,
    /// How many rows
    #[arg(long = "rows", short = 'n', value_name = "ROWS", default_value_t = 10)]
    count: u64,
    /// Leave out so many rows at the start
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    offset: u64,
    /// Choose by this number: the same rows for the same number and version
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

pub fn run(session: &mut Session, options: &SampleOptions) -> Result<Exit> {
    let rows = options.rows.read(session)?;
    let mut writer = options.rows.writer(session, &rows);
    let mut random = options.seed.map_or_else(Rng::new, Rng::with_seed);
    rows.some_wanted(options.offset, options.count, &mut random, &mut |part| {
        writer.write(&mut session.output, part)
    })?;
    writer.finish(&mut session.output)?;
    Ok(Exit::Success)
}
