//! What `wait` and `watch` say of segments that live, change, and go.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

#[path = "harness/mod.rs"]
mod harness;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use harness::{Directory, Ran};
use serde_json::Value;
use shmframe_writer::Writer;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

fn create(directory: &Directory) -> Writer {
    directory.options().create("ticks").unwrap()
}

fn rows(count: i64) -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    RecordBatch::try_from_iter([("number", numbers)]).unwrap()
}

fn start(directory: &Directory, arguments: &[&str]) -> Child {
    directory.command(arguments).spawn().unwrap()
}

fn ended(child: Child) -> Ran {
    Ran::of(child.wait_with_output().unwrap())
}

#[test]
fn version_that_is_there_is_not_waited_for() {
    let directory = Directory::new();
    let mut writer = create(&directory);
    let version = writer.put("trades", &rows(3)).unwrap();
    let ran = directory.run(&["wait", "ticks", "--version", &version.to_string()]).with_status(0);
    let [waited] = &ran.json()[..] else { panic!("one line") };
    assert_eq!((&waited["kind"], &waited["came"]), (&"waited".into(), &"version".into()));
    assert_eq!(waited["version"], version);
}

#[test]
fn time_that_is_up_has_a_status_and_prints_nothing() {
    let directory = Directory::new();
    let mut writer = create(&directory);
    writer.put("trades", &rows(3)).unwrap();
    for arguments in [
        &["wait", "ticks", "--timeout", "0"][..],
        &["wait", "ticks/trades", "--timeout", "0"],
        &["wait", "ticks/trades", "--rows", "4", "--timeout", "0"],
        &["wait", "ticks", "--version", "9", "--timeout", "0"],
        &["wait", "other", "--created", "--timeout", "0"],
    ] {
        let ran = directory.run(arguments).with_status(5);
        assert!(ran.out.is_empty(), "{arguments:?}");
    }
}

#[test]
fn rows_of_a_frame_that_is_not_there_yet_are_waited_for() {
    let directory = Directory::new();
    let mut writer = create(&directory);
    let child = start(&directory, &["wait", "ticks/trades", "--rows", "6"]);
    writer.put("quotes", &rows(10)).unwrap();
    writer.append("trades", &rows(3)).unwrap();
    writer.append("trades", &rows(3)).unwrap();
    let ran = ended(child).with_status(0);
    assert_eq!(ran.json()[0]["rows"], 6);
}

#[test]
fn segment_that_does_not_exist_is_waited_for_if_asked() {
    let directory = Directory::new();
    directory.run(&["wait", "ticks"]).with_status(3);
    let child = start(&directory, &["wait", "ticks/trades", "--created", "--rows", "2"]);
    let mut writer = create(&directory);
    writer.put("trades", &rows(2)).unwrap();
    let ran = ended(child).with_status(0);
    assert_eq!(ran.json()[0]["came"], "rows");
}

#[test]
fn wait_ends_when_the_segment_is_removed() {
    let directory = Directory::new();
    let writer = create(&directory);
    let child = start(&directory, &["wait", "ticks"]);
    writer.remove_segment().unwrap();
    ended(child).with_status(3);
}

#[test]
fn ticks_count_rows_and_bytes_and_have_rates_from_the_second_on() {
    let directory = Directory::new();
    let mut writer = create(&directory);
    writer.put("trades", &rows(3)).unwrap();
    writer.put("quotes", &rows(4)).unwrap();
    let ran = directory.run(&["watch", "ticks", "--count", "2", "--interval", "0.01"]).with_status(0);
    let ticks = ran.json();
    assert_eq!(ticks.len(), 2);
    assert_eq!((&ticks[0]["kind"], &ticks[0]["state"]), (&"tick".into(), &"written".into()));
    assert_eq!((&ticks[0]["rows"], &ticks[0]["frames"]), (&7.into(), &2.into()));
    assert!(ticks[0]["allocated_bytes"].as_u64().unwrap() > 0);
    assert!(ticks[0]["rows_per_second"].is_null());
    assert_eq!(ticks[1]["rows_per_second"], 0.0);
    let ran = directory.run(&["watch", "ticks/trades", "--count", "1"]);
    assert_eq!(ran.json()[0]["rows"], 3);
}

#[test]
fn reader_that_holds_an_old_version_shows_its_lag() {
    let directory = Directory::new();
    let mut writer = create(&directory);
    let reader = shmframe_reader::ReaderOptions::new().directory(directory.path()).open("ticks").unwrap();
    let _held = reader.snapshot().unwrap();
    writer.put("trades", &rows(3)).unwrap();
    writer.put("trades", &rows(3)).unwrap();
    let tick = &directory.run(&["watch", "ticks", "--count", "1"]).json()[0];
    assert_eq!((&tick["readers"], &tick["largest_lag"]), (&1.into(), &2.into()));
}

/// The next tick in this state.
fn tick_in(state: &str, lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Value {
    let mut ticks = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    ticks.find(|tick| tick["state"] == state).unwrap()
}

#[test]
fn watch_goes_on_without_a_writer_and_with_the_next_segment_of_the_name() {
    let directory = Directory::new();
    let writer = create(&directory);
    let mut child = start(&directory, &["--quiet", "watch", "ticks", "-i", "0.01"]);
    let output: ChildStdout = child.stdout.take().unwrap();
    let mut lines = BufReader::new(output).lines();
    tick_in("written", &mut lines);
    drop(writer);
    tick_in("no_writer", &mut lines);
    let writer = directory.options().open("ticks").unwrap();
    tick_in("written", &mut lines);
    writer.remove_segment().unwrap();
    assert!(tick_in("gone", &mut lines)["version"].is_null());
    let _writer = create(&directory);
    assert!(tick_in("written", &mut lines)["versions_per_second"].is_null());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn segment_that_was_never_there_is_not_watched() {
    let directory = Directory::new();
    directory.run(&["watch", "ticks"]).with_status(3);
}

#[test]
fn dashboard_without_a_terminal_is_refused_with_the_usage_status_before_anything_is_looked_at() {
    let directory = Directory::new();
    for arguments in [&["watch", "ticks", "--tui"][..], &["watch", "ticks", "--tui", "--json"]] {
        let ran = directory.run(arguments).with_status(2);
        assert!(ran.out.is_empty());
        assert!(ran.said.contains("plain `shm-dump watch` is for pipes"), "{}", ran.said);
    }
}

/// The pseudo-terminal is that of `script`, which is part of util-linux.
#[test]
fn dashboard_takes_the_terminal_shows_the_segment_and_gives_the_terminal_back() {
    let directory = Directory::new();
    create(&directory).put("trades", &rows(3)).unwrap();
    let tool = format!("'{}' --dir '{}'", env!("CARGO_BIN_EXE_shm-dump"), directory.path().display());
    let in_terminal = |arguments: &str| {
        let command = format!("stty rows 24 cols 80; {tool} {arguments}");
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).stdin(Stdio::null());
        script.env("SHELL", "/bin/sh").env("TERM", "xterm").env_remove("NO_COLOR").output().unwrap()
    };
    let output = in_terminal("watch ticks --tui --count 2 --interval 0.01");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let (before, rest) = text.split_once("\u{1b}[?1049h").unwrap();
    let (shown, after) = rest.split_once("\u{1b}[?1049l").unwrap();
    assert!(shown.contains("trades") && shown.contains("versions/s"), "{shown}");
    assert!(!before.contains("trades") && !after.contains("\u{1b}[?1049h"), "{text}");
    assert!(after.contains("\u{1b}[?25h"), "the cursor is shown again: {after}");
    // What is not there is told before the terminal is taken.
    let output = in_terminal("watch none --tui");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("no segment \"none\"") && !text.contains("\u{1b}["), "{text}");
}

#[test]
fn what_waits_ends_with_its_status_when_it_is_asked_to() {
    let directory = Directory::new();
    let mut writer = create(&directory);
    writer.put("trades", &rows(3)).unwrap();
    for arguments in [&["wait", "ticks"][..], &["watch", "ticks", "-i", "1000"]] {
        let child = start(&directory, arguments);
        let status = format!("/proc/{}/status", child.id());
        // Until it catches SIGTERM, which is number 15.
        let catches = |text: &str| {
            let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
            u64::from_str_radix(mask.trim(), 16).unwrap() & 1 << 14 != 0
        };
        while !catches(&std::fs::read_to_string(&status).unwrap()) {
            std::thread::yield_now();
        }
        let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        ended(child).with_status(130);
    }
}

#[test]
fn watch_that_shows_nothing_is_refused() {
    let directory = Directory::new();
    let _writer = create(&directory);
    directory.run(&["watch", "ticks", "--count", "0"]).with_status(2);
    directory.run(&["wait", "ticks@2"]).with_status(2);
}
