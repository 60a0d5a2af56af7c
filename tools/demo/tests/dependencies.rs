//! The programs of the demo stand alone: the loader uses the writer and nothing else of ours, the readers the reader.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use cargo_metadata::{Metadata, MetadataCommand, Package};
use std::collections::BTreeSet;

fn workspace() -> Metadata {
    MetadataCommand::new().current_dir(env!("CARGO_MANIFEST_DIR")).exec().unwrap()
}

fn package<'m>(workspace: &'m Metadata, name: &str) -> &'m Package {
    workspace.workspace_packages().into_iter().find(|package| package.name == name).unwrap()
}

/// Our own packages that a package names in its manifest, for whatever purpose.
fn named(package: &Package) -> Vec<&str> {
    let names = package.dependencies.iter().map(|dependency| dependency.name.as_str());
    names.filter(|name| name.starts_with("shmframe")).collect()
}

/// The names of all packages that a package is built from, itself included.
fn built_from<'m>(workspace: &'m Metadata, name: &str) -> BTreeSet<&'m str> {
    let nodes = &workspace.resolve.as_ref().unwrap().nodes;
    let mut found = BTreeSet::from([&package(workspace, name).id]);
    let mut open: Vec<_> = found.iter().copied().collect();
    while let Some(id) = open.pop() {
        let node = nodes.iter().find(|node| node.id == *id).unwrap();
        open.extend(node.dependencies.iter().filter(|dependency| found.insert(dependency)));
    }
    found.into_iter().map(|id| workspace[id].name.as_str()).collect()
}

#[test]
fn each_program_names_one_package_of_ours() {
    let workspace = workspace();
    for (name, uses) in [
        ("shmframe-demo-loader", "shmframe-writer"),
        ("shmframe-demo-light", "shmframe-reader"),
        ("shmframe-demo-heavy", "shmframe-reader"),
    ] {
        assert_eq!(named(package(&workspace, name)), [uses], "{name}");
    }
}

#[test]
fn loader_is_built_without_the_reader_and_readers_without_the_writer() {
    let workspace = workspace();
    for (name, uses, without) in [
        ("shmframe-demo-loader", "shmframe-writer", "shmframe-reader"),
        ("shmframe-demo-light", "shmframe-reader", "shmframe-writer"),
        ("shmframe-demo-heavy", "shmframe-reader", "shmframe-writer"),
    ] {
        let packages = built_from(&workspace, name);
        assert!(packages.contains(uses) && packages.contains("shmframe-segment"), "{name}: {packages:?}");
        assert!(!packages.contains(without), "{name} is built from {without}");
        assert!(!packages.contains("shmframe"), "{name} is built from the front door, which holds both");
    }
}
