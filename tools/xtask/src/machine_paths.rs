//! Nothing in the committed files points at the machine that they were written on.

use anyhow::{Context as _, Result, bail, ensure};

use crate::context::Context;
use crate::lock_file::{self, Locked};
use crate::step::Outcome;

/// Top folders in which people keep their work.
const PRIVATE_FOLDERS: [&str; 3] = ["home", "root", "work"];
/// Where every package of the lock comes from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Looks for absolute paths into private folders in tracked text files.
pub fn in_tracked_files(context: &Context) -> Result<Outcome> {
    let mut command = context.git(["grep", "-nIE", &pattern()]);
    let output = command.output().context("cannot start git")?;
    // git grep: 0 is found, 1 is not found, everything else is trouble.
    let found = match output.status.code() {
        Some(0) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Some(1) => String::new(),
        _ => bail!("git grep failed: {}", String::from_utf8_lossy(&output.stderr).trim()),
    };
    let problems =
        found.lines().map(|line| format!("path of a machine in a committed file: {line}")).collect();
    Ok(Outcome::checked("", problems))
}

/// A path from the root, not the middle of a longer path or of an address.
fn pattern() -> String {
    format!("(^|[^A-Za-z0-9_.~-])/({})/", PRIVATE_FOLDERS.join("|"))
}

/// Looks for packages in the lock that come from elsewhere than crates.io.
pub fn in_lock(context: &Context) -> Result<Outcome> {
    let packages = lock_file::read(context)?;
    ensure!(packages.iter().any(|package| package.source.is_some()), "Cargo.lock names no source");
    Ok(Outcome::checked("", foreign_sources(&packages)))
}

fn foreign_sources(packages: &[Locked]) -> Vec<String> {
    let foreign = packages.iter().filter_map(|package| {
        let source = package.source.as_deref().filter(|source| *source != CRATES_IO)?;
        Some(format!("Cargo.lock takes `{}` from {source}, not from crates.io", package.name))
    });
    foreign.collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    /// Whether grep, with the same kind of expression as git grep, finds the pattern.
    fn found(text: &str) -> bool {
        let mut grep = Command::new("grep").args(["-qE", &pattern()]).stdin(Stdio::piped()).spawn().unwrap();
        grep.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        grep.wait().unwrap().success()
    }

    #[test]
    fn paths_into_private_folders_are_found() {
        for folder in PRIVATE_FOLDERS {
            assert!(found(&format!("/{folder}/someone/project\n")));
            assert!(found(&format!("let path = \"/{folder}/x\";\n")));
        }
    }

    #[test]
    fn other_paths_and_addresses_are_not_found() {
        for text in ["/dev/shm/a.shmf/data\n", "src/work/mod.rs\n", "https://example.org/home/index.html\n"] {
            assert!(!found(text), "{text}");
        }
    }

    #[test]
    fn source_other_than_crates_io_is_found() {
        let lock = format!(
            "[[package]]\nname = \"a\"\nsource = \"{CRATES_IO}\"\n[[package]]\nname = \"b\"\n\
             source = \"git+https://example.org/b\"\n[[package]]\nname = \"c\"\n"
        );
        let problems = foreign_sources(&lock_file::parse(&lock));
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("`b`"), "{problems:?}");
    }
}
