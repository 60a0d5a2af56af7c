//! The tables of `docs/format.md` and those of the code are the same: every structure, every field.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use shmframe_format::table::{STRUCTURES, Structure};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const COLUMNS: [&str; 4] = ["offset", "size", "name", "meaning"];

/// (offset, size, name) of each row.
type Rows = Vec<(usize, usize, String)>;

/// Structures by name: the size that the heading states, and the rows below it.
fn documented(text: &str) -> BTreeMap<String, (usize, Rows)> {
    let mut structures = BTreeMap::new();
    let mut current: Option<String> = None;
    let mut in_table = false;
    for (number, line) in (1..).zip(text.lines()) {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        if line.starts_with('#') {
            current = heading(line).map(|(name, size)| {
                let before = structures.insert(name.clone(), (size, Rows::new()));
                assert!(before.is_none(), "docs/format.md:{number}: a second section {name}");
                name
            });
        } else if !line.starts_with('|') || cells == COLUMNS {
            in_table = cells == COLUMNS;
        } else if let Some(name) = current.as_ref().filter(|_| in_table && !cells[0].starts_with("--")) {
            let row = row(&cells).unwrap_or_else(|| {
                panic!("docs/format.md:{number}: expected | {} |, found {line}", COLUMNS.join(" | "))
            });
            structures.get_mut(name).unwrap().1.push(row);
        }
    }
    structures
}

/// `### Name (N bytes)`.
fn heading(line: &str) -> Option<(String, usize)> {
    let (name, rest) = line.strip_prefix("### ")?.split_once(" (")?;
    Some((name.trim_matches('`').to_owned(), rest.strip_suffix(" bytes)")?.parse().ok()?))
}

fn row(cells: &[&str]) -> Option<(usize, usize, String)> {
    let [offset, size, name, meaning, ..] = cells[..] else { return None };
    let name = name.trim_matches('`').to_owned();
    (!meaning.is_empty()).then_some((offset.parse().ok()?, size.parse().ok()?, name))
}

fn in_code(structure: &Structure) -> (usize, Rows) {
    let row = |field: &shmframe_format::table::Field| (field.offset, field.size, field.name.to_owned());
    (structure.size, structure.fields.iter().map(row).collect())
}

/// What differs, in words.
fn differences(text: &str) -> String {
    let documented = documented(text);
    let mut differences = String::new();
    for structure in STRUCTURES {
        let (size, rows) = in_code(structure);
        let Some((found_size, found_rows)) = documented.get(structure.name) else {
            writeln!(differences, "no section `### {} ({size} bytes)`", structure.name).unwrap();
            continue;
        };
        if *found_size != size {
            writeln!(differences, "{}: {size} bytes in code, {found_size} in the heading", structure.name)
                .unwrap();
        }
        for row in rows.iter().filter(|row| !found_rows.contains(row)) {
            writeln!(differences, "{}: no row {row:?} (offset, size, name)", structure.name).unwrap();
        }
        for row in found_rows.iter().filter(|row| !rows.contains(row)) {
            writeln!(differences, "{}: no such field in code: {row:?}", structure.name).unwrap();
        }
        if differences.is_empty() && rows != *found_rows {
            writeln!(differences, "{}: rows out of order or twice", structure.name).unwrap();
        }
    }
    for name in documented.keys().filter(|name| STRUCTURES.iter().all(|known| known.name != **name)) {
        writeln!(differences, "no such structure in code: {name}").unwrap();
    }
    differences
}

#[test]
fn tables_of_the_document_are_those_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/format.md");
    let differences = differences(&std::fs::read_to_string(path).expect("docs/format.md"));
    assert!(differences.is_empty(), "docs/format.md differs from crates/format/src/table.rs:\n{differences}");
}

/// A document that agrees with the code.
fn generated() -> Vec<String> {
    let mut lines = vec!["# Title".to_owned(), "| 1 | 2 | a table | of something else |".to_owned()];
    for Structure { name, size, fields } in STRUCTURES {
        lines.push(format!("### {name} ({size} bytes)"));
        lines.push(format!("| {} |", COLUMNS.join(" | ")));
        lines.push("|---|---|---|---|".to_owned());
        lines.extend(
            fields
                .iter()
                .map(|field| format!("| {} | {} | `{}` | x |", field.offset, field.size, field.name)),
        );
    }
    lines
}

#[test]
fn every_change_to_a_table_is_seen() {
    let lines = generated();
    assert_eq!(differences(&lines.join("\n")), "");
    let with = |at: usize, new: &[String]| {
        let mut lines = lines.clone();
        lines.splice(at..=at, new.iter().cloned());
        differences(&lines.join("\n"))
    };
    let mut rows = 0;
    for (at, line) in lines.iter().enumerate().skip(2) {
        if line.starts_with("### ") {
            assert!(!with(at, &["### Other (8 bytes)".to_owned()]).is_empty(), "{line}");
            assert!(!with(at, &[line.replace('(', "(1")]).is_empty(), "{line}");
        } else if line.ends_with("x |") {
            rows += 1;
            assert!(!with(at, &[]).is_empty(), "without {line}");
            assert!(!with(at, &[line.clone(), line.clone()]).is_empty(), "twice {line}");
            for cell in 1..=3 {
                let mut cells: Vec<String> = line.split('|').map(str::to_owned).collect();
                cells[cell] = format!("{}1", cells[cell].trim());
                assert!(!with(at, &[cells.join("|")]).is_empty(), "{line}, cell {cell}");
            }
        }
    }
    assert_eq!(rows, STRUCTURES.iter().map(|structure| structure.fields.len()).sum::<usize>());
}
