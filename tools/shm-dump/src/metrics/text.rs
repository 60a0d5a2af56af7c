//! The text format of OpenMetrics 1.0.

use super::{Kind, METRICS, Metric, Sample, Unit, Value};
use core::fmt;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit as TextUnit};

use super::Observed;

/// All metrics of segments, to the closing `# EOF`.
///
/// # Errors
/// None that a text gives.
pub fn text(segments: &[Observed]) -> Result<String, fmt::Error> {
    let samples = METRICS.iter().map(|metric| metric.samples_of(segments)).collect();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Samples(samples)));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

/// The samples of each of [`METRICS`].
#[derive(Debug)]
struct Samples(Vec<Vec<Sample>>);

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (metric, samples) in METRICS.iter().zip(&self.0) {
            if samples.is_empty() {
                continue;
            }
            let unit = metric.unit.map(unit);
            // The library ends the sentence.
            let family = encoder.encode_descriptor(
                metric.name,
                &format!("{}.", metric.help),
                unit.as_ref(),
                kind(metric),
            )?;
            encode_samples(metric, samples, family)?;
        }
        Ok(())
    }
}

fn encode_samples(metric: &Metric, samples: &[Sample], mut family: MetricEncoder<'_>) -> fmt::Result {
    for sample in samples {
        let Sample { labels, value } = sample;
        match (metric.kind, value) {
            (Kind::Info, _) => family.encode_info(labels)?,
            (Kind::Counter, Value::Whole(value)) => {
                ConstCounter::new(*value).encode(family.encode_family(labels)?)?;
            }
            (Kind::Counter, Value::Time(value)) => {
                ConstCounter::new(*value).encode(family.encode_family(labels)?)?;
            }
            (Kind::Gauge, Value::Whole(value)) => {
                ConstGauge::new(*value).encode(family.encode_family(labels)?)?;
            }
            (Kind::Gauge, Value::Time(value)) => {
                ConstGauge::new(*value).encode(family.encode_family(labels)?)?;
            }
        }
    }
    Ok(())
}

fn kind(metric: &Metric) -> MetricType {
    match metric.kind {
        Kind::Gauge => MetricType::Gauge,
        Kind::Counter => MetricType::Counter,
        Kind::Info => MetricType::Info,
    }
}

fn unit(unit: Unit) -> TextUnit {
    match unit {
        Unit::Bytes => TextUnit::Bytes,
        Unit::Seconds => TextUnit::Seconds,
    }
}
