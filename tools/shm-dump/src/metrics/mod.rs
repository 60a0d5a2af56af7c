//! Segments in numbers, for systems that collect them.
//!
//! [`METRICS`] says which there are; [`text()`] writes them as OpenMetrics.

mod definitions;
mod text;

pub use definitions::METRICS;
pub use text::text;

use crate::live::{Facts, held_alone};
use crate::session::Session;
use anyhow::Result;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::Place;
use std::collections::BTreeMap;

/// A segment that was looked at.
pub struct Observed {
    /// What it was called: its name, or its path.
    pub segment: String,
    /// None: it could not be read.
    pub facts: Option<Facts>,
    /// Bytes that only one slot keeps in use, by slot; none: not known.
    pub held_alone: Option<BTreeMap<u32, u64>>,
}

impl Observed {
    /// A segment that could not be read.
    pub fn unreadable(segment: String) -> Self {
        Self { segment, facts: None, held_alone: None }
    }

    /// Looks at a segment.
    ///
    /// # Errors
    /// Those of [`Facts::gather`].
    pub fn of(session: &Session, place: &Place, segment: String) -> Result<Self> {
        let facts = Facts::gather(session, place)?;
        let held_alone = held_alone(session, place, facts.slots()).ok();
        Ok(Self { segment, facts: Some(facts), held_alone })
    }
}

/// How a metric changes.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[schemars(rename = "MetricType")]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Up and down.
    Gauge,
    /// Up; down only when what it counts begins anew.
    Counter,
    /// Always 1: its labels tell something.
    Info,
}

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Seconds,
}

impl Unit {
    /// What OpenMetrics calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
        }
    }
}

/// A metric: its samples of a segment.
pub struct Metric {
    /// Its name, without unit.
    pub name: &'static str,
    pub help: &'static str,
    pub kind: Kind,
    pub unit: Option<Unit>,
    /// The samples of a segment; the label `segment` is added to each.
    pub samples: fn(&Observed) -> Vec<Sample>,
}

impl Metric {
    /// Its name, with unit.
    pub fn full_name(&self) -> String {
        self.unit.map_or(self.name.to_owned(), |unit| format!("{}_{}", self.name, unit.name()))
    }

    /// The samples of segments.
    pub fn samples_of(&self, segments: &[Observed]) -> Vec<Sample> {
        let labelled = |segment: &Observed| {
            let name = segment.segment.clone();
            let samples = (self.samples)(segment).into_iter();
            samples.map(move |mut sample| {
                sample.labels.insert(0, ("segment", name.clone()));
                sample
            })
        };
        segments.iter().flat_map(labelled).collect()
    }
}

/// A number of one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What it is about.
    pub labels: Vec<(&'static str, String)>,
    pub value: Value,
}

/// A number.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    Whole(u64),
    /// Seconds.
    Time(f64),
}
