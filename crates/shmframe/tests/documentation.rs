//! What the pages of the repository promise about themselves.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// README, CONTRIBUTING, and the pages of `docs` and `docs/decisions`, relative to the repository.
fn pages() -> Vec<(String, String)> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = Vec::new();
    for folder in ["", "docs/", "docs/decisions/"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let name = format!("{folder}{}", entry.unwrap().file_name().to_string_lossy());
            if name.ends_with(".md") {
                pages.push((name.clone(), fs::read_to_string(root.join(name)).unwrap()));
            }
        }
    }
    assert!(pages.len() > 10, "the pages were not found");
    pages
}

#[test]
fn every_program_of_a_page_is_a_doc_test() {
    let included = include_str!("../src/guide.rs");
    for (name, text) in pages() {
        let programs = text.lines().filter(|line| line.starts_with("```rust")).count();
        assert!(programs == 0 || included.contains(&format!("{name:?}")), "{name} is not in guide.rs");
        assert!(!text.contains("```rust,ignore"), "{name} has a program that is neither compiled nor run");
    }
}

#[test]
fn every_fence_of_a_page_names_its_language() {
    for (name, text) in pages() {
        let fences = text.lines().filter(|line| line.starts_with("```"));
        for (number, fence) in fences.enumerate() {
            assert_eq!(fence == "```", number % 2 == 1, "fence {number} of {name}: {fence}");
        }
    }
}
