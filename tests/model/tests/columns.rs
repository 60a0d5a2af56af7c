//! Columns that change while the others stay where they stand.

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use shmframe::{Error, ErrorKind, Snapshot, Writer};
use shmframe_model::{Copied, Scratch, assert_arrived};
use std::collections::HashMap;
use std::sync::Arc;

const ROWS: usize = 100_000;

fn numbers(first: i64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values((first..).take(ROWS)))
}

fn column_names() -> [&'static str; 3] {
    ["a", "b", "c"]
}

fn table() -> RecordBatch {
    let metadata = |text: &str| HashMap::from([("about".to_owned(), text.to_owned())]);
    let fields: Vec<Field> = column_names()
        .map(|name| Field::new(name, DataType::Int64, false).with_metadata(metadata(name)))
        .into();
    let schema = Schema::new(fields).with_metadata(metadata("the table"));
    RecordBatch::try_new(Arc::new(schema), (0..3).map(numbers).collect()).unwrap()
}

struct Place {
    writer: Writer,
    scratch: Scratch,
}

impl Place {
    fn new() -> Self {
        let scratch = Scratch::new();
        let mut writer = scratch.writer().create("columns").unwrap();
        writer.put("t", &table()).unwrap();
        Self { writer, scratch }
    }

    fn snapshot(&self) -> Snapshot {
        self.scratch.reader().open("columns").unwrap().snapshot().unwrap()
    }

    fn batch(&self) -> RecordBatch {
        let [batch] = self.snapshot().frame("t").unwrap().batches().unwrap().try_into().unwrap();
        batch
    }

    fn assert_audit(&mut self) {
        let audit = self.writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}

/// Where the values of each column begin.
fn addresses(batch: &RecordBatch) -> HashMap<String, *const u8> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    columns.map(|(field, column)| (field.name().clone(), column.to_data().buffers()[0].as_ptr())).collect()
}

#[test]
fn other_columns_stay_where_they_stand() {
    let mut place = Place::new();
    let before = place.batch();
    let start = addresses(&before);
    let copied = Copied::of(&before);
    let (other, texts): (ArrayRef, ArrayRef) =
        (numbers(7), Arc::new((0..ROWS).map(|row| Some(row.to_string())).collect::<StringArray>()));
    place.writer.replace_column("t", "b", &other).unwrap();
    place.writer.insert_column("t", 1, Field::new("text", DataType::Utf8, true), &texts).unwrap();
    place.writer.rename_column("t", "c", "d").unwrap();
    place.writer.move_column("t", "d", 0).unwrap();
    let after = place.batch();
    let names: Vec<String> = after.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["d", "a", "text", "b"]);
    let now = addresses(&after);
    assert_eq!((now["a"], now["d"]), (start["a"], start["c"]));
    assert_ne!(now["b"], start["b"]);
    assert_eq!(after.column(3), &other);
    assert_eq!(after.schema().metadata()["about"], "the table");
    assert_eq!(after.schema().field(0).metadata()["about"], "c");
    place.writer.drop_column("t", "a").unwrap();
    assert_eq!(addresses(&place.batch())["d"], start["c"]);
    assert_eq!(Copied::of(&before), copied);
    place.assert_audit();
}

/// What a change of one column takes and gives back is that column's bytes, to a few pages.
#[test]
fn memory_of_a_column_comes_back_when_nobody_holds_it() {
    let mut place = Place::new();
    let column = (ROWS * 8) as u64;
    let near = |found: u64, expected: u64| found.abs_diff(expected) < 32 << 10;
    let taken = |place: &mut Place| {
        place.writer.trim(0).unwrap();
        place.writer.allocated_bytes()
    };
    let whole = taken(&mut place);
    let held = place.snapshot();
    place.writer.replace_column("t", "b", &numbers(9)).unwrap();
    let replaced = taken(&mut place);
    assert!(near(replaced, whole + column), "{whole}, {replaced}");
    // Of the version that is held, only the replaced column is no other version's.
    assert!(near(place.writer.holders()[0].bytes, column));
    assert_arrived(&[table()], &held.frame("t").unwrap());
    drop(held);
    let after = taken(&mut place);
    assert!(near(after, whole), "{whole}, {after}");
    place.writer.drop_column("t", "a").unwrap();
    let dropped = taken(&mut place);
    assert!(near(dropped, after - column), "{after}, {dropped}");
    place.assert_audit();
}

#[test]
fn replacing_a_column_again_and_again_takes_no_more_memory() {
    let mut place = Place::new();
    let mut bound = 0;
    for round in 0..100 {
        place.writer.replace_column("t", "b", &numbers(round)).unwrap();
        if round == 40 {
            bound = place.writer.allocated_bytes();
        }
        assert!(round <= 40 || place.writer.allocated_bytes() <= bound, "round {round}");
    }
    place.assert_audit();
}

#[test]
fn frame_keeps_its_rows_without_columns_and_gets_columns_again() {
    let mut place = Place::new();
    for name in column_names() {
        place.writer.drop_column("t", name).unwrap();
    }
    let frame = place.snapshot().frame("t").unwrap();
    assert_eq!((frame.num_rows(), frame.schema().fields().len()), (ROWS as u64, 0));
    let few: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let field = Field::new("x", DataType::Int64, true);
    let refused = place.writer.add_column("t", field.clone(), &few).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::SchemaMismatch);
    place.writer.add_column("t", field, &numbers(5)).unwrap();
    assert_eq!(place.batch().column(0), &numbers(5));

    let none = RecordBatchOptions::new().with_row_count(Some(0));
    let nothing = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &none).unwrap();
    place.writer.put("nothing", &nothing).unwrap();
    place.writer.add_column("nothing", Field::new("x", DataType::Utf8, false), &[]).unwrap();
    let frame = place.snapshot().frame("nothing").unwrap();
    assert_eq!((frame.num_rows(), frame.schema().field(0).data_type().clone()), (0, DataType::Utf8));
    place.assert_audit();
}

/// A transaction that changes the columns of a frame that it puts and removes.
#[test]
fn one_transaction_may_change_a_frame_in_many_ways() {
    for several in [false, true] {
        let mut place = Place::new();
        if several {
            drop(place.writer);
            place.writer = place.scratch.writer().several_writers().open("columns").unwrap();
        }
        let mut transaction = place.writer.begin().unwrap();
        transaction.replace_column("t", "a", &numbers(20)).unwrap();
        transaction
            .replace_column("t", "a", &[numbers(21).slice(0, 10), numbers(31).slice(0, ROWS - 10)])
            .unwrap();
        transaction.rename_column("t", "b", "x").unwrap();
        transaction.rename_column("t", "x", "b").unwrap();
        transaction.remove("t").unwrap();
        transaction.put("t", &table()).unwrap();
        transaction.drop_column("t", "a").unwrap();
        transaction.put("u", &table()).unwrap();
        transaction.move_column("u", "a", 2).unwrap();
        assert_eq!(transaction.commit().unwrap(), 3);
        assert_eq!(place.batch(), table().project(&[1, 2]).unwrap());
        let snapshot = place.snapshot();
        assert_eq!(snapshot.frame("u").unwrap().batches().unwrap(), [table().project(&[1, 2, 0]).unwrap()]);
        place.assert_audit();
        // Nothing of it is left of one that is dropped.
        let mut transaction = place.writer.begin().unwrap();
        transaction.replace_column("t", "b", &numbers(1)).unwrap();
        drop(transaction);
        place.assert_audit();
    }
}

#[test]
fn refused_changes_say_what_there_is_and_change_nothing() {
    let mut place = Place::new();
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.5; ROWS]));
    let nulls: ArrayRef = Arc::new(Int64Array::from(vec![None; ROWS]));
    let field = |name: &str| Field::new(name, DataType::Int64, true);
    let mut refused =
        |kind: ErrorKind, words: &[&str], change: &dyn Fn(&mut Writer) -> Result<u64, Error>| {
            let error = change(&mut place.writer).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            for word in words {
                assert!(error.to_string().contains(word), "{word}: {error}");
            }
        };
    let names = "[\"a\", \"b\", \"c\"]";
    refused(ErrorKind::FrameMissing, &["\"no\"", "[\"t\"]"], &|writer| writer.drop_column("no", "a"));
    refused(ErrorKind::ColumnMissing, &["\"no\"", names], &|writer| writer.drop_column("t", "no"));
    refused(ErrorKind::ColumnMissing, &[names], &|writer| writer.rename_column("t", "no", "x"));
    refused(ErrorKind::ColumnMissing, &[names], &|writer| writer.replace_column("t", "no", &numbers(0)));
    refused(ErrorKind::ColumnMissing, &[names], &|writer| writer.move_column("t", "no", 0));
    refused(ErrorKind::InvalidArgument, &["\"b\""], &|writer| writer.rename_column("t", "a", "b"));
    refused(ErrorKind::InvalidArgument, &["\"b\""], &|writer| {
        writer.add_column("t", field("b"), &numbers(0))
    });
    refused(ErrorKind::InvalidArgument, &["4", "3"], &|writer| {
        writer.insert_column("t", 4, field("x"), &numbers(0))
    });
    refused(ErrorKind::InvalidArgument, &["3", "2"], &|writer| writer.move_column("t", "a", 3));
    refused(ErrorKind::SchemaMismatch, &["99999", "100000"], &|writer| {
        writer.replace_column("t", "a", &numbers(0).slice(0, ROWS - 1))
    });
    refused(ErrorKind::SchemaMismatch, &["Int64", "Float64"], &|writer| {
        writer.replace_column("t", "a", &floats)
    });
    refused(ErrorKind::SchemaMismatch, &["without nulls"], &|writer| writer.replace_column("t", "a", &nulls));
    assert_eq!(place.writer.version(), 2);
    assert_eq!(place.batch(), table());
    place.assert_audit();
}

#[test]
fn writer_that_comes_after_another_changes_columns_of_frames_that_it_did_not_put() {
    let mut place = Place::new();
    drop(place.writer);
    place.writer = place.scratch.writer().open("columns").unwrap();
    place.writer.replace_column("t", "b", &numbers(40)).unwrap();
    place.writer.rename_column("t", "b", "x").unwrap();
    let frame = place.snapshot().frame("t").unwrap();
    assert_eq!(frame.column::<Int64Type>("x").unwrap()[0], 40);
    assert_eq!(frame.schema().field(1).metadata()["about"], "b");
    place.assert_audit();
}
