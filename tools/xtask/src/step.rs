//! One step: what it did, and how its commands are run.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::limit::Limit;
use crate::processes::Mark;
use crate::test_counts::Counts;

/// A check of the gate.
pub struct Step {
    /// The name on the command line and in the table.
    pub name: &'static str,
    /// One line that says what it checks.
    pub about: &'static str,
    /// How long it may take before it is ended.
    pub limit: Limit,
    /// The check itself. An error means that it could not be carried out, which fails it too.
    pub run: fn(&Context) -> Result<Outcome>,
}

/// What a step found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The tests that ran.
    pub counts: Counts,
    /// What a reader of the table should know, for instance how many things were checked.
    pub note: String,
    /// What is wrong; the step passed if there is nothing.
    pub problems: Vec<String>,
}

impl Outcome {
    /// A check that looked at `note` and found `problems`.
    pub fn checked(note: impl Into<String>, problems: Vec<String>) -> Self {
        Self { counts: Counts::default(), note: note.into(), problems }
    }

    /// Both outcomes as one.
    pub fn and(mut self, other: Self) -> Self {
        self.counts += other.counts;
        if !self.note.is_empty() && !other.note.is_empty() {
            self.note.push_str(", ");
        }
        self.note.push_str(&other.note);
        self.problems.extend(other.problems);
        self
    }
}

/// Runs a command that is right when it exits with 0.
pub fn run(command: &mut Command) -> Result<Outcome> {
    let line = announce(command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    Ok(Outcome::checked("", exit_problem(&line, status).into_iter().collect()))
}

/// Runs a command that runs tests: it must exit with 0, have run a test, and have ignored none.
pub fn run_tests(command: &mut Command) -> Result<Outcome> {
    let mut counts = Counts::default();
    let line = announce(command);
    let status = stream(command, &line, |printed| counts.read(printed))?;
    Ok(Outcome { counts, note: String::new(), problems: test_problems(&line, status, counts) })
}

/// Runs a command, hands on what it prints line by line as it comes, and shows each line to `look`.
pub fn stream(command: &mut Command, line: &str, mut look: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{line}`"))?;
    let output = child.stdout.take().context("the output of a started command is missing")?;
    let mut reader = BufReader::new(output);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        let printed = String::from_utf8_lossy(&bytes);
        // `print!`, not the raw standard output: what the tests of this file stream is then captured like any
        // other test output, and never counted by the gate that runs them.
        print!("{printed}");
        look(printed.trim_end());
        bytes.clear();
    }
    Ok(child.wait()?)
}

/// Prints the command as it could be typed, and gives that line back.
pub fn announce(command: &Command) -> String {
    let variables = command.get_envs().filter(|(name, _)| !name.to_str().is_some_and(Mark::is_variable));
    let variables = variables.filter_map(|(name, value)| {
        Some(format!("{}={}", name.to_string_lossy(), quoted(&value?.to_string_lossy())))
    });
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let arguments = command.get_args().map(|argument| quoted(&argument.to_string_lossy()));
    let line = variables.chain([program]).chain(arguments).collect::<Vec<_>>().join(" ");
    println!("$ {line}");
    line
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{word}'") }
}

/// What is wrong with a command that ended like this.
pub fn exit_problem(line: &str, status: ExitStatus) -> Option<String> {
    (!status.success()).then(|| format!("`{line}` failed: {status}"))
}

/// What is wrong with a command that ran tests: a red test, no test at all, or a test that was left out.
fn test_problems(line: &str, status: ExitStatus, counts: Counts) -> Vec<String> {
    let mut problems = Vec::new();
    if counts.failed > 0 {
        problems.push(format!("`{line}`: {} of {} tests failed", counts.failed, counts.ran()));
    } else {
        problems.extend(exit_problem(line, status));
    }
    if counts.ran() == 0 {
        problems.push(format!("`{line}` ran no test"));
    }
    if counts.ignored > 0 {
        problems.push(format!("`{line}`: {} tests are ignored; mend or delete them", counts.ignored));
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn step_with_zero_tests_fails() {
        let outcome =
            run_tests(&mut shell("echo 'test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured'"))
                .unwrap();
        assert_eq!(outcome.problems.len(), 1);
        assert!(outcome.problems[0].ends_with("ran no test"), "{:?}", outcome.problems);
    }

    #[test]
    fn step_that_prints_nothing_fails() {
        assert!(!run_tests(&mut shell("true")).unwrap().problems.is_empty());
    }

    #[test]
    fn step_with_an_ignored_test_fails() {
        let outcome =
            run_tests(&mut shell("echo 'test result: ok. 7 passed; 0 failed; 1 ignored;'")).unwrap();
        assert_eq!(outcome.problems.len(), 1);
        assert!(outcome.problems[0].contains("1 tests are ignored"), "{:?}", outcome.problems);
    }

    #[test]
    fn step_whose_command_fails_after_green_tests_fails() {
        let outcome =
            run_tests(&mut shell("echo 'test result: ok. 7 passed; 0 failed; 0 ignored;'; exit 3")).unwrap();
        assert_eq!(outcome.counts.passed, 7);
        assert!(outcome.problems[0].ends_with("exit status: 3"), "{:?}", outcome.problems);
    }

    #[test]
    fn step_with_a_red_test_fails_and_keeps_its_counts() {
        let red = "echo 'test result: FAILED. 5 passed; 2 failed; 0 ignored;'; exit 101";
        let outcome = run_tests(&mut shell(red)).unwrap();
        assert_eq!((outcome.counts.passed, outcome.counts.failed), (5, 2));
        assert_eq!(outcome.problems.len(), 1);
    }

    #[test]
    fn step_with_green_tests_passes() {
        let outcome =
            run_tests(&mut shell("echo 'test result: ok. 7 passed; 0 failed; 0 ignored;'")).unwrap();
        assert_eq!(outcome.problems, Vec::<String>::new());
        assert_eq!(outcome.counts.passed, 7);
    }

    #[test]
    fn killed_command_is_a_problem() {
        assert!(exit_problem("x", ExitStatus::from_raw(9)).is_some());
        assert!(exit_problem("x", ExitStatus::from_raw(0)).is_none());
    }

    #[test]
    fn announced_line_can_be_typed() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.args(["test", "--test", "loom_*"]).env("RUSTFLAGS", "--cfg loom");
        Mark::new("typed").put_on(&mut command);
        assert_eq!(announce(&command), "RUSTFLAGS='--cfg loom' cargo test --test 'loom_*'");
    }
}
