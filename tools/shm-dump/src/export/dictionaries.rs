//! Dictionaries as Arrow files need them.

use anyhow::Result;
use arrow::array::{Array, ArrayData, ArrayRef, DictionaryArray, PrimitiveArray, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::{ArrowDictionaryKeyType, DataType, Schema};
use arrow::downcast_dictionary_array;
use shmframe_cli::Failure;
use std::sync::Arc;

/// The batches with one dictionary for each column of dictionary type, as an Arrow file needs it; other columns are left in place.
///
/// # Errors
/// [`shmframe_cli::Exit::Usage`], naming the column, if that cannot be: its values are too many for its keys, or the dictionaries
/// that differ stand within other types.
pub fn one_dictionary(schema: &Arc<Schema>, batches: &[RecordBatch]) -> Result<Vec<RecordBatch>> {
    let mut columns: Vec<Vec<ArrayRef>> = batches.iter().map(|batch| batch.columns().to_vec()).collect();
    for (index, field) in schema.fields().iter().enumerate() {
        let parts: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(index)).collect();
        if !differ(&parts) {
            continue;
        }
        let whole = joined(&parts).map_err(|cause| {
            let name = field.name();
            Failure::usage(format!(
                "column {name:?} cannot be written as arrow, which has one dictionary for all rows: {cause}; export as arrows or parquet"
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

/// The arrays as one, with one dictionary.
fn joined(parts: &[&ArrayRef]) -> Result<ArrayRef, String> {
    let is_plain =
        |part: &&ArrayRef| matches!(part.data_type(), DataType::Dictionary(_, values) if !values.is_nested());
    if !parts.iter().all(is_plain) {
        return Err("its dictionaries stand within other types, and differ".to_owned());
    }
    let tidy: Vec<ArrayRef> = parts.iter().map(|part| tidy(part)).collect();
    let parts: Vec<&dyn Array> = tidy.iter().map(AsRef::as_ref).collect();
    concat(&parts).map_err(|cause| cause.to_string())
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
