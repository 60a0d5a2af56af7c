//! The steps that are one or a few calls of cargo.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::context::{Context, flags_with};
use crate::packages::{DEMO, HARNESS};
use crate::step::{Outcome, announce, exit_problem, run, run_tests, stream};

/// What every step builds: the whole workspace, so that its dependencies have the same features each time and are
/// compiled once. A single package would ask for fewer, and Arrow would be compiled again.
const EVERYTHING: &[&str] = &["--workspace"];
/// The same without the harness, whose feature `steps` would otherwise be on for everybody.
const PRODUCT: &[&str] = &["--workspace", "--exclude", HARNESS];

/// cargo fmt.
pub fn format(context: &Context) -> Result<Outcome> {
    require_component(context, "fmt", "rustfmt")?;
    run(&mut context.cargo(["fmt", "--all", "--check"]))
}

/// clippy on the product, then on the harness and the segment as the harness builds it.
pub fn clippy(context: &Context) -> Result<Outcome> {
    require_component(context, "clippy", "clippy")?;
    let clippy = |packages: &[&'static str]| {
        let arguments = ["clippy"].iter().chain(packages).chain(&["--all-targets", "--", "-D", "warnings"]);
        run(&mut context.cargo(arguments.copied()))
    };
    Ok(clippy(PRODUCT)?.and(clippy(EVERYTHING)?))
}

/// rustdoc on private items too, then on the public ones, which must not point at private ones.
pub fn docs(context: &Context) -> Result<Outcome> {
    let rustdoc = |more: &[&'static str]| {
        let arguments = ["doc", "--no-deps"].iter().chain(EVERYTHING).chain(more);
        let mut command = context.cargo(arguments.copied());
        run(command.env("RUSTDOCFLAGS", flags_with("RUSTDOCFLAGS", "-D warnings")))
    };
    Ok(rustdoc(&["--document-private-items"])?.and(rustdoc(&[])?))
}

/// Unit and integration tests of the product.
pub fn tests(context: &Context) -> Result<Outcome> {
    let mut command = context.cargo(test(PRODUCT, ["--tests"]));
    context.tell_full(&mut command);
    run_tests(&mut command)
}

/// Doc tests of the product.
pub fn doc_tests(context: &Context) -> Result<Outcome> {
    run_tests(&mut context.cargo(test(PRODUCT, ["--doc"])))
}

/// The unit tests of all libraries once more, with counted steps, and the harness.
pub fn harness(context: &Context) -> Result<Outcome> {
    context.require(HARNESS)?;
    let tests = context.tests_of(HARNESS);
    ensure!(!tests.is_empty(), "`{HARNESS}` has no tests");
    let targets = ["--lib"].into_iter().chain(tests.into_iter().flat_map(|test| ["--test", test]));
    let mut command = context.cargo(test(EVERYTHING, targets));
    context.tell_full(&mut command);
    run_tests(&mut command)
}

/// `cargo test` on these targets of these packages.
fn test<'a>(
    packages: &'a [&'a str],
    targets: impl IntoIterator<Item = &'a str>,
) -> impl Iterator<Item = &'a str> {
    ["test", "--no-fail-fast"].into_iter().chain(packages.iter().copied()).chain(targets)
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
