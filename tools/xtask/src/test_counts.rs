//! Counting tests by the lines that libtest closes each binary with.

use std::ops::AddAssign;

/// How many tests ran, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that are marked as ignored and did not run.
    pub ignored: u64,
}

impl Counts {
    /// Tests that ran.
    pub fn ran(self) -> u64 {
        self.passed + self.failed
    }

    /// Adds what this line says, if it is a closing line of libtest.
    pub fn read(&mut self, line: &str) {
        if let Some(counts) = parse(line) {
            *self += counts;
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Reads `test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s`.
fn parse(line: &str) -> Option<Counts> {
    let (_verdict, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |word: &str| {
        numbers.split(';').find_map(|part| part.trim().strip_suffix(word)?.trim_end().parse::<u64>().ok())
    };
    Some(Counts { passed: number("passed")?, failed: number("failed")?, ignored: number("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn green_line_is_counted() {
        let line =
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.10s";
        assert_eq!(parse(line), Some(Counts { passed: 12, failed: 0, ignored: 0 }));
    }

    #[test]
    fn red_line_is_counted() {
        let line = "test result: FAILED. 1 passed; 2 failed; 3 ignored; 0 measured; 0 filtered out";
        assert_eq!(parse(line), Some(Counts { passed: 1, failed: 2, ignored: 3 }));
    }

    #[test]
    fn other_lines_are_not_counted() {
        for line in [
            "",
            "running 3 tests",
            "test result_is_kept ... ok",
            "note: test result: ok. 3 passed; 0 failed; 0 ignored;",
            "test result: ok. many passed; 0 failed; 0 ignored;",
            "test result: ok.",
            "all doctests ran in 0.17s; merged doctests compilation took 0.15s",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn counts_add_up_over_binaries() {
        let mut counts = Counts::default();
        counts.read("test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured");
        counts.read("     Running unittests src/lib.rs");
        counts.read("test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured");
        assert_eq!(counts, Counts { passed: 5, failed: 1, ignored: 1 });
        assert_eq!(counts.ran(), 6);
    }
}
