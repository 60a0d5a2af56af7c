//! `rm` and `gc` refuse what lives.

use crate::support::{Directory, trades};
use std::fs;
use std::os::unix::fs::chown;

/// A user who runs no test.
const FOREIGN: u32 = 54_321;

#[test]
fn segment_stays_while_it_is_written_or_read() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(1)).unwrap();
    let told = directory.run(&["rm", "ticks"]).with_status(8);
    assert!(told.said.contains(&std::process::id().to_string()), "{}", told.said);
    directory.run(&["rm", "ticks", "--force"]).with_status(8);
    let mut reader = directory.reader("ticks/trades");
    drop(writer);
    let told = directory.run(&["rm", "ticks"]).with_status(8);
    assert!(told.said.contains(&format!("process {}", reader.id())), "{}", told.said);
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
    assert!(told.said.contains("only a writer removes"), "{}", told.said);
    assert!(directory.data("ticks").exists());
    // Not one of them is removed before all are looked at.
    directory.run(&["rm", "ticks", "other/trades"]).with_status(2);
    assert!(directory.data("ticks").exists());
}

#[test]
fn what_another_user_left_stays_with_the_status_for_it() {
    let directory = Directory::new();
    let leftover = directory.path().join(format!(".old.{:032x}.shmf-tmp", 9));
    fs::create_dir(&leftover).unwrap();
    fs::write(leftover.join("lease"), "").unwrap();
    if chown(leftover.join("lease"), Some(FOREIGN), None).is_err() {
        // Only root can give files away.
        return;
    }
    chown(&leftover, Some(FOREIGN), None).unwrap();
    let kept = directory.run(&["gc", "--yes"]).with_status(7).line("garbage");
    assert_eq!((&kept["state"], &kept["outcome"]), (&"leftover".into(), &"kept".into()));
    assert!(kept["reason"].as_str().unwrap().contains(&FOREIGN.to_string()), "{kept}");
    assert!(leftover.exists());
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
    let hidden = directory.run(&["ls"]).with_status(0).said;
    assert!(hidden.contains("1 temporary directory hidden"), "{hidden}");
    let gone = directory.run(&["gc", "--yes"]).with_status(0).line("garbage");
    assert_eq!(gone["outcome"], "deleted");
    assert!(!leftover.exists());
    // A segment without a writer is data.
    assert!(directory.data("ticks").exists());
    assert_eq!(
        directory.run(&["gc", "--yes", "--format", "table"]).with_status(0).out,
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
