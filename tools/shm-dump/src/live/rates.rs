//! How fast a segment changes: from two looks at it.

use super::Facts;
use core::time::Duration;
use shmframe_cli::words;

/// What came in a second, on average between two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    pub versions: f64,
    /// Rows that were appended or put; rows that were dropped do not count against them.
    pub rows: f64,
    /// Bytes of these rows, reckoned from the average row of their frame.
    pub bytes: f64,
}

impl Rates {
    /// The rates of a segment; nothing if another segment has taken its name.
    pub fn between(before: &Facts, now: &Facts, span: Duration) -> Option<Self> {
        if before.instance != now.instance || span.is_zero() {
            return None;
        }
        let mut rates = Self::default();
        for frame in &now.frames {
            let rows = frame.new_rows(&before.frames) as f64;
            rates.rows += rows;
            rates.bytes += rows * frame.bytes as f64 / frame.rows.max(1) as f64;
        }
        let seconds = span.as_secs_f64();
        Some(Self {
            versions: now.version.saturating_sub(before.version) as f64 / seconds,
            rows: rates.rows / seconds,
            bytes: rates.bytes / seconds,
        })
    }
}

/// A rate for people: `0.3`, `1,234`.
pub fn told(rate: f64, exact: bool) -> String {
    if rate > 0.0 && rate < 10.0 {
        return format!("{rate:.1}");
    }
    words::count(rate.round() as u64, exact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{FrameFacts, WriterFacts};
    use std::time::UNIX_EPOCH;

    fn facts(version: u64, frame: FrameFacts) -> Facts {
        Facts {
            instance: [7; 16],
            version,
            committed: UNIX_EPOCH,
            frames: vec![frame],
            readers: None,
            writer: WriterFacts { alive: None, pid: 0, label: String::new(), since: UNIX_EPOCH },
            allocated: 0,
            quota: None,
            file_system: (0, 0),
            epoch: 1,
            wakes: 0,
        }
    }

    fn frame(generation: u64, rows: u64, rows_ever: u64) -> FrameFacts {
        FrameFacts { name: "a".into(), rows, rows_ever, generation, bytes: rows * 8 }
    }

    #[test]
    fn rows_that_were_dropped_do_not_hide_those_that_came() {
        let (before, now) = (facts(1, frame(1, 100, 100)), facts(3, frame(1, 50, 120)));
        let rates = Rates::between(&before, &now, Duration::from_secs(2)).unwrap();
        assert_eq!(rates, Rates { versions: 1.0, rows: 10.0, bytes: 80.0 });
    }

    #[test]
    fn frame_that_was_put_anew_came_whole() {
        let (before, now) = (facts(1, frame(1, 100, 100)), facts(2, frame(2, 30, 30)));
        assert_eq!(Rates::between(&before, &now, Duration::from_secs(1)).unwrap().rows, 30.0);
    }

    #[test]
    fn another_segment_of_the_same_name_has_no_rates_yet() {
        let (before, mut now) = (facts(9, frame(1, 1, 1)), facts(2, frame(1, 5, 5)));
        now.instance = [8; 16];
        assert_eq!(Rates::between(&before, &now, Duration::from_secs(1)), None);
    }
}
