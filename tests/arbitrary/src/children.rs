//! What stands right below an array.

use arrow::array::{Array, ArrayRef, AsArray, make_array};
use arrow::datatypes::DataType;

/// The children that rows of the array can refer to; those of lists are cut to what they cover.
pub(crate) fn children(array: &ArrayRef) -> Vec<ArrayRef> {
    match array.data_type() {
        DataType::RunEndEncoded(_, _) => vec![make_array(array.to_data().child_data()[1].clone())],
        DataType::Dictionary(_, _) => vec![array.as_any_dictionary().values().clone()],
        _ => array.to_data().child_data().iter().cloned().map(make_array).collect(),
    }
}
