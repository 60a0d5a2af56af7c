//! `metrics`: numbers that a collector takes.

use crate::support::{Directory, trades};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The value of a sample, by its name and labels as they stand in the text.
fn sample(text: &str, name_and_labels: &str) -> Option<String> {
    let line =
        text.lines().find(|line| line.rsplit_once(' ').is_some_and(|(name, _)| name == name_and_labels));
    line.and_then(|line| line.rsplit_once(' ')).map(|(_, value)| value.to_owned())
}

/// What OpenMetrics 1.0 asks of a text: families apart, each described before its samples, no sample twice, names that fit
/// their type and unit, an end.
fn assert_is_open_metrics(text: &str) {
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    let (mut families, mut samples) = (Vec::<(String, String)>::new(), BTreeSet::new());
    let mut units = BTreeMap::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            let (name, kind) = described.split_once(' ').unwrap();
            assert!(families.iter().all(|(other, _)| other != name), "{name} is described twice");
            families.push((name.to_owned(), kind.to_owned()));
        } else if let Some(described) = line.strip_prefix("# UNIT ") {
            let (name, unit) = described.split_once(' ').unwrap();
            units.insert(name.to_owned(), unit.to_owned());
            assert!(name.ends_with(&format!("_{unit}")), "{name} {unit}");
        } else if !line.starts_with("# HELP ") {
            let (name, rest) = line.split_once('{').unwrap();
            let (family, kind) = families.last().unwrap();
            let suffix = match kind.as_str() {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            assert_eq!(name, format!("{family}{suffix}"));
            let (labels, value) = rest.rsplit_once("} ").unwrap();
            assert!(samples.insert((name, labels)), "{line} is there twice");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    assert_eq!(units.get("shmframe_allocated_bytes").map(String::as_str), Some("bytes"));
}

#[test]
fn numbers_are_those_of_the_segment() {
    let directory = Directory::new();
    let mut writer = directory.create("ticks");
    writer.put("trades", &trades(20_000)).unwrap();
    let reader =
        shmframe_reader::Reader::options().directory(directory.path()).label("slow").open("ticks").unwrap();
    let held = reader.snapshot().unwrap();
    writer.put("trades", &trades(10)).unwrap();
    let version = writer.append("trades", &trades(5)).unwrap();
    let text = directory.run(&["metrics", "ticks"]).with_status(0).out;
    assert_is_open_metrics(&text);
    let of_segment = |name: &str| sample(&text, &format!("{name}{{segment=\"ticks\"}}"));
    assert_eq!(of_segment("shmframe_up").as_deref(), Some("1"));
    assert_eq!(of_segment("shmframe_versions_total"), Some(version.to_string()));
    assert_eq!(of_segment("shmframe_writer_up").as_deref(), Some("1"));
    let of_frame = |name: &str| sample(&text, &format!("{name}{{segment=\"ticks\",frame=\"trades\"}}"));
    assert_eq!(of_frame("shmframe_frame_rows").as_deref(), Some("15"));
    assert_eq!(of_frame("shmframe_frame_rows_written_total").as_deref(), Some("15"));
    let slot =
        format!("segment=\"ticks\",slot=\"0\",pid=\"{}\",label=\"slow\",alive=\"true\"", std::process::id());
    let of_slot = |name: &str| sample(&text, &format!("{name}{{{slot}}}"));
    assert_eq!(of_slot("shmframe_reader_pinned_versions").as_deref(), Some("1"));
    assert_eq!(of_slot("shmframe_reader_lag_versions"), Some((version - held.version()).to_string()));
    let alone: u64 = of_slot("shmframe_reader_held_alone_bytes").unwrap().parse().unwrap();
    let told = directory.run(&["readers", "ticks"]).line("reader");
    assert_eq!(told["held_alone_bytes"], alone);
    assert!(alone > 20_000 * (26 + 4 + 8));
}

#[test]
fn names_with_quotes_stay_one_label() {
    let directory = Directory::new();
    directory.create("ticks").put("a\"b\\c", &trades(1)).unwrap();
    let text = directory.run(&["metrics"]).with_status(0).out;
    assert_is_open_metrics(&text);
    let labels = r#"shmframe_frame_rows{segment="ticks",frame="a\"b\\c"}"#;
    assert_eq!(sample(&text, labels).as_deref(), Some("1"), "{text}");
}

#[test]
fn segment_that_cannot_be_read_is_down_and_hides_no_other() {
    let directory = Directory::new();
    directory.create("ticks").put("trades", &trades(1)).unwrap();
    directory.create("broken").put("trades", &trades(1)).unwrap();
    fs::write(directory.data("broken"), b"nothing").unwrap();
    let told = directory.run(&["metrics"]).with_status(0);
    assert_is_open_metrics(&told.out);
    assert!(told.said.contains("broken"), "{}", told.said);
    for (segment, up) in [("ticks", "1"), ("broken", "0")] {
        let name = format!("shmframe_up{{segment=\"{segment}\"}}");
        assert_eq!(sample(&told.out, &name).as_deref(), Some(up));
    }
    // Who names it wants to know.
    directory.run(&["metrics", "ticks", "broken"]).with_status(4);
    directory.run(&["metrics", "nothing"]).with_status(3);
    directory.run(&["metrics", "ticks/trades"]).with_status(2);
}

#[test]
fn lines_of_json_hold_the_same_numbers_as_the_text() {
    let directory = Directory::new();
    let _writer = directory.create("ticks").put("trades", &trades(3)).unwrap();
    let text = directory.run(&["metrics", "ticks", "ticks"]).with_status(0).out;
    let lines = directory.run(&["metrics", "ticks", "--json"]).with_status(0).lines("metric");
    assert_eq!(lines.len(), text.lines().filter(|line| !line.starts_with('#')).count());
    let rows = lines.iter().find(|line| line["name"] == "shmframe_frame_rows").unwrap();
    assert_eq!((&rows["value"], &rows["labels"]["frame"]), (&3.into(), &"trades".into()));
    assert!(rows["value"].is_u64());
}
