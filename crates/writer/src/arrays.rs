//! What can be handed in as the rows of a column.

use arrow::array::ArrayRef;

/// One or more arrays of one type: the rows of a column, in order.
///
/// A column without rows is an array without rows, or none at all.
#[derive(Clone, Copy, Debug)]
pub struct Arrays<'a>(pub(crate) &'a [ArrayRef]);

impl<'a> From<&'a ArrayRef> for Arrays<'a> {
    fn from(array: &'a ArrayRef) -> Self {
        Self(core::slice::from_ref(array))
    }
}

impl<'a> From<&'a [ArrayRef]> for Arrays<'a> {
    fn from(arrays: &'a [ArrayRef]) -> Self {
        Self(arrays)
    }
}

impl<'a> From<&'a Vec<ArrayRef>> for Arrays<'a> {
    fn from(arrays: &'a Vec<ArrayRef>) -> Self {
        Self(arrays)
    }
}

impl<'a, const N: usize> From<&'a [ArrayRef; N]> for Arrays<'a> {
    fn from(arrays: &'a [ArrayRef; N]) -> Self {
        Self(arrays)
    }
}
