//! The demo as a person runs it, and what is left when it ends, in whatever way.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use shmframe_demo::programs::Programs;
use shmframe_demo::role::Role;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Starts the demo; its segment and its programs are known by the name that this gives.
fn start(arguments: &[&str]) -> (Child, String) {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
    let demo = demo.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let segment = format!("demo-{}", demo.id());
    (demo, segment)
}

/// The processes that work on this segment, by what they are called.
fn processes(segment: &str) -> Vec<(String, String)> {
    let named = |entry: fs::DirEntry| {
        let pid = entry.file_name().into_string().ok()?;
        let arguments = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let ours = arguments.split('\0').any(|argument| argument == segment);
        ours.then(|| (pid, arguments.split('\0').next().unwrap_or_default().to_owned()))
    };
    fs::read_dir("/proc").unwrap().filter_map(|entry| named(entry.ok()?)).collect()
}

/// What stands in shared memory under this segment's name, under a temporary one too.
fn in_shared_memory(segment: &str) -> Vec<String> {
    let names =
        fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(segment)).collect()
}

fn assert_nothing_left(segment: &str) {
    assert_eq!(in_shared_memory(segment), Vec::<String>::new());
    assert_eq!(processes(segment), []);
}

fn assert_nothing_is_left_soon(segment: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline
        && !(processes(segment).is_empty() && in_shared_memory(segment).is_empty())
    {
        thread::sleep(Duration::from_millis(20));
    }
    assert_nothing_left(segment);
}

/// Waits until the light reader has shown something, so that all is under way.
fn wait_until_under_way(demo: &mut Child) {
    let mut lines = BufReader::new(demo.stdout.as_mut().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().starts_with("light ")),
        "the demo ended before the light reader began"
    );
}

fn signal(name: &str, pid: &str) {
    assert!(Command::new("kill").args([name, pid]).status().unwrap().success());
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn short_demo_ends_with_ok_and_leaves_nothing() {
    let (demo, segment) = start(&["--", "--days", "40", "--pace", "5"]);
    let output = demo.wait_with_output().unwrap();
    let (shown, errors) = text(&output);
    assert!(output.status.success(), "{shown}{errors}");
    let last = shown.lines().last().unwrap();
    assert!(last.starts_with("3,857 versions, 37,575 rows, "), "{shown}");
    assert!(last.ends_with("0 bytes copied by readers: ok"), "{shown}");
    assert_nothing_left(&segment);
}

#[test]
fn days_without_weather_pass_too() {
    // The weather of the last day of the year is not known, and every reader takes the last version.
    let (demo, segment) = start(&["--pace", "0", "--window", "1"]);
    let output = demo.wait_with_output().unwrap();
    let (shown, errors) = text(&output);
    assert!(output.status.success(), "{shown}{errors}");
    let last = shown.lines().last().unwrap();
    // 336,776 flights and 26,115 hours of weather at an airport.
    assert!(last.starts_with("36,843 versions, 362,891 rows, "), "{shown}");
    assert_nothing_left(&segment);
}

#[test]
fn interrupted_demo_leaves_nothing() {
    let (mut demo, segment) = start(&["--pace", "200"]);
    wait_until_under_way(&mut demo);
    assert!(!in_shared_memory(&segment).is_empty());
    assert_eq!(processes(&segment).len(), 3);
    signal("-INT", &demo.id().to_string());
    let output = demo.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{:?}", text(&output));
    assert_nothing_left(&segment);
}

#[test]
fn killed_program_is_named_and_leaves_nothing() {
    for role in ["loader", "light", "heavy"] {
        let (mut demo, segment) = start(&["--pace", "200"]);
        wait_until_under_way(&mut demo);
        let running = processes(&segment);
        let (pid, _) = running.iter().find(|(_, program)| program.ends_with(role)).unwrap();
        signal("-KILL", pid);
        let output = demo.wait_with_output().unwrap();
        let (_, errors) = text(&output);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        let last = errors.lines().last().unwrap_or_default();
        assert!(last.starts_with(&format!("demo: {role} failed (signal: 9")), "{errors}");
        assert_nothing_left(&segment);
    }
}

#[test]
fn killed_launcher_leaves_nothing() {
    let (mut demo, segment) = start(&["--pace", "200"]);
    wait_until_under_way(&mut demo);
    demo.kill().unwrap();
    demo.wait().unwrap();
    // The others notice by themselves: their input ends.
    assert_nothing_is_left_soon(&segment);
}

#[test]
fn reader_that_still_waits_for_its_segment_ends_with_its_input() {
    let programs = Programs::build().unwrap();
    for role in Role::READERS {
        let segment = format!("demo-of-nobody-{role}-{}", std::process::id());
        let mut reader = Command::new(programs.of(role));
        let mut reader =
            reader.args(["--segment", &segment]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // Its command line is not there at once.
        while processes(&segment).is_empty() {
            assert!(reader.try_wait().unwrap().is_none(), "the {role} reader does not wait");
            thread::yield_now();
        }
        drop(reader.stdin.take());
        // It would wait for a minute, but for nobody.
        assert_nothing_is_left_soon(&segment);
        assert!(!reader.wait().unwrap().success());
    }
}

#[test]
fn missing_data_is_named() {
    let (demo, segment) = start(&["--data", "/nowhere"]);
    let output = demo.wait_with_output().unwrap();
    let (_, errors) = text(&output);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("cannot open /nowhere/flights.parquet"), "{errors}");
    assert_nothing_left(&segment);
}
