//! What is broken is shown as far as it can be, with the status for it; and `verify` finds it.

use crate::support::{Directory, SYMBOL, trades};
use arrow::array::RecordBatch;
use std::fs;
use std::os::unix::fs::FileExt;

fn sound() -> Directory {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(3)).unwrap();
    writer.append("trades", &trades(2)).unwrap();
    directory
}

#[test]
fn sound_segment_is_verified_whole() {
    let directory = sound();
    let told = directory.run(&["verify", "--deep", "ticks"]).with_status(0);
    let verified = told.line("verified");
    assert_eq!((&verified["errors"], &verified["warnings"]), (&0.into(), &0.into()));
    assert!(verified["rows"].as_u64() >= Some(5));
    assert_eq!(told.lines("finding").len(), 0);
    assert_eq!(directory.run(&["verify", "--quick", "ticks"]).with_status(0).line("verified")["rows"], 0);
}

#[test]
fn nothing_that_looks_writes_to_the_data() {
    let directory = sound();
    let read = || {
        let file = fs::File::open(directory.data("ticks")).unwrap();
        let mut start = vec![0; 4 << 20];
        file.read_exact_at(&mut start, 0).unwrap();
        start
    };
    let data = read();
    for arguments in [
        &["info", "ticks"][..],
        &["schema", "ticks"],
        &["head", "ticks"],
        &["sample", "ticks"],
        &["tail", "ticks"],
        &["cat", "ticks"],
        &["stats", "ticks"],
        &["export", "ticks", "--as", "csv", "-o", "-"],
        &["diff", "ticks", "ticks"],
        &["watch", "ticks", "--count", "1"],
        &["metrics"],
        &["versions", "ticks"],
        &["readers", "ticks"],
        &["readers", "ticks", "--reap"],
        &["map", "ticks"],
        &["verify", "--deep", "ticks"],
        &["ls"],
        &["gc", "--yes"],
    ] {
        directory.run(arguments).with_status(0);
        assert!(read() == data, "{arguments:?}: a byte of `data` changed");
    }
    directory.run(&["wait", "ticks", "--timeout", "0"]).with_status(5);
    // Whether this machine is fit is another question.
    directory.run(&["doctor"]);
    assert!(read() == data, "a byte of `data` changed");
}

#[test]
fn header_of_another_format_is_shown_with_its_status() {
    let directory = sound();
    let file = fs::OpenOptions::new().write(true).open(directory.data("ticks")).unwrap();
    // `major`, behind magic and byte order.
    file.write_all_at(&9_u32.to_le_bytes(), 12).unwrap();
    for command in ["info", "verify"] {
        directory.run(&[command, "ticks"]).with_status(6);
    }
    let fields = directory.run(&["ticks"]).with_status(6).lines("header_field");
    let major = fields.iter().find(|field| field["name"] == "major").unwrap();
    assert_eq!((&major["value"], &major["number"], &major["offset"]), (&"9".into(), &9.into(), &12.into()));
    assert_eq!(directory.run(&["ls"]).with_status(0).line("segment")["state"], "unreadable");
}

#[test]
fn damaged_header_and_cut_file_are_told_and_what_can_be_read_is_shown() {
    let directory = sound();
    let file = fs::OpenOptions::new().write(true).open(directory.data("ticks")).unwrap();
    file.set_len(8192).unwrap();
    let told = directory.run(&["ticks"]).with_status(4);
    assert!(told.said.contains("truncated") || told.said.contains("bytes"), "{}", told.said);
    assert!(!told.lines("header_field").is_empty());
    directory.run(&["verify", "ticks"]).with_status(4);
    file.set_len(0).unwrap();
    directory.run(&["ticks"]).with_status(4);
    fs::remove_file(directory.data("ticks")).unwrap();
    directory.run(&["ticks"]).with_status(4);
    directory.run(&["ls"]).with_status(0);
}

#[test]
fn damaged_record_is_found_with_its_version() {
    let directory = sound();
    // The name of the frame stands in a record of the directory.
    directory.overwrite("ticks", b"trades", b"trxdes");
    let told = directory.run(&["verify", "ticks"]).with_status(4);
    let finding = &told.lines("finding")[0];
    assert_eq!(finding["severity"], "error");
    assert!(finding["where"].as_str().unwrap().starts_with("version"), "{finding}");
    assert!(told.line("verified")["errors"].as_u64() > Some(0));
}

#[test]
fn damaged_row_is_found_with_its_column() {
    let directory = sound();
    directory.overwrite("ticks", SYMBOL.as_bytes(), b"\xFF\xFE");
    for more in [&[][..], &["--no-pin"]] {
        let told = directory.run(&[&["verify", "ticks", "--deep"], more].concat()).with_status(4);
        let findings = told.lines("finding");
        let places: Vec<&str> = findings.iter().map(|finding| finding["where"].as_str().unwrap()).collect();
        assert!(
            places.iter().any(|place| place.ends_with("frame \"trades\", column \"symbol\"")),
            "{places:?}"
        );
        assert!(!places.iter().any(|place| place.contains("price")), "{places:?}");
    }
    directory.run(&["verify", "--quick", "ticks"]).with_status(0);
}

#[test]
fn planted_leak_is_found_in_a_trimmed_segment() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(50_000)).unwrap();
    writer.trim(0).unwrap();
    drop(writer);
    let deep = ["verify", "--deep", "--trimmed", "ticks"];
    directory.run(&deep).with_status(0);
    let file = fs::OpenOptions::new().write(true).open(directory.data("ticks")).unwrap();
    file.write_all_at(&vec![1; 4 << 20], 1 << 39).unwrap();
    let told = directory.run(&deep).with_status(4);
    let finding = told.line("finding");
    assert_eq!(finding["where"], "memory");
    assert!(finding["what"].as_str().unwrap().contains("leaked"), "{finding}");
    // Who does not say that it was trimmed is told, without the status of damage.
    let told = directory.run(&["verify", "--deep", "ticks"]).with_status(0);
    assert_eq!(told.line("finding")["severity"], "warning");
}

#[test]
fn damaged_offsets_and_text_are_told_and_never_followed() {
    let offsets: Vec<u8> = (1..3_i32).flat_map(|row| (row * SYMBOL.len() as i32).to_le_bytes()).collect();
    let behind_the_end = i32::MAX.to_le_bytes();
    for (place, damage) in [(&offsets[..], &behind_the_end[..]), (SYMBOL.as_bytes(), b"\xFF\xFE")] {
        let directory = Directory::new();
        directory.create("ticks").put("trades", &trades(3)).unwrap();
        directory.overwrite("ticks", place, damage);
        let file = directory.path().join("out");
        for arguments in [
            &["head", "ticks"][..],
            &["head", "ticks", "--format", "table"],
            &["head", "ticks", "--where", "symbol = 'A'"],
            &["tail", "ticks"],
            &["cat", "ticks", "--csv"],
            &["sample", "ticks"],
            &["stats", "ticks"],
            &["export", "ticks", "-o", file.to_str().unwrap(), "--as", "parquet"],
            &["export", "ticks", "-o", file.to_str().unwrap(), "--as", "csv"],
        ] {
            let told = directory.run(arguments).with_status(4);
            assert!(told.said.contains("symbol"), "{arguments:?}: {}", told.said);
            assert!(!file.exists());
        }
        directory.run(&["head", "ticks", "-c", "price"]).with_status(0);
    }
}

#[test]
fn rest_of_a_segment_with_a_damaged_record_is_shown_with_its_status() {
    let directory = sound();
    let newest = directory.run(&["info", "ticks"]).with_status(0).line("info")["version"].as_u64().unwrap();
    // The directories of the versions are written one behind the other; this is the one of the newest.
    directory.overwrite_last("ticks", b"trades", b"trxdes");
    let told = directory.run(&["info", "ticks"]).with_status(4);
    let info = told.line("info");
    assert_eq!((&info["version"], &info["state"]), (&newest.into(), &"open".into()));
    assert!(info["frames"].is_null() && info["committed"].is_string(), "{info}");
    assert!(info["allocated_bytes"].as_u64() > Some(0), "{info}");
    assert!(told.said.contains("ticks.shmf"), "{}", told.said);
    let told = directory.run(&["versions", "ticks"]).with_status(4);
    let states: Vec<_> = told.lines("version").iter().map(|version| version["state"].clone()).collect();
    assert!(states.contains(&"kept".into()) && states.contains(&"unreadable".into()), "{states:?}");
    assert!(told.said.contains(&format!("version {newest}: ")), "{}", told.said);
}

#[test]
fn frames_beside_a_damaged_one_are_shown() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(3)).unwrap();
    let names = ["another_name", "price"];
    let batch = trades(2).columns().to_vec();
    let quotes = RecordBatch::try_from_iter(names.into_iter().zip(batch)).unwrap();
    writer.put("quotes", &quotes).unwrap();
    // It stands in the schema of `quotes`.
    directory.overwrite("ticks", b"another_name", b"another_nxme");
    let told = directory.run(&["info", "ticks"]).with_status(4);
    assert_eq!(told.line("info")["frames"], 2);
    assert_eq!(told.line("frame")["name"], "trades");
    assert!(told.said.contains("quotes"), "{}", told.said);
    directory.run(&["info", "ticks/trades"]).with_status(0);
}

#[test]
fn frames_are_those_of_the_version_that_is_shown() {
    let directory = sound();
    let mut writer = directory.options().history(4).open("ticks").unwrap();
    let before = writer.version();
    writer.put("quotes", &trades(1)).unwrap();
    let of = |target: &str| directory.run(&["info", target]).with_status(0).line("info")["frames"].clone();
    assert_eq!((of("ticks"), of(&format!("ticks@{before}"))), (2.into(), 1.into()));
}
