//! The packages as they would be published: made, unpacked side by side, and built from what is in them alone.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::Package;

use crate::context::{Context, flags_with};
use crate::step::{Outcome, run};

/// What every package carries besides its sources.
const CARRIED: [&str; 4] = ["Cargo.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE"];
/// Packages every member that may be published, and builds the documentation from the packages: whatever they miss of
/// the tree, pages included, is missing there.
///
/// `cargo package` would build each of them by itself, and compile Arrow for that. Checking it is enough here.
pub fn check(context: &Context) -> Result<Outcome> {
    let members = published(context);
    ensure!(!members.is_empty(), "no package of the workspace may be published");
    let folder = context.target_below("packaged");
    let selection = members.iter().flat_map(|member| ["--package", member.name.as_str()]);
    let package = ["package", "--no-verify", "--allow-dirty"].into_iter().chain(selection);
    let mut outcome = Outcome::checked(
        format!("{} packages", members.len()),
        members.iter().flat_map(|member| unsaid(member)).collect(),
    );
    outcome = outcome.and(run(&mut context.cargo(package))?);
    let folders = unpack(context, &members, &folder)?;
    outcome.problems.extend(folders.iter().flat_map(|folder| missing(folder)));
    write_workspace(context, &folder, &folders)?;
    let mut document = context.cargo(["doc", "--workspace", "--no-deps", "--all-features"]);
    document.current_dir(&folder).env("CARGO_TARGET_DIR", folder.join("target"));
    document.env("RUSTDOCFLAGS", flags_with("RUSTDOCFLAGS", "-D warnings"));
    Ok(outcome.and(run(&mut document)?))
}

/// The members that a registry may have.
fn published(context: &Context) -> Vec<&Package> {
    let members = context.workspace.workspace_packages();
    members.into_iter().filter(|member| member.publish.as_ref().is_none_or(|to| !to.is_empty())).collect()
}

/// What a registry would show of a package, and the package does not say.
fn unsaid(package: &Package) -> Vec<String> {
    let said = [
        ("description", package.description.is_some()),
        ("documentation", package.documentation.is_some()),
        ("keywords", !package.keywords.is_empty()),
        ("license", package.license.is_some()),
        ("rust-version", package.rust_version.is_some()),
    ];
    let missing = said.into_iter().filter(|(_, said)| !said);
    missing.map(|(what, _)| format!("`{}` names no {what}", package.name)).collect()
}

/// Unpacks what `cargo package` made; the folder of each package.
fn unpack(context: &Context, members: &[&Package], folder: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut folders = Vec::new();
    for member in members {
        let name = format!("{}-{}", member.name, member.version);
        let file = context.target_below("package").join(format!("{name}.crate"));
        let unpacked = folder.join(&name);
        if unpacked.exists() {
            fs::remove_dir_all(&unpacked).with_context(|| format!("cannot remove {}", unpacked.display()))?;
        }
        // With the time of now: all files of a package are of one day long ago, and cargo would build nothing anew.
        let status = context.command("tar").arg("xzmf").arg(&file).arg("-C").arg(folder).status();
        let status = status.context("cannot start tar")?;
        ensure!(status.success(), "{} cannot be unpacked: {status}", file.display());
        folders.push(unpacked);
    }
    Ok(folders)
}

/// What a package should carry and does not.
fn missing(folder: &Path) -> Vec<String> {
    let absent = CARRIED.iter().filter(|name| !folder.join(name).is_file());
    absent.map(|name| format!("{} has no {name}", folder.display())).collect()
}

/// A workspace of the unpacked packages, which find each other and the locked versions of all others.
fn write_workspace(context: &Context, folder: &Path, folders: &[PathBuf]) -> Result<()> {
    let names = folders.iter().filter_map(|folder| folder.file_name()?.to_str());
    let mut text = "[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n\n[patch.crates-io]\n".to_owned();
    for name in names {
        if let Some((package, _version)) = name.rsplit_once('-') {
            text += &format!("{package} = {{ path = \"{name}\" }}\n");
        }
    }
    fs::write(folder.join("Cargo.toml"), text).context("cannot write the manifest of the packages")?;
    let lock = context.root().join("Cargo.lock");
    fs::copy(lock, folder.join("Cargo.lock")).context("cannot copy Cargo.lock")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_published_and_nothing_else() {
        let context = Context::new(false).unwrap();
        let mut names: Vec<&str> = published(&context).iter().map(|package| package.name.as_str()).collect();
        names.sort_unstable();
        let parts = ["format", "reader", "segment", "writer"].map(|part| format!("shmframe-{part}"));
        assert_eq!(names[0], "shmframe");
        assert_eq!(names[1..], parts);
    }

    #[test]
    fn what_a_package_does_not_say_is_named() {
        let context = Context::new(false).unwrap();
        let mut package = published(&context)[0].clone();
        assert_eq!(unsaid(&package), Vec::<String>::new());
        package.license = None;
        package.keywords.clear();
        assert_eq!(
            unsaid(&package),
            ["keywords", "license"].map(|what| format!("`{}` names no {what}", package.name))
        );
    }

    #[test]
    fn file_that_a_package_should_carry_and_does_not_is_named() {
        let folder = std::env::temp_dir().join(format!("xtask-packaging-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for name in CARRIED.iter().filter(|name| **name != "LICENSE-MIT") {
            fs::write(folder.join(name), "").unwrap();
        }
        let found = missing(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, [format!("{} has no LICENSE-MIT", folder.display())]);
    }
}
