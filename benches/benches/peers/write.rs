//! Writing small frames: put and commit.

use anyhow::Result;
use shmframe_benches::{Contestant, InTurn, Lmdb, Locked, MmapSync, timed};

use crate::read::LOCK_AND_COPY;
use crate::{Run, frame_of};

const SMALL: InTurn = InTurn::short("put of 100 B", 1.5);
const MIDDLE: InTurn = InTurn::short("put of 10 KB", 1.5);

pub fn run(run: &mut Run) -> Result<()> {
    for (case, bytes) in [(SMALL, 104), (MIDDLE, 10 << 10)] {
        if run.wants(case.case) {
            put(run, case, bytes)?;
        }
    }
    Ok(())
}

fn put(run: &mut Run, case: InTurn, bytes: usize) -> Result<()> {
    let name = format!("put-{bytes}");
    let batch = frame_of(bytes, 1)?;
    let mut writer = run.place.writer(&name)?;
    let values: Vec<f64> = (0..bytes / 8).map(|row| row as f64 + 1.0).collect();
    let plain: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let lmdb_place = run.place.path().join(&name);
    let lmdb = Lmdb::create(&lmdb_place)?;
    let archived = MmapSync::serialise(&values)?;
    let mut sync = MmapSync::at(run.place.path(), &format!("sync-{bytes}"));
    let locked = Locked::create(&name, plain.len())?;
    let lines = case.run(vec![
        Contestant::new("ours", |n| timed(n, || writer.put("frame", &batch).expect("a version"))),
        Contestant::new("lmdb", |n| timed(n, || lmdb.put(b"frame", &plain).expect("a commit"))),
        Contestant::new("mmap-sync", |n| timed(n, || sync.write(&archived).expect("a write"))),
        Contestant::beside(LOCK_AND_COPY, |n| timed(n, || locked.write(&plain).expect("a write"))),
    ]);
    run.table.add(&lines);
    Ok(writer.remove_segment()?)
}
