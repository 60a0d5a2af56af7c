//! The light reader of the demo: looks at the newest version a few times a second, and shows the day and the weather.
//!
//! In every version that it sees, the frames `flights` and `weather` must be of the day that the frame `today` names:
//! they have as many rows of that day as it says, and none of a later one.
#![forbid(unsafe_code)]

mod look;
#[path = "../../shared/reading.rs"]
mod reading;
#[path = "../../shared/mod.rs"]
mod shared;

use anyhow::Result;
use clap::Parser;
use look::Look;
use reading::placement::Placement;
use shared::program;
use shared::report::Report;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// Shows the newest day of a segment that the demo's loader writes
///
/// Ends when the segment is removed, or when the standard input ends.
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    common: program::Common,
    /// Milliseconds from one look to the next
    #[arg(long, value_name = "MS", default_value_t = 200)]
    pace: u64,
}

fn main() -> ExitCode {
    program::run(read)
}

fn read(cli: &Cli) -> Result<()> {
    let mut placement = Placement::default();
    let mut checks = 0;
    for snapshot in reading::follow(&cli.common.segment)? {
        let Look { edition, weather } = Look::at(&snapshot?, &mut placement)?;
        program::say(&Report::Taken { edition, text: weather })?;
        checks += 1;
        thread::sleep(Duration::from_millis(cli.pace));
    }
    let Placement { in_place, copied } = placement;
    let text = "flights and weather were of one day".to_owned();
    program::say(&Report::Finished { checks, in_place, copied, text })
}
