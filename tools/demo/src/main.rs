//! `cargo demo`: one process writes dataframes to shared memory, two others read them in place.
//!
//! This is the launcher. It builds three programs, starts them, shows how far they are, and says at the end whether
//! everything held:
//!
//! - **loader** (`tools/demo/loader`, uses `shmframe-writer` alone) reads `tests/data/flights.parquet` and
//!   `weather.parquet` and plays 2013: it appends to the frames `flights` and `weather` hour by hour, and in the busiest hour
//!   of a day flight by flight. Rows older than 90 days are dropped. `today` has one row: the day, and how many rows it has in
//!   the other two. All three change in one transaction, so that no reader ever sees one without the others.
//! - **light** (`tools/demo/light`, uses `shmframe-reader` alone) looks at the newest version a few times a second and
//!   reads the rows that came since, each once. It shows the day and the weather, and checks that both frames are of the day
//!   that `today` names.
//! - **heavy** (`tools/demo/heavy`, uses `shmframe-reader` alone) computes the departure delays by carrier and route in
//!   every version that it can take, over all rows and over the new ones, and checks them against the Parquet file, read in
//!   another way. Now and then it holds on to a snapshot and checks later that no byte of it has changed.
//!
//! The programs are packages of their own and know nothing of each other but the name of the segment. They tell the
//! launcher what they do by lines of JSON (`shared/report.rs`). Readers add up where the buffers of the arrays that
//! they used lie; the sum of those outside the mapping of the segment is the `bytes copied by readers` of the last
//! line, which must be 0.
//!
//! The exit status is 0 if every check held, 1 if one did not or a program failed, 130 if the demo was interrupted.
//! In every case nothing stays in shared memory.
#![forbid(unsafe_code)]

use anyhow::{Context as _, Result};
use shmframe_demo::children::Event;
use shmframe_demo::options::Options;
use shmframe_demo::programs::Programs;
use shmframe_demo::run::{self, Interrupted};
use shmframe_demo::show::{self, Show};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Instant;

fn main() -> ExitCode {
    match demo(&Options::from_arguments()) {
        Ok(code) => code,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("demo: interrupted");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn demo(options: &Options) -> Result<ExitCode> {
    let (sender, events) = mpsc::channel();
    let interrupt = sender.clone();
    ctrlc::set_handler(move || drop(interrupt.send(Event::Interrupted)))
        .context("cannot watch for Ctrl-C")?;
    eprintln!(
        "demo: building the loader and the readers (the first time takes minutes, later ones a moment)"
    );
    let programs = Programs::build()?;
    let mut show = Show::new(options.plain);
    let segment = format!("demo-{}", std::process::id());
    let start = Instant::now();
    let summary = run::run(&segment, options, programs, (sender, events), &mut show);
    show.close();
    let summary = summary?;
    writeln!(io::stdout(), "{}", show::closing(&summary, start.elapsed()))?;
    Ok(if summary.copied == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
