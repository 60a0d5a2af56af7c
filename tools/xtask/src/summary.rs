//! The table at the end of a run, the failures, and the closing line.

use std::fmt;
use std::time::Duration;

use crate::step::Outcome;
use crate::test_counts::Counts;

/// What the whole gate may take without `--full`.
const BUDGET: Duration = Duration::from_secs(45 * 60);

/// One step that ran.
pub struct Row {
    /// The name of the step.
    pub name: &'static str,
    /// How long it took.
    pub time: Duration,
    /// What it found.
    pub outcome: Outcome,
}

impl Row {
    /// Whether the step found nothing wrong.
    pub fn passed(&self) -> bool {
        self.outcome.problems.is_empty()
    }

    /// `ok` or `FAILED`.
    pub fn verdict(&self) -> &'static str {
        if self.passed() { "ok" } else { "FAILED" }
    }

    /// The time in words.
    pub fn duration(&self) -> String {
        words(self.time)
    }

    /// What the step adds to the closing line: a step that failed without a failed test counts as one failure.
    fn closing(&self) -> Counts {
        let mut counts = self.outcome.counts;
        if !self.passed() {
            counts.failed = counts.failed.max(1);
        }
        counts
    }
}

/// A whole run.
pub struct Summary {
    /// The steps that ran, in order.
    pub rows: Vec<Row>,
    /// Whether the longer search was asked for.
    pub full: bool,
}

impl Summary {
    /// Whether at least one step ran and none found anything wrong.
    pub fn passed(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(Row::passed)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.rows.iter().map(|row| row.time).sum();
        let mut ran = Counts::default();
        let mut closing = Counts::default();
        writeln!(f, "\n{:<10} {:>12} {:>7}  result", "step", "time", "tests")?;
        for row in &self.rows {
            ran += row.outcome.counts;
            closing += row.closing();
            let tests = match row.outcome.counts.ran() {
                0 => "-".to_owned(),
                tests => tests.to_string(),
            };
            let note = match row.outcome.note.as_str() {
                "" => String::new(),
                note => format!(" ({note})"),
            };
            writeln!(f, "{:<10} {:>12} {tests:>7}  {}{note}", row.name, row.duration(), row.verdict())?;
        }
        writeln!(f, "{:<10} {:>12} {:>7}", "total", words(time), ran.ran())?;
        if time > BUDGET && !self.full {
            writeln!(f, "This run took longer than the {} that the gate should take.", words(BUDGET))?;
        }
        for row in self.rows.iter().filter(|row| !row.passed()) {
            writeln!(f, "\nFAILED {}:", row.name)?;
            for problem in &row.outcome.problems {
                writeln!(f, "  {}", problem.replace('\n', "\n  "))?;
            }
        }
        writeln!(f, "\n{} passed, {} failed", closing.passed, closing.failed)
    }
}

/// A time as people say it.
pub fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &'static str, passed: u64, failed: u64, problems: &[&str]) -> Row {
        let problems = problems.iter().map(|&problem| problem.to_owned()).collect();
        let counts = Counts { passed, failed, ignored: 0 };
        let outcome = Outcome { counts, note: String::new(), problems };
        Row { name, time: Duration::from_millis(100), outcome }
    }

    fn last_line(rows: Vec<Row>) -> String {
        Summary { rows, full: false }.to_string().lines().last().unwrap().to_owned()
    }

    #[test]
    fn closing_line_adds_the_tests_of_all_steps() {
        assert_eq!(last_line(vec![row("a", 3, 0, &[]), row("b", 4, 0, &[])]), "7 passed, 0 failed");
    }

    #[test]
    fn failed_step_never_closes_with_zero_failed() {
        assert_eq!(last_line(vec![row("a", 3, 0, &["warning"])]), "3 passed, 1 failed");
        assert_eq!(last_line(vec![row("a", 3, 2, &["2 failed"])]), "3 passed, 2 failed");
    }

    #[test]
    fn all_failures_are_reported() {
        let rows =
            vec![row("a", 0, 0, &["first"]), row("b", 1, 0, &[]), row("c", 0, 0, &["second", "third"])];
        let summary = Summary { rows, full: false };
        let text = summary.to_string();
        assert!(!summary.passed());
        for word in ["FAILED a:", "first", "FAILED c:", "second", "third"] {
            assert!(text.contains(word), "{word} is missing in {text}");
        }
    }

    #[test]
    fn run_without_a_step_did_not_pass() {
        assert!(!Summary { rows: Vec::new(), full: false }.passed());
    }

    #[test]
    fn long_run_says_that_it_is_over_the_budget() {
        let mut slow = row("a", 1, 0, &[]);
        slow.time = BUDGET + Duration::from_secs(1);
        assert!(
            Summary { rows: vec![slow], full: false }.to_string().contains("longer than the 45 min 00 s")
        );
    }

    #[test]
    fn times_read_as_words() {
        assert_eq!(words(Duration::from_millis(940)), "0.9 s");
        assert_eq!(words(Duration::from_secs(184)), "3 min 04 s");
    }
}
