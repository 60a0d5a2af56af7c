//! `shm-dump metrics`: segments in numbers, for systems that collect them.

use crate::metrics::{Kind, METRICS, Metric, Observed, Sample, Value, text};
use crate::session::Session;
use anyhow::Result;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, cell};
use shmframe_cli::{Exit, Place, Target, told, words};
use shmframe_segment::{ListedKind, list};
use std::collections::BTreeMap;

/// Print segments in numbers, as OpenMetrics text
///
/// For Prometheus and what reads its format: versions, rows, memory, and for each reader slot its lag and the bytes that it alone
/// keeps. Also in a pipe it is text; --json prints a line for each number. It takes no reader slot. A segment that cannot be
/// read has `shmframe_up 0`, and gives the exit status if it was named.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump metrics                    of all segments of the directory
  shm-dump metrics ticks --json | jq 'select(.name == \"shmframe_reader_lag_versions\")'
  shm-dump metrics > /var/lib/node_exporter/shmframe.prom.new &&
    mv /var/lib/node_exporter/shmframe.prom.new /var/lib/node_exporter/shmframe.prom")]
pub struct MetricsOptions {
    /// Segments; none: all of the directory
    #[arg(value_name = "TARGET")]
    targets: Vec<Target>,
}

/// A number of a metric.
#[derive(Debug, JsonSchema, Serialize)]
pub struct MetricLine {
    /// The metric, with its unit.
    name: String,
    /// How it changes.
    metric_type: Kind,
    /// What it is about: `segment`, and `frame`, or `slot`, `pid`, `label` and `alive`, or `state`.
    labels: BTreeMap<&'static str, String>,
    /// The number; of times, seconds since 1970, it is a fraction.
    value: Value,
}

impl Record for MetricLine {
    const KIND: &'static str = "metric";
    const HEADS: &'static [&'static str] = &["METRIC", "OF", "#VALUE"];

    fn cells(&self, _exact: bool) -> Vec<Cell> {
        let labels = self.labels.iter().map(|(name, value)| format!("{name}={value}"));
        let value = match self.value {
            Value::Whole(value) => cell(value),
            Value::Time(value) => cell(value),
        };
        vec![cell(&self.name), cell(labels.collect::<Vec<_>>().join(" ")), value]
    }
}

impl MetricLine {
    fn of(metric: &Metric, sample: Sample) -> Self {
        Self {
            name: metric.full_name(),
            metric_type: metric.kind,
            labels: sample.labels.into_iter().collect(),
            value: sample.value,
        }
    }
}

pub fn run(session: &mut Session, options: &MetricsOptions) -> Result<Exit> {
    let (segments, exit) = match &options.targets[..] {
        [] => (all(session)?, Exit::Success),
        targets => named(session, targets)?,
    };
    if session.output.is_json_wanted() {
        for metric in METRICS {
            for sample in metric.samples_of(&segments) {
                session.output.line(&MetricLine::of(metric, sample))?;
            }
        }
    } else {
        let text = text(&segments)?;
        // Labels of others: programs get them as they are.
        let text = if session.output.is_terminal() { words::visible_lines(&text) } else { text };
        session.output.raw().write_all(text.as_bytes())?;
        session.output.raw().flush()?;
    }
    Ok(exit)
}

/// The segments of the directory. One that goes meanwhile is left out.
fn all(session: &Session) -> Result<Vec<Observed>> {
    let mut segments = Vec::new();
    for listed in list(Some(session.directory()))?.entries {
        if !matches!(listed.kind, ListedKind::Segment | ListedKind::Unreadable) {
            continue;
        }
        let place = Place::Named(listed.segment.clone());
        match Observed::of(session, &place, listed.segment.clone()) {
            Ok(segment) => segments.push(segment),
            Err(error) if Exit::of(&error) == Exit::NotFound => {}
            Err(error) => {
                session.note(told(&error));
                segments.push(Observed::unreadable(listed.segment));
            }
        }
    }
    Ok(segments)
}

/// The segments of these names, and the status of the first one that cannot be read.
fn named(session: &Session, targets: &[Target]) -> Result<(Vec<Observed>, Exit)> {
    let (mut segments, mut exit) = (Vec::<Observed>::new(), Exit::Success);
    for target in targets {
        let place = target.whole()?;
        let name = target.to_string();
        if segments.iter().any(|segment| segment.segment == name) {
            continue;
        }
        segments.push(Observed::of(session, place, name.clone()).unwrap_or_else(|error| {
            session.complain(told(&error));
            exit = exit.or(Exit::of(&error));
            Observed::unreadable(name)
        }));
    }
    Ok((segments, exit))
}
