//! The writer of a segment.

use crate::arrays::Arrays;
use crate::batches::Batches;
use crate::builder::{Builder, Columns};
use crate::growth::{Dictionaries, KnownDictionaries};
use crate::operation::{Means, Spare};
use crate::options::WriterOptions;
use crate::schema::SchemaRecords;
use crate::transaction::Transaction;
use arrow::datatypes::{FieldRef, SchemaRef};
use core::time::Duration;
use shmframe_format::Result;
use shmframe_format::directory::Token;
use shmframe_segment::{Audit, Holder, Stats, Store};
use std::path::PathBuf;

/// The writer of a segment: it holds the writer lease until it is dropped (or, with
/// [`WriterOptions::several_writers`], for each commit).
///
/// Killed at any moment it leaves the last version whole and readable; the next writer goes on from there.
pub struct Writer {
    store: Store,
    schemas: SchemaRecords,
    dictionaries: Dictionaries,
    spare: Spare,
    threads: usize,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({} at version {})", self.path().display(), self.version())
    }
}

impl Writer {
    pub(crate) fn new(store: Store, threads: usize) -> Self {
        let (schemas, dictionaries) = (SchemaRecords::default(), Dictionaries::default());
        Self { store, schemas, dictionaries, spare: Spare::default(), threads }
    }

    /// Creates the segment `name`, with the default options.
    ///
    /// # Errors
    /// Those of [`WriterOptions::create`].
    pub fn create(name: &str) -> Result<Self> {
        WriterOptions::new().create(name)
    }

    /// Opens the segment `name` for writing, with the default options.
    ///
    /// # Errors
    /// Those of [`WriterOptions::open`].
    pub fn open(name: &str) -> Result<Self> {
        WriterOptions::new().open(name)
    }

    /// Opens the segment `name` for writing, or creates it where there is none, with the default options.
    ///
    /// # Errors
    /// Those of [`WriterOptions::open_or_create`].
    pub fn open_or_create(name: &str) -> Result<Self> {
        WriterOptions::new().open_or_create(name)
    }

    /// Options for creating or opening a segment.
    #[must_use]
    pub fn options() -> WriterOptions {
        WriterOptions::new()
    }

    /// Puts a frame (creates it, or replaces it whole) and returns the version that has it.
    ///
    /// # Errors
    /// Those of [`Transaction::put`] and [`Transaction::commit`]; the last version then stays.
    pub fn put<'b>(&mut self, frame: &str, batches: impl Into<Batches<'b>>) -> Result<u64> {
        self.alone(|transaction| transaction.put(frame, batches))
    }

    /// Builds a frame of so many rows in place: its columns are handed out as slices of shared memory, and it is published
    /// without a copy, replacing the one of its name.
    ///
    /// Where writers take turns, the turn is taken now and kept until the builder is published or dropped.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidName`], [`crate::ErrorKind::TypeNotSupported`], [`crate::ErrorKind::WriterInChild`]; where
    /// writers take turns also [`crate::ErrorKind::LeaseTaken`].
    pub fn build(&mut self, frame: &str, schema: &SchemaRef, rows: usize) -> Result<Builder<'_>> {
        Builder::new(self.begin()?, frame, schema, rows)
    }

    /// [`Transaction::append`], as a version of its own.
    ///
    /// # Errors
    /// Those of [`Transaction::append`] and [`Transaction::commit`]; the last version then stays.
    pub fn append<'b>(&mut self, frame: &str, batches: impl Into<Batches<'b>>) -> Result<u64> {
        self.alone(|transaction| transaction.append(frame, batches))
    }

    /// [`Transaction::append_with`], as a version of its own.
    ///
    /// # Errors
    /// Those of [`Transaction::append_with`] and [`Transaction::commit`]; the last version then stays.
    pub fn append_with(
        &mut self,
        frame: &str,
        rows: usize,
        fill: impl FnOnce(&mut Columns<'_>) -> Result<()>,
    ) -> Result<u64> {
        self.alone(|transaction| transaction.append_with(frame, rows, fill))
    }

    /// [`Transaction::append_new_columns`], as a version of its own.
    ///
    /// # Errors
    /// Those of [`Transaction::append_new_columns`] and [`Transaction::commit`]; the last version then stays.
    pub fn append_new_columns<'b>(&mut self, frame: &str, batches: impl Into<Batches<'b>>) -> Result<u64> {
        self.alone(|transaction| transaction.append_new_columns(frame, batches))
    }

    /// Removes a frame and returns the first version without it.
    ///
    /// # Errors
    /// Those of [`Transaction::remove`] and [`Transaction::commit`].
    pub fn remove(&mut self, frame: &str) -> Result<u64> {
        self.alone(|transaction| transaction.remove(frame))
    }

    /// [`Transaction::replace_column`], as a version of its own.
    ///
    /// # Errors
    /// Those of [`Transaction::replace_column`] and [`Transaction::commit`]; the last version then stays.
    pub fn replace_column<'a>(
        &mut self,
        frame: &str,
        column: &str,
        values: impl Into<Arrays<'a>>,
    ) -> Result<u64> {
        self.alone(|transaction| transaction.replace_column(frame, column, values))
    }

    /// [`Transaction::add_column`], as a version of its own.
    ///
    /// # Errors
    /// Those of [`Transaction::add_column`] and [`Transaction::commit`]; the last version then stays.
    pub fn add_column<'a>(
        &mut self,
        frame: &str,
        field: impl Into<FieldRef>,
        values: impl Into<Arrays<'a>>,
    ) -> Result<u64> {
        self.alone(|transaction| transaction.add_column(frame, field, values))
    }

    /// [`Transaction::insert_column`], as a version of its own.
    ///
    /// # Errors
    /// Those of [`Transaction::insert_column`] and [`Transaction::commit`]; the last version then stays.
    pub fn insert_column<'a>(
        &mut self,
        frame: &str,
        position: usize,
        field: impl Into<FieldRef>,
        values: impl Into<Arrays<'a>>,
    ) -> Result<u64> {
        self.alone(|transaction| transaction.insert_column(frame, position, field, values))
    }

    /// [`Transaction::drop_column`], as a version of its own.
    ///
    /// # Errors
    /// Those of [`Transaction::drop_column`] and [`Transaction::commit`]; the last version then stays.
    pub fn drop_column(&mut self, frame: &str, column: &str) -> Result<u64> {
        self.alone(|transaction| transaction.drop_column(frame, column))
    }

    /// [`Transaction::rename_column`], as a version of its own.
    ///
    /// # Errors
    /// Those of [`Transaction::rename_column`] and [`Transaction::commit`]; the last version then stays.
    pub fn rename_column(&mut self, frame: &str, from: &str, to: &str) -> Result<u64> {
        self.alone(|transaction| transaction.rename_column(frame, from, to))
    }

    /// [`Transaction::move_column`], as a version of its own.
    ///
    /// # Errors
    /// Those of [`Transaction::move_column`] and [`Transaction::commit`]; the last version then stays.
    pub fn move_column(&mut self, frame: &str, column: &str, position: usize) -> Result<u64> {
        self.alone(|transaction| transaction.move_column(frame, column, position))
    }

    /// Drops the oldest rows of a frame, so that `rows` stay, or up to 63 more, and publishes the next version, which it
    /// returns ([`Transaction::keep_last`]).
    ///
    /// # Errors
    /// Those of [`Transaction::keep_last`] and [`Transaction::commit`].
    pub fn keep_last(&mut self, frame: &str, rows: u64) -> Result<u64> {
        self.alone(|transaction| transaction.keep_last(frame, rows))
    }

    /// Drops the rows of a frame before the one with this number, or up to 63 fewer, and publishes the next version, which it
    /// returns ([`Transaction::drop_rows_before`]).
    ///
    /// # Errors
    /// Those of [`Transaction::keep_last`] and [`Transaction::commit`].
    pub fn drop_rows_before(&mut self, frame: &str, row: u64) -> Result<u64> {
        self.alone(|transaction| transaction.drop_rows_before(frame, row))
    }

    /// Sees to it that `rows` rows more fit behind those of a frame without another run, and publishes the next version, which
    /// it returns ([`Transaction::reserve`]).
    ///
    /// # Errors
    /// Those of [`Transaction::reserve`] and [`Transaction::commit`].
    pub fn reserve(&mut self, frame: &str, rows: u64) -> Result<u64> {
        self.alone(|transaction| transaction.reserve(frame, rows))
    }

    /// Makes one run of each column of a frame again, and publishes the next version, which it returns
    /// ([`Transaction::compact`]).
    ///
    /// # Errors
    /// Those of [`Transaction::compact`] and [`Transaction::commit`].
    pub fn compact(&mut self, frame: &str) -> Result<u64> {
        self.alone(|transaction| transaction.compact(frame))
    }

    /// A transaction of one change.
    fn alone(&mut self, change: impl FnOnce(&mut Transaction<'_>) -> Result<()>) -> Result<u64> {
        let mut transaction = self.begin()?;
        change(&mut transaction)?;
        transaction.commit()
    }

    /// Begins a transaction over several frames.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WriterInChild`].
    pub fn begin(&mut self) -> Result<Transaction<'_>> {
        let Self { store, schemas, dictionaries, spare, threads } = self;
        let values = KnownDictionaries::new(dictionaries);
        Transaction::begin(store, schemas, Means { values, spare, threads: *threads })
    }

    /// The newest version that this writer knows of.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.store.latest()
    }

    /// The token that was committed last ([`Transaction::token`]), by whichever writer, and the version that carried
    /// it; as of [`Writer::version`], so right after opening of the newest version.
    ///
    /// A program that was killed in a commit, and gave it a token, learns here whether the commit happened.
    #[must_use]
    pub fn last_token(&self) -> Option<Token> {
        self.store.last_token()
    }

    /// The directory of the segment.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.store.location().path()
    }

    /// Frees what no reader can reach any more, and gives all but `keep` bytes of free pages back to the system, also
    /// those that an earlier writer left. Returns how many bytes went.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WriterInChild`]; where writers take turns also [`crate::ErrorKind::LeaseTaken`].
    pub fn trim(&mut self, keep: u64) -> Result<u64> {
        self.store.trim(keep)
    }

    /// What this writer can tell of its segment, in numbers. Reads the reader registry, and asks the file system once.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WriterInChild`].
    pub fn stats(&self) -> Result<Stats> {
        self.store.stats()
    }

    /// Waits until a frame of `bytes` bytes can be put: until readers let go of old snapshots or end, or the file system
    /// has room. No time-out frees anything. The pages are kept for the next `put`.
    ///
    /// `bytes` are those of the frame's buffers (`Frame::num_bytes`). It waits for 64 KiB more in the same piece: for
    /// the padding of the buffers, for the frame's records and for those of the directory. That is enough for 50 columns;
    /// for each further one, those within others included, add 1 KiB. A transaction of several frames may need several
    /// pieces. With [`WriterOptions::trim`] the pages may go again, and other writers, where they take turns, may use them.
    ///
    /// # Errors
    /// When `timeout` is over, or at once where there is nobody who could let go, also because history holds what is
    /// missing: [`crate::ErrorKind::QuotaExceeded`], [`crate::ErrorKind::DirectoryFull`] or
    /// [`crate::ErrorKind::CapacityExceeded`], naming the slots and what each of them alone holds. [`crate::ErrorKind::WriterInChild`]; where writers take turns also
    /// [`crate::ErrorKind::LeaseTaken`].
    pub fn wait_for_space(&mut self, bytes: u64, timeout: Duration) -> Result<()> {
        self.store.wait_for_space(bytes, timeout)
    }

    /// Bytes of memory that the segment may take; none: no quota.
    #[must_use]
    pub fn quota(&self) -> Option<u64> {
        self.store.quota()
    }

    /// Bytes of memory that the segment takes now.
    #[must_use]
    pub fn allocated_bytes(&self) -> u64 {
        self.store.allocated_bytes()
    }

    /// Bytes of the segment that this process has mapped by huge pages now; 0 where the file system has none.
    #[must_use]
    pub fn huge_bytes(&self) -> u64 {
        self.store.huge_bytes()
    }

    /// The readers that keep bytes in use which the newest version does not need.
    #[must_use]
    pub fn holders(&self) -> Vec<Holder> {
        self.store.holders()
    }

    /// Compares the free extents that this writer works with to those that a recovery would find: a check for tests
    /// and tools.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`]; [`crate::ErrorKind::WriterInChild`].
    pub fn audit(&mut self) -> Result<Audit> {
        self.store.audit()
    }

    /// Watches over published bytes from now on: a store to one is a panic. For tests.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    #[cfg(feature = "watch")]
    #[doc(hidden)]
    pub fn watch(&mut self) -> Result<()> {
        self.store.watch()
    }

    /// Removes the segment. Snapshots that are held stay valid; waiting readers are told.
    ///
    /// # Errors
    /// [`crate::ErrorKind::WriterInChild`], or what the directory refuses.
    pub fn remove_segment(self) -> Result<()> {
        self.store.remove()
    }
}

/// Removes the segment `name` of the default directory, whatever state it is in, unless a writer lives.
///
/// # Errors
/// Those of [`WriterOptions::remove_segment`].
pub fn remove_segment(name: &str) -> Result<()> {
    WriterOptions::new().remove_segment(name)
}
