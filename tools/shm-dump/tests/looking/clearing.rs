//! `rm` and `gc` refuse what lives.

use crate::support::{Directory, trades};
use std::fs;

#[test]
fn segment_stays_while_it_is_written_or_read() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(1)).unwrap();
    let told = directory.run(&["rm", "ticks"]).with_status(8);
    assert!(told.complaint().contains(&std::process::id().to_string()), "{}", told.complaint());
    directory.run(&["rm", "ticks", "--force"]).with_status(8);
    let mut reader = directory.reader("ticks/trades");
    drop(writer);
    let told = directory.run(&["rm", "ticks"]).with_status(8);
    assert!(told.complaint().contains(&format!("process {}", reader.id())), "{}", told.complaint());
    assert_eq!(directory.run(&["rm", "ticks", "--force"]).with_status(0).line("removed")["name"], "ticks");
    // It was told, and ends by itself.
    assert!(reader.wait().unwrap().success());
    directory.run(&["rm", "ticks"]).with_status(3);
}

#[test]
fn only_whole_segments_are_removed() {
    let directory = Directory::new();
    directory.create("ticks").put("trades", &trades(1)).unwrap();
    let told = directory.run(&["rm", "ticks/trades"]).with_status(2);
    assert!(told.complaint().contains("only a writer removes"), "{}", told.complaint());
    assert!(directory.data("ticks").exists());
}

#[test]
fn garbage_is_shown_first_and_deleted_when_asked_for() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(1)).unwrap();
    drop(writer);
    let leftover = directory.path().join(format!(".old.{:032x}.shmf-tmp", 9));
    fs::create_dir(&leftover).unwrap();
    let found = directory.run(&["gc"]).with_status(0).line("garbage");
    assert_eq!((&found["state"], &found["outcome"]), (&"leftover".into(), &"found".into()));
    assert!(leftover.exists());
    let gone = directory.run(&["gc", "--yes"]).with_status(0).line("garbage");
    assert_eq!(gone["outcome"], "deleted");
    assert!(!leftover.exists());
    // A segment without a writer is data.
    assert!(directory.data("ticks").exists());
    assert_eq!(
        directory.run(&["gc", "--yes", "--format", "table"]).with_status(0).out(),
        "nothing to clear away\n"
    );
}

#[test]
fn segment_whose_writers_take_turns_stays_while_one_of_them_lives() {
    let directory = Directory::new();
    let mut writer = directory.options().several_writers().create("ticks").unwrap();
    writer.put("trades", &trades(1)).unwrap();
    directory.run(&["rm", "ticks", "--force"]).with_status(8);
    drop(writer);
    directory.run(&["rm", "ticks"]).with_status(0);
}
