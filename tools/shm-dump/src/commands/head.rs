//! `shm-dump head`: the first rows of a frame.

use crate::rows::RowOptions;
use crate::session::Session;
use anyhow::Result;
use clap::Args;
use shmframe_cli::Exit;

/// Show the first rows of a frame
///
/// Only what is shown is read, however large the frame is (with --no-pin or from a segment that cannot be attached to, the
/// columns are copied whole).
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump head ticks/trades
  shm-dump head ticks/trades@12 -n 3 -c symbol,price
  shm-dump head ticks/trades --where \"price > 100 and symbol = 'A'\"")]
pub struct HeadOptions {
    #[command(flatten)]
    rows: RowOptions,
    /// How many rows
    #[arg(long = "rows", short = 'n', value_name = "ROWS", default_value_t = 10)]
    count: u64,
    /// Leave out so many rows before
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    offset: u64,
}

pub fn run(session: &mut Session, options: &HeadOptions) -> Result<Exit> {
    let rows = options.rows.read(session)?;
    let mut writer = options.rows.writer(session, &rows);
    rows.first_wanted(options.offset, options.count, &mut |part| writer.write(&mut session.output, part))?;
    writer.finish(&mut session.output)?;
    Ok(Exit::Success)
}
