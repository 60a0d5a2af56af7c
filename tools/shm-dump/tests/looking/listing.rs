//! `ls`, `info`, `schema`, `versions`.

use crate::support::{Directory, trades};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn segments_are_listed_with_their_writers_and_versions() {
    let directory = Directory::new();
    let mut living = directory.create("living");
    living.put("trades", &trades(3)).unwrap();
    drop(directory.create("resting"));
    let listed = directory.run(&["ls"]).with_status(0).lines("segment");
    let [one, other] = &listed[..] else { panic!("two segments") };
    assert_eq!((&one["name"], &one["version"], &one["frames"]), (&"living".into(), &2.into(), &1.into()));
    assert_eq!((&one["writer_alive"], &one["writer_pid"]), (&true.into(), &std::process::id().into()));
    assert_eq!((&other["name"], &other["writer_alive"]), (&"resting".into(), &false.into()));
    assert!(one["allocated_bytes"].as_u64() >= other["allocated_bytes"].as_u64());
}

#[test]
fn pattern_that_fits_no_segment_is_not_found_and_an_empty_directory_is_no_error() {
    let directory = Directory::new();
    assert!(directory.run(&["ls", "--format", "table"]).with_status(0).out.starts_with("no segments in"));
    assert!(directory.run(&["ls", "x*"]).with_status(3).said.contains("no segment fits \"x*\""));
}

#[test]
fn temporaries_are_shown_when_asked_for() {
    let directory = Directory::new();
    fs::create_dir(directory.path().join(format!(".ticks.{:032x}.shmf-tmp", 7))).unwrap();
    assert_eq!(directory.run(&["ls"]).with_status(0).lines("segment").len(), 0);
    let shown = directory.run(&["ls", "--all"]).with_status(0).line("segment");
    assert_eq!((&shown["name"], &shown["state"]), (&"ticks".into(), &"leftover".into()));
}

#[test]
fn bare_name_tells_of_the_segment_and_each_frame() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(3)).unwrap();
    writer.append("trades", &trades(2)).unwrap();
    let told = directory.run(&["ticks"]).with_status(0);
    let info = told.line("info");
    assert_eq!((&info["version"], &info["frames"], &info["state"]), (&3.into(), &1.into(), &"open".into()));
    let frame = told.line("frame");
    assert_eq!((&frame["name"], &frame["rows"], &frame["columns"]), (&"trades".into(), &5.into(), &2.into()));
    let path = format!("{}/ticks.shmf", directory.path().display());
    assert_eq!(directory.run(&["info", &path]).with_status(0).line("info")["version"], 3);
}

#[test]
fn missing_segment_and_missing_frame_are_not_found() {
    let directory = Directory::new();
    directory.run(&["ticks"]).with_status(3);
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(1)).unwrap();
    let told = directory.run(&["schema", "ticks/quotes"]).with_status(3);
    assert!(told.said.contains("trades"), "{}", told.said);
    directory.run(&["info", "a b"]).with_status(2);
}

#[test]
fn command_for_one_frame_lists_the_frames_of_a_segment_of_several() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(1)).unwrap();
    writer.put("quotes", &trades(1)).unwrap();
    let told = directory.run(&["head", "ticks"]).with_status(2);
    assert!(told.said.contains("quotes, trades"), "{}", told.said);
    assert_eq!(directory.run(&["schema", "ticks/t*"]).with_status(0).lines("column").len(), 2);
}

#[test]
fn versions_that_are_kept_are_told_with_who_pins_them() {
    let directory = Directory::new();
    let mut writer = directory.options().history(2).create("ticks").unwrap();
    writer.put("trades", &trades(1)).unwrap();
    let reader = shmframe_reader::Reader::options().directory(directory.path()).open("ticks").unwrap();
    let held = reader.snapshot().unwrap();
    writer.put("trades", &trades(4)).unwrap();
    let versions = directory.run(&["versions", "ticks"]).with_status(0).lines("version");
    let newest = versions.last().unwrap();
    assert_eq!((&newest["version"], &newest["rows"]), (&3.into(), &4.into()));
    assert_eq!(newest["pinned_by"], serde_json::json!([]));
    let pinned = versions.iter().find(|version| version["version"] == held.version()).unwrap();
    assert_eq!(pinned["pinned_by"], serde_json::json!([0]));
}

#[test]
fn every_kind_of_line_stands_in_the_schema_and_in_the_docs() {
    let directory = Directory::new();
    let printed = directory.run(&["json-schema"]).with_status(0).out;
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/shm-dump.schema.json");
    if std::env::var_os("BLESS").is_some() {
        fs::write(page, &printed).unwrap();
    }
    assert_eq!(fs::read_to_string(page).unwrap(), printed, "write it anew with BLESS=1");
    let schema: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let kinds = schema["oneOf"].as_array().unwrap().iter();
    let kinds: Vec<_> = kinds.map(|kind| kind["properties"]["kind"]["const"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().collect::<BTreeSet<_>>().len(), kinds.len());
    for kind in ["segment", "info", "frame", "reader", "range", "finding", "row"] {
        assert!(kinds.contains(&kind), "{kind}");
    }
}

/// Completes the last of these words as bash does.
fn completed(directory: &Directory, words: &[&str]) -> Vec<String> {
    let script = directory.run(&["completions", "bash"]).with_status(0).out;
    let last = words.len() - 1;
    let ask = format!(
        "{script}\nCOMP_WORDS=({}); COMP_CWORD={last}; _shm__dump shm-dump '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words[last],
        words[last - 1],
    );
    let output = std::process::Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_the_options_of_each() {
    let directory = Directory::new();
    assert!(completed(&directory, &["shm-dump", "he"]).contains(&"head".to_owned()));
    assert!(completed(&directory, &["shm-dump", "head", "--wh"]).contains(&"--where".to_owned()));
    assert!(completed(&directory, &["shm-dump", "watch", "--t"]).contains(&"--tui".to_owned()));
    let forms = completed(&directory, &["shm-dump", "export", "--as", "p"]);
    assert_eq!(forms, ["parquet"]);
}
