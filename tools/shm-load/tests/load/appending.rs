//! Text that is added to a frame has the types that the frame has.

use crate::place::{Place, wait_for_rows};
use arrow::array::{ArrayRef, AsArray, Decimal128Array, DictionaryArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Int64Type, Schema};
use shmframe_writer::WriterOptions;
use std::collections::HashMap;
use std::sync::Arc;

/// A place with a frame of one row, of a float and an integer.
fn with_prices() -> Place {
    let place = Place::new();
    place.file("first.csv", "price,n\n1.5,1\n");
    place.load(&["s/t", "first.csv"]).loaded();
    place
}

/// The values of both columns; a null is none.
fn prices(rows: &RecordBatch) -> Vec<(Option<f64>, Option<i64>)> {
    let prices = rows.column(0).as_primitive::<Float64Type>().iter();
    prices.zip(rows.column(1).as_primitive::<Int64Type>().iter()).collect()
}

#[test]
fn rows_that_look_like_other_types_are_added_as_those_of_the_frame() {
    let place = with_prices();
    place.file("more.csv", "price,n\n2,\n");
    place.file("more.tsv", "price\tn\n\t3\n");
    place.file("more.jsonl", "{\"price\":4,\"n\":null}\n");
    place.file("numbers.jsonl", "{\"price\":\"5\",\"n\":\"5\"}\n");
    place.load(&["s/t", "--append", "more.csv"]).loaded();
    place.load(&["s/t", "--append", "--one-version", "more.tsv", "more.jsonl"]).loaded();
    place.load(&["s/t", "--append", "numbers.jsonl"]).loaded();
    let expected =
        [(Some(1.5), Some(1)), (Some(2.0), None), (None, Some(3)), (Some(4.0), None), (Some(5.0), Some(5))];
    assert_eq!(prices(&place.rows("s", "t")), expected);
}

#[test]
fn files_without_rows_need_no_types_where_the_frame_has_them() {
    let place = with_prices();
    place.file("none.csv", "price,n\n");
    place.file("empty.jsonl", "");
    for (name, version) in [("none.csv", 3), ("empty.jsonl", 4)] {
        assert_eq!(place.load(&["s/t", "--append", name]).loaded()["version"], version);
    }
    assert_eq!(place.rows("s", "t").num_rows(), 1);
    place.load(&["s/t", "none.csv"]).assert_failed(1, &["none.csv: has a header and no rows"]);
}

#[test]
fn load_that_replaces_the_frame_finds_types_of_its_own() {
    let place = with_prices();
    place.file("next.csv", "price,n\n2,x\n");
    place.load(&["s/t", "next.csv"]).loaded();
    let types: Vec<_> =
        place.rows("s", "t").columns().iter().map(|column| column.data_type().clone()).collect();
    assert_eq!(types, [DataType::Int64, DataType::Utf8]);
}

#[test]
fn feed_that_is_started_again_goes_on_with_the_types_of_the_frame() {
    let place = Place::new();
    let follow = |format| ["s/t", "--follow", "--as", format, "-"];
    place.load_from(&follow("csv"), b"price,n\n1.5,1\n").loaded();
    place.load_from(&follow("csv"), b"price,n\n2,\n").loaded();
    let mut running = place.start(&follow("jsonl"));
    running.write(b"{\"price\":3,\"n\":null}\n");
    let reader = place.reader("s");
    wait_for_rows(&reader, "t", 3);
    running.write(b"{\"price\":3.5,\"n\":3}\n");
    running.end().loaded();
    let expected = [(Some(1.5), Some(1)), (Some(2.0), None), (Some(3.0), None), (Some(3.5), Some(3))];
    assert_eq!(prices(&place.rows("s", "t")), expected);
}

#[test]
fn types_that_are_given_go_before_those_of_the_frame() {
    let place = with_prices();
    place.file("more.csv", "price,n\n2,\n");
    let ended = place.load(&["s/t", "--append", "more.csv", "--schema", "price:int64"]);
    ended.assert_failed(1, &["column \"price\" has the type Int64, not Float64", "nothing was published"]);
    assert!(!ended.said.contains("\"n\" has the type"), "{ended:?}");
    place.load(&["s/t", "--append", "more.csv", "--schema", "price:float64"]).loaded();
    assert_eq!(prices(&place.rows("s", "t")), [(Some(1.5), Some(1)), (Some(2.0), None)]);
}

#[test]
fn value_that_does_not_fit_the_frame_is_told_by_file_line_and_column() {
    let place = with_prices();
    let by_frame = "the frame has it so";
    for (name, text, said, is_by_frame) in [
        ("bad.csv", "price,n\n2,1\n3,1.5\n", "bad.csv:3: column \"n\": \"1.5\" is no Int64", true),
        (
            "bad.jsonl",
            "{\"price\":\"dear\",\"n\":1}\n",
            "bad.jsonl:1: column \"price\": \"dear\" is no",
            true,
        ),
        ("large.csv", "price,n\n1e999,1\n", "large.csv:2: column \"price\": \"1e999\" does not fit", true),
        ("few.csv", "price,n\n2,1\n3\n", "few.csv:3: 1 field in \"3\", and 2 columns", false),
        ("key.jsonl", "{\"n\":1}\n{\"m\":1}\n", "key.jsonl:2: \"m\" is a key that no column has", false),
    ] {
        place.file(name, text);
        let ended = place.load(&["s/t", "--append", name, "--infer-rows", "1"]);
        ended.assert_failed(1, &[said, "nothing was published"]);
        assert_eq!(ended.said.contains(by_frame), is_by_frame, "{ended:?}");
    }
    let ended = place.load(&["s/t", "--append", "bad.csv", "--schema", "n:int64"]);
    ended.assert_failed(1, &["bad.csv:3: column \"n\""]);
    assert!(!ended.said.contains(by_frame), "{ended:?}");
    assert_eq!(place.rows("s", "t").num_rows(), 1);
}

#[test]
fn columns_that_the_frame_does_not_have_are_inferred_and_refused_as_are_other_orders() {
    let place = with_prices();
    for (name, text, said) in [
        ("new.csv", "price,n,more\n2,,x\n", "column \"more\" is one that the frame does not have"),
        (
            "new.jsonl",
            "{\"price\":2,\"n\":1,\"more\":1}\n",
            "column \"more\" is one that the frame does not have",
        ),
        ("order.csv", "n,price\n,2\n", "column \"price\" is number 1, not 0"),
        ("missing.csv", "price\n2\n", "column \"n\" is missing"),
        ("missing.jsonl", "{\"price\":2}\n", "column \"n\" is missing"),
    ] {
        place.file(name, text);
        let ended = place.load(&["s/t", "--append", name]);
        ended.assert_failed(1, &[said, "nothing was published"]);
        assert!(!ended.said.contains("has the type"), "{ended:?}");
    }
    place.file("none.csv", "price,n,more\n");
    place.load(&["s/t", "--append", "none.csv"]).assert_failed(1, &["types cannot be inferred"]);
    assert_eq!(place.rows("s", "t").num_rows(), 1);
}

/// A column of a frame that a program has put, and not this tool.
fn put(place: &Place, frame: &str, field: Field, column: ArrayRef) {
    let mut writer = WriterOptions::new().directory(place.segments()).open("s").unwrap();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column]).unwrap();
    writer.put(frame, &batch).unwrap();
}

#[test]
fn fields_of_the_frame_are_taken_whole() {
    let place = with_prices();
    let words: DictionaryArray<Int32Type> = ["x", "y"].into_iter().collect();
    let large = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::LargeUtf8));
    let numbers = DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Int64));
    let digits: ArrayRef = Arc::new(StringArray::from(vec!["1", "2"]));
    let money = Decimal128Array::from(vec![100, 200]).with_precision_and_scale(10, 2).unwrap();
    let columns: [ArrayRef; 4] = [
        Arc::new(words.clone()),
        cast(&words, &large).unwrap(),
        cast(&digits, &numbers).unwrap(),
        Arc::new(money),
    ];
    place.file("more.csv", "a\n7\n");
    place.file("more.jsonl", "{\"a\":7}\n");
    place.file("null.csv", "a\n7\n\"\"\n");
    for (number, column) in columns.into_iter().enumerate() {
        let frame = format!("f{number}");
        let metadata = HashMap::from([("unit".to_owned(), "EUR".to_owned())]);
        let field = Field::new("a", column.data_type().clone(), false).with_metadata(metadata);
        put(&place, &frame, field.clone(), column);
        let target = format!("s/{frame}");
        for name in ["more.csv", "more.jsonl"] {
            place.load(&[&target, "--append", name]).loaded();
        }
        let rows = place.rows("s", &frame);
        assert_eq!((rows.num_rows(), rows.schema().field(0)), (4, &field));
        let texts = cast(rows.column(0), &DataType::Utf8).unwrap();
        assert!(["7", "7.00"].contains(&texts.as_string::<i32>().value(3)), "{texts:?}");
        let ended = place.load(&[&target, "--append", "null.csv"]);
        ended.assert_failed(1, &["null.csv:3: column \"a\": no value", "the frame has it so"]);
    }
}

#[test]
fn more_values_than_a_dictionary_of_the_frame_can_hold_are_an_error() {
    let place = with_prices();
    let numbers = || (0..200).map(|number| number.to_string());
    place.file("one.csv", "a\n0\n");
    place.file("many.csv", "a\n".to_owned() + &numbers().collect::<Vec<_>>().join("\n"));
    place.file("many.jsonl", numbers().map(|number| format!("{{\"a\":{number}}}\n")).collect::<String>());
    place.load(&["s/d", "one.csv", "--schema", "a:Dictionary(Int8, Utf8)"]).loaded();
    for name in ["many.csv", "many.jsonl"] {
        let ended = place.load(&["s/d", "--append", name]);
        ended.assert_failed(1, &[name, "Dictionary key", "nothing was published"]);
    }
}

#[test]
fn type_of_the_frame_that_text_does_not_hold_is_told() {
    let place = with_prices();
    place.file("list.jsonl", "{\"a\":[1]}\n");
    place.load(&["s/l", "list.jsonl"]).loaded();
    place.file("more.csv", "a\n7\n");
    let ended = place.load(&["s/l", "--append", "more.csv"]);
    ended.assert_failed(
        1,
        &["column \"a\": List(Int64) cannot be read from text: it is the type that the frame has", "nothing"],
    );
    place.load(&["s/l", "--append", "list.jsonl"]).loaded();
}
