//! What is scarce: memory in the file system, and what a process may use. Errors, never signals.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use shmframe::{Error, ErrorKind, Writer};
use shmframe_harness::control::Control;
use shmframe_harness::place::Place;
use shmframe_harness::registry::pin_words;
use shmframe_harness::role::Role;
use shmframe_harness::watchdog::Watchdog;
use shmframe_harness::{cut, pattern};

const WRITER: &str = env!("CARGO_BIN_EXE_writer_role");
const READER: &str = env!("CARGO_BIN_EXE_reader_role");
const NAME: &str = "quotes";

fn put(writer: &mut Writer, frame: &str, rows: u64) -> Result<u64, Error> {
    let stamp = writer.version() + 1;
    writer.put(frame, &pattern::batch(frame, stamp, rows))
}

#[test]
fn full_file_system_names_the_holders_and_goes_on_when_they_let_go() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::tmpfs("full-held", 6 << 20);
    let mut writer = place.writer().create(NAME).unwrap();
    let mut reader = Role::start(READER, &place, None, &[]);
    reader.ask(&format!("open {NAME} label=hoarder"));
    let mut held = Vec::new();
    let error = loop {
        match put(&mut writer, "big", 20_000) {
            Ok(version) => held.push(reader.number(&format!("hold {version}"))),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::DirectoryFull);
    assert!(held.len() >= 2, "{held:?}");
    let text = error.to_string();
    let holders = writer.holders();
    assert_eq!(holders.len(), 1);
    let holder = &holders[0];
    // The newest version's own bytes are not held by anybody.
    let old = &held[..held.len() - 1];
    assert!(holder.versions.starts_with(old), "{holder:?} {held:?}");
    assert!(holder.bytes > 500_000 * old.len() as u64, "{holder:?}");
    let told = format!("(process {} \"hoarder\") holds {} bytes", reader.pid(), holder.bytes);
    assert!(text.contains(&told), "{text} does not say {told}");
    // The last version stays, for old readers and new ones, and the writer is whole.
    let last = *held.last().unwrap();
    assert_eq!(reader.number("latest"), last);
    let fresh = place.reader().open(NAME).unwrap();
    assert_eq!(fresh.snapshot().unwrap().version(), last);
    pattern::check_one_version(&fresh.snapshot().unwrap());
    cut::check_audit(&mut writer);
    assert_eq!(put(&mut writer, "big", 20_000).unwrap_err().kind(), ErrorKind::DirectoryFull);
    for version in &held {
        assert_eq!(reader.number(&format!("check {version}")), *version);
    }
    // One old version less is room for one more.
    reader.ask(&format!("drop {}", held[0]));
    assert_eq!(put(&mut writer, "big", 20_000).unwrap(), last + 1);
    assert_eq!(put(&mut writer, "big", 20_000).unwrap_err().kind(), ErrorKind::DirectoryFull);
    // A killed reader is as good as one that lets go.
    reader.kill();
    for _ in 0..10 {
        put(&mut writer, "big", 20_000).unwrap();
    }
    cut::check_audit(&mut writer);
    writer.remove_segment().unwrap();
    assert_eq!(place.entries(), [""; 0]);
}

#[test]
fn full_file_system_has_room_again_when_a_frame_is_removed() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::tmpfs("full-frames", 6 << 20);
    let mut writer = place.writer().create(NAME).unwrap();
    let mut frames = 0;
    let mut sizes = vec![8000, 900, 50, 1];
    // Filled to the last page, by ever smaller frames.
    while let Some(rows) = sizes.last().copied() {
        let rows = *sizes.first().unwrap_or(&rows);
        match put(&mut writer, &format!("frame-{frames}"), rows) {
            Ok(_) => frames += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::DirectoryFull, "{error:?}");
                sizes.remove(0);
            }
        }
    }
    let version = writer.version();
    let reader = place.reader().open(NAME).unwrap();
    assert_eq!(pattern::contents(&reader.snapshot().unwrap()).len(), frames);
    cut::check_audit(&mut writer);
    // A writer that is killed here takes nothing along.
    drop(writer);
    let mut writer = place.writer().open(NAME).unwrap();
    assert_eq!(writer.version(), version);
    assert_eq!(put(&mut writer, "more", 8000).unwrap_err().kind(), ErrorKind::DirectoryFull);
    writer.remove("frame-0").unwrap();
    put(&mut writer, "more", 4000).unwrap();
    assert_eq!(pattern::contents(&reader.snapshot().unwrap()).len(), frames);
    cut::check_audit(&mut writer);
}

#[test]
fn wait_for_space_ends_when_a_reader_is_killed() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("quota");
    let mut writer = place.writer().quota(4 << 20).create(NAME).unwrap();
    put(&mut writer, "big", 40_000).unwrap();
    let mut reader = Role::start(READER, &place, None, &[]);
    reader.ask(&format!("open {NAME} label=hoarder"));
    reader.ask("hold one");
    put(&mut writer, "big", 40_000).unwrap();
    let error = put(&mut writer, "big", 40_000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    let told = format!("(process {} \"hoarder\") holds", reader.pid());
    assert!(error.to_string().contains(&told), "{error}");
    let waiting = std::thread::spawn(move || {
        writer.wait_for_space(1_000_000, std::time::Duration::from_secs(50)).map(|()| writer)
    });
    reader.kill();
    let mut writer = waiting.join().unwrap().unwrap();
    put(&mut writer, "big", 40_000).unwrap();
    cut::check_audit(&mut writer);
}

#[test]
fn allocation_that_fails_above_one_step_gives_all_of_it_back() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::tmpfs("full-steps", 100 << 20);
    let mut writer = place.writer().create(NAME).unwrap();
    put(&mut writer, "small", 100).unwrap();
    let before = writer.allocated_bytes();
    for round in 0..3 {
        // 64 MiB of it are to be had, and then no more.
        let error = put(&mut writer, "large", 5_000_000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DirectoryFull, "{error}");
        assert!(error.place().ends_with(&format!("{NAME}.shmf")), "{error}");
        let after = writer.allocated_bytes();
        assert!(after <= before, "round {round}: {after} bytes, {before} before");
        cut::check_audit(&mut writer);
    }
    put(&mut writer, "large", 1_000_000).unwrap();
}

#[test]
fn creation_without_room_fails_and_leaves_nothing() {
    let _watchdog = Watchdog::seconds(60);
    for kib in [4, 16, 64, 256, 1024, 1600, 1812] {
        let place = Place::tmpfs(&format!("small-{kib}"), kib << 10);
        let error = place.writer().create(NAME).map(|_| kib).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DirectoryFull, "{kib} KiB: {error:?}");
        assert_eq!(place.entries(), [""; 0], "{kib} KiB");
        let error = place.writer().open_or_create(NAME).map(|_| kib).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DirectoryFull, "{kib} KiB: {error:?}");
        assert_eq!(place.entries(), [""; 0], "{kib} KiB");
    }
}

#[test]
fn readers_never_map_data_writable() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("maps");
    let mut writer = Role::start(WRITER, &place, None, &[]);
    writer.ask(&format!("create {NAME}"));
    writer.ask("pair 1000");
    let mut reader = Role::start(READER, &place, None, &[]);
    reader.ask(&format!("open {NAME}"));
    reader.ask("hold one");
    writer.ask("pair 50000");
    reader.ask("hold two");
    let of_data = |role: &Role| -> Vec<String> {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", role.pid())).unwrap();
        let data = maps.lines().filter(|line| line.ends_with(&format!("{NAME}.shmf/data")));
        data.map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
    };
    let mapped = of_data(&reader);
    assert!(mapped.len() >= 2 && mapped.iter().all(|access| access == "r--s"), "{mapped:?}");
    // The look finds what it looks for.
    assert!(of_data(&writer).contains(&"rw-s".to_owned()));
    // Nor has the reader a descriptor through which it could.
    for entry in std::fs::read_dir(format!("/proc/{}/fd", reader.pid())).unwrap() {
        let path = entry.unwrap().path();
        if std::fs::read_link(&path).unwrap().ends_with(format!("{NAME}.shmf/data")) {
            let number = path.file_name().unwrap().to_str().unwrap();
            let info = std::fs::read_to_string(format!("/proc/{}/fdinfo/{number}", reader.pid())).unwrap();
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
            let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
            assert_eq!(flags & libc::O_ACCMODE, libc::O_RDONLY);
        }
    }
    reader.quit();
    writer.quit();
}

/// Runs commands in a process whose limit is lowered first, to each of `limits` in a fresh one. Each command either
/// works or says which limit is too low. Returns how many said so.
fn under_limits(place: &Place, executable: &str, what: &str, limits: &[u64], commands: &[&str]) -> usize {
    let mut refused = 0;
    for limit in limits {
        let mut role = Role::start(executable, place, None, &[]);
        role.ask(&format!("limit {what} {limit}"));
        for command in commands {
            if let Err(error) = role.try_ask(command) {
                assert!(error.starts_with("ProcessLimit"), "{what} {limit}: {command}: {error}");
                assert!(error.contains("RLIMIT_"), "{what} {limit}: {command}: {error}");
                refused += 1;
                break;
            }
        }
        role.quit();
    }
    refused
}

#[test]
fn low_limit_on_descriptors_is_an_error_that_says_so() {
    let _watchdog = Watchdog::seconds(120);
    let place = Place::new("nofile");
    let mut writer = place.writer().create(NAME).unwrap();
    put(&mut writer, "left", 3).unwrap();
    let limits = Vec::from_iter(3..20);
    let refused =
        under_limits(&place, READER, "nofile", &limits, &[&format!("open {NAME}"), "hold one", "check one"]);
    assert!((1..limits.len()).contains(&refused), "{refused}");
    // Nor do they leave anything behind.
    put(&mut writer, "left", 3).unwrap();
    writer.trim(0).unwrap();
    assert_eq!(writer.holders(), []);
    assert_eq!(pin_words(&place, NAME), Vec::<u64>::new());
    drop(writer);
    let commands =
        [&format!("open {NAME}"), "put left 3", "trim 0", "drop", "create other", "remove-segment"];
    let refused = under_limits(&place, WRITER, "nofile", &limits, &commands);
    assert!((1..limits.len()).contains(&refused), "{refused}");
    place.writer().create("other").unwrap().remove_segment().unwrap();
    assert_eq!(place.entries(), [format!("{NAME}.shmf")]);
    let mut writer = place.writer().open(NAME).unwrap();
    put(&mut writer, "left", 3).unwrap();
    cut::check_audit(&mut writer);
}

#[test]
fn low_limit_on_address_space_is_an_error_that_says_so() {
    let _watchdog = Watchdog::seconds(120);
    let place = Place::new("as");
    // A writer maps its whole capacity.
    let limits: Vec<u64> = [36, 38, 39, 40].map(|bits| 1 << bits).to_vec();
    let create = [&format!("create {NAME}"), "pair 3", "remove-segment"];
    assert_eq!(under_limits(&place, WRITER, "as", &limits, &create), limits.len());
    assert_eq!(place.entries(), [""; 0]);
    assert_eq!(under_limits(&place, WRITER, "as", &[(1 << 40) + (1 << 34)], &create), 0);
    let small = [&format!("create {NAME} capacity={}", 1_u64 << 30), "pair 3", "remove-segment"];
    assert_eq!(under_limits(&place, WRITER, "as", &[1 << 32], &small), 0);
    // A reader maps what it needs.
    let mut writer = place.writer().create(NAME).unwrap();
    put(&mut writer, "left", 3).unwrap();
    let read = [&format!("open {NAME}"), "hold one", "check one"];
    assert_eq!(under_limits(&place, READER, "as", &[1 << 29, 1 << 31, 1 << 34], &read), 0);
    put(&mut writer, "huge", 3_000_000).unwrap();
    assert_eq!(under_limits(&place, READER, "as", &[64 << 20], &read), 1);
    put(&mut writer, "left", 3).unwrap();
    writer.trim(0).unwrap();
    assert_eq!(writer.holders(), []);
}

#[test]
fn low_limit_on_file_size_is_an_error_that_says_so() {
    let _watchdog = Watchdog::seconds(60);
    let place = Place::new("fsize");
    let create = [&format!("create {NAME}"), "pair 3", "remove-segment"];
    // Below the size the kernel would send SIGXFSZ.
    let limits = [0, 1, 4096, 1 << 20, 1 << 30, (1 << 40) - 1];
    assert_eq!(under_limits(&place, WRITER, "fsize", &limits, &create), limits.len());
    assert_eq!(place.entries(), [""; 0]);
    assert_eq!(under_limits(&place, WRITER, "fsize", &[1 << 40], &create), 0);
    // What exists has its size: writing and reading need no more.
    drop(place.writer().create(NAME).unwrap());
    let write = [&format!("open {NAME}"), "pair 3000", "trim 0"];
    assert_eq!(under_limits(&place, WRITER, "fsize", &limits, &write), 0);
    let read = [&format!("open {NAME}"), "hold one", "check one"];
    assert_eq!(under_limits(&place, READER, "fsize", &limits, &read), 0);
    let mut writer = place.writer().open(NAME).unwrap();
    cut::check_audit(&mut writer);
    put(&mut writer, "left", 2).unwrap();
}

#[test]
fn control_block_counts_under_its_lock() {
    let _watchdog = Watchdog::seconds(60);
    let control = Control::create();
    let tally = shmframe_harness::control::Tally::Commits;
    control.count(tally, 2);
    control.count(tally, 3);
    assert_eq!(control.tally(tally), 5);
}
