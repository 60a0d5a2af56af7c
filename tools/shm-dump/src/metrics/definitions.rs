//! Which metrics there are.

use super::{Kind, Metric, Observed, Sample, Unit, Value};
use crate::live::{Facts, FrameFacts};
use shmframe_reader::SlotPins;
use std::time::{SystemTime, UNIX_EPOCH};

/// All metrics, in the order in which they are printed.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "shmframe_up",
        help: "Whether the segment can be read",
        kind: Kind::Gauge,
        unit: None,
        samples: |segment| vec![sample(u64::from(segment.facts.is_some()))],
    },
    Metric {
        name: "shmframe_segment",
        help: "Which segment has the name; another instance was created anew",
        kind: Kind::Info,
        unit: None,
        samples: |segment| {
            let instance = |facts: &Facts| facts.instance.iter().map(|byte| format!("{byte:02x}")).collect();
            of_segment(segment, |facts| vec![labelled(1, "instance", instance(facts))])
        },
    },
    Metric {
        name: "shmframe_versions",
        help: "Versions that were ever committed",
        kind: Kind::Counter,
        unit: None,
        samples: |segment| of_segment(segment, |facts| vec![sample(facts.version)]),
    },
    Metric {
        name: "shmframe_commit_time",
        help: "When the newest version was committed, by the writer's clock, since 1970",
        kind: Kind::Gauge,
        unit: Some(Unit::Seconds),
        samples: |segment| of_segment(segment, |facts| vec![time(facts.committed)]),
    },
    Metric {
        name: "shmframe_writer_up",
        help: "Whether a process holds the writer lease; where writers take turns, only during commits",
        kind: Kind::Gauge,
        unit: None,
        samples: |segment| {
            of_segment(segment, |facts| {
                facts.writer.alive.map(|alive| sample(alive.into())).into_iter().collect()
            })
        },
    },
    Metric {
        name: "shmframe_writer_time",
        help: "When the last writer gained the lease, by its clock, since 1970",
        kind: Kind::Gauge,
        unit: Some(Unit::Seconds),
        samples: |segment| of_segment(segment, |facts| vec![time(facts.writer.since)]),
    },
    Metric {
        name: "shmframe_writer_gains",
        help: "How often a writer gained the lease",
        kind: Kind::Counter,
        unit: None,
        samples: |segment| of_segment(segment, |facts| vec![sample(facts.epoch)]),
    },
    Metric {
        name: "shmframe_wakes",
        help: "How often waiting readers were woken, modulo 2 to the power of 32",
        kind: Kind::Counter,
        unit: None,
        samples: |segment| of_segment(segment, |facts| vec![sample(facts.wakes.into())]),
    },
    Metric {
        name: "shmframe_allocated",
        help: "Bytes of memory that the segment takes",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        samples: |segment| of_segment(segment, |facts| vec![sample(facts.allocated)]),
    },
    Metric {
        name: "shmframe_quota",
        help: "Bytes of memory that the segment may take; no sample: no quota",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        samples: |segment| of_segment(segment, |facts| facts.quota.map(sample).into_iter().collect()),
    },
    Metric {
        name: "shmframe_file_system_size",
        help: "Bytes of the file system that the segment lives on",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        samples: |segment| of_segment(segment, |facts| vec![sample(facts.file_system.0)]),
    },
    Metric {
        name: "shmframe_file_system_free",
        help: "Bytes of that file system that are free",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        samples: |segment| of_segment(segment, |facts| vec![sample(facts.file_system.1)]),
    },
    Metric {
        name: "shmframe_frame_rows",
        help: "Rows of a frame",
        kind: Kind::Gauge,
        unit: None,
        samples: |segment| of_frames(segment, |frame| frame.rows),
    },
    Metric {
        name: "shmframe_frame_rows_written",
        help: "Rows that a frame ever had, those dropped from its front included; begins anew when it is put anew",
        kind: Kind::Counter,
        unit: None,
        samples: |segment| of_frames(segment, |frame| frame.rows_ever),
    },
    Metric {
        name: "shmframe_frame_size",
        help: "Bytes of a frame's buffers that its rows need",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        samples: |segment| of_frames(segment, |frame| frame.bytes),
    },
    Metric {
        name: "shmframe_readers",
        help: "Claimed reader slots; the writer clears those of the dead when they stand in its way",
        kind: Kind::Gauge,
        unit: None,
        samples: |segment| {
            of_segment(segment, |facts| {
                let Some(slots) = &facts.readers else { return Vec::new() };
                let dead = slots.len() as u64 - facts.living();
                let state = |name: &str, count| labelled(count, "state", name.to_owned());
                vec![state("alive", facts.living()), state("dead", dead)]
            })
        },
    },
    Metric {
        name: "shmframe_reader_pinned_versions",
        help: "Versions that a reader slot pins",
        kind: Kind::Gauge,
        unit: None,
        samples: |segment| of_slots(segment, |_, slot| Some(slot.versions.len() as u64)),
    },
    Metric {
        name: "shmframe_reader_lag_versions",
        help: "Versions that the oldest pinned one is behind the newest; no sample: none is pinned",
        kind: Kind::Gauge,
        unit: None,
        samples: |segment| of_slots(segment, Facts::lag),
    },
    Metric {
        name: "shmframe_reader_held_alone",
        help: "Bytes that only this reader slot keeps in use",
        kind: Kind::Gauge,
        unit: Some(Unit::Bytes),
        samples: |segment| {
            let Some(held) = &segment.held_alone else { return Vec::new() };
            of_slots(segment, |_, slot| Some(held.get(&slot.slot).copied().unwrap_or(0)))
        },
    },
];

fn sample(value: u64) -> Sample {
    Sample { labels: Vec::new(), value: Value::Whole(value) }
}

/// Seconds since 1970.
fn time(time: SystemTime) -> Sample {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Sample { labels: Vec::new(), value: Value::Time(since.as_secs_f64()) }
}

fn labelled(value: u64, label: &'static str, text: String) -> Sample {
    Sample { labels: vec![(label, text)], value: Value::Whole(value) }
}

/// Samples of a segment that could be read.
fn of_segment(segment: &Observed, samples: impl Fn(&Facts) -> Vec<Sample>) -> Vec<Sample> {
    segment.facts.as_ref().map(samples).unwrap_or_default()
}

/// A sample for each frame.
fn of_frames(segment: &Observed, value: impl Fn(&FrameFacts) -> u64) -> Vec<Sample> {
    let one = |frame: &FrameFacts| labelled(value(frame), "frame", frame.name.clone());
    of_segment(segment, |facts| facts.frames.iter().map(one).collect())
}

/// A sample for each reader slot that has a value.
fn of_slots(segment: &Observed, value: impl Fn(&Facts, &SlotPins) -> Option<u64>) -> Vec<Sample> {
    let one = |facts: &Facts, slot: &SlotPins| {
        let labels = vec![
            ("slot", slot.slot.to_string()),
            ("pid", slot.pid.to_string()),
            ("label", slot.label.clone()),
            ("alive", slot.alive.to_string()),
        ];
        value(facts, slot).map(|value| Sample { labels, value: Value::Whole(value) })
    };
    of_segment(segment, |facts| facts.slots().iter().filter_map(|slot| one(facts, slot)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_metric_stands_in_the_docs_and_once() {
        let page = include_str!("../../../../docs/shm-dump.md");
        for metric in METRICS {
            let suffix = match metric.kind {
                Kind::Gauge => "",
                Kind::Counter => "_total",
                Kind::Info => "_info",
            };
            assert!(page.contains(&format!("| `{}{suffix}` |", metric.full_name())), "{}", metric.name);
        }
        let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
    }
}
