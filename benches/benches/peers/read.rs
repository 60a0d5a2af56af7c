//! Reading: a snapshot and one column, of the same version again and again, and of a new one each time.

use anyhow::Result;
use arrow::array::{ArrayData, ArrayRef, RecordBatch, make_array};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Float64Type};
use bytes::Bytes;
use shmframe::{Reader, arrow};
use shmframe_benches::{Contestant, InTurn, Lmdb, Locked, MmapSync, each, timed};
use std::sync::Arc;

use crate::{Run, frame_of};

const ROWS: usize = 16;
const UNCHANGED: InTurn = InTurn::short("snapshot of an unchanged version, one column", 1.0);
const NEW: InTurn = InTurn::short("snapshot of a new version, one column", 1.5);
const LONG: InTurn = InTurn::short("snapshot of an unchanged version, a column of 8 MB", 1.0).without_aim();
const BATCH: InTurn = InTurn::short("record batch of 10 columns", 1.2);

pub fn run(run: &mut Run) -> Result<()> {
    if run.wants(UNCHANGED.case) || run.wants(NEW.case) {
        column(run)?;
    }
    if run.wants(LONG.case) {
        long_column(run)?;
    }
    if run.wants(BATCH.case) {
        batch(run)?;
    }
    Ok(())
}

/// The name of the naive baseline in the table.
pub const LOCK_AND_COPY: &str = "read-write lock and copy";

fn snapshot(reader: &Reader) -> f64 {
    let snapshot = reader.snapshot().expect("a version");
    let column = snapshot.frame("frame").and_then(|frame| frame.column::<Float64Type>("c0"));
    let column = column.expect("a column");
    column[0] + column[column.len() - 1]
}

fn column(run: &mut Run) -> Result<()> {
    let name = "read";
    let batch = frame_of(ROWS * 8, 1)?;
    let mut writer = run.place.writer(name)?;
    writer.put("frame", &batch)?;
    let reader = run.place.reader(name)?;
    let values: Vec<f64> = (0..ROWS).map(|row| row as f64 + 1.0).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let lmdb = Lmdb::create(run.place.path())?;
    lmdb.put(b"frame", &bytes)?;
    let sum = |bytes: &[u8]| f64::from(bytes[0]) + f64::from(bytes[bytes.len() - 1]);
    let get = || lmdb.get(b"frame", sum).expect("a value");
    let archived = MmapSync::serialise(&values)?;
    let mut sync_writer = MmapSync::at(run.place.path(), "sync");
    sync_writer.write(&archived)?;
    let mut sync_reader = MmapSync::at(run.place.path(), "sync");
    let ends = |values: &[f64]| values[0] + values[values.len() - 1];
    let locked = Locked::create(name, bytes.len())?;
    locked.write(&bytes)?;
    let mut copy = vec![0; bytes.len()];
    let mut copied = || {
        locked.read(&mut copy).expect("a copy");
        sum(&copy)
    };
    if run.wants(UNCHANGED.case) {
        let lines = UNCHANGED.run(vec![
            Contestant::new("ours", |n| timed(n, || snapshot(&reader))),
            Contestant::new("lmdb", |n| timed(n, get)),
            Contestant::new("mmap-sync", |n| timed(n, || sync_reader.read(ends).expect("values"))),
            Contestant::beside(LOCK_AND_COPY, |n| timed(n, &mut copied)),
        ]);
        run.table.add(&lines);
    }
    if run.wants(NEW.case) {
        let lines = NEW.run(vec![
            Contestant::new("ours", |n| each(n, || writer.put("frame", &batch), |_| snapshot(&reader))),
            Contestant::new("lmdb", |n| each(n, || lmdb.put(b"frame", &bytes), |_| get())),
            Contestant::new("mmap-sync", |n| {
                each(n, || sync_writer.write(&archived), |_| sync_reader.read(ends).expect("values"))
            }),
            Contestant::beside(LOCK_AND_COPY, |n| each(n, || locked.write(&bytes), |_| copied())),
        ]);
        run.table.add(&lines);
    }
    Ok(writer.remove_segment()?)
}

/// What copying costs a reader, and reading in place does not.
fn long_column(run: &mut Run) -> Result<()> {
    let name = "long";
    let batch = frame_of(8 << 20, 1)?;
    let mut writer = run.place.writer(name)?;
    writer.put("frame", &batch)?;
    let reader = run.place.reader(name)?;
    let column = batch.column(0).to_data();
    let bytes = column.buffers()[0].as_slice();
    let locked = Locked::create(name, bytes.len())?;
    locked.write(bytes)?;
    let mut copy = vec![0; bytes.len()];
    let lines = LONG.run(vec![
        Contestant::new("ours", |n| timed(n, || snapshot(&reader))),
        Contestant::new(LOCK_AND_COPY, |n| timed(n, || locked.read(&mut copy).expect("a copy"))),
    ]);
    run.table.add(&lines);
    Ok(writer.remove_segment()?)
}

/// Memory that others hold too, as ours is.
#[derive(Clone)]
struct Shared(Arc<Vec<f64>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

fn batch(run: &mut Run) -> Result<()> {
    let name = "batch";
    let batch = frame_of(10 * 1024 * 8, 10)?;
    let mut writer = run.place.writer(name)?;
    writer.put("frame", &batch)?;
    let snapshot = run.place.reader(name)?.snapshot()?;
    let frame = snapshot.frame("frame")?;
    let plain: Vec<Shared> = (0..10).map(|_| Shared(Arc::new(vec![1.0; 1024]))).collect();
    let schema = batch.schema();
    let over_plain_memory = || {
        let arrays = plain.iter().map(|memory| -> ArrayRef {
            let data = ArrayData::builder(DataType::Float64)
                .len(1024)
                .add_buffer(Buffer::from(Bytes::from_owner(memory.clone())));
            make_array(data.build().expect("an array"))
        });
        RecordBatch::try_new(Arc::clone(&schema), arrays.collect()).expect("a batch")
    };
    let lines = BATCH.run(vec![
        Contestant::new("ours", |n| timed(n, || frame.batches().expect("a batch"))),
        Contestant::new("over plain memory", |n| timed(n, over_plain_memory)),
    ]);
    run.table.add(&lines);
    Ok(writer.remove_segment()?)
}
