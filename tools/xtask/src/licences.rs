//! Every package that is built on this platform has a licence that the project accepts.

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{CargoOpt, MetadataCommand, Package};
use spdx::{Expression, Licensee, ParseMode};

use crate::context::{Context, flags_with};
use crate::step::Outcome;

/// What the project accepts: licences that let a program under MIT OR Apache-2.0 be built and passed on.
const ACCEPTED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Looks at the packages of normal, build and dev dependencies, with all features, with and without loom.
pub fn check(context: &Context) -> Result<Outcome> {
    let accepted = accepted()?;
    let packages = packages(context)?;
    let named = packages.iter().map(|package| (label(package), package.license.as_deref()));
    judge(named, &accepted)
}

fn label(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

fn judge<'a>(
    packages: impl Iterator<Item = (String, Option<&'a str>)>,
    accepted: &[Licensee],
) -> Result<Outcome> {
    let mut checked = 0;
    let mut problems = Vec::new();
    for (package, licence) in packages {
        checked += 1;
        problems.extend(refusal(licence, accepted).map(|reason| format!("{package}: {reason}")));
    }
    ensure!(checked > 0, "no package was found, so no licence was checked");
    Ok(Outcome::checked(format!("{checked} packages"), problems))
}

/// Why a package with this licence expression is refused, if it is.
fn refusal(licence: Option<&str>, accepted: &[Licensee]) -> Option<String> {
    let Some(licence) = licence else {
        return Some("it names no licence".to_owned());
    };
    match Expression::parse_mode(licence, ParseMode::LAX) {
        Err(error) => Some(format!("its licence `{licence}` is not an SPDX expression: {}", error.reason)),
        Ok(expression) => {
            let met = expression.evaluate(|term| accepted.iter().any(|licence| licence.satisfies(term)));
            (!met).then(|| format!("its licence `{licence}` is not accepted (tools/xtask/src/licences.rs)"))
        }
    }
}

fn accepted() -> Result<Vec<Licensee>> {
    let parse = |name: &&str| Licensee::parse(name).with_context(|| format!("`{name}` is no SPDX licence"));
    ACCEPTED.iter().map(parse).collect()
}

fn packages(context: &Context) -> Result<Vec<Package>> {
    let (mark, value) = context.mark.variable();
    let metadata = MetadataCommand::new()
        .env(mark, value)
        .current_dir(context.root())
        .features(CargoOpt::AllFeatures)
        .other_options(["--filter-platform".to_owned(), host(context)?])
        .env("RUSTFLAGS", flags_with("RUSTFLAGS", "--cfg loom"))
        .exec()
        .context("cannot resolve the dependencies")?;
    Ok(metadata.packages)
}

/// The triple of this machine's platform.
fn host(context: &Context) -> Result<String> {
    let output = context.command("rustc").arg("-vV").output().context("cannot start `rustc -vV`")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(licence: &str) -> bool {
        refusal(Some(licence), &accepted().unwrap()).is_some()
    }

    #[test]
    fn expressions_with_an_accepted_way_pass() {
        for licence in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "GPL-3.0-only OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
        ] {
            assert!(!refused(licence), "{licence}");
        }
    }

    #[test]
    fn expressions_without_an_accepted_way_fail() {
        for licence in
            ["GPL-3.0-only", "MIT AND AGPL-3.0-only", "LicenseRef-Proprietary", "SSPL-1.0 OR BUSL-1.1"]
        {
            assert!(refused(licence), "{licence}");
        }
    }

    #[test]
    fn words_that_are_no_expression_fail() {
        for licence in ["", "see LICENSE", "MIT OR", "Expensive-1.0"] {
            assert!(refused(licence), "{licence}");
        }
    }

    #[test]
    fn package_without_a_licence_fails() {
        assert!(refusal(None, &accepted().unwrap()).is_some());
    }

    #[test]
    fn refused_package_is_named() {
        let packages =
            [("good 1.0.0".to_owned(), Some("MIT")), ("bad 2.0.0".to_owned(), Some("GPL-2.0-only"))];
        let outcome = judge(packages.into_iter(), &accepted().unwrap()).unwrap();
        assert_eq!(outcome.note, "2 packages");
        assert_eq!(outcome.problems.len(), 1);
        assert!(outcome.problems[0].starts_with("bad 2.0.0:"), "{:?}", outcome.problems);
    }

    #[test]
    fn check_of_zero_packages_fails() {
        assert!(judge(std::iter::empty(), &accepted().unwrap()).is_err());
    }
}
