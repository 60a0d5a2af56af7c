//! Facts made by hand, for tests.

use super::model::{Look, Model, Moment};
use crate::live::{Facts, FrameFacts, WriterFacts};
use core::time::Duration;
use shmframe_segment::SlotPins;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// When the first look was, seconds since 1970.
const BEGIN: u64 = 1_700_000_000;

/// So many seconds after the first look.
pub fn moment(seconds: u64) -> Moment {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let instant = *BEGUN.get_or_init(Instant::now) + Duration::from_secs(seconds);
    let clock = format!("12:{:02}:{:02}", seconds / 60, seconds % 60);
    Moment { instant, time: time(seconds), clock }
}

fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(BEGIN + seconds)
}

pub fn frame(name: &str, rows: u64) -> FrameFacts {
    FrameFacts { name: name.to_owned(), rows, rows_ever: rows, generation: 1, bytes: rows * 16 }
}

pub fn slot(slot: u32, label: &str, versions: &[u64]) -> SlotPins {
    let since = (BEGIN - 90) * 1_000_000_000;
    SlotPins {
        slot,
        pid: 4000 + u64::from(slot),
        label: label.to_owned(),
        since,
        alive: true,
        versions: versions.to_vec(),
    }
}

/// A segment so many seconds after the first look.
pub fn facts(seconds: u64, version: u64, frames: Vec<FrameFacts>) -> Facts {
    Facts {
        instance: [7; 16],
        version,
        committed: time(seconds) - Duration::from_millis(120),
        frames,
        readers: Some(Vec::new()),
        writer: WriterFacts {
            alive: Some(true),
            pid: 3999,
            label: "market feed".to_owned(),
            since: time(0) - Duration::from_secs(3700),
        },
        allocated: 64 << 20,
        quota: Some(256 << 20),
        file_system: (10 << 30, 4 << 30),
        epoch: 1,
        wakes: 0,
    }
}

/// A segment that was looked at so often, a second apart: rows come faster and faster in `trades`, `bars` is put now and then.
pub fn watched(looks: u64) -> Model {
    let at = |second: u64| {
        let bars = FrameFacts { generation: second / 3, ..frame("bars", 500) };
        let frames = vec![bars, frame("reference", 100), frame("trades", 1000 + second * second * 10)];
        let mut facts = facts(second, 100 + 20 * second, frames);
        let dead = SlotPins { alive: false, ..slot(1, "report", &[80, 90]) };
        facts.readers = Some(vec![slot(0, "risk engine", &[98 + 20 * second]), dead]);
        facts
    };
    let mut model = Model::new("ticks".to_owned(), "ticks", moment(0), at(0));
    (1..looks).for_each(|second| model.look(moment(second), Look::Found(at(second))));
    let slots = model.slots().to_vec();
    model.hold(&slots, &[(1, 40 << 20)].into());
    model
}
