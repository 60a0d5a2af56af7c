//! The segment of a test: what its frame holds at each version, and what stands in its reader registry.

use anyhow::{Context, Result, ensure};
use arrow::array::{Array, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use nix::fcntl::{FcntlArg, fcntl};
use shmframe::{Reader, Snapshot};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

pub const NAME: &str = "forked";
pub const FRAME: &str = "f";
const COLUMN: &str = "x";
const ROWS: usize = 4096;

/// The value of a row at a version: no two versions have a row in common.
fn value(version: u64, row: usize) -> i64 {
    let mixed = (version << 20 | row as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 29).cast_signed()
}

/// What the frame holds at a version.
pub fn contents(version: u64) -> Result<RecordBatch> {
    let values = Int64Array::from_iter_values((0..ROWS).map(|row| value(version, row)));
    Ok(RecordBatch::try_from_iter([(COLUMN, Arc::new(values) as Arc<dyn Array>)])?)
}

/// Fails unless a batch holds, byte for byte, what the frame holds at a version.
pub fn check(batch: &RecordBatch, version: u64) -> Result<()> {
    let column = batch.column(0).as_any().downcast_ref::<Int64Array>().context("a column of integers")?;
    check_values(column.values(), version)
}

fn check_values(values: &[i64], version: u64) -> Result<()> {
    ensure!(values.len() == ROWS, "{} rows at version {version}", values.len());
    let wrong = values.iter().enumerate().find(|(row, found)| **found != value(version, *row));
    ensure!(wrong.is_none(), "version {version} has changed: row and value {wrong:?}");
    Ok(())
}

/// As [`check`], for a snapshot.
pub fn check_snapshot(snapshot: &Snapshot) -> Result<()> {
    let column = snapshot.frame(FRAME)?.column::<Int64Type>(COLUMN)?;
    check_values(&column, snapshot.version())
}

/// The arrays of a snapshot, which outlive it.
pub fn arrays(snapshot: &Snapshot) -> Result<RecordBatch> {
    snapshot.frame(FRAME)?.batches()?.pop().context("a batch")
}

pub fn open(directory: &Path) -> Result<Reader> {
    Ok(Reader::options().directory(directory).open(NAME)?)
}

/// A reader slot, as anybody can see it.
#[derive(Debug)]
pub struct Slot {
    /// Whether its mark says that it is claimed.
    pub claimed: bool,
    /// Whether some process holds its lock, by the kernel's word.
    pub locked: bool,
    pub pid: u64,
    /// The versions that it pins.
    pub pins: Vec<u64>,
}

/// All slots of the segment's registry.
pub fn slots(directory: &Path) -> Result<Vec<Slot>> {
    let file = File::open(directory.join(format!("{NAME}.shmf/readers"))).context("open the registry")?;
    let count = (file.metadata()?.len() - 4096) / 512;
    (0..count).map(|index| slot(&file, index)).collect()
}

fn slot(file: &File, index: u64) -> Result<Slot> {
    let mut bytes = [0; 512];
    file.read_exact_at(&mut bytes, 4096 + index * 512)?;
    let (chunks, _) = bytes.as_chunks::<8>();
    let words: Vec<u64> = chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect();
    let mut asked = libc::flock {
        l_type: libc::F_RDLCK as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: index.cast_signed(),
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut asked)).context("ask for a slot's lock")?;
    let pins = words[16..].iter().copied().filter(|pin| *pin != 0).collect();
    let locked = i32::from(asked.l_type) != libc::F_UNLCK;
    Ok(Slot { claimed: words[0] % 2 == 1, locked, pid: words[1], pins })
}

/// How many slots living processes hold.
pub fn locked_slots(directory: &Path) -> Result<usize> {
    Ok(slots(directory)?.iter().filter(|slot| slot.locked).count())
}
