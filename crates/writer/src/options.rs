//! How a segment is created or opened for writing.

use crate::writer::Writer;
use core::time::Duration;
use shmframe_format::Result;
use shmframe_segment::{Access, Location, Store, StoreOptions, TrimPolicy, Trust};
use std::path::{Path, PathBuf};

/// Options for creating or opening a segment.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    directory: Option<PathBuf>,
    trust: Trust,
    store: StoreOptions,
    threads: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl WriterOptions {
    /// The defaults: `/dev/shm` (or `SHMFRAME_DIR`), 1 TiB of virtual capacity, a quota of half the file
    /// system, a history of 1 version, 512 reader slots, no label, no waiting for another writer, one copying thread.
    #[must_use]
    pub fn new() -> Self {
        Self { directory: None, trust: Trust::default(), store: StoreOptions::default(), threads: 1 }
    }

    /// The directory that holds the segment.
    #[must_use]
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Virtual bytes of a new segment: what its frames may grow to, in address space. It costs no memory.
    #[must_use]
    pub fn capacity(mut self, bytes: u64) -> Self {
        self.store.capacity = bytes;
        self
    }

    /// How many versions are kept whole, the newest included: 1 to 32. Readers can ask for these
    /// by number; pins keep versions for longer. Unset: what the segment has, 1 for a new one.
    #[must_use]
    pub fn history(mut self, versions: u64) -> Self {
        self.store.history = Some(versions);
        self
    }

    /// Mode and group of a new segment's directory and files, so that others can read or write it. Unset: the owner
    /// alone. The others must also trust the owner ([`WriterOptions::trust`]).
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.store.access = access;
        self
    }

    /// Reader slots of a new segment, 1 to 65536: as many processes can read at once, or fewer that hold more than 48
    /// versions each. 512 unless set; a slot takes 3.5 KiB.
    #[must_use]
    pub fn slots(mut self, slots: u32) -> Self {
        self.store.slots = slots;
        self
    }

    /// Bytes of free memory that the writer allocates, and has present, before it is handed out: the first `put`s then
    /// meet no page fault. With [`WriterOptions::trim`] they may go again.
    #[must_use]
    pub fn prefault(mut self, bytes: u64) -> Self {
        self.store.prefault = bytes;
        self
    }

    /// Asks for huge pages. Whether there are any is the mount's to say (`huge=` of a tmpfs, see `docs/platforms.md`);
    /// where there are none, nothing changes. [`Writer::huge_bytes`] tells what came of it.
    #[must_use]
    pub fn huge_pages(mut self) -> Self {
        self.store.huge_pages = true;
        self
    }

    /// Bytes of memory that the segment may take, its tables included; `u64::MAX`: no quota. Unset: what the segment has,
    /// half of the file system for a new one. The quota holds for all its writers.
    ///
    /// The least is what a segment takes without any frame, some 1.8 MB with 512 slots. A quota below what a segment
    /// takes by now takes nothing away: frames can be removed, and nothing put until that made room.
    #[must_use]
    pub fn quota(mut self, bytes: u64) -> Self {
        self.store.quota = Some(bytes);
        self
    }

    /// What this writer is called where it is shown, up to 64 bytes.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.store.label = label.into();
        self
    }

    /// How long to wait for another writer to let the lease go. Unset: not at all, or 60 seconds where writers take turns.
    #[must_use]
    pub fn lease_timeout(mut self, timeout: Duration) -> Self {
        self.store.lease_timeout = Some(timeout);
        self
    }

    /// What happens to pages that no readable version needs any more.
    #[must_use]
    pub fn trim(mut self, policy: TrimPolicy) -> Self {
        self.store.trim = policy;
        self
    }

    /// Lets several writers take turns: the lease is taken for each commit only, and a transaction stages in private
    /// memory before. Opening and each commit wait for their turn for the lease timeout, or 60 seconds.
    #[must_use]
    pub fn several_writers(mut self) -> Self {
        self.store.several_writers = true;
        self
    }

    /// Threads that copy large frames. One is the default; more pay off from some ten megabytes on.
    #[must_use]
    pub fn copy_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Whose segments are trusted besides the caller's own and root's, and on which file systems.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Creates the segment `name`: 1 to 200 characters of `A-Z a-z 0-9 . _ -` without a leading dot.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Exists`], [`crate::ErrorKind::InvalidName`], [`crate::ErrorKind::InvalidArgument`],
    /// [`crate::ErrorKind::ProcessLimit`], [`crate::ErrorKind::QuotaExceeded`] if what is to be prefaulted does not fit, or
    /// what the directory refuses.
    pub fn create(&self, name: &str) -> Result<Writer> {
        Ok(Writer::new(Store::create(&self.location(name)?, self.store.clone())?, self.threads))
    }

    /// Opens the segment `name` for writing; takes over what a killed writer left.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Missing`]; [`crate::ErrorKind::LeaseTaken`], naming the holder, while another writer lives;
    /// [`crate::ErrorKind::InvalidArgument`]; [`crate::ErrorKind::Corrupt`]; or what the directory refuses.
    pub fn open(&self, name: &str) -> Result<Writer> {
        Ok(Writer::new(Store::open(&self.location(name)?, self.store.clone())?, self.threads))
    }

    /// Opens the segment `name` for writing, or creates it where there is none.
    ///
    /// # Errors
    /// Those of [`WriterOptions::open`] and [`WriterOptions::create`].
    pub fn open_or_create(&self, name: &str) -> Result<Writer> {
        Ok(Writer::new(Store::open_or_create(&self.location(name)?, &self.store)?, self.threads))
    }

    /// Removes the segment `name`, whatever state it is in, unless a writer lives.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Missing`], [`crate::ErrorKind::LeaseTaken`], or what the directory refuses.
    pub fn remove_segment(&self, name: &str) -> Result<()> {
        shmframe_segment::remove_segment(&self.location(name)?)
    }

    fn location(&self, name: &str) -> Result<Location> {
        Location::new(self.directory.as_deref(), name, self.trust.clone())
    }
}
