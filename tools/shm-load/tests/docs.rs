//! Every command line of `docs/shm-load.md` is run, and prints what the page says.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const TOOL: &str = env!("CARGO_BIN_EXE_shm-load");
const PAGE: &str = include_str!("../../../docs/shm-load.md");

const FILES: [(&str, &[u8]); 5] = [
    ("trades.csv", b"symbol,price,at\nA,1.5,2024-01-02\nB,2,2024-01-02\nC,2.25,2024-01-03\n"),
    ("whole.csv", b"symbol,price,at\n7,2,\n"),
    ("late.csv", b"symbol,price,at\nA,1.75,2024-01-04\nB,n/a,2024-01-04\n"),
    ("more.jsonl", b"{\"symbol\":\"D\",\"price\":1,\"at\":\"2024-01-03\"}\n{\"symbol\":\"E\",\"price\":2,\"at\":\"2024-01-03\"}\n"),
    ("trades.csv.gz", b"\x1F\x8B\x08\0"),
];

/// Directories for segments and for files: the commands run in the folder that is called like the page.
struct Place {
    segments: TempDir,
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let segments = tempfile::Builder::new().prefix("shm-load-docs-").tempdir_in("/dev/shm").unwrap();
        let place = Self { segments, folder: tempfile::tempdir().unwrap() };
        fs::write(place.page(), PAGE).unwrap();
        fs::create_dir(place.files()).unwrap();
        for (name, content) in FILES {
            fs::write(place.files().join(name), content).unwrap();
        }
        place
    }

    fn page(&self) -> PathBuf {
        self.folder.path().join("shm-load.md")
    }

    fn files(&self) -> PathBuf {
        self.folder.path().join("shm-load.in")
    }
}

#[test]
fn every_command_of_the_page_prints_what_it_says() {
    assert!(PAGE.matches("\n$ shm-load").count() >= 7, "the page has lost its examples");
    let place = Place::new();
    let cases = trycmd::TestCases::new();
    cases.register_bin("shm-load", Path::new(TOOL));
    cases.env("SHMFRAME_DIR", place.segments.path().to_str().unwrap());
    cases.case(place.page());
    cases.run();
}

#[test]
fn every_pipe_of_the_page_works() {
    let place = Place::new();
    let blocks: Vec<&str> =
        PAGE.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty(), "the page has lost its pipes");
    let folder = Path::new(TOOL).parent().unwrap().to_str().unwrap();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    for block in blocks {
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", block]).current_dir(place.files());
        let output = shell.env("PATH", &path).env("SHMFRAME_DIR", place.segments.path()).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && printed.contains("\"kind\":\"loaded\""), "{block}: {printed}");
    }
}
