//! `doctor`: what stands in the way, and what to do.

use crate::support::{Directory, Ran, trades};
use serde_json::Value;
use std::fs;
use std::process::Command;

fn check(told: &Ran, name: &str) -> Value {
    let mut found = told.lines("check");
    found.retain(|check| check["name"] == name);
    assert_eq!(found.len(), 1, "{}", told.out);
    found.remove(0)
}

#[test]
fn every_part_of_the_machine_is_looked_at() {
    let directory = Directory::new();
    let told = directory.run(&["doctor"]);
    for name in [
        "kernel",
        "permissions",
        "file system",
        "size",
        "fill",
        "memory",
        "overcommit",
        "huge pages",
        "leftovers",
        "dead readers",
        "address space",
        "file size",
        "open files",
        "mappings",
    ] {
        let found = check(&told, name);
        assert!(found["status"] == "good" || found["advice"].is_string(), "{found}");
    }
    assert_eq!(check(&told, "file system")["found"], "tmpfs");
}

#[test]
fn directory_that_is_not_there_is_bad() {
    let directory = Directory::new();
    let missing = directory.path().join("missing");
    let told = directory.run(&["doctor", "--dir", missing.to_str().unwrap()]).with_status(5);
    let found = check(&told, "directory");
    assert_eq!(found["status"], "bad");
    assert!(found["found"].as_str().unwrap().contains("missing"), "{found}");
}

#[test]
fn what_the_dead_left_is_told_with_the_command_that_clears_it() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(1)).unwrap();
    fs::create_dir(directory.path().join(format!(".old.{:032x}.shmf-tmp", 9))).unwrap();
    let mut killed = directory.reader("ticks/trades");
    killed.kill().unwrap();
    killed.wait().unwrap();
    let told = directory.run(&["doctor"]);
    let (leftovers, readers) = (check(&told, "leftovers"), check(&told, "dead readers"));
    assert_eq!((&leftovers["status"], &leftovers["number"]), (&"warning".into(), &1.into()));
    assert!(leftovers["advice"].as_str().unwrap().contains("shm-dump gc --yes"));
    assert_eq!((&readers["status"], &readers["number"]), (&"warning".into(), &1.into()));
    assert!(readers["advice"].as_str().unwrap().contains("shm-dump readers ticks --reap"));
    directory.run(&["gc", "--yes"]).with_status(0);
    directory.run(&["readers", "ticks", "--reap"]).with_status(0);
    let told = directory.run(&["doctor"]);
    assert_eq!(
        (&check(&told, "leftovers")["number"], &check(&told, "dead readers")["number"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn limits_are_those_that_the_tool_itself_is_under() {
    let directory = Directory::new();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 64; ulimit -v 900000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_shm-dump")]);
    limited.args(["doctor", "--json", "--dir"]).arg(directory.path());
    let told = Ran::of(limited.output().unwrap()).with_status(5);
    let (space, files) = (check(&told, "address space"), check(&told, "open files"));
    assert_eq!((&space["status"], &space["number"]), (&"bad".into(), &(900_000u64 << 10).into()));
    assert_eq!((&files["status"], &files["number"]), (&"warning".into(), &64.into()));
}
