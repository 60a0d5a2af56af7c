//! Whether a form can hold a frame: found out before anything is written.

use super::form::{Compression, Form};
use super::writer::TableWriter;
use anyhow::Result;
use arrow::array::{ArrayRef, RecordBatch, new_empty_array};
use arrow::datatypes::{DataType, FieldRef, Schema};
use shmframe_cli::Failure;
use std::sync::Arc;

/// Checks that each column can be written in the form.
///
/// # Errors
/// [`shmframe_cli::Exit::Usage`], naming the first column that cannot, and a form that can.
pub fn check(form: Form, compression: Compression, schema: &Schema, batches: &[RecordBatch]) -> Result<()> {
    let none = Arc::new(Schema::empty());
    // Whether there is such a writer at all.
    TableWriter::new(form, compression, &none, Vec::new())?;
    let has_rows = batches.iter().any(|batch| batch.num_rows() > 0);
    if matches!(form, Form::Parquet | Form::Csv) && schema.fields().is_empty() && has_rows {
        let text = format!(
            "a frame without columns cannot be written as {form}: its rows would be lost; export as arrow or jsonl"
        );
        return Err(Failure::usage(text).into());
    }
    for (index, field) in schema.fields().iter().enumerate() {
        let refusal = match form {
            Form::Csv => {
                field.data_type().is_nested().then(|| "nested values have no form in CSV".to_owned())
            }
            Form::Jsonl => None,
            Form::Parquet if contains(field.data_type(), &is_beyond_parquet) => {
                Some("Arrow's Parquet writer has no form for it".to_owned())
            }
            Form::Parquet | Form::Arrow | Form::Arrows => {
                let first = batches.iter().find(|batch| batch.num_rows() > 0);
                let column = match first {
                    // Arrow files carry whole dictionaries and all bytes of views.
                    Some(first) if form == Form::Parquet => first.column(index).slice(0, 1),
                    _ => new_empty_array(field.data_type()),
                };
                trial(form, compression, field, column).err().map(|error| error.to_string())
            }
        };
        if let Some(refusal) = refusal {
            let (name, data_type) = (field.name(), field.data_type());
            let other = if form == Form::Csv { "jsonl, arrow or parquet" } else { "arrow or jsonl" };
            let text = format!(
                "column {name:?} of type {data_type} cannot be written as {form}: {refusal}; export as {other}, or choose columns with -c"
            );
            return Err(Failure::usage(text).into());
        }
    }
    Ok(())
}

/// Writes a column of its own to nowhere.
fn trial(form: Form, compression: Compression, field: &FieldRef, column: ArrayRef) -> Result<()> {
    let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column])?;
    let mut writer = TableWriter::new(form, compression, &schema, Vec::new())?;
    writer.write(&batch)?;
    writer.finish()?;
    Ok(())
}

/// Whether Arrow's Parquet writer would panic over it, instead of refusing it.
fn is_beyond_parquet(data_type: &DataType) -> bool {
    match data_type {
        DataType::Union(..) | DataType::FixedSizeBinary(0) => true,
        DataType::Dictionary(_, values) => {
            let is_text = matches!(
                **values,
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary
            );
            !is_text && !values.is_integer()
        }
        _ => false,
    }
}

/// Whether the type, or one within it, is such.
fn contains(data_type: &DataType, is_such: &dyn Fn(&DataType) -> bool) -> bool {
    let within = |field: &FieldRef| contains(field.data_type(), is_such);
    is_such(data_type)
        || match data_type {
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::ListView(field)
            | DataType::LargeListView(field)
            | DataType::FixedSizeList(field, _)
            | DataType::Map(field, _)
            | DataType::RunEndEncoded(_, field) => within(field),
            DataType::Struct(fields) => fields.iter().any(within),
            DataType::Union(fields, _) => fields.iter().any(|(_, field)| within(field)),
            DataType::Dictionary(_, values) => contains(values, is_such),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::one_dictionary;
    use arrow::array::RecordBatchOptions;
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;
    use shmframe_arbitrary::{Limits, schema_and_batches};

    /// Writes batches, and gives back whether they were not refused.
    fn write(form: Form, schema: &Arc<Schema>, batches: &[RecordBatch]) -> bool {
        if check(form, Compression::None, schema, batches).is_err() {
            return false;
        }
        let Ok(batches) = one_dictionary(form, schema, batches) else { return false };
        let mut writer = TableWriter::new(form, Compression::None, schema, Vec::new()).unwrap();
        let written = batches.iter().try_for_each(|batch| writer.write(batch));
        written.and_then(|()| writer.finish()).unwrap_or_else(|error| panic!("{form}: {error}: {schema}"));
        true
    }

    #[test]
    fn rows_without_columns_are_not_lost() {
        let schema = Arc::new(Schema::empty());
        let options = RecordBatchOptions::new().with_row_count(Some(2));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&schema), Vec::new(), &options).unwrap();
        for (form, is_written) in [(Form::Parquet, false), (Form::Csv, false), (Form::Arrow, true)] {
            assert_eq!(write(form, &schema, std::slice::from_ref(&rows)), is_written, "{form}");
        }
    }

    #[test]
    fn what_is_not_refused_can_be_written() {
        let mut runner = TestRunner::deterministic();
        let strategy = schema_and_batches(&Limits { columns: 3, ..Limits::default() });
        let mut written = [0; 4];
        for _ in 0..400 {
            let (schema, batches) = strategy.new_tree(&mut runner).unwrap().current();
            for (index, form) in [Form::Parquet, Form::Arrow, Form::Csv, Form::Jsonl].into_iter().enumerate()
            {
                written[index] += usize::from(write(form, &schema, &batches));
            }
        }
        assert!(written.iter().all(|count| *count > 50), "{written:?}");
    }
}
