//! Writing a frame to a file: which form, what it can hold, and how the file comes to stand there whole or not at all.

mod check;
mod dictionaries;
mod file;
mod form;
mod parquet;
mod writer;

pub use check::check;
pub use dictionaries::one_dictionary;
pub use file::{Existing, refuse_overwriting, write_file};
pub use form::{Compression, Form};
pub use writer::TableWriter;
