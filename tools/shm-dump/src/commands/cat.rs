//! `shm-dump cat`: all rows of a frame.

use crate::rows::RowOptions;
use crate::session::Session;
use anyhow::Result;
use clap::Args;
use shmframe_cli::Exit;

/// Show all rows of a frame
///
/// They are of one version, however long it takes.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump cat ticks/trades | jq .values.price
  shm-dump cat ticks/trades --csv > trades.csv
  shm-dump cat ticks/trades --where 'size is null'")]
pub struct CatOptions {
    #[command(flatten)]
    rows: RowOptions,
    /// How many rows at the most
    #[arg(long = "rows", short = 'n', value_name = "ROWS", default_value_t = u64::MAX, hide_default_value = true)]
    count: u64,
    /// Leave out so many rows before
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    offset: u64,
}

pub fn run(session: &mut Session, options: &CatOptions) -> Result<Exit> {
    let rows = options.rows.read(session)?;
    let mut writer = options.rows.writer(session, &rows);
    rows.first_wanted(options.offset, options.count, &mut |part| writer.write(&mut session.output, part))?;
    writer.finish(&mut session.output)?;
    Ok(Exit::Success)
}
