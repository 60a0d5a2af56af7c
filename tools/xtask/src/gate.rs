//! The gate: the list of steps, in order, and the loop over them.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::context::Context;
use crate::limit::Limit;
use crate::step::{Outcome, Step};
use crate::summary::{Row, Summary, words};
use crate::{cargo_steps, leftovers, licences, limit, loom, one_arrow, packaging};

/// Every step, in the order in which they run, each with a few times the minutes that it takes on two cores.
const STEPS: &[Step] = &[
    Step {
        name: "format",
        about: "the code is laid out by rustfmt",
        limit: Limit::minutes(2),
        run: cargo_steps::format,
    },
    Step {
        name: "clippy",
        about: "clippy and the compiler have no warning",
        limit: Limit::minutes(12),
        run: cargo_steps::clippy,
    },
    Step {
        name: "docs",
        about: "the documentation builds without a warning",
        limit: Limit::minutes(10),
        run: cargo_steps::docs,
    },
    Step {
        name: "licences",
        about: "every package has a licence that we accept",
        limit: Limit::minutes(5),
        run: licences::check,
    },
    Step {
        name: "one-arrow",
        about: "the lock holds one arrow, in one version",
        limit: Limit::minutes(1),
        run: one_arrow::check,
    },
    Step {
        name: "tests",
        about: "unit and integration tests",
        limit: Limit::minutes(20).or_full(60),
        run: cargo_steps::tests,
    },
    Step {
        name: "doc-tests",
        about: "the examples in the documentation",
        limit: Limit::minutes(10),
        run: cargo_steps::doc_tests,
    },
    Step {
        name: "packages",
        about: "the packages to publish are whole, and document themselves",
        limit: Limit::minutes(10),
        run: packaging::check,
    },
    Step {
        name: "loom",
        about: "the protocol under the model checker",
        limit: Limit::minutes(12).or_full(60),
        run: loom::run,
    },
    Step {
        name: "harness",
        about: "processes that are stopped and killed at every step",
        limit: Limit::minutes(15).or_full(60),
        run: cargo_steps::harness,
    },
    Step {
        name: "demo",
        about: "the demo runs and closes with ok",
        limit: Limit::minutes(10),
        run: cargo_steps::demo,
    },
    Step {
        name: "leftovers",
        about: "nothing stays in shared memory, no path of a machine or stray unsafe in the files",
        limit: Limit::minutes(2),
        run: leftovers::check,
    },
];

/// The names of the steps.
pub fn names() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|step| step.name)
}

/// Prints the steps.
pub fn list() {
    for step in STEPS {
        println!("{:<10} {}", step.name, step.about);
    }
}

/// Runs the steps named in `only`, or all of them, to the end, whichever of them fail.
pub fn run(context: &Context, only: &[String]) -> Result<ExitCode> {
    let chosen = STEPS.iter().filter(|step| only.is_empty() || only.iter().any(|name| name == step.name));
    let rows = chosen.map(|step| run_step(context, step)).collect();
    let summary = Summary { rows, full: context.full };
    print!("{summary}");
    Ok(if summary.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_step(context: &Context, step: &Step) -> Row {
    println!("\n== {}: {}", step.name, step.about);
    let start = Instant::now();
    let limit = step.limit.of(context.full);
    let (outcome, over) = limit::within(limit, || context.mark.end_all(), || (step.run)(context));
    let mut outcome = outcome
        .unwrap_or_else(|error| Outcome { problems: vec![format!("{error:#}")], ..Outcome::default() });
    if over {
        let limit = words(limit);
        outcome.problems.insert(0, format!("over its limit of {limit}: ended, with all that it had started"));
    }
    let row = Row { name: step.name, time: start.elapsed(), outcome };
    for problem in &row.outcome.problems {
        println!("{}: {problem}", step.name);
    }
    println!("== {}: {} in {}", step.name, row.verdict(), row.duration());
    row
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn step_names_are_distinct() {
        assert_eq!(names().collect::<BTreeSet<_>>().len(), STEPS.len());
    }

    #[test]
    fn shared_memory_is_looked_at_last() {
        assert_eq!(names().last(), Some("leftovers"));
    }
}
