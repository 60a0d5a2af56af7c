//! `verify`: which versions and frames it looks at, and what it says beside a writer that works.

use crate::support::{Directory, trades};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[test]
fn frame_need_not_stand_in_all_versions() {
    let directory = Directory::new();
    let mut writer = directory.options().history(8).create("ticks").unwrap();
    writer.put("trades", &trades(10)).unwrap();
    writer.put("uncommon", &trades(5)).unwrap();
    writer.put("uncommon", &trades(6)).unwrap();
    for target in ["ticks/uncommon", "ticks/unc*"] {
        let told = directory.run(&["verify", "--deep", target]).with_status(0);
        assert!(told.lines("finding").is_empty(), "{}", told.out);
        assert_eq!(
            (&told.line("verified")["frames"], &told.line("verified")["rows"]),
            (&2.into(), &11.into())
        );
    }
    for missing in ["ticks/nothing", "ticks/no*"] {
        directory.run(&["verify", missing]).with_status(3);
        directory.run(&["verify", "--deep", missing]).with_status(3);
    }
    directory.run(&["verify", "ticks/uncommon@2"]).with_status(3);
}

#[test]
fn version_that_is_not_there_is_not_found() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(10)).unwrap();
    directory.run(&["verify", "ticks@99"]).with_status(3);
    directory.run(&["verify", "ticks@99", "--no-pin"]).with_status(3);
}

#[test]
fn segment_that_is_written_to_is_not_said_to_be_damaged() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(10)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut rows = 0;
            while !done.load(Ordering::Relaxed) {
                rows = (rows + 1) % 100;
                writer.put("trades", &trades(rows)).unwrap();
                writer.append("others", &trades(1)).unwrap();
            }
        });
        let looks =
            [&["verify", "ticks"][..], &["verify", "--deep", "ticks"], &["verify", "ticks", "--no-pin"]];
        for look in looks.into_iter().cycle().take(30) {
            let told = directory.run(look);
            let errors = told.lines("finding").into_iter().filter(|finding| finding["severity"] == "error");
            let errors: Vec<_> = errors.collect();
            if !errors.is_empty() {
                done.store(true, Ordering::Relaxed);
                panic!("{errors:?}");
            }
            told.with_status(0);
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn memory_is_not_said_to_leak_where_a_version_cannot_be_read() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(50_000)).unwrap();
    writer.trim(0).unwrap();
    drop(writer);
    directory.overwrite("ticks", b"trades", b"trxdes");
    let told = directory.run(&["verify", "--deep", "--trimmed", "ticks"]).with_status(4);
    assert!(!told.out.contains("leaked"), "{}", told.out);
    assert!(told.lines("finding").iter().any(|finding| finding["severity"] == "error"));
}
