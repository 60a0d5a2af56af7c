//! Every format arrives, from files and through pipes.

use crate::place::Place;
use crate::tables::{
    TABLES, arrow_file, arrow_stream, assert_loaded, csv, json_lines, path, schema_option, table,
};
use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use std::fs;
use std::sync::Arc;

#[test]
fn every_table_arrives_from_every_format() {
    for name in TABLES {
        let place = Place::new();
        let expected = table(name);
        place.file("a.csv", csv(&expected, b','));
        place.file("a.tsv", csv(&expected, b'\t'));
        place.file("a.txt", csv(&expected, b'|'));
        place.file("a.jsonl", json_lines(&expected));
        place.file("a.arrow", arrow_file(&expected));
        place.file("a.arrows", arrow_stream(&expected));
        let types = schema_option(&expected.schema());
        let parquet = path(name);
        let text = ["--schema", &types];
        let cases: [(&[&str], &[&str]); 6] = [
            (&["a.csv"], &text),
            (&["a.tsv"], &text),
            (&["--as", "csv", "--delimiter", "|", "a.txt"], &text),
            (&["a.jsonl"], &text),
            (&["a.arrow"], &[]),
            (&["a.arrows", "--batch-rows", "1000"], &[]),
        ];
        for (arguments, types) in cases {
            let loaded = place.load(&[&["s/t"], arguments, types].concat()).loaded();
            assert_eq!(loaded["rows"], expected.num_rows(), "{name} {arguments:?}");
            assert_loaded(&place, &expected, &format!("{name} {arguments:?}"));
            assert_eq!(place.rows("s", "t").schema().fields().len(), expected.num_columns());
        }
        place.load(&["s/t", parquet.to_str().unwrap()]).loaded();
        assert_loaded(&place, &expected, &format!("{name} as Parquet"));
    }
}

#[test]
fn formats_that_name_themselves_arrive_through_a_pipe() {
    let expected = table("airports");
    let place = Place::new();
    for (what, bytes) in [
        ("parquet", fs::read(path("airports")).unwrap()),
        ("arrow file", arrow_file(&expected)),
        ("arrow stream", arrow_stream(&expected)),
    ] {
        place.load_from(&["s/t", "-"], &bytes).loaded();
        assert_loaded(&place, &expected, what);
    }
    place.load_from(&["s/t", "-"], &csv(&expected, b',')).assert_failed(2, &["standard input", "--as csv"]);
    place.load_from(&["s/t", "-", "--as", "csv"], &csv(&expected, b',')).loaded();
    assert_loaded(&place, &expected, "csv");
}

#[test]
fn inferred_types_hold_what_a_table_has() {
    for name in TABLES {
        let place = Place::new();
        let expected = table(name);
        place.file("a.csv", csv(&expected, b','));
        place.file("a.jsonl", json_lines(&expected));
        let all = expected.num_rows().to_string();
        for file in ["a.csv", "a.jsonl"] {
            place.load(&["s/t", file, "--infer-rows", &all]).loaded();
            assert_loaded(&place, &expected, &format!("{name} from {file}"));
        }
    }
}

#[test]
fn types_are_inferred_or_given_and_nulls_named() {
    let place = Place::new();
    place.file(
        "a.csv",
        "n,t,at,b,none,d\n1,x,2024-01-02 03:04:05,true,,2024-01-02\nNA,,2024-01-02 03:04:05.5,false,,NA\n",
    );
    place.load(&["s/t", "a.csv", "--null-values", "NA", "--schema", "b:string, n:Int16"]).loaded();
    let rows = place.rows("s", "t");
    let types: Vec<_> = rows.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let expected =
        [DataType::Int16, DataType::Utf8, timestamp, DataType::Utf8, DataType::Utf8, DataType::Date32];
    assert_eq!(types, expected);
    let nulls: Vec<_> = rows.columns().iter().map(|column| column.null_count()).collect();
    assert_eq!(nulls, [1, 1, 0, 0, 2, 1]);
}

#[test]
fn lines_without_a_header_have_numbered_columns() {
    let place = Place::new();
    place.file("a.csv", "1;x\n2;y\n");
    place.load(&["s/t", "a.csv", "--no-header", "--delimiter", ";", "--schema", "column_2:utf8"]).loaded();
    let rows = place.rows("s", "t");
    assert_eq!((rows.num_rows(), rows.schema().field(1).name().as_str()), (2, "column_2"));
}

#[test]
fn nested_json_arrives_with_integers_as_they_are() {
    let place = Place::new();
    place.file("a.jsonl", "{\"p\":{\"x\":9007199254740993},\"l\":[1,2]}\n\n{\"l\":[],\"p\":null}\n");
    place.load(&["s/t", "a.jsonl"]).loaded();
    let rows = place.rows("s", "t");
    let lines = String::from_utf8(json_lines(&rows)).unwrap();
    assert_eq!(lines, "{\"p\":{\"x\":9007199254740993},\"l\":[1,2]}\n{\"l\":[]}\n");
}

#[test]
fn types_of_parquet_files_can_be_changed() {
    let place = Place::new();
    let file = path("airports");
    place.load(&["s/t", file.to_str().unwrap(), "--schema", "alt:float32"]).loaded();
    assert_eq!(place.rows("s", "t").column_by_name("alt").unwrap().data_type(), &DataType::Float32);
    let mixed = place.load(&["s/t", file.to_str().unwrap(), "--schema", "faa:int64"]);
    mixed.assert_failed(1, &["airports.parquet", "Cannot cast string"]);
}

#[test]
fn bytes_stand_as_hexadecimal_digits_in_text_and_come_back() {
    let place = Place::new();
    let values: [Option<&[u8]>; 4] = [Some(b"\0\xFFa"), None, Some(b"\x0A,\""), Some(b"abc")];
    let expected: ArrayRef = Arc::new(BinaryArray::from_iter(values));
    let rows = RecordBatch::try_from_iter([("n", numbers(4)), ("bytes", Arc::clone(&expected))]).unwrap();
    place.file("t.csv", csv(&rows, b','));
    place.file("t.jsonl", json_lines(&rows));
    for data_type in ["binary", "LargeBinary", "BinaryView", "FixedSizeBinary(3)"] {
        let schema = format!("bytes:{data_type}");
        for name in ["t.csv", "t.jsonl"] {
            place.load(&["s/t", name, "--schema", &schema]).loaded();
            let found = place.rows("s", "t");
            let found = cast(found.column(1), &DataType::Binary).unwrap();
            assert_eq!(&found, &expected, "{name} as {data_type}");
        }
    }
    place.file("odd.csv", "bytes\n61\nfff\n");
    place
        .load(&["s/t", "odd.csv", "--schema", "bytes:binary"])
        .assert_failed(1, &["odd.csv:3: column \"bytes\": \"fff\" is no Binary", "hexadecimal digits"]);
}

fn numbers(count: i64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(0..count))
}
