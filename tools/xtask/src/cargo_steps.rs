//! The steps that are one or a few calls of cargo.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::context::{Context, flags_with};
use crate::packages::{DEMO, HARNESS, SEGMENT, SEGMENT_FEATURES};
use crate::step::{Outcome, announce, exit_problem, run, run_tests, stream};

/// The whole workspace but the harness, whose feature `steps` would otherwise be on for everybody.
fn product<'a>(context: &Context) -> Vec<&'a str> {
    if context.has(HARNESS) { vec!["--workspace", "--exclude", HARNESS] } else { vec!["--workspace"] }
}

/// cargo fmt.
pub fn format(context: &Context) -> Result<Outcome> {
    require_component(context, "fmt", "rustfmt")?;
    run(&mut context.cargo(["fmt", "--all", "--check"]))
}

/// clippy on the product, on the segment as the harness builds it, and on the harness.
pub fn clippy(context: &Context) -> Result<Outcome> {
    require_component(context, "clippy", "clippy")?;
    let mut selections = vec![product(context), vec!["-p", SEGMENT, "--features", SEGMENT_FEATURES]];
    if context.has(HARNESS) {
        selections.push(vec!["-p", HARNESS]);
    }
    let mut outcome = Outcome::default();
    for selection in selections {
        let clippy = ["clippy"].into_iter().chain(selection);
        let arguments = clippy.chain(["--all-targets", "--", "-D", "warnings"]);
        outcome = outcome.and(run(&mut context.cargo(arguments))?);
    }
    Ok(outcome)
}

/// rustdoc on the private items of the segment, then on what the workspace publishes.
pub fn docs(context: &Context) -> Result<Outcome> {
    let private =
        ["doc", "-p", SEGMENT, "--no-deps", "--document-private-items", "--features", SEGMENT_FEATURES];
    let rustdoc =
        |mut command: Command| run(command.env("RUSTDOCFLAGS", flags_with("RUSTDOCFLAGS", "-D warnings")));
    Ok(rustdoc(context.cargo(private))?.and(rustdoc(context.cargo(["doc", "--workspace", "--no-deps"]))?))
}

/// Unit and integration tests of the product.
pub fn tests(context: &Context) -> Result<Outcome> {
    let arguments = ["test"].into_iter().chain(product(context)).chain(["--tests", "--no-fail-fast"]);
    let mut command = context.cargo(arguments);
    context.tell_full(&mut command);
    run_tests(&mut command)
}

/// Doc tests of the product.
pub fn doc_tests(context: &Context) -> Result<Outcome> {
    let arguments = ["test"].into_iter().chain(product(context)).chain(["--doc", "--no-fail-fast"]);
    run_tests(&mut context.cargo(arguments))
}

/// The harness, and before it the segment's own tests with counted steps.
pub fn harness(context: &Context) -> Result<Outcome> {
    context.require(HARNESS)?;
    let mut segment =
        context.cargo(["test", "-p", SEGMENT, "--features", SEGMENT_FEATURES, "--tests", "--no-fail-fast"]);
    let mut harness = context.cargo(["test", "-p", HARNESS, "--no-fail-fast"]);
    context.tell_full(&mut segment);
    context.tell_full(&mut harness);
    Ok(run_tests(&mut segment)?.and(run_tests(&mut harness)?))
}

/// The demo.
pub fn demo(context: &Context) -> Result<Outcome> {
    context.require(DEMO)?;
    run_demo(&mut context.cargo(["demo"]))
}

fn run_demo(command: &mut Command) -> Result<Outcome> {
    let line = announce(command);
    let mut last = String::new();
    let status = stream(command, &line, |printed| {
        if !printed.is_empty() {
            printed.clone_into(&mut last);
        }
    })?;
    let mut problems = Vec::from_iter(exit_problem(&line, status));
    if !last.ends_with("ok") {
        problems.push(format!("the last line of `{line}` should end with `ok`, but is `{last}`"));
    }
    Ok(Outcome::checked("", problems))
}

/// Fails with the way to install it if a part of the toolchain is missing.
fn require_component(context: &Context, subcommand: &str, component: &str) -> Result<()> {
    let found = context.cargo([subcommand, "--version"]).output().is_ok_and(|output| output.status.success());
    ensure!(found, "{component} is missing; install it with `rustup component add {component}`");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo_that(script: &str) -> Vec<String> {
        run_demo(Command::new("sh").args(["-c", script])).unwrap().problems
    }

    #[test]
    fn demo_that_closes_with_ok_passes() {
        assert_eq!(demo_that("echo hello; echo 'all rows agree: ok'; echo"), Vec::<String>::new());
    }

    #[test]
    fn demo_that_closes_otherwise_fails() {
        assert_eq!(demo_that("echo ok; echo done").len(), 1);
    }

    #[test]
    fn silent_demo_fails() {
        assert_eq!(demo_that("true").len(), 1);
    }

    #[test]
    fn demo_that_exits_with_an_error_fails_whatever_it_prints() {
        assert_eq!(demo_that("echo ok; exit 1").len(), 1);
    }
}
