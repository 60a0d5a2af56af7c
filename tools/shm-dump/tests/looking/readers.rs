//! `readers`: who holds what, by the kernel's word.

use crate::support::{Directory, trades};
use shmframe_format::geometry::Geometry;
use shmframe_format::table::Slot;
use std::os::unix::fs::FileExt;

#[test]
fn memory_that_only_one_reader_keeps_is_told() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(20_000)).unwrap();
    let reader = shmframe_reader::Reader::options()
        .directory(directory.path())
        .label("sleeper")
        .open("ticks")
        .unwrap();
    let held = reader.snapshot().unwrap();
    writer.put("trades", &trades(10)).unwrap();
    writer.put("trades", &trades(11)).unwrap();
    let told = directory.run(&["readers", "ticks"]).with_status(0).line("reader");
    assert_eq!((&told["label"], &told["alive"]), (&"sleeper".into(), &true.into()));
    assert_eq!(told["versions"][0]["version"], 2);
    assert_eq!((&told["lag_versions"], &told["lag_rows"]), (&2.into(), &11.into()));
    assert_eq!(told["pid"], std::process::id());
    assert!(told["command"].is_string());
    // 26 bytes of each symbol, an offset and a price.
    assert!(told["held_alone_bytes"].as_u64() > Some(20_000 * (26 + 4 + 8)), "{told}");
    drop(held);
    let told = directory.run(&["readers", "ticks"]).with_status(0).line("reader");
    assert_eq!((&told["lag_versions"], &told["held_alone_bytes"]), (&0.into(), &0.into()));
}

#[test]
fn slots_of_killed_readers_are_told_and_reaped_and_those_of_the_living_stay() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(1)).unwrap();
    let (mut killed, mut living) = (directory.reader("ticks/trades"), directory.reader("ticks/trades"));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let dead = directory.run(&["readers", "ticks", "--dead"]).with_status(0).line("reader");
    assert_eq!((&dead["pid"], &dead["alive"]), (&killed.id().into(), &false.into()));
    let reaped = directory.run(&["readers", "ticks", "--reap"]).with_status(0).line("reaped");
    assert_eq!(reaped["slots"][0], dead["slot"]);
    let left = directory.run(&["readers", "ticks"]).with_status(0).line("reader");
    assert_eq!((&left["pid"], &left["alive"]), (&living.id().into(), &true.into()));
    living.kill().unwrap();
    living.wait().unwrap();
}

#[test]
fn looking_takes_no_slot_unless_rows_are_read() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(1)).unwrap();
    for command in ["info", "schema", "versions", "readers", "map"] {
        directory.run(&[command, "ticks", "--no-pin"]).with_status(0);
    }
    directory.run(&["head", "ticks", "--no-pin"]).with_status(0);
    directory.run(&["verify", "ticks", "--no-pin"]).with_status(0);
    let used = std::fs::read(directory.path().join("ticks.shmf/readers")).unwrap();
    // No slot was ever claimed: all behind the header page is zero.
    assert!(used[4096..].iter().all(|byte| *byte == 0));
    directory.run(&["head", "ticks"]).with_status(0);
    assert_ne!(std::fs::read(directory.path().join("ticks.shmf/readers")).unwrap(), used);
}

#[test]
fn pins_that_no_reader_would_write_and_data_that_cannot_be_read_do_not_hide_the_slots() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(1)).unwrap();
    let mut reader = directory.reader("ticks/trades");
    let registry = directory.path().join("ticks.shmf/readers");
    let file = std::fs::OpenOptions::new().write(true).open(registry).unwrap();
    let words = Geometry::start_of_slot(0) + size_of::<Slot>() as u64;
    file.write_all_at(&u64::MAX.to_le_bytes(), words + 8 * 20).unwrap();
    let told = directory.run(&["readers", "ticks"]).with_status(0).line("reader");
    assert!(told["versions"].as_array().unwrap().iter().any(|pin| pin["version"] == u64::MAX), "{told}");
    std::fs::write(directory.data("ticks"), b"nothing").unwrap();
    let told = directory.run(&["readers", "ticks"]).with_status(4).line("reader");
    assert_eq!((&told["pid"], &told["alive"]), (&reader.id().into(), &true.into()));
    assert!(
        told["lag_versions"].is_null() && told["lag_rows"].is_null() && told["held_alone_bytes"].is_null()
    );
    reader.kill().unwrap();
    reader.wait().unwrap();
}

#[test]
fn age_of_a_pin_is_known_at_least_from_above() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(1)).unwrap();
    let reader = shmframe_reader::Reader::options().directory(directory.path()).open("ticks").unwrap();
    let held = reader.snapshot().unwrap();
    for rows in 0..100 {
        writer.put("trades", &trades(rows)).unwrap();
    }
    let pin = directory.run(&["readers", "ticks"]).with_status(0).line("reader")["versions"][0].clone();
    assert_eq!((&pin["version"], &pin["live"]), (&held.version().into(), &true.into()));
    // The version that came next is kept no longer.
    assert!(pin["superseded_seconds"].is_null() && pin["superseded_at_most_seconds"].is_f64(), "{pin}");
}

#[test]
fn where_no_slot_is_free_rows_are_copied() {
    let directory = Directory::new();
    let mut writer = directory.options().slots(1).create("ticks").unwrap();
    writer.put("trades", &trades(3)).unwrap();
    let reader = shmframe_reader::Reader::options().directory(directory.path()).open("ticks").unwrap();
    let _held = reader.snapshot().unwrap();
    for command in ["head", "stats", "verify"] {
        let told = directory.run(&[command, "ticks"]).with_status(0);
        assert!(told.said.contains("looked at by copying"), "{command}: {}", told.said);
    }
}

#[test]
fn command_for_a_whole_segment_refuses_a_part_of_one() {
    let directory = Directory::new();
    directory.create("ticks").put("trades", &trades(3)).unwrap();
    for command in ["readers", "map", "metrics", "versions"] {
        for part in ["ticks/trades", "ticks@2"] {
            let told = directory.run(&[command, part]).with_status(2);
            assert!(told.said.contains("write ticks"), "{}", told.said);
        }
    }
}

#[test]
fn version_that_only_another_reader_keeps_is_looked_at_by_copying() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(3)).unwrap();
    let reader = shmframe_reader::Reader::options().directory(directory.path()).open("ticks").unwrap();
    let held = reader.snapshot().unwrap();
    for rows in 4..100 {
        writer.put("trades", &trades(rows)).unwrap();
    }
    let target = format!("ticks/trades@{}", held.version());
    assert_eq!(directory.run(&["cat", &target]).with_status(0).lines("row").len(), 3);
    let told = directory.run(&["verify", "--deep", "ticks"]).with_status(0);
    assert!(told.lines("finding").iter().all(|finding| finding["where"] == "memory"), "{}", told.out);
    assert!(told.line("verified")["frames"].as_u64() >= Some(2), "{}", told.out);
}

#[test]
fn reader_whose_output_nobody_reads_leaves_no_slot() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(100_000)).unwrap();
    let mut child = directory.command(&["cat", "ticks"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let told = directory.run(&["readers", "ticks"]).with_status(0);
    assert!(told.lines("reader").is_empty(), "{}", told.out);
}
