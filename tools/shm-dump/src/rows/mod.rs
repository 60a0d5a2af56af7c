//! Rows: which of them a command shows, and how they are written.
//!
//! A [`Selection`] says which columns and rows are wanted; [`FrameRows`] are a frame's rows with it applied, cut into
//! [`Part`](frame_rows::Part)s of a few thousand rows, so that no command touches more of a frame than it shows. A [`RowWriter`] writes
//! parts as a table, as JSON lines or as CSV.

mod condition;
mod csv;
mod cut;
mod frame_rows;
mod json;
mod options;
pub mod short;
mod sound;
mod summary;
mod table;
pub mod text;
mod writer;

pub use csv::CsvWriter;
pub use frame_rows::{FrameRows, Selection};
pub use json::{Row, ValueWriter};
pub use options::RowOptions;
pub use summary::{Distinct, Summary};
pub use writer::RowWriter;
