//! What `wait` and `watch` say of segments that live, change, and go.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use serde_json::Value;
use shmframe_writer::{Writer, WriterOptions};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("shm-dump-live").tempdir_in("/dev/shm").unwrap()
}

fn create(directory: &TempDir) -> Writer {
    WriterOptions::new().directory(directory.path()).create("ticks").unwrap()
}

fn rows(count: i64) -> RecordBatch {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    RecordBatch::try_from_iter([("number", numbers)]).unwrap()
}

fn tool(directory: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shm-dump"));
    command.arg("--dir").arg(directory.path()).args(arguments);
    command
}

fn run(directory: &TempDir, arguments: &[&str]) -> Output {
    tool(directory, arguments).output().unwrap()
}

fn start(directory: &TempDir, arguments: &[&str]) -> Child {
    tool(directory, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(parsed).collect()
}

fn parsed(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap()
}

#[track_caller]
fn assert_status(output: &Output, status: i32) {
    assert_eq!(output.status.code(), Some(status), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn version_that_is_there_is_not_waited_for() {
    let directory = directory();
    let mut writer = create(&directory);
    let version = writer.put("trades", &rows(3)).unwrap();
    let output = run(&directory, &["wait", "ticks", "--version", &version.to_string()]);
    assert_status(&output, 0);
    let [waited] = &lines(&output)[..] else { panic!("one line") };
    assert_eq!((&waited["kind"], &waited["came"]), (&"waited".into(), &"version".into()));
    assert_eq!(waited["version"], version);
}

#[test]
fn time_that_is_up_has_a_status_and_prints_nothing() {
    let directory = directory();
    let mut writer = create(&directory);
    writer.put("trades", &rows(3)).unwrap();
    for arguments in [
        &["wait", "ticks", "--timeout", "0"][..],
        &["wait", "ticks/trades", "--timeout", "0"],
        &["wait", "ticks/trades", "--rows", "4", "--timeout", "0"],
        &["wait", "ticks", "--version", "9", "--timeout", "0"],
        &["wait", "other", "--created", "--timeout", "0"],
    ] {
        let output = run(&directory, arguments);
        assert_status(&output, 5);
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn rows_of_a_frame_that_is_not_there_yet_are_waited_for() {
    let directory = directory();
    let mut writer = create(&directory);
    let child = start(&directory, &["wait", "ticks/trades", "--rows", "6"]);
    writer.put("quotes", &rows(10)).unwrap();
    writer.append("trades", &rows(3)).unwrap();
    writer.append("trades", &rows(3)).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_status(&output, 0);
    assert_eq!(lines(&output)[0]["rows"], 6);
}

#[test]
fn segment_that_does_not_exist_is_waited_for_if_asked() {
    let directory = directory();
    assert_status(&run(&directory, &["wait", "ticks"]), 3);
    let child = start(&directory, &["wait", "ticks/trades", "--created", "--rows", "2"]);
    let mut writer = create(&directory);
    writer.put("trades", &rows(2)).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_status(&output, 0);
    assert_eq!(lines(&output)[0]["came"], "rows");
}

#[test]
fn wait_ends_when_the_segment_is_removed() {
    let directory = directory();
    let writer = create(&directory);
    let child = start(&directory, &["wait", "ticks"]);
    writer.remove_segment().unwrap();
    assert_status(&child.wait_with_output().unwrap(), 3);
}

#[test]
fn ticks_count_rows_and_bytes_and_have_rates_from_the_second_on() {
    let directory = directory();
    let mut writer = create(&directory);
    writer.put("trades", &rows(3)).unwrap();
    writer.put("quotes", &rows(4)).unwrap();
    let output = run(&directory, &["watch", "ticks", "--count", "2", "--interval", "0.01"]);
    assert_status(&output, 0);
    let ticks = lines(&output);
    assert_eq!(ticks.len(), 2);
    assert_eq!((&ticks[0]["kind"], &ticks[0]["state"]), (&"tick".into(), &"written".into()));
    assert_eq!((&ticks[0]["rows"], &ticks[0]["frames"]), (&7.into(), &2.into()));
    assert!(ticks[0]["allocated_bytes"].as_u64().unwrap() > 0);
    assert!(ticks[0]["rows_per_second"].is_null());
    assert_eq!(ticks[1]["rows_per_second"], 0.0);
    let output = run(&directory, &["watch", "ticks/trades", "--count", "1"]);
    assert_eq!(lines(&output)[0]["rows"], 3);
}

#[test]
fn reader_that_holds_an_old_version_shows_its_lag() {
    let directory = directory();
    let mut writer = create(&directory);
    let reader = shmframe_reader::ReaderOptions::new().directory(directory.path()).open("ticks").unwrap();
    let _held = reader.snapshot().unwrap();
    writer.put("trades", &rows(3)).unwrap();
    writer.put("trades", &rows(3)).unwrap();
    let tick = &lines(&run(&directory, &["watch", "ticks", "--count", "1"]))[0];
    assert_eq!((&tick["readers"], &tick["largest_lag"]), (&1.into(), &2.into()));
}

/// The next tick in this state.
fn tick_in(state: &str, lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Value {
    let mut ticks = lines.map(|line| parsed(line.unwrap().as_bytes()));
    ticks.find(|tick| tick["state"] == state).unwrap()
}

#[test]
fn watch_goes_on_without_a_writer_and_with_the_next_segment_of_the_name() {
    let directory = directory();
    let writer = create(&directory);
    let mut child = start(&directory, &["--quiet", "watch", "ticks", "-i", "0.01"]);
    let output: ChildStdout = child.stdout.take().unwrap();
    let mut lines = BufReader::new(output).lines();
    tick_in("written", &mut lines);
    drop(writer);
    tick_in("no_writer", &mut lines);
    let writer = WriterOptions::new().directory(directory.path()).open("ticks").unwrap();
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
    let directory = directory();
    assert_status(&run(&directory, &["watch", "ticks"]), 3);
}

#[test]
fn dashboard_without_a_terminal_is_refused_with_the_usage_status_before_anything_is_looked_at() {
    let directory = directory();
    for arguments in [&["watch", "ticks", "--tui"][..], &["watch", "ticks", "--tui", "--json"]] {
        let output = run(&directory, arguments);
        assert_status(&output, 2);
        assert!(output.stdout.is_empty());
        assert!(String::from_utf8_lossy(&output.stderr).contains("plain `shm-dump watch` is for pipes"));
    }
}

/// The pseudo-terminal is that of `script`, which is part of util-linux.
#[test]
fn dashboard_takes_the_terminal_shows_the_segment_and_gives_the_terminal_back() {
    let directory = directory();
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
    let directory = directory();
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
        assert_status(&child.wait_with_output().unwrap(), 130);
    }
}

#[test]
fn watch_that_shows_nothing_is_refused() {
    let directory = directory();
    let _writer = create(&directory);
    assert_status(&run(&directory, &["watch", "ticks", "--count", "0"]), 2);
    assert_status(&run(&directory, &["wait", "ticks@2"]), 2);
}
