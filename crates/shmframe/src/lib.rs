//! Arrow tables in shared memory: one process publishes versions, many processes read them in place.
//!
//! A process that hands a table to another one usually copies it: through a socket, a pickle, or a file that every
//! reader parses. Sharing memory by hand avoids the copy and raises two questions: who may overwrite what while
//! somebody reads it, and what happens when a process is killed in the middle. This crate answers them.
//!
//! # Mental model
//!
//! - A **segment** is a named store: a directory with three files in `/dev/shm`. It outlives the processes that use it,
//!   its writer too, but not the machine; [`Writer::remove_segment`] and [`remove_segment`] end it sooner.
//! - A **frame** is a named table in a segment: an Arrow schema and its rows. It is put whole, changed column by column, or
//!   grows by appends.
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
//! Strings, nulls, and each version as it comes:
//!
//! ```
//! use shmframe::arrow::array::AsArray;
//! use shmframe::arrow::datatypes::Float64Type;
//!
//! # use shmframe::arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
//! # use std::sync::Arc;
//! # fn main() -> shmframe::Result<()> {
//! # let segment = &format!("doc-front-page-follow-{}", std::process::id());
//! # let mut writer = shmframe::Writer::create(segment)?;
//! # let symbol: ArrayRef = Arc::new(StringArray::from(vec!["A", "B"]));
//! # let price: ArrayRef = Arc::new(Float64Array::from(vec![Some(100.5), None]));
//! # let trades = RecordBatch::try_from_iter([("symbol", symbol), ("price", price)]);
//! # writer.put("trades", &trades.expect("columns of one length"))?;
//! # let reader = shmframe::Reader::open(segment)?;
//! # let mut found = Vec::new();
//! // Version 1 is empty. The iterator waits for the next version, and ends when the segment is removed.
//! for snapshot in reader.follow().after(1) {
//!     let snapshot = snapshot?;
//!     for batch in snapshot.frame("trades")?.batches()? {
//!         let prices = batch["price"].as_primitive::<Float64Type>();
//!         for (symbol, price) in batch["symbol"].as_string::<i32>().iter().zip(prices) {
//!             println!("{symbol:?} {price:?}"); // Some("A") Some(100.5), then Some("B") None
//! #           found.push((symbol.map(str::to_owned), price));
//!         }
//!     }
//! #   if found.len() == 2 { break; }
//! }
//! # assert_eq!(found, [(Some("A".to_owned()), Some(100.5)), (Some("B".to_owned()), None)]);
//! # writer.remove_segment()
//! # }
//! ```
//!
//! [`Frame::column`] is for numbers without nulls, [`Frame::column_chunks`] for numbers with some, [`Frame::select`] for a few columns of many, [`Reader::open_within`]
//! waits for a segment to be created. [`WriterOptions`] and [`ReaderOptions`] name another directory, a label, a capacity,
//! and who is trusted.
//!
//! [`Reader::versions`] lists the older versions that [`Reader::snapshot_at`] gives, [`Reader::wait_for`] waits for the version
//! that a commit returned. [`Transaction::replace_column`] and its neighbours change one column and share the others with the
//! version before; [`ReadModifyWrite`] reads what a transaction builds on; [`Transaction::token`] tells after a crash whether
//! a commit happened ([`Writer::last_token`]).
//!
//! Who holds what: [`Writer::stats`] and [`Writer::holders`] for the writer, [`Reader::stats`] for a reader of its own process,
//! [`Segment::pins`] for anybody else.
//!
//! # Growing frames
//!
//! [`Writer::append`] and [`Transaction::append`] add rows behind those that a frame has, and create it if it is missing. What was
//! published stays where it is, and is not written again; the cost depends on the new rows and the number of columns. Frames of up
//! to 64 KiB are the exception: they are written anew.
//!
//! [`Writer::build`] hands out the columns of a new frame as slices of shared memory, and publishes them without a copy;
//! [`Writer::append_with`] does so for new rows of a frame that is there, so that a feed makes no arrays. See [`Builder`] and
//! [`Columns`].
//!
//! Give each append the same schema: `RecordBatch::try_from_iter` declares a column nullable if the batch has a null there, and rows
//! of another schema are refused. A writer that is started again learns where it was from a [`Reader`] of its own:
//! [`Position::row`] of [`Frame::position`] is the number of the next row.
//!
//! Rows have numbers, from 0 for the first that the frame ever had; appends and retention do not change them. A [`Position`] is
//! such a number together with the frame's generation, so that a table that was put anew under the name is not taken for the same.
//! [`Frame::appended_since`] gives the rows after a position, each once, also when versions were skipped:
//!
//! ```
//! use shmframe::{Position, Since};
//!
//! # use shmframe::arrow::array::{ArrayRef, Float64Array, RecordBatch};
//! # use shmframe::arrow::datatypes::Float64Type;
//! # use std::sync::Arc;
//! # fn trades(price: impl IntoIterator<Item = f64>) -> RecordBatch {
//! #     let price: ArrayRef = Arc::new(Float64Array::from_iter_values(price));
//! #     RecordBatch::try_from_iter([("price", price)]).expect("one column")
//! # }
//! # fn main() -> shmframe::Result<()> {
//! # let segment = &format!("doc-front-page-append-{}", std::process::id());
//! # let mut writer = shmframe::Writer::create(segment)?;
//! # let reader = shmframe::Reader::open(segment)?;
//! writer.append("trades", &trades([100.5, 101.0]))?;
//! let read = reader.snapshot()?.frame("trades")?.position();
//!
//! // Kept somewhere as text (or as 16 bytes), and taken up again after a restart.
//! let read: Position = read.to_string().parse()?;
//!
//! for row in 0..1000 {
//!     writer.append("trades", &trades([row as f64]))?;
//! }
//! let new = reader.snapshot()?.appended_since("trades", read)?;
//! assert_eq!(new.since, Since::Continued);
//! assert_eq!(new.batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1000);
//!
//! // All of it, as one slice.
//! let price = reader.snapshot()?.frame("trades")?.column::<Float64Type>("price")?;
//! assert_eq!((price.len(), price[1001]), (1002, 999.0));
//!
//! // Retention: the newest 100 rows stay, and up to 63 more. What was dropped unread is counted.
//! writer.keep_last("trades", 100)?;
//! let rest = reader.snapshot()?.appended_since("trades", read)?;
//! let left = reader.snapshot()?.frame("trades")?.num_rows();
//! assert!((100..164).contains(&left));
//! assert_eq!(rest.since, Since::Dropped { rows: 1000 - left });
//! assert_eq!(price.len(), 1002); // who holds an older version keeps its rows
//! # writer.remove_segment()
//! # }
//! ```
//!
//! [`Transaction::drop_rows_before`] drops rows by number. In a transaction several frames grow and shrink in one step. Bytes of
//! strings and binary data go with their chunk, of which a frame has about eight then; values of dictionaries stay.
//!
//! [`Frame::column`] gives a whole column as one slice for as long as the room lasts that its values were given (a *run*): the share
//! of a frame falls with the number of frames; [`Writer::reserve`] makes room beforehand, [`Writer::compact`] makes one run again.
//! Without that it is [`ErrorKind::ColumnRuns`] afterwards, and [`Frame::column_chunks`] gives the
//! slices that there are, also of columns with nulls. [`Frame::batches`] gives one batch for each chunk, or two: rows behind the
//! last multiple of 64 are a batch of their own where a column has a bitmap (nulls, booleans).
//!
//! Numbers, times, decimals, booleans, strings, binary data, their views, dictionaries, and structs and fixed-size lists of these
//! grow in place. Lists, maps, unions, runs, and dictionaries that are ordered or have nulls among their values are kept in a
//! few pieces, which the writer merges as they grow. Rows of another schema are refused, with all differences.
//! [`caveats`](guide::caveats#growing-frames) says what to look out for.
//!
//! # Limits
//!
//! - Rows are not changed in place: they are appended, and dropped from the front; else a frame is put whole, or column by
//!   column.
//! - Every type of Arrow, nested up to 60 deep; each map counts for two.
//! - One machine: 64-bit little-endian Linux, 5.14 or newer, a local file system (tmpfs, ext4, xfs).
//! - Readers hold the newest version, and see some versions never; rows that are appended are read once each, unless retention
//!   was faster.
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
//! None is on unless asked for.
//!
//! - `tracing`: events of the [`tracing`](https://docs.rs/tracing) crate for what happens to a segment, with the target
//!   `shmframe` and the field `segment`, its directory: `created`, `removed`, `taken over`, `recovered`, `reaped` (slots of
//!   dead readers), `trimmed`, `refused` (memory that is not to be had) and `forked`. Usual commits and snapshots tell nothing.
//! - `futures`: `Follow::into_stream`, following as a stream for any executor.
//!
//! # Another Arrow
//!
//! [`arrow`] is the Arrow that the crate was built with. Use it, so that there is one in your program; for more of its
//! features (`prettyprint`, `csv`), depend on the same version of `arrow` beside it and name them there. If a part of the
//! program is on another major version, arrays go there by the C data interface, whose two structures are the same in
//! all of them. Nothing is copied, and what was handed over keeps its version until it is released:
//!
//! ```
//! # use shmframe::arrow as other_arrow; // stands for the other one
//! use other_arrow::array::{Array, make_array};
//! use other_arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
//! use shmframe::arrow::array::ArrayRef;
//! use shmframe::arrow::ffi::to_ffi;
//! use std::sync::Arc;
//!
//! fn hand_over(array: &ArrayRef) -> Result<Arc<dyn Array>, Box<dyn std::error::Error>> {
//!     let (mut data, mut schema) = to_ffi(&array.to_data())?;
//!     // SAFETY: both Arrows lay these structures out as the C data interface says; each is moved out once.
//!     let (data, schema) = unsafe {
//!         (
//!             FFI_ArrowArray::from_raw((&raw mut data).cast()),
//!             FFI_ArrowSchema::from_raw((&raw mut schema).cast()),
//!         )
//!     };
//!     // SAFETY: they were made by `to_ffi` just now.
//!     Ok(make_array(unsafe { from_ffi(data, &schema) }?))
//! }
//! # use shmframe::arrow::array::{Float64Array, RecordBatch};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let segment = &format!("doc-front-page-other-{}", std::process::id());
//! # let mut writer = shmframe::Writer::create(segment)?;
//! # let price: ArrayRef = Arc::new(Float64Array::from(vec![Some(100.5), None]));
//! # writer.put("trades", &RecordBatch::try_from_iter([("price", price.clone())])?)?;
//! # let frame = shmframe::Reader::open(segment)?.snapshot()?.frame("trades")?;
//! # writer.remove_segment()?;
//! let batch = &frame.batches()?[0];
//! let other = hand_over(batch.column(0))?;
//! # assert_eq!(other.to_data(), price.to_data());
//! # assert!(frame.contains_address(other.to_data().buffers()[0].as_ptr()));
//! # Ok(())
//! # }
//! ```
//!
//! # Further
//!
//! The [`guide`]: what goes wrong and what to do then ([`caveats`](guide::caveats)), who trusts whom
//! ([`security`](guide::security)), what a release may change ([`policy`](guide::policy)), what the bytes mean
//! ([`format`](guide::format)), the protocol and its invariants ([`protocol`](guide::protocol)).
#![forbid(unsafe_code)]

pub use arrow;
pub use base::ReadModifyWrite;
#[cfg(feature = "futures")]
pub use shmframe_reader::FollowStream;
pub use shmframe_reader::{
    Appended, ColumnChunk, Follow, Followed, Frame, Inspected, Inspector, Position, Reader, ReaderOptions,
    ReaderStats, Segment, Since, SlotPins, Snapshot, StopHandle, Validation, Version, Wait,
};
pub use shmframe_writer::{
    Access, Arrays, Audit, Batches, BinaryAppender, Booleans, Builder, Columns, Error, ErrorKind, Holder,
    Permission, Report, Result, Stats, StringAppender, Token, Transaction, TrimPolicy, Trust, Validity,
    Writer, WriterOptions, remove_segment,
};

mod base;
#[cfg(any(doc, doctest))]
pub mod guide;
