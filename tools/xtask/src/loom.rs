//! The model checker: the tests `crates/segment/tests/loom_*.rs`, built with `--cfg loom`.

use anyhow::{Result, ensure};

use crate::context::{Context, flags_with};
use crate::packages::SEGMENT;
use crate::step::{Outcome, run_tests};

/// How the names of the models start.
const PREFIX: &str = "loom_";
/// The models that must fail, each without one edge.
const EDGES: &str = "loom_edges";

/// Runs every model, each by itself, so that a file without a test cannot hide behind the others.
/// The build has a folder of its own below the target folder, since `--cfg loom` goes into every package.
pub fn run(context: &Context) -> Result<Outcome> {
    context.require(SEGMENT)?;
    let models = models(context);
    ensure!(
        !models.is_empty(),
        "`{SEGMENT}` has no test target `{PREFIX}*`: the models belong into its tests/{PREFIX}*.rs"
    );
    let mut outcome = Outcome::checked(format!("models: {}", models.len()), Vec::new());
    for model in models {
        let mut command = context.cargo(["test", "-p", SEGMENT, "--test", model, "--no-fail-fast"]);
        command.env("CARGO_TARGET_DIR", context.target_below("loom"));
        command.env("RUSTFLAGS", flags_with("RUSTFLAGS", "--cfg loom"));
        // That a model fails without an edge is found early or not at all: a longer search only takes longer.
        if model != EDGES {
            context.tell_full(&mut command);
        }
        outcome = outcome.and(run_tests(&mut command)?);
    }
    Ok(outcome)
}

fn models(context: &Context) -> Vec<&str> {
    context.tests_of(SEGMENT).into_iter().filter(|name| name.starts_with(PREFIX)).collect()
}
