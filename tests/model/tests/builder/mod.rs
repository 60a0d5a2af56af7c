//! Frames that are built in place.

mod appending;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, downcast_primitive_array,
};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Int64Type, Schema, SchemaRef};
use proptest::test_runner::{Config, TestRunner};
use shmframe::{Columns, ErrorKind, Result, Writer};
use shmframe_arbitrary::{Coverage, Limits, every_kind, schema_and_batches};
use shmframe_model::{Scratch, assert_arrived, cases, numbers};
use std::sync::Arc;

fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

fn prices() -> SchemaRef {
    schema(vec![Field::new("price", DataType::Float64, true), Field::new("symbol", DataType::Utf8, true)])
}

/// Fills a column by what its type has, row by row.
fn fill(columns: &mut Columns<'_>, field: &Field, array: &ArrayRef) -> Result<()> {
    let name = field.name();
    let is_primitive = array.data_type().is_primitive();
    let is_fixed = matches!(array.data_type(), DataType::FixedSizeBinary(_) | DataType::Boolean);
    if (is_primitive || is_fixed) && field.is_nullable() {
        let mut validity = columns.validity(name)?;
        (0..array.len()).filter(|row| array.is_null(*row)).for_each(|row| validity.set_null(row));
    }
    downcast_primitive_array!(
        array => {
            fill_primitive(columns, name, array)?;
        }
        DataType::Boolean => {
            let mut values = columns.booleans(name)?;
            let array = array.as_boolean();
            (0..array.len()).for_each(|row| values.set(row, array.value(row)));
        }
        DataType::FixedSizeBinary(_) => {
            let array = array.as_fixed_size_binary();
            columns.fixed_size_binary(name)?.copy_from_slice(array.value_data());
        }
        DataType::Utf8 => append(columns.strings(name)?, array.as_string::<i32>().iter())?,
        DataType::LargeUtf8 => append(columns.strings(name)?, array.as_string::<i64>().iter())?,
        DataType::Utf8View => append(columns.strings(name)?, array.as_string_view().iter())?,
        DataType::Binary => append_bytes(columns.binary(name)?, array.as_binary::<i32>().iter())?,
        DataType::LargeBinary => append_bytes(columns.binary(name)?, array.as_binary::<i64>().iter())?,
        DataType::BinaryView => append_bytes(columns.binary(name)?, array.as_binary_view().iter())?,
        _ => columns.set(name, array)?
    );
    Ok(())
}

fn fill_primitive<T: arrow::datatypes::ArrowPrimitiveType>(
    columns: &mut Columns<'_>,
    name: &str,
    array: &arrow::array::PrimitiveArray<T>,
) -> Result<()> {
    columns.take::<T>(name)?.copy_from_slice(array.values());
    Ok(())
}

fn append<'a>(
    mut to: shmframe::StringAppender<'_>,
    mut values: impl Iterator<Item = Option<&'a str>>,
) -> Result<()> {
    values.try_for_each(|value| to.append_option(value))
}

fn append_bytes<'a>(
    mut to: shmframe::BinaryAppender<'_>,
    mut values: impl Iterator<Item = Option<&'a [u8]>>,
) -> Result<()> {
    values.try_for_each(|value| to.append_option(value))
}

/// Fills all columns with the rows of these batches; those that grow or are of one size by slices and appenders.
pub fn fill_rows(columns: &mut Columns<'_>, batches: &[RecordBatch]) -> Result<()> {
    for (index, field) in batches[0].schema().fields().iter().enumerate() {
        let arrays: Vec<ArrayRef> = batches.iter().map(|batch| batch.column(index).clone()).collect();
        // Joined they may have more values than their keys can count.
        let has_keys =
            matches!(field.data_type(), DataType::Dictionary(_, _) | DataType::RunEndEncoded(_, _));
        if field.data_type().is_nested() || has_keys {
            columns.set(field.name(), &arrays)?;
        } else {
            let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
            fill(columns, field, &concat(&arrays).unwrap())?;
        }
    }
    Ok(())
}

/// Builds a frame of these batches.
fn build(writer: &mut Writer, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<u64> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let mut builder = writer.build("frame", schema, rows)?;
    fill_rows(&mut builder.columns()?, batches)?;
    builder.publish()
}

#[test]
fn whatever_is_built_arrives_in_place() {
    let scratch = Scratch::new();
    let writer = std::cell::RefCell::new(scratch.writer().create("t").unwrap());
    writer.borrow_mut().watch().unwrap();
    let reader = scratch.reader().open("t").unwrap();
    let coverage = Coverage::new();
    let arrives = |schema: &SchemaRef, batches: &[RecordBatch]| {
        coverage.record(schema, batches);
        let batches = if batches.is_empty() { &[RecordBatch::new_empty(schema.clone())] } else { batches };
        let version = build(&mut writer.borrow_mut(), schema, batches).unwrap();
        let snapshot = reader.snapshot().unwrap();
        assert_eq!(snapshot.version(), version);
        assert_arrived(batches, &snapshot.frame("frame").unwrap());
    };
    let limits = Limits::default();
    let runner = |cases| TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    runner(cases(128, 2048))
        .run(&schema_and_batches(&limits), |(schema, batches)| {
            arrives(&schema, &batches);
            Ok(())
        })
        .unwrap();
    let schema = every_kind();
    runner(cases(16, 256))
        .run(&shmframe_arbitrary::batches(&schema, &limits), |batches| {
            arrives(&schema, &batches);
            Ok(())
        })
        .unwrap();
    coverage.assert_complete();
    let audit = writer.into_inner().audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}

#[test]
fn slices_of_recycled_bytes_are_zero() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    let schema =
        schema(vec![Field::new("x", DataType::Int64, true), Field::new("flag", DataType::Boolean, true)]);
    let rows = 10_000;
    for _ in 0..4 {
        let secret = Int32Array::from_value(-1, 8 * rows);
        writer
            .put("other", &RecordBatch::try_from_iter([("s", Arc::new(secret) as ArrayRef)]).unwrap())
            .unwrap();
        writer.remove("other").unwrap();
        writer.trim(u64::MAX).unwrap();
        let mut builder = writer.build("frame", &schema, rows).unwrap();
        let mut columns = builder.columns().unwrap();
        assert!(columns.take::<Int64Type>("x").unwrap().iter().all(|value| *value == 0));
        columns.booleans("flag").unwrap();
        builder.publish().unwrap();
        let batch = &scratch
            .reader()
            .open("t")
            .unwrap()
            .snapshot()
            .unwrap()
            .frame("frame")
            .unwrap()
            .batches()
            .unwrap()[0];
        assert_eq!(batch["flag"].as_boolean().true_count(), 0);
        assert_eq!((batch["x"].null_count(), batch["flag"].null_count()), (0, 0));
        drop(writer.remove("frame"));
    }
}

#[test]
fn columns_are_filled_by_several_threads_at_once() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    let rows = 50_000;
    let mut builder = writer.build("frame", &prices(), rows).unwrap();
    let mut columns = builder.columns().unwrap();
    let price = columns.take::<Float64Type>("price").unwrap();
    let mut validity = columns.validity("price").unwrap();
    let mut symbol = columns.strings("symbol").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| price.iter_mut().zip(0..).for_each(|(price, row)| *price = f64::from(row)));
        scope.spawn(|| (0..rows).step_by(7).for_each(|row| validity.set_null(row)));
        scope.spawn(|| (0..rows).for_each(|row| symbol.append(&format!("symbol {row}")).unwrap()));
    });
    builder.publish().unwrap();
    let frame = scratch.reader().open("t").unwrap().snapshot().unwrap().frame("frame").unwrap();
    let price: arrow::array::Float64Array =
        (0..rows).map(|row| (row % 7 != 0).then_some(row as f64)).collect();
    let symbol = StringArray::from_iter_values((0..rows).map(|row| format!("symbol {row}")));
    let sent = RecordBatch::try_new(prices(), vec![Arc::new(price), Arc::new(symbol)]).unwrap();
    assert_arrived(&[sent], &frame);
}

#[test]
fn strings_that_outgrow_their_run_move_to_a_longer_one() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    for data_type in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View] {
        let schema = schema(vec![Field::new("text", data_type, false)]);
        let mut builder = writer.build("frame", &schema, 100).unwrap();
        let mut text = builder.columns().unwrap().strings("text").unwrap();
        let value = |row: usize| format!("{row} ").repeat(10_000 + row);
        for row in 0..100 {
            text.append(&value(row)).unwrap();
        }
        builder.publish().unwrap();
        let batch = &scratch
            .reader()
            .open("t")
            .unwrap()
            .snapshot()
            .unwrap()
            .frame("frame")
            .unwrap()
            .batches()
            .unwrap()[0];
        let text = arrow::compute::cast(&batch["text"], &DataType::Utf8).unwrap();
        assert!(text.as_string::<i32>().iter().zip(0..).all(|(text, row)| text == Some(&value(row))));
        let audit = writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}

#[test]
fn builder_that_is_dropped_leaves_nothing() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    writer.put("frame", &numbers(0, 3)).unwrap();
    writer.trim(u64::MAX).unwrap(); // frees what only older versions had
    let before = writer.audit().unwrap();
    let mut builder = writer.build("frame", &prices(), 1000).unwrap();
    let mut columns = builder.columns().unwrap();
    columns.take::<Float64Type>("price").unwrap().fill(1.0);
    columns.strings("symbol").unwrap().append("a").unwrap();
    drop(builder);
    assert_eq!(writer.version(), 2);
    let after = writer.audit().unwrap();
    assert_eq!(after.working, after.recovered);
    assert_eq!(after.recovered, before.recovered);
}

#[test]
fn transaction_goes_on_after_a_frame_that_could_not_be_built() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    let mut transaction = writer.begin().unwrap();
    transaction.put("before", &numbers(0, 3)).unwrap();
    let error = transaction.build("frame", &prices(), 2, |columns| {
        columns.take::<Float64Type>("price")?;
        columns.strings("symbol")?.append("a")
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidArgument);
    let error = transaction.build("frame", &prices(), 2, |columns| {
        columns.take::<Float64Type>("price")?;
        columns.take::<Float64Type>("other").map(drop)
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::ColumnMissing);
    transaction
        .build("frame", &prices(), 1, |columns| {
            columns.take::<Float64Type>("price")?[0] = 2.5;
            columns.strings("symbol")?.append("a")
        })
        .unwrap();
    transaction.put("behind", &numbers(3, 3)).unwrap();
    transaction.commit().unwrap();
    let snapshot = scratch.reader().open("t").unwrap().snapshot().unwrap();
    assert_eq!(snapshot.frame("before").unwrap().batches().unwrap(), [numbers(0, 3)]);
    assert_eq!(snapshot.frame("behind").unwrap().batches().unwrap(), [numbers(3, 3)]);
    assert_eq!(snapshot.frame("frame").unwrap().num_rows(), 1);
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}

#[test]
fn turn_is_taken_where_writers_take_turns() {
    let scratch = Scratch::new();
    let mut first = scratch.writer().several_writers().create("t").unwrap();
    let options = scratch.writer().several_writers().lease_timeout(std::time::Duration::ZERO);
    let mut second = options.open("t").unwrap();
    let mut builder = first.build("frame", &prices(), 1).unwrap();
    assert_eq!(second.put("x", &numbers(0, 1)).unwrap_err().kind(), ErrorKind::LeaseTaken);
    let mut columns = builder.columns().unwrap();
    columns.take::<Float64Type>("price").unwrap();
    columns.strings("symbol").unwrap().append_null().unwrap();
    builder.publish().unwrap();
    assert_eq!(second.put("x", &numbers(0, 1)).unwrap(), 3);
}

/// What filling a frame of two rows like this comes to.
fn refused(fill: impl FnOnce(&mut Columns<'_>) -> Result<()>) -> String {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    let schema = schema(vec![
        Field::new("number", DataType::Int32, false),
        Field::new("text", DataType::Utf8, false),
        Field::new("blob", DataType::BinaryView, true),
    ]);
    let mut builder = writer.build("frame", &schema, 2).unwrap();
    let filled = fill(&mut builder.columns().unwrap());
    let error = filled.and_then(|()| builder.publish()).unwrap_err();
    assert_eq!(writer.version(), 1, "nothing is published");
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
    assert!(error.to_string().contains("\"frame\""), "{error}");
    format!("{:?}: {error}", error.kind())
}

fn fill_all(columns: &mut Columns<'_>) -> Result<()> {
    columns.take::<Int32Type>("number")?.copy_from_slice(&[1, 2]);
    let mut text = columns.strings("text")?;
    text.append("a")?;
    text.append("b")?;
    let mut blob = columns.binary("blob")?;
    blob.append_null()?;
    blob.append(b"c")
}

#[test]
fn columns_that_are_not_filled_as_the_schema_says_are_refused() {
    let one = || -> ArrayRef { Arc::new(Int32Array::from(vec![1])) };
    let refusals: [(&str, &str, String); 12] = [
        ("ColumnMissing", "no such", refused(|columns| columns.take::<Int32Type>("no such").map(drop))),
        ("SchemaMismatch", "number", refused(|columns| columns.take::<Float64Type>("number").map(drop))),
        ("SchemaMismatch", "number", refused(|columns| columns.strings("number").map(drop))),
        ("SchemaMismatch", "text", refused(|columns| columns.binary("text").map(drop))),
        ("SchemaMismatch", "number", refused(|columns| columns.validity("number").map(drop))),
        ("SchemaMismatch", "blob", refused(|columns| columns.validity("blob").map(drop))),
        ("SchemaMismatch", "number", refused(|columns| columns.set("number", &one()))),
        ("SchemaMismatch", "text", refused(|columns| columns.strings("text")?.append_null())),
        (
            "InvalidArgument",
            "number",
            refused(|columns| {
                columns.take::<Int32Type>("number")?;
                columns.take::<Int32Type>("number").map(drop)
            }),
        ),
        (
            "InvalidArgument",
            "blob",
            refused(|columns| {
                fill_all(columns)?;
                columns.binary("blob").map(drop)
            }),
        ),
        (
            "InvalidArgument",
            "text\", \"blob",
            refused(|columns| columns.take::<Int32Type>("number").map(drop)),
        ),
        (
            "InvalidArgument",
            "blob",
            refused(|columns| {
                let mut blob = columns.binary("blob")?;
                blob.append(b"a")?;
                blob.append(b"b")?;
                blob.append(b"c")
            }),
        ),
    ];
    for (kind, name, message) in refusals {
        assert!(message.starts_with(kind) && message.contains(name), "{message}");
    }
    let too_few = refused(|columns| {
        columns.take::<Int32Type>("number")?;
        columns.strings("text")?.append("a")?;
        columns.binary("blob").map(drop)
    });
    assert!(too_few.starts_with("InvalidArgument") && too_few.contains("text"), "{too_few}");
}

#[test]
fn types_and_names_that_cannot_be_are_refused_before_anything_is_taken() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("t").unwrap();
    let odd = schema(vec![Field::new("odd", DataType::FixedSizeBinary(-1), false)]);
    assert_eq!(writer.build("frame", &odd, 1).unwrap_err().kind(), ErrorKind::TypeNotSupported);
    assert_eq!(writer.build("a/b", &prices(), 1).unwrap_err().kind(), ErrorKind::InvalidName);
    let mut builder = writer.build("frame", &prices(), usize::MAX).unwrap();
    let error = builder.columns().unwrap().take::<Float64Type>("price").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
}
