//! Arrow tables in shared memory: one process publishes versions, many processes read them in place.
//!
//! A process that hands a table to another one usually copies it: through a socket, a pickle, or a file that every
//! reader parses. Sharing memory by hand avoids the copy and raises two questions: who may overwrite what while
//! somebody reads it, and what happens when a process is killed in the middle. This crate answers them.
//!
//! # Mental model
//!
//! - A **segment** is a named store: a directory with three files in `/dev/shm`. It outlives the processes that use it,
//!   not the machine.
//! - A **frame** is a named table in a segment: an Arrow schema and its rows. It is put whole.
//! - A **commit** makes the next **version** of all frames visible, in one step or not at all.
//! - A **snapshot** holds one version. Arrays made from it lie in the segment; they, and slices of them, keep the hold.
//!   When the last one goes, the version may go.
//! - Bytes of a version that somebody holds, or could still take hold of, are never written again.
//! - The **writer lease** makes one process the writer. It is a kernel lock: a process that dies loses it, one that
//!   merely sleeps does not. The same is true of readers and what they hold.
//!
//! # Two processes
//!
//! The one writes:
//!
//! ```
//! use shmframe::arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
//! use shmframe::Writer;
//! use std::sync::Arc;
//!
//! # fn main() -> shmframe::Result<()> {
//! # let segment = &format!("doc-front-page-writer-{}", std::process::id());
//! let mut writer = Writer::open_or_create(segment)?;
//! let columns: [(&str, ArrayRef); 2] = [
//!     ("symbol", Arc::new(StringArray::from(vec!["A", "B", "A"]))),
//!     ("price", Arc::new(Float64Array::from(vec![100.5, 99.0, 101.25]))),
//! ];
//! let trades = RecordBatch::try_from_iter(columns).expect("columns of one length");
//!
//! // One frame, one version.
//! writer.put("trades", &trades)?;
//!
//! // Several frames, one version: readers see both changes or none.
//! let mut transaction = writer.begin()?;
//! transaction.put("trades", &trades)?;
//! transaction.put("last", &trades.slice(2, 1))?;
//! let version = transaction.commit()?;
//! # assert_eq!(version, 3);
//! # writer.remove_segment()
//! # }
//! ```
//!
//! Others read:
//!
//! ```
//! use shmframe::arrow::datatypes::Float64Type;
//! use shmframe::{Reader, Wait};
//! use std::time::Duration;
//!
//! # use shmframe::arrow::array::{ArrayRef, Float64Array, RecordBatch};
//! # fn main() -> shmframe::Result<()> {
//! # let segment = &format!("doc-front-page-reader-{}", std::process::id());
//! # let mut writer = shmframe::Writer::create(segment)?;
//! # let price: ArrayRef = std::sync::Arc::new(Float64Array::from(vec![100.5, 99.0, 101.25]));
//! # writer.put("trades", &RecordBatch::try_from_iter([("price", price)]).expect("columns of one length"))?;
//! let reader = Reader::open(segment)?;
//! let snapshot = reader.snapshot()?;
//! let trades = snapshot.frame("trades")?;
//!
//! // All columns, as record batches whose buffers lie in the segment.
//! for batch in trades.batches()? {
//!     println!("{} rows", batch.num_rows());
//! }
//!
//! // One column as a slice.
//! let price = trades.column::<Float64Type>("price")?;
//! assert_eq!(price.iter().copied().fold(f64::MIN, f64::max), 101.25);
//!
//! // The next version, if there is one within a second.
//! match reader.wait_newer(snapshot.version(), Duration::from_secs(1))? {
//!     Wait::Newer(version) => println!("version {version}"),
//!     other => println!("{other:?}"),
//! }
//! # writer.remove_segment()
//! # }
//! ```
//!
//! [`Reader::follow`] gives one snapshot after the other, [`Reader::open_within`] waits for a segment to be created,
//! [`WriterOptions`] and [`ReaderOptions`] name another directory, a label, a capacity, and who is trusted.
//!
//! # Limits
//!
//! - Rows are not changed in place, and there is no append yet: a frame is put whole.
//! - Types: null, boolean, numbers, temporals, decimals, (large) strings and binary, their views, fixed-size binary,
//!   dictionaries, and structs of these. Lists, maps, unions and run-end encoded arrays are refused.
//! - One machine: 64-bit little-endian Linux, 5.14 or newer, a local file system (tmpfs, ext4, xfs).
//! - Readers hold the newest version, and see some versions never.
//! - A writer maps the capacity of its segment, 1 TiB unless asked otherwise: address space, not memory.
//! - Segments are opened only if their owner is the caller, root, or named in [`Trust`]; others are copied: [`Inspector`].
//! - The format is 0.x: programs open segments of their own format version only.
//!
//! # Errors
//!
//! Everything returns the one [`Error`]. Its text says what failed, what was expected, what was found, where, and what
//! to do; [`Error::kind`] is for programs, [`source`](std::error::Error::source) the cause. Damaged segments give
//! [`ErrorKind::Corrupt`], a full file system [`ErrorKind::DirectoryFull`], a second writer [`ErrorKind::LeaseTaken`];
//! after an error of a commit nothing of it is visible.
//!
//! ```
//! use shmframe::{ErrorKind, Reader};
//!
//! let error = Reader::open("no-such-segment").unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Missing);
//! println!("{error}");
//! ```
//!
//! # Features
//!
//! None. [`arrow`] is the Arrow that the crate was built with; use it, so that there is one in your program.
//!
//! # Further
//!
//! The folder `docs` of the repository: what the bytes mean (`format.md`), the protocol and its invariants
//! (`protocol.md`), who trusts whom (`security.md`), what goes wrong and what to do then (`caveats.md`).
#![forbid(unsafe_code)]

pub use arrow;
pub use shmframe_reader::{Follow, Frame, Inspected, Inspector, Reader, ReaderOptions, Snapshot, Wait};
pub use shmframe_writer::{
    Audit, Batches, Error, ErrorKind, Holder, Report, Result, Transaction, TrimPolicy, Trust, Writer,
    WriterOptions, remove_segment,
};

#[cfg(doctest)]
mod documentation;
