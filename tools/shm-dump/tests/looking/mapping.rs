//! `map`: every byte that is used is somebody's.

use crate::support::{Directory, trades};

#[test]
fn ranges_do_not_overlap_and_frames_have_what_they_hold() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("small", &trades(3)).unwrap();
    for _ in 0..5 {
        writer.append("large", &trades(20_000)).unwrap();
    }
    let told = directory.run(&["map", "ticks"]).with_status(0);
    let ranges = told.lines("range");
    let mut end = 0;
    for range in ranges.iter().filter(|range| range["what"] != "free") {
        assert!(range["offset"].as_u64().unwrap() >= end, "{range}");
        end = range["offset"].as_u64().unwrap() + range["length"].as_u64().unwrap();
    }
    let runs = ranges.iter().filter(|range| range["what"] == "run").count();
    assert!(runs > 0, "a frame that grew has runs");
    let shares = told.lines("share");
    assert_eq!((&shares[0]["sign"], &shares[0]["name"]), (&"a".into(), &"large".into()));
    assert_eq!(shares[0]["runs"], runs);
    assert!(shares[0]["used_bytes"].as_u64() > Some(100_000 * (26 + 4 + 8)));
    assert!(shares[0]["reserved_bytes"].as_u64() > shares[0]["used_bytes"].as_u64());
    let drawn = directory.run(&["map", "ticks", "--format", "table"]).with_status(0).out;
    assert!(drawn.lines().nth(1).unwrap().starts_with('='), "{drawn}");
    assert!(drawn.contains("aaaa"), "{drawn}");
}
