//! What two frames differ in: their columns, and their rows.

mod columns;
mod rows;

pub use columns::{Change, ColumnDifference, shared};
pub use rows::{Differing, RowDifferences};
