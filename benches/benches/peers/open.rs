//! Opening a segment by its name, by a process that has not got it open.

use anyhow::Result;
use memmap2::MmapOptions;
use shmframe_benches::{Contestant, InTurn, timed};
use std::fs::OpenOptions;

use crate::{Run, frame_of};

const OPEN: InTurn = InTurn { aim: Some(100e3), ..InTurn::short("open by name, first snapshot, close", 0.0) };

pub fn run(run: &mut Run) -> Result<()> {
    if !run.wants(OPEN.case) {
        return Ok(());
    }
    let mut writer = run.place.writer("open")?;
    writer.put("frame", &frame_of(1024, 1)?)?;
    let open = || run.place.reader("open").expect("a reader");
    let lines =
        OPEN.run(vec![Contestant::new("ours", |n| timed(n, || open().snapshot().expect("a version")))]);
    run.table.add(&lines);
    let data = writer.path().join("data");
    let map = || {
        let file = OpenOptions::new().read(true).open(&data).expect("a file");
        // SAFETY: the segment's file keeps its length while the writer lives.
        let map = unsafe { MmapOptions::new().len(1 << 34).map(&file) }.expect("a mapping");
        map[0] ^ map[4096]
    };
    let bare = InTurn { case: "open, map, touch two pages, unmap: what the system takes", aim: None, ..OPEN };
    let lines = bare.run(vec![Contestant::new("bare", |n| timed(n, map))]);
    run.table.add(&lines);
    Ok(writer.remove_segment()?)
}
