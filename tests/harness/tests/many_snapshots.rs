//! A great many versions held at once.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use shmframe_harness::control::Control;
use shmframe_harness::place::Place;
use shmframe_harness::registry::pin_words;
use shmframe_harness::role::Role;
use shmframe_harness::watchdog::Watchdog;
use std::collections::BTreeSet;

const WRITER: &str = env!("CARGO_BIN_EXE_writer_role");
const READER: &str = env!("CARGO_BIN_EXE_reader_role");
const NAME: &str = "quotes";

#[test]
fn ten_thousand_versions_are_held_by_64_threads_and_let_go() {
    let _watchdog = Watchdog::seconds(240);
    let (place, control) = (Place::new("many"), Control::create());
    let mut writer = Role::start(WRITER, &place, Some(&control), &[]);
    writer.ask(&format!("create {NAME}"));
    let mut reader = Role::start(READER, &place, Some(&control), &[]);
    reader.ask(&format!("open {NAME} label=hoarder"));
    reader.send("hold-many 10000 64 1");
    writer.send("paced 10000");
    assert_eq!(reader.reply().unwrap(), "10000");
    assert_eq!(writer.reply().unwrap(), "10000");
    writer.ask("trim 0");
    // Each of them whole, and each of them pinned.
    assert_eq!(reader.ask("check-many 64"), "10000");
    let pinned: BTreeSet<u64> = pin_words(&place, NAME).into_iter().collect();
    assert_eq!(pinned, BTreeSet::from_iter(2..=10_001));
    assert!(writer.ask("holders").contains("hoarder"));
    assert_eq!(writer.ask("audit"), "true");
    let held = writer.number("allocated");
    reader.ask("drop-many");
    assert_eq!(pin_words(&place, NAME), Vec::<u64>::new());
    writer.ask("pair 4");
    writer.ask("trim 0");
    assert_eq!(writer.ask("holders"), "");
    assert_eq!(writer.ask("audit"), "true");
    let left = writer.number("allocated");
    assert!(left + 9_000 * 1024 < held, "{held} bytes while held, {left} after");
    reader.quit();
    writer.quit();
}
