//! The peers, each behind the few calls that are measured. Their own functions are unsafe: they say so, with what they
//! ask for.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, WithTls};
use memmap2::{Advice, MmapMut, MmapOptions};
use mmap_sync::synchronizer::Synchronizer;
use nix::fcntl::{FallocateFlags, fallocate};
use raw_sync::locks::{LockImpl, LockInit, RwLock};
use shared_memory::{Shmem, ShmemConf};

/// LMDB with one database: no sync, writable map.
pub struct Lmdb {
    env: Env<WithTls>,
    database: Database<'static, Bytes, Bytes>,
}

impl Lmdb {
    /// Opens an environment in a new folder.
    ///
    /// # Errors
    /// Those of LMDB.
    pub fn create(place: &Path) -> Result<Self> {
        let path = place.join("lmdb");
        std::fs::create_dir_all(&path)?;
        let mut options = EnvOpenOptions::new();
        options.map_size(1 << 30);
        // SAFETY: the flags give up durability alone; nobody else writes to the folder.
        unsafe { options.flags(EnvFlags::NO_SYNC | EnvFlags::WRITE_MAP) };
        // SAFETY: the folder is this process's own, and nobody changes its files.
        let env = unsafe { options.open(&path) }?;
        let created = env.create_databases_and_commit(env.write_txn()?, |opener, transaction| {
            opener.create_database(transaction, None).map(CommitOrAbort::<_, ()>::Commit)
        })?;
        Ok(Self { database: created.unwrap_commit(), env })
    }

    /// Puts a value and commits.
    ///
    /// # Errors
    /// Those of LMDB.
    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let mut transaction = self.env.write_txn()?;
        self.database.put(&mut transaction, key, value)?;
        Ok(transaction.commit()?)
    }

    /// Gets a value in a read transaction and hands it to `look`.
    ///
    /// # Errors
    /// Those of LMDB.
    pub fn get<R>(&self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> Result<R> {
        let transaction = self.env.read_txn()?;
        let value = self.database.get(&transaction, key)?.context("no such key")?;
        Ok(look(value))
    }
}

/// mmap-sync with a vector of numbers: one side of it, to write or to read.
pub struct MmapSync(Synchronizer);

impl MmapSync {
    /// The files of this name in a folder.
    #[must_use]
    pub fn at(place: &Path, name: &str) -> Self {
        Self(Synchronizer::new(OsStr::new(&place.join(name))))
    }

    /// What [`MmapSync::write`] takes: serialised once, so that only the publishing is measured.
    ///
    /// # Errors
    /// Those of rkyv.
    pub fn serialise(values: &Vec<f64>) -> Result<rkyv::AlignedVec> {
        rkyv::to_bytes::<_, 1024>(values).context("cannot serialise")
    }

    /// Publishes what was serialised.
    ///
    /// # Errors
    /// Those of mmap-sync.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_raw::<Vec<f64>>(bytes, Duration::from_millis(1))?;
        Ok(())
    }

    /// Reads the newest values, not validated, and hands them to `look`.
    ///
    /// # Errors
    /// Those of mmap-sync.
    pub fn read<R>(&mut self, look: impl FnOnce(&[f64]) -> R) -> Result<R> {
        // SAFETY: only this process writes, and not while the guard lives.
        let read = unsafe { self.0.read::<Vec<f64>>(false) }?;
        Ok(look(read.as_slice()))
    }
}

/// The naive way: bytes in shared memory behind a read-write lock that processes share. Who reads copies, since nothing
/// may be kept beyond the lock; who is killed while it holds the lock stops everybody else for good.
pub struct Locked {
    /// Lies in the memory, and goes before it.
    lock: Box<dyn LockImpl>,
    memory: Shmem,
}

impl Locked {
    /// Where the bytes begin, behind the lock.
    const OFFSET: usize = 4096;

    /// A new block of so many bytes.
    ///
    /// # Errors
    /// Those of the system.
    pub fn create(name: &str, bytes: usize) -> Result<Self> {
        let id = format!("/shmframe-bench-{}-{name}", std::process::id());
        let memory = ShmemConf::new().os_id(id).size(Self::OFFSET + bytes).create()?;
        // SAFETY: the block is longer than OFFSET.
        let data = unsafe { memory.as_ptr().add(Self::OFFSET) };
        // SAFETY: fresh memory of this block, page-aligned, with room for the lock, used by nobody yet.
        let lock = unsafe { RwLock::new(memory.as_ptr(), data) };
        let (lock, _size) = lock.ok().context("the lock cannot be made")?;
        Ok(Self { lock, memory })
    }

    /// Copies bytes in, under the lock.
    ///
    /// # Errors
    /// Those of the lock.
    ///
    /// # Panics
    /// If they do not fit.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        assert!(bytes.len() <= self.memory.len() - Self::OFFSET);
        let data = self.lock.lock().ok().context("no lock")?;
        // SAFETY: as many bytes follow OFFSET, and the lock keeps everybody else out.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), *data, bytes.len()) };
        Ok(())
    }

    /// Copies bytes out, under the lock.
    ///
    /// # Errors
    /// Those of the lock.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn read(&self, bytes: &mut [u8]) -> Result<()> {
        assert!(bytes.len() <= self.memory.len() - Self::OFFSET);
        let data = self.lock.rlock().ok().context("no lock")?;
        // SAFETY: as many bytes follow OFFSET, and the lock keeps writers out.
        unsafe { std::ptr::copy_nonoverlapping(*data, bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }
}

/// Plain shared pages: what a copy costs at least.
pub struct SharedPages {
    map: MmapMut,
    file: File,
}

impl SharedPages {
    /// A new file of so many bytes, mapped, without pages.
    ///
    /// # Errors
    /// Those of the system.
    pub fn create(place: &Path, name: &str, bytes: usize) -> Result<Self> {
        let path = place.join(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        std::fs::remove_file(&path)?;
        file.set_len(bytes as u64)?;
        // SAFETY: nobody else knows the file, so nobody shortens it.
        let map = unsafe { MmapOptions::new().map_mut(&file) }?;
        Ok(Self { map, file })
    }

    /// Gives it pages, present in the page table.
    ///
    /// # Errors
    /// Those of the system.
    pub fn populate(&self) -> Result<()> {
        fallocate(&self.file, FallocateFlags::empty(), 0, self.map.len().try_into()?)?;
        Ok(self.map.advise(Advice::PopulateWrite)?)
    }

    /// Copies pieces behind each other.
    ///
    /// # Panics
    /// If they do not fit.
    pub fn copy(&mut self, pieces: &[&[u8]]) {
        let mut rest = &mut self.map[..];
        for piece in pieces {
            let (here, behind) = rest.split_at_mut(piece.len());
            here.copy_from_slice(piece);
            rest = behind;
        }
    }
}
