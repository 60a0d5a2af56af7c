//! Growing frames: a few rows at a time, also while others follow, and many rows beside the copy that they cannot do without.

use anyhow::Result;
use arrow::array::{Array, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::Float64Type;
use nix::time::{ClockId, clock_gettime};
use shmframe::{StopHandle, Writer, arrow};
use shmframe_benches::{Contestant, InTurn, Lmdb, SharedPages, timed};
use std::cell::RefCell;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::{Run, frame_of};

const FEW: InTurn = InTurn::short("append of 3 rows of 2 columns", 1.5);
const FILLED: InTurn = InTurn::short("append of 3 rows of 2 columns, filled in place", 1.5);
const FOLLOWED: InTurn = InTurn {
    case: "append of 3 rows, 4 readers follow: CPU time of the writer",
    aim: Some(1.5),
    rounds: 201,
    sample: Duration::from_millis(2),
};
const MANY: InTurn = InTurn::long("append of 1 M rows of 2 columns", 1.1, 31);
const MANY_ROWS: usize = 1_000_000;
/// Rows that the frames have before: far more than small frames.
const BEFORE: usize = 20_000;
const READERS: usize = 4;

pub fn run(run: &mut Run) -> Result<()> {
    if run.wants(FEW.case) {
        few(run)?;
    }
    if run.wants(FOLLOWED.case) {
        followed(run)?;
    }
    if run.wants(MANY.case) {
        many(run)?;
    }
    Ok(())
}

/// A segment with a frame that has some rows already.
fn grown(run: &Run, name: &str) -> Result<(Writer, RecordBatch)> {
    let mut writer = run.place.writer(name)?;
    writer.put("ticks", &frame_of(BEFORE * 16, 2)?)?;
    Ok((writer, frame_of(3 * 16, 2)?))
}

/// Keeps the frame from growing without end: beside what is measured.
fn append_and_keep(writer: &mut Writer, rows: &RecordBatch, times: u64) -> Duration {
    let taken = timed(times, || writer.append("ticks", rows).expect("a version"));
    writer.keep_last("ticks", BEFORE as u64).expect("a version");
    taken
}

/// Appends rows that are filled in place.
fn fill_and_keep(writer: &mut Writer, times: u64) -> Duration {
    let taken = timed(times, || {
        let filled = writer.append_with("ticks", 3, |columns| {
            for name in ["c0", "c1"] {
                columns.take::<Float64Type>(name)?.copy_from_slice(&[1.0, 2.0, 3.0]);
            }
            Ok(())
        });
        filled.expect("a version")
    });
    writer.keep_last("ticks", BEFORE as u64).expect("a version");
    taken
}

fn few(run: &mut Run) -> Result<()> {
    for (case, in_place) in [(FEW, false), (FILLED, true)] {
        let name = if in_place { "filled" } else { "few" };
        let (mut writer, rows) = grown(run, name)?;
        let lmdb = Lmdb::create(&run.place.path().join(name))?;
        let value = [7_u8; 3 * 16];
        let mut key = 0_u64;
        let lines = case.run(vec![
            Contestant::new("ours", |n| match in_place {
                true => fill_and_keep(&mut writer, n),
                false => append_and_keep(&mut writer, &rows, n),
            }),
            Contestant::new("lmdb, a key for each append", |n| {
                timed(n, || {
                    // In the order of their bytes. They come round, so that the tree stays as large as the frame.
                    key = (key + 1) % (BEFORE as u64 / 3);
                    lmdb.put(&key.swap_bytes().to_le_bytes(), &value).expect("a commit");
                })
            }),
        ]);
        run.table.add(&lines);
        writer.remove_segment()?;
    }
    Ok(())
}

/// The processor's time of this thread.
fn own_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

fn cpu(work: impl FnOnce() -> Duration) -> Duration {
    let before = own_time();
    std::hint::black_box(work());
    own_time().saturating_sub(before)
}

fn followed(run: &mut Run) -> Result<()> {
    let (mut alone, rows) = grown(run, "alone")?;
    let (writer, _) = grown(run, "followed")?;
    let writer = RefCell::new(writer);
    let readers: Vec<(StopHandle, JoinHandle<()>)> =
        (0..READERS).map(|_| follow(run)).collect::<Result<_>>()?;
    let lines = FOLLOWED.run(vec![
        Contestant::new("4 readers follow", |n| cpu(|| append_and_keep(&mut writer.borrow_mut(), &rows, n))),
        Contestant::new("nobody follows", |n| cpu(|| append_and_keep(&mut alone, &rows, n))),
    ]);
    run.table.add(&lines);
    for (stop, thread) in readers {
        stop.stop();
        thread.join().expect("a reader that ends");
    }
    writer.into_inner().remove_segment()?;
    Ok(alone.remove_segment()?)
}

/// A reader that looks at every version that it meets.
fn follow(run: &Run) -> Result<(StopHandle, JoinHandle<()>)> {
    let mut follow = run.place.reader("followed")?.follow();
    let stop = follow.stop_handle();
    let thread = thread::spawn(move || {
        for snapshot in follow {
            let frame = snapshot.and_then(|snapshot| snapshot.frame("ticks")).expect("a frame");
            std::hint::black_box(frame.num_rows());
        }
    });
    Ok((stop, thread))
}

fn many(run: &mut Run) -> Result<()> {
    let rows = frame_of(MANY_ROWS * 16, 2)?;
    let buffers: Vec<Buffer> =
        rows.columns().iter().map(|column| column.to_data().buffers()[0].clone()).collect();
    let pieces: Vec<&[u8]> = buffers.iter().map(Buffer::as_slice).collect();
    let mut writer = run.place.writer("many")?;
    writer.put("ticks", &frame_of(BEFORE * 16, 2)?)?;
    let bytes = MANY_ROWS * 16;
    let mut warm = SharedPages::create(run.place.path(), "warm-pages", bytes)?;
    warm.populate()?;
    let place = run.place.path();
    let lines = MANY.run(vec![
        Contestant::new("ours", |n| {
            let taken = timed(n, || writer.append("ticks", &rows).expect("a version"));
            writer.keep_last("ticks", BEFORE as u64).expect("a version");
            writer.trim(0).expect("a trim");
            taken
        }),
        Contestant::new("fallocate, populate, memcpy", |n| {
            let create = || SharedPages::create(place, "fresh-pages", bytes).expect("a file");
            shmframe_benches::each(n, create, |mut pages| {
                pages.populate().expect("pages");
                pages.copy(&pieces);
            })
        }),
        Contestant::beside("memcpy into warm pages", |n| timed(n, || warm.copy(&pieces))),
    ]);
    run.table.add(&lines);
    Ok(writer.remove_segment()?)
}
