//! What others wrote does not reach the terminal as they wrote it.

use crate::support::{Directory, Ran, trades};
use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use std::collections::HashMap;
use std::sync::Arc;

/// What a terminal would obey: it clears the screen.
const OBEYED: &str = "\u{1b}[2J";

/// Trades with such a text in the name and the metadata of a column.
fn foreign() -> RecordBatch {
    let batch = trades(2);
    let names = [format!("symbol{OBEYED}"), "price".to_owned()];
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(names).map(|(field, name)| {
        let metadata = HashMap::from([("key".to_owned(), OBEYED.to_owned())]);
        Field::new(name, field.data_type().clone(), true).with_metadata(metadata)
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), batch.columns().to_vec()).unwrap()
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed_for_people() {
    let directory = Directory::new();
    let mut writer = directory.options().label(OBEYED).create("ticks").unwrap();
    writer.put("trades", &foreign()).unwrap();
    writer.put("quotes", &trades(2)).unwrap();
    let version = writer.put("quotes", &foreign()).unwrap();
    let label = format!("reader{OBEYED}");
    let reader = shmframe_reader::ReaderOptions::new().directory(directory.path()).label(&label);
    let reader = reader.open("ticks").unwrap();
    let _held = reader.snapshot().unwrap();
    let before = format!("ticks/quotes@{}", version - 1);
    for (arguments, status) in [
        (&["info", "ticks"][..], 0),
        (&["schema", "ticks"], 0),
        (&["stats", "ticks/trades"], 0),
        (&["head", "ticks/trades"], 0),
        (&["diff", &before, "ticks/quotes"], 5),
        (&["readers", "ticks"], 0),
        (&["map", "ticks"], 0),
        (&["verify", "ticks"], 0),
        (&["head", "ticks/trades", "-c", "other"], 3),
        (&["rm", "ticks"], 8),
    ] {
        for colour in ["never", "always"] {
            let told = directory.run(&[arguments, &["--format", "table", "--color", colour]].concat());
            let told = told.with_status(status);
            let all = told.out + &told.said;
            assert!(!all.contains(OBEYED), "{arguments:?}: {all:?}");
        }
    }
    let told = directory.run(&["readers", "ticks", "--format", "table"]).with_status(0);
    assert!(told.out.contains("reader\\u{1b}[2J"), "{}", told.out);
    drop(writer);
}

#[test]
fn standard_error_that_nobody_reads_changes_no_status() {
    let directory = Directory::new();
    directory.create("ticks").put("trades", &trades(1)).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(directory.data("ticks")).unwrap();
    file.set_len(8192).unwrap();
    for (arguments, status) in [
        (&["info", "quotes"][..], 3),
        (&["info", "ticks"], 4),
        (&["metrics", "ticks"], 4),
        (&["metrics"], 0),
        (&["head", "ticks"], 4),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = directory.command(arguments).stderr(writer).output().unwrap();
        Ran::of(output).with_status(status);
    }
}
