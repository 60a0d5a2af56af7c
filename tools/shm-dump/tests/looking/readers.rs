//! `readers`: who holds what, by the kernel's word.

use crate::support::{Directory, trades};

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
