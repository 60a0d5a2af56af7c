//! What the launcher makes of programs that do not behave; small scripts stand in for them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use anyhow::Result;
use clap::Parser as _;
use shmframe_demo::ledger::Summary;
use shmframe_demo::options::Options;
use shmframe_demo::programs::Programs;
use shmframe_demo::run::run;
use shmframe_demo::show::{Show, closing};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

/// Publishes one version, and ends when its input does.
const LOADER: &str = r#"
echo '{"report":"ready","days":1}'
echo '{"report":"published","edition":{"version":2,"day":{"year":2013,"month":1,"day":1},"rows":9},"bytes":72,"days":1}'
cat
"#;

/// Takes that version; `COPIED` is how many bytes it says that it copied.
const READER: &str = r#"
echo '{"report":"taken","edition":{"version":2,"day":{"year":2013,"month":1,"day":1},"rows":9},"text":"fair"}'
echo '{"report":"finished","checks":1,"in_place":72,"copied":COPIED,"text":"all well"}'
"#;

/// While a script is being written nobody may start a process: it would have the script open for writing too, for a
/// moment, and then the script could not be run.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn reader() -> String {
    READER.replace("COPIED", "0")
}

fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Runs the demo with these scripts.
fn demo(test: &str, loader: &str, light: &str, heavy: &str) -> Result<Summary> {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("demo-{test}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let programs = Programs {
        loader: script(&folder, "loader", loader),
        light: script(&folder, "light", light),
        heavy: script(&folder, "heavy", heavy),
    };
    let options = Options::parse_from(["demo", "--days", "1"]);
    let mut show = Show::Lines(Box::new(io::sink()), BTreeMap::new());
    let summary = run("demo-of-scripts", &options, programs, mpsc::channel(), &mut show);
    fs::remove_dir_all(&folder).unwrap();
    summary
}

fn complaint(test: &str, loader: &str, light: &str, heavy: &str) -> String {
    format!("{:#}", demo(test, loader, light, heavy).unwrap_err())
}

#[test]
fn programs_that_behave_end_with_ok() {
    let summary = demo("behave", LOADER, &reader(), &reader()).unwrap();
    let closing = closing(&summary, Duration::from_secs(3));
    assert!(
        closing.ends_with("\n1 version, 9 rows, 72 B in 3.0 s; 0 bytes copied by readers: ok"),
        "{closing}"
    );
}

#[test]
fn copied_bytes_of_any_reader_end_without_ok() {
    let copying = READER.replace("COPIED", "4096");
    for (light, heavy) in [(&reader(), &copying), (&copying, &reader())] {
        let summary = demo("copied", LOADER, light, heavy).unwrap();
        assert_eq!(summary.copied, 4096);
        let closing = closing(&summary, Duration::from_secs(3));
        assert!(closing.ends_with("4,096 bytes copied by readers: FAILED"), "{closing}");
    }
}

#[test]
fn failing_program_is_named_with_what_it_said() {
    let failing = "echo 'rows are missing' >&2; exit 3";
    for (role, text) in [
        ("light", complaint("light", LOADER, failing, &reader())),
        ("heavy", complaint("heavy", LOADER, &reader(), failing)),
    ] {
        assert_eq!(text, format!("{role} failed (exit status: 3): rows are missing"));
    }
}

#[test]
fn program_that_ends_too_early_is_named() {
    let early = "exit 0";
    assert_eq!(complaint("early-loader", early, "exec sleep 9", "exec sleep 9"), "loader ended too early");
    assert_eq!(complaint("early-light", LOADER, early, &reader()), "light ended too early");
    let silent = READER.lines().take(2).collect::<Vec<_>>().join("\n");
    assert_eq!(complaint("silent", LOADER, &reader(), &silent), "heavy ended too early");
}

#[test]
fn program_that_cannot_be_understood_is_named() {
    let text = complaint("garbled", LOADER, &reader(), "echo hello");
    assert_eq!(text, "heavy said what is no report: hello");
}

#[test]
fn reader_that_sees_other_rows_than_the_loader_put_is_named() {
    let other = reader().replace("\"rows\":9", "\"rows\":8");
    assert_eq!(
        complaint("rows", LOADER, &reader(), &other),
        "heavy took version 2 (2013-01-01, 8 rows), but loader published version 2 (2013-01-01, 9 rows)"
    );
}

#[test]
fn reader_that_checked_nothing_is_named() {
    let idle = reader().replace("\"checks\":1", "\"checks\":0");
    assert_eq!(complaint("idle", LOADER, &idle, &reader()), "light checked nothing");
    let blind = reader().replace("\"in_place\":72", "\"in_place\":0");
    assert_eq!(complaint("blind", LOADER, &blind, &reader()), "light used no array of the segment");
}
