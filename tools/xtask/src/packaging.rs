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
        let status = context.command("tar").arg("xzf").arg(&file).arg("-C").arg(folder).status();
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
