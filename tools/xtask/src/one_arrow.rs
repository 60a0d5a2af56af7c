//! The workspace holds one Arrow: one implementation, in one version, so that arrays can pass between all its parts.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::context::Context;
use crate::lock_file::{self, Locked};
use crate::step::Outcome;

/// Other implementations of Arrow arrays or Parquet files.
const OTHERS: &[&str] =
    &["arrow2", "parquet2", "polars-arrow", "polars-parquet", "re_arrow2", "minarrow", "nanoarrow"];

/// The packages that are released together with `arrow` and share its version.
const FAMILY: &[&str] = &[
    "arrow",
    "arrow-arith",
    "arrow-array",
    "arrow-avro",
    "arrow-buffer",
    "arrow-cast",
    "arrow-csv",
    "arrow-data",
    "arrow-flight",
    "arrow-ipc",
    "arrow-json",
    "arrow-ord",
    "arrow-pyarrow",
    "arrow-row",
    "arrow-schema",
    "arrow-select",
    "arrow-string",
    "parquet",
];

/// Looks at the packages of the lock.
pub fn check(context: &Context) -> Result<Outcome> {
    Ok(judge(&lock_file::read(context)?))
}

fn judge(packages: &[Locked]) -> Outcome {
    let mut versions = BTreeMap::<&str, BTreeSet<&str>>::new();
    for package in packages.iter().filter(|package| package.source.is_some()) {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let ours = |name: &str| name.starts_with("arrow") || name.starts_with("parquet");
    versions.retain(|name, _| ours(name) || OTHERS.contains(name));

    let mut problems = Vec::new();
    for (name, found) in &versions {
        if OTHERS.contains(name) {
            problems.push(format!(
                "`{name}` is a second Arrow implementation; `cargo tree -i {name}` says whose"
            ));
        } else if found.len() > 1 {
            problems.push(format!("`{name}` is locked in more than one version: {}", list(found)));
        }
    }
    let family = versions.iter().filter(|(name, _)| FAMILY.contains(name));
    let majors: BTreeSet<&str> =
        family.flat_map(|(_, found)| found).filter_map(|version| version.split('.').next()).collect();
    if majors.len() > 1 {
        problems.push(format!("the arrow packages are of more than one release: {}", list(&majors)));
    }
    if !versions.contains_key("arrow") {
        problems.push("`arrow` is not in the lock".to_owned());
    }
    Outcome::checked(format!("{} packages of release {}", versions.len(), list(&majors)), problems)
}

fn list(words: &BTreeSet<&str>) -> String {
    words.iter().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(packages: &[(&str, &str)]) -> Vec<String> {
        let locked = |&(name, version): &(&str, &str)| Locked {
            name: name.to_owned(),
            version: version.to_owned(),
            source: Some("registry".to_owned()),
        };
        judge(&packages.iter().map(locked).collect::<Vec<_>>()).problems
    }

    #[test]
    fn one_release_passes() {
        let packages =
            [("arrow", "59.3.2"), ("arrow-array", "59.3.2"), ("parquet", "59.3.1"), ("libc", "0.2.1")];
        assert_eq!(problems(&packages), Vec::<String>::new());
    }

    #[test]
    fn two_versions_of_arrow_fail() {
        assert!(problems(&[("arrow", "59.3.2"), ("arrow", "59.3.1")])[0].contains("59.3.1, 59.3.2"));
    }

    #[test]
    fn parts_of_two_releases_fail() {
        assert!(problems(&[("arrow", "59.3.2"), ("parquet", "60.0.0")])[0].contains("59, 60"));
    }

    #[test]
    fn second_implementation_fails() {
        assert!(problems(&[("arrow", "59.3.2"), ("polars-arrow", "0.50.0")])[0].contains("polars-arrow"));
    }

    #[test]
    fn lock_without_arrow_fails() {
        assert_eq!(problems(&[("libc", "0.2.1")]), ["`arrow` is not in the lock"]);
    }
}
