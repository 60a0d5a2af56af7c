//! Reading Cargo.lock: names, versions and sources are one line each.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::context::Context;

/// A package of the lock.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Locked {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it comes from; nothing for a member of the workspace.
    pub source: Option<String>,
}

/// The packages of the workspace's lock.
pub fn read(context: &Context) -> Result<Vec<Locked>> {
    let text = fs::read_to_string(context.root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let packages = parse(&text);
    ensure!(!packages.is_empty(), "Cargo.lock holds no package");
    Ok(packages)
}

/// The packages in the text of a lock.
pub fn parse(text: &str) -> Vec<Locked> {
    text.split("[[package]]").skip(1).map(package).collect()
}

fn package(block: &str) -> Locked {
    let value = |key: &str| {
        block.lines().find_map(|line| {
            Some(line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')?.to_owned())
        })
    };
    Locked {
        name: value("name").unwrap_or_default(),
        version: value("version").unwrap_or_default(),
        source: value("source"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_with_and_without_a_source() {
        let text = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.2.3\"\nsource = \"registry+x\"\n\
                    checksum = \"0\"\ndependencies = [\n \"b\",\n]\n\n[[package]]\nname = \"b\"\nversion = \"0.1.0\"\n";
        let locked = |name: &str, version: &str, source: Option<&str>| Locked {
            name: name.to_owned(),
            version: version.to_owned(),
            source: source.map(str::to_owned),
        };
        assert_eq!(parse(text), [locked("a", "1.2.3", Some("registry+x")), locked("b", "0.1.0", None)]);
    }

    #[test]
    fn text_without_packages_gives_none() {
        assert_eq!(parse("version = 4\n"), []);
    }
}
