//! The processes of the fork tests: `fork_role SCENARIO DIRECTORY` plays one scenario in a directory of its own and
//! ends well if every claim of it held. The process itself has one thread, and conducts; the others are its children.
#![deny(unsafe_code)]

mod ends;
mod first_use;
mod line;
mod process;
mod programs;
mod reading;
mod segment;
mod slots;
mod stage;
mod streams;
mod threads;
mod writers;
mod writing;

use anyhow::{Context, Result, bail};
use std::path::Path;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let scenario = arguments.next().context("a scenario")?;
    if scenario == "program" {
        return programs::program();
    }
    let directory = arguments.next().context("a directory")?;
    let directory = Path::new(&directory);
    match scenario.as_str() {
        "ends of two" => ends::two(directory),
        "ends of three" => ends::three(directory),
        "exact" => slots::exact(directory),
        "child lets go" => slots::child_lets_go(directory),
        "empty slot" => slots::empty(directory),
        "full registry" => slots::full(directory),
        "opened in child" => slots::opened_in_child(directory),
        "children" => slots::children(directory, "nothing", "run"),
        "children and pins" => slots::children(directory, "pin", "run"),
        "children and pins at rest" => slots::children(directory, "pin", "rest"),
        "many threads" => threads::many(directory),
        "shared place" => threads::shared(directory),
        "streams" => streams::go_on(directory),
        "writer refused" => writers::refused(directory),
        "transaction refused" => writers::transaction(directory),
        "writer killed" => writers::killed(directory),
        "writers in turns" => writers::turns(directory),
        "program started" => programs::started(directory),
        "first use" => first_use::many(directory),
        first_use::ONE => first_use::one(directory, arguments.next().context("how far ahead")?.parse()?),
        _ => bail!("no scenario {scenario:?}"),
    }
}
