//! How data gets into a shmframe segment: Arrow layout, frames, transactions.
//!
//! A [`Writer`] holds the writer lease of one segment. [`Writer::put`] lays the batches of a frame out in shared
//! memory, each byte copied once, and publishes the next version; [`Writer::begin`] changes several frames in one
//! version. Readers never see half of one.
//!
//! ```
//! # fn main() -> shmframe_writer::Result<()> {
//! # let directory = std::path::Path::new("/dev/shm");
//! # let name = &format!("doc-writer-{}", std::process::id());
//! use arrow::array::{ArrayRef, Float64Array, RecordBatch};
//! use shmframe_writer::WriterOptions;
//!
//! let mut writer = WriterOptions::new().directory(directory).create(name)?;
//! let prices: ArrayRef = std::sync::Arc::new(Float64Array::from(vec![100.5, 101.0]));
//! let batch = RecordBatch::try_from_iter([("price", prices)]).expect("columns of one length");
//! let version = writer.put("trades", &batch)?;
//! assert_eq!(version, 2); // 1 is the empty new segment
//! writer.remove_segment()
//! # }
//! ```
#![forbid(unsafe_code)]

mod arrays;
mod batches;
mod builder;
mod columns;
mod growth;
mod layout;
mod null_rows;
mod operation;
mod options;
mod retention;
mod schema;
mod transaction;
mod writer;

pub use arrays::Arrays;
pub use batches::Batches;
pub use builder::{BinaryAppender, Booleans, Builder, Columns, StringAppender, Validity};
pub use options::WriterOptions;
pub use shmframe_format::directory::Token;
pub use shmframe_format::{Error, ErrorKind, Report, Result};
pub use shmframe_segment::{Access, Audit, Holder, Permission, Stats, TrimPolicy, Trust};
pub use transaction::Transaction;
pub use writer::{Writer, remove_segment};

const _: () = {
    const fn send<T: Send>() {}
    send::<Writer>();
};

#[cfg(test)]
mod tests {
    use crate::{ErrorKind, builder, columns, growth, layout, operation, transaction};
    use shmframe_format::every_kind::check_messages;

    #[test]
    fn every_failure_says_what_was_expected_and_found_and_what_to_do() {
        let errors = [
            builder::every_kind(),
            columns::every_kind(),
            growth::differences::every_kind(),
            growth::reserve::every_kind(),
            layout::every_kind(),
            operation::every_kind(),
            transaction::every_kind(),
        ];
        check_messages(
            errors.into_iter().flatten().collect(),
            &[
                ErrorKind::TypeNotSupported,
                ErrorKind::SchemaMismatch,
                ErrorKind::CapacityExceeded,
                ErrorKind::InvalidArgument,
                ErrorKind::FrameMissing,
                ErrorKind::ColumnMissing,
                ErrorKind::Corrupt,
            ],
        );
    }
}
