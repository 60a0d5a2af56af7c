//! Large frames: what a put costs beside the copy that it cannot do without.

use anyhow::Result;
use arrow::array::{Array, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::Float64Type;
use shmframe::{Transaction, Writer, arrow};
use shmframe_benches::{Contestant, InTurn, SharedPages, available_bytes, timed};
use std::cell::Cell;
use std::time::Instant;

use crate::{Run, frame_of};

const WARM_BYTES: usize = 1 << 30;
const COLD_BYTES: usize = 256 << 20;
const ONE_THREAD: InTurn = InTurn::long("warm put of 1 GB, one thread", 1.05, 15);
const TWO_THREADS: InTurn = InTurn::long("warm put of 1 GB, two threads", 0.65, 15);
const BUILT: InTurn = InTurn::long("publish of 1 GB that was built in place", 2.0, 31);
const COLD: InTurn = InTurn::long("cold put of 256 MB", 1.1, 9);

pub fn run(run: &mut Run) -> Result<()> {
    for (case, threads) in [(ONE_THREAD, 1), (TWO_THREADS, 2)] {
        // The values, two versions of them, and the pages to compare with.
        if run.wants(case.case) && has_room(run, case, 5 * WARM_BYTES)? {
            warm(run, case, threads)?;
        }
    }
    if run.wants(BUILT.case) && has_room(run, BUILT, 3 * WARM_BYTES)? {
        built(run)?;
    }
    if run.wants(COLD.case) && has_room(run, COLD, 4 * COLD_BYTES)? {
        cold(run)?;
    }
    Ok(())
}

fn has_room(run: &mut Run, case: InTurn, bytes: usize) -> Result<bool> {
    let available = available_bytes()?;
    let enough = available > 2 * bytes as u64;
    if !enough {
        run.table.leave_out(case.case, &format!("only {} MB of memory", available >> 20));
    }
    Ok(enough)
}

fn values(batch: &RecordBatch) -> Vec<Buffer> {
    batch.columns().iter().map(|column| column.to_data().buffers()[0].clone()).collect()
}

fn warm(run: &mut Run, case: InTurn, threads: usize) -> Result<()> {
    let batch = frame_of(WARM_BYTES, 10)?;
    let buffers = values(&batch);
    let pieces: Vec<&[u8]> = buffers.iter().map(Buffer::as_slice).collect();
    let mut writer = run.place.options().copy_threads(threads).create("warm")?;
    for _ in 0..3 {
        writer.put("frame", &batch)?;
    }
    let mut pages = SharedPages::create(run.place.path(), "pages", WARM_BYTES)?;
    pages.populate()?;
    let lines = case.run(vec![
        Contestant::new("ours", |n| timed(n, || writer.put("frame", &batch).expect("a version"))),
        Contestant::new("memcpy, one thread", |n| timed(n, || pages.copy(&pieces))),
    ]);
    run.table.add(&lines);
    Ok(writer.remove_segment()?)
}

/// Filling the columns is not counted: only what makes them visible.
fn built(run: &mut Run) -> Result<()> {
    let rows = WARM_BYTES / 10 / 8;
    let schema = frame_of(80, 10)?.schema();
    let mut writer = run.place.writer("built")?;
    let mut other = run.place.writer("empty")?;
    let mut build = || {
        let mut builder = writer.build("frame", &schema, rows).expect("a builder");
        let mut columns = builder.columns().expect("its columns");
        for field in schema.fields() {
            columns.take::<Float64Type>(field.name()).expect("a column").fill(1.0);
        }
        let start = Instant::now();
        builder.publish().expect("a version");
        start.elapsed()
    };
    let lines = BUILT.run(vec![
        Contestant::new("ours", |n| (0..n).map(|_| build()).sum()),
        Contestant::new("empty commit", |n| {
            timed(n, || other.begin().and_then(Transaction::commit).expect("a version"))
        }),
    ]);
    run.table.add(&lines);
    other.remove_segment()?;
    Ok(writer.remove_segment()?)
}

fn cold(run: &mut Run) -> Result<()> {
    let batch = frame_of(COLD_BYTES, 10)?;
    let buffers = values(&batch);
    let pieces: Vec<&[u8]> = buffers.iter().map(Buffer::as_slice).collect();
    // Creating and removing are not counted, neither here nor there.
    let segment: Cell<Option<Writer>> = Cell::new(None);
    let place = &run.place;
    let create = || place.writer("cold").expect("a segment");
    let ours = |n| {
        let taken = shmframe_benches::each(n, create, |mut writer| {
            writer.put("frame", &batch).expect("a version");
            segment.set(Some(writer));
        });
        if let Some(writer) = segment.take() {
            writer.remove_segment().expect("a removal");
        }
        taken
    };
    let file: Cell<Option<SharedPages>> = Cell::new(None);
    let bare = |n| {
        let create = || SharedPages::create(place.path(), "cold-pages", COLD_BYTES).expect("a file");
        let taken = shmframe_benches::each(n, create, |mut pages| {
            pages.populate().expect("pages");
            pages.copy(&pieces);
            file.set(Some(pages));
        });
        drop(file.take());
        taken
    };
    let lines =
        COLD.run(vec![Contestant::new("ours", ours), Contestant::new("fallocate, populate, memcpy", bare)]);
    run.table.add(&lines);
    Ok(())
}
