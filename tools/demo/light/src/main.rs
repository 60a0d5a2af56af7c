//! The light reader of the demo: looks at the newest version a few times a second, and shows the day and the weather.
//!
//! It reads what was appended since its last look, so each row once, and counts. In every version that it sees, the frames
//! `flights` and `weather` must be of the day that the frame `today` names: as many rows of that day have come as it says, and
//! none of a later one.
#![forbid(unsafe_code)]

mod look;
#[path = "../../shared/reading.rs"]
mod reading;
#[path = "../../shared/mod.rs"]
mod shared;

use anyhow::Result;
use clap::Parser;
use look::Looks;
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
    let mut looks = Looks::default();
    let mut checks = 0;
    for snapshot in reading::follow(&cli.common.segment)? {
        let edition = looks.look(&snapshot?, &mut placement)?;
        program::say(&Report::Taken { edition, text: looks.temperatures() })?;
        checks += 1;
        thread::sleep(Duration::from_millis(cli.pace));
    }
    let Placement { in_place, copied } = placement;
    let text = match looks.dropped() {
        0 => "each row came once; flights and weather were of one day".to_owned(),
        dropped => format!("each row came once, but {dropped} were dropped before"),
    };
    program::say(&Report::Finished { checks, in_place, copied, text })
}
