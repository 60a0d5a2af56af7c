//! Reading what a transaction builds on.

use shmframe_reader::Snapshot;
use shmframe_writer::{Result, Transaction};

/// Read, modify, write: a transaction reads the version that it builds on.
///
/// Nobody commits between that version and the commit of the transaction, so what was read is still true when the
/// changes become visible.
///
/// ```
/// use shmframe::arrow::array::{ArrayRef, Int64Array, RecordBatch};
/// use shmframe::arrow::datatypes::Int64Type;
/// use shmframe::{ReadModifyWrite, Writer};
/// use std::sync::Arc;
///
/// # fn main() -> shmframe::Result<()> {
/// # let segment = &format!("doc-read-modify-write-{}", std::process::id());
/// let mut writer = Writer::create(segment)?;
/// let count: ArrayRef = Arc::new(Int64Array::from(vec![41]));
/// writer.put("counter", &RecordBatch::try_from_iter([("count", count)]).expect("one column"))?;
///
/// let mut transaction = writer.begin()?;
/// let before = transaction.snapshot()?.frame("counter")?.column::<Int64Type>("count")?[0];
/// let count: ArrayRef = Arc::new(Int64Array::from(vec![before + 1]));
/// transaction.replace_column("counter", "count", &count)?;
/// assert_eq!(transaction.commit()?, 3);
/// # assert_eq!(before, 41);
/// # writer.remove_segment()
/// # }
/// ```
pub trait ReadModifyWrite {
    /// The version that the transaction builds on, in place. Its own changes are not in it. Arrays of it may outlive
    /// the transaction, and hold the version like those of any other snapshot.
    ///
    /// Where writers take turns, this takes the turn and keeps it until the transaction ends; the changes made so far are
    /// carried out.
    ///
    /// # Errors
    /// Those of [`Transaction::base_version`], and of opening a segment for reading and holding a version of it.
    fn snapshot(&mut self) -> Result<Snapshot>;
}

impl ReadModifyWrite for Transaction<'_> {
    fn snapshot(&mut self) -> Result<Snapshot> {
        let version = self.base_version()?;
        let (location, instance, label) = self.segment()?;
        Snapshot::of(&location, instance, &label, version)
    }
}
