//! The rules for source files: where `unsafe` may stand, and how long a file may be.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::context::Context;
use crate::rust_source::{self, Facts};
use crate::step::Outcome;

/// Folders whose files may say `unsafe`, with the reason.
const MAY_BE_UNSAFE: &[(&str, &str)] = &[
    ("crates/segment/", "where the bytes live"),
    ("crates/python/", "PyO3 and the C data interface force it"),
    ("benches/", "functions of the peers ask for it"),
];

/// Lines of code from which a file is reported.
const LONG: usize = 400;
/// Lines of code from which a file fails.
const TOO_LONG: usize = 600;

/// Reads every tracked Rust file.
pub fn check(context: &Context) -> Result<Outcome> {
    let output = context.git(["ls-files", "-z", "--", "*.rs"]).output().context("cannot start git")?;
    ensure!(
        output.status.success(),
        "git ls-files failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let names = String::from_utf8(output.stdout).context("a tracked file has a name that is not UTF-8")?;
    let mut files = 0;
    let mut problems = Vec::new();
    for name in names.split_terminator('\0') {
        let path = context.root().join(name);
        if !path.exists() {
            continue; // Deleted, and not committed yet.
        }
        files += 1;
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        let facts = rust_source::read(&text).with_context(|| name.to_owned())?;
        problems.extend(stray_unsafe(name, &facts));
        match length(name, &facts) {
            Length::Short => {}
            Length::Long(report) => println!("note: {report}"),
            Length::TooLong(report) => problems.push(report),
        }
    }
    ensure!(files > 0, "no tracked Rust file was found");
    Ok(Outcome::checked(format!("{files} Rust files"), problems))
}

fn stray_unsafe(name: &str, facts: &Facts) -> Option<String> {
    let allowed = MAY_BE_UNSAFE.iter().any(|(folder, _reason)| name.starts_with(folder));
    let line = facts.unsafe_lines.first().filter(|_| !allowed)?;
    let folders = MAY_BE_UNSAFE.iter().map(|(folder, _reason)| *folder).collect::<Vec<_>>().join(" and ");
    Some(format!("{name}:{line}: `unsafe` may stand in {folders} only"))
}

#[derive(Debug, PartialEq, Eq)]
enum Length {
    Short,
    Long(String),
    TooLong(String),
}

fn length(name: &str, facts: &Facts) -> Length {
    let lines = facts.code_lines;
    match lines {
        _ if lines <= LONG || is_test_file(name) => Length::Short,
        _ if lines <= TOO_LONG => Length::Long(format!("{name} has {lines} lines of code: is it one idea?")),
        _ => Length::TooLong(format!("{name} has {lines} lines of code, more than {TOO_LONG}: divide it")),
    }
}

/// Whether a file holds tests only: below a folder `tests`, but not the source of a package that stands there.
fn is_test_file(name: &str) -> bool {
    let folders: Vec<&str> = name.split('/').collect();
    let tests = folders.iter().rposition(|&folder| folder == "tests");
    let src = folders.iter().rposition(|&folder| folder == "src");
    tests.is_some() && tests > src
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn with_lines(code_lines: usize) -> Facts {
        Facts { code_lines, unsafe_lines: BTreeSet::new() }
    }

    #[test]
    fn unsafe_outside_the_allowed_folders_fails() {
        let facts = Facts { code_lines: 9, unsafe_lines: BTreeSet::from([7, 8]) };
        assert_eq!(stray_unsafe("crates/segment/src/map.rs", &facts), None);
        assert_eq!(stray_unsafe("crates/python/src/lib.rs", &facts), None);
        for name in ["crates/reader/src/lib.rs", "tests/harness/src/lib.rs", "crates/segmentation/src/lib.rs"]
        {
            assert!(stray_unsafe(name, &facts).unwrap().starts_with(&format!("{name}:7:")));
        }
    }

    #[test]
    fn file_without_unsafe_passes_anywhere() {
        assert_eq!(stray_unsafe("crates/reader/src/lib.rs", &with_lines(9)), None);
    }

    #[test]
    fn long_file_is_reported_and_a_longer_one_fails() {
        assert_eq!(length("a/src/b.rs", &with_lines(400)), Length::Short);
        assert!(matches!(length("a/src/b.rs", &with_lines(401)), Length::Long(_)));
        assert!(matches!(length("a/src/b.rs", &with_lines(600)), Length::Long(_)));
        assert!(matches!(length("a/src/b.rs", &with_lines(601)), Length::TooLong(_)));
    }

    #[test]
    fn length_of_test_files_is_free() {
        assert_eq!(length("crates/segment/tests/loom_ring.rs", &with_lines(900)), Length::Short);
        assert!(matches!(length("tests/harness/src/roles.rs", &with_lines(900)), Length::TooLong(_)));
    }
}
