//! One dictionary for all rows of a column, as some forms need it.

use super::form::Form;
use anyhow::Result;
use arrow::array::{Array, ArrayData, ArrayRef, AsArray, DictionaryArray, PrimitiveArray, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::{ArrowDictionaryKeyType, ArrowNativeType, DataType, Schema};
use arrow::downcast_dictionary_array;
use shmframe_cli::Failure;
use std::sync::Arc;

/// The batches with one dictionary for each column of dictionary type, as the form needs it; other columns are left in place. An
/// Arrow file has one; in Parquet there is none, but who reads it back must get all values into one.
///
/// # Errors
/// [`shmframe_cli::Exit::Usage`], naming the column, if that cannot be: its values are too many for its keys, or the dictionaries
/// that differ stand within other types.
pub fn one_dictionary(form: Form, schema: &Arc<Schema>, batches: &[RecordBatch]) -> Result<Vec<RecordBatch>> {
    let mut columns: Vec<Vec<ArrayRef>> = batches.iter().map(|batch| batch.columns().to_vec()).collect();
    for (index, field) in schema.fields().iter().enumerate() {
        let parts: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(index)).collect();
        let is_needed = match form {
            Form::Arrow => differ(&parts),
            Form::Parquet => is_dictionary(field.data_type()) && differ(&parts),
            Form::Arrows | Form::Csv | Form::Jsonl => false,
        };
        if !is_needed {
            continue;
        }
        let whole = joined(&parts).map_err(|cause| {
            let name = field.name();
            Failure::usage(format!(
                "column {name:?} cannot be written as {form}, which has one dictionary for all rows: {cause}; export as arrows"
            ))
        })?;
        let mut start = 0;
        for (part, columns) in parts.iter().zip(&mut columns) {
            columns[index] = whole.slice(start, part.len());
            start += part.len();
        }
    }
    let batches = columns.into_iter().zip(batches).map(|(columns, batch)| {
        if columns.is_empty() { Ok(batch.clone()) } else { RecordBatch::try_new(Arc::clone(schema), columns) }
    });
    Ok(batches.collect::<Result<_, _>>()?)
}

/// Whether a column's arrays have different dictionaries, at whatever depth.
fn differ(parts: &[&ArrayRef]) -> bool {
    let mut all = parts.iter().map(|part| {
        let mut found = Vec::new();
        dictionaries(&part.to_data(), &mut found);
        found
    });
    let first = all.next().unwrap_or_default();
    all.any(|others| others.iter().zip(&first).any(|(other, first)| !other.ptr_eq(first) && other != first))
}

fn dictionaries(data: &ArrayData, found: &mut Vec<ArrayData>) {
    for child in data.child_data() {
        if matches!(data.data_type(), DataType::Dictionary(..)) {
            found.push(child.clone());
        }
        dictionaries(child, found);
    }
}

/// Whether it is a dictionary of values without any within.
fn is_dictionary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Dictionary(_, values) if !values.is_nested())
}

/// The arrays as one, with one dictionary.
fn joined(parts: &[&ArrayRef]) -> Result<ArrayRef, String> {
    let is_plain =
        |part: &&ArrayRef| matches!(part.data_type(), DataType::Dictionary(_, values) if !values.is_nested());
    if !parts.iter().all(is_plain) {
        return Err("its dictionaries stand within other types, and differ".to_owned());
    }
    if !parts.iter().all(|part| is_merged(part.data_type())) && !have_keys(parts) {
        return Err("its values are too many for its keys".to_owned());
    }
    let tidy: Vec<ArrayRef> = parts.iter().map(|part| tidy(part)).collect();
    let parts: Vec<&dyn Array> = tidy.iter().map(AsRef::as_ref).collect();
    concat(&parts).map_err(|cause| cause.to_string())
}

/// Whether Arrow merges equal values of such dictionaries when it joins them. It stands the others one behind the other, and
/// panics where they are too many.
fn is_merged(data_type: &DataType) -> bool {
    let DataType::Dictionary(_, values) = data_type else { return false };
    let is_text =
        matches!(**values, DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary);
    is_text || values.is_primitive()
}

/// Whether the keys can count the values of all arrays together.
fn have_keys(parts: &[&ArrayRef]) -> bool {
    fn last_key<K: ArrowDictionaryKeyType>(_: &DictionaryArray<K>, values: usize) -> Option<K::Native> {
        K::Native::from_usize(values.saturating_sub(1))
    }
    let values = parts.iter().filter_map(|part| part.as_any_dictionary_opt()).map(|part| part.values().len());
    let values = values.sum();
    parts.first().is_none_or(|&first| {
        downcast_dictionary_array! {
            first => last_key(first, values).is_some(),
            _ => true
        }
    })
}

/// A dictionary array whose keys are 0 where they are null: Arrow moves those keys, too, when it joins dictionaries.
fn tidy(array: &ArrayRef) -> ArrayRef {
    fn tidied<K: ArrowDictionaryKeyType>(array: &DictionaryArray<K>) -> ArrayRef {
        let keys = array.keys().iter().map(Option::unwrap_or_default).collect();
        let keys = PrimitiveArray::<K>::new(keys, array.keys().nulls().cloned());
        Arc::new(DictionaryArray::new(keys, Arc::clone(array.values())))
    }
    downcast_dictionary_array! {
        array => tidied(array),
        _ => Arc::clone(array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int8Array, Int64Array, ListArray, StringArray, StringViewArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::{Field, Int8Type};

    fn dictionary(keys: Vec<Option<i8>>, values: &[&str]) -> ArrayRef {
        let values = StringArray::from_iter_values(values);
        Arc::new(DictionaryArray::new(Int8Array::from(keys), Arc::new(values)))
    }

    fn batches(columns: Vec<ArrayRef>) -> (Arc<Schema>, Vec<RecordBatch>) {
        let batch = |column| RecordBatch::try_from_iter_with_nullable([("c", column, true)]).unwrap();
        let batches: Vec<RecordBatch> = columns.into_iter().map(batch).collect();
        (batches[0].schema(), batches)
    }

    #[test]
    fn dictionaries_that_differ_become_one_with_the_same_values() {
        let one = dictionary(vec![Some(0), Some(1)], &["a", "b"]);
        let two = dictionary(vec![Some(1), None, Some(0)], &["b", "c"]);
        let (schema, batches) = batches(vec![one, two]);
        let joined = one_dictionary(Form::Arrow, &schema, &batches).unwrap();
        let [first, second] =
            [0, 1].map(|at: usize| joined[at].column(0).as_dictionary::<Int8Type>().clone());
        assert_eq!(first.values(), second.values());
        let texts = |array: &DictionaryArray<Int8Type>| -> Vec<_> {
            let array = array.downcast_dict::<StringArray>().unwrap();
            array.into_iter().map(|text| text.map(str::to_owned)).collect()
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            (texts(&first), texts(&second)),
            (vec![text("a"), text("b")], vec![text("c"), None, text("b")])
        );
    }

    #[test]
    fn dictionaries_that_are_the_same_are_left_in_place() {
        let whole = dictionary(vec![Some(0), Some(1), Some(0)], &["a", "b"]);
        let (schema, batches) = batches(vec![whole.slice(0, 2), whole.slice(2, 1)]);
        let same = one_dictionary(Form::Arrow, &schema, &batches).unwrap();
        assert!(same[1].column(0).to_data().ptr_eq(&batches[1].column(0).to_data()));
    }

    #[test]
    fn values_that_are_too_many_for_the_keys_are_refused_of_whatever_type() {
        let keys = || Int8Array::from_iter_values(0..100);
        let numbers = |start: i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(start..start + 100)) };
        let texts = |start: i64| -> ArrayRef {
            Arc::new(StringArray::from_iter_values((start..start + 100).map(|number| number.to_string())))
        };
        let views = |start: i64| -> ArrayRef {
            Arc::new(StringViewArray::from_iter_values((start..start + 100).map(|number| number.to_string())))
        };
        let of = |values: ArrayRef| -> ArrayRef { Arc::new(DictionaryArray::new(keys(), values)) };
        for columns in [
            [of(numbers(0)), of(numbers(100))],
            [of(texts(0)), of(texts(100))],
            [of(views(0)), of(views(100))],
        ] {
            let (schema, batches) = batches(columns.to_vec());
            let error = one_dictionary(Form::Arrow, &schema, &batches).unwrap_err().to_string();
            assert!(error.contains("\"c\"") && error.contains("arrows"), "{error}");
        }
    }

    #[test]
    fn dictionaries_that_differ_within_other_types_are_refused() {
        let list = |array: ArrayRef| -> ArrayRef {
            let field = Arc::new(Field::new("item", array.data_type().clone(), true));
            Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([array.len()]), array, None))
        };
        let columns = [&["a"], &["b"]].map(|values| list(dictionary(vec![Some(0)], values)));
        let (schema, batches) = batches(columns.to_vec());
        let error = one_dictionary(Form::Arrow, &schema, &batches).unwrap_err().to_string();
        assert!(error.contains("\"c\"") && error.contains("arrows"), "{error}");
    }
}
