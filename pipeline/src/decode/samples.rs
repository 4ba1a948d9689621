//! Metric sets come in as JSON, one line a sample goes out: gauges and cumulative counters as the field `value`, delta counters as
//! `delta`, histograms as one field a bound, `+Inf`, `sum` and `count`, each with `delta_` before it if they are increases.

use std::fmt::Write;

use flightline_contract::metric::{Bucket, Reading, Sample, Temporality};
use flightline_contract::value::Timestamp;

use crate::decode::json::{self, Place};
use crate::decode::observe::{OWN_INSTANCE, OWN_SERVICE, Observer};
use crate::decode::pen::Pen;
use crate::decode::refusal::Refusal;
use crate::decode::write::{LineWriter, Value, WriteError, with_decimal};

/// A set without its samples, which are read one by one.
pub(super) struct Set {
    pub(super) time: Option<Timestamp>,
    pub(super) samples: Place,
}

/// Where the parts of the set at `object` stand. Keys of a later version are passed over.
pub(super) fn set(text: &[u8], object: Place) -> Result<Set, Refusal> {
    let (mut time, mut samples) = (None, None);
    for (key, value) in json::entries(text, object) {
        let earlier = match &*json::string(key.of(text))? {
            "time" => time.replace(value),
            "samples" => samples.replace(value),
            _ => None,
        };
        if earlier.is_some() {
            return Err(Refusal::shape("`time` or `samples` stands twice"));
        }
    }
    let samples = samples.ok_or_else(|| Refusal::shape("missing field `samples`"))?;
    if text[samples.start] != b'[' {
        return Err(Refusal::shape("`samples` must be an array"));
    }
    let time = match time {
        Some(place) => serde_json::from_slice(place.of(text))?,
        None => None,
    };
    Ok(Set { time, samples })
}

/// One sample. `time` is the set's.
pub(super) fn write<O: Observer>(
    pen: Pen<'_>,
    key: &mut String,
    text: &[u8],
    time: i64,
    observer: &mut O,
) -> Result<(), Refusal> {
    let mut sample: Sample<'_> = serde_json::from_slice(text)?;
    // The observer sees what is stored, the set's time included.
    let time = sample.time.get_or_insert(Timestamp(time)).0;
    let reading = sample.reading()?;
    let route = pen.route;
    let mut line = pen.line_of_instance(&sample.name)?;
    for (name, value) in &sample.labels.0 {
        let name = match name.as_str() {
            "service" => OWN_SERVICE,
            "instance" => OWN_INSTANCE,
            name => name,
        };
        line.tag(name, value)?;
    }
    match reading {
        Reading::Gauge(value) => line.field("value", Value::Float(value))?,
        Reading::Counter { temporality, value } => {
            let name = match temporality {
                Temporality::Cumulative => "value",
                Temporality::Delta => "delta",
            };
            line.field(name, Value::Float(value))?;
        }
        Reading::Histogram {
            temporality,
            buckets,
            sum,
            count,
        } => {
            let prefix = match temporality {
                Temporality::Cumulative => "",
                Temporality::Delta => "delta_",
            };
            histogram(&mut line, key, prefix, buckets, sum, count)?;
        }
    }
    line.finish(time)?;
    observer.sample(route.service, route.token, &sample, reading);
    Ok(())
}

fn histogram(
    line: &mut LineWriter<'_>,
    key: &mut String,
    prefix: &str,
    buckets: &[Bucket],
    sum: f64,
    count: u64,
) -> Result<(), WriteError> {
    let mut field = |name: &str, value: f64| {
        key.clear();
        write!(key, "{prefix}{name}").expect("writing to a String does not fail");
        line.field(key, Value::Float(value))
    };
    for bucket in buckets {
        with_decimal(bucket.le, |bound| field(bound, float(bucket.count)))??;
    }
    field("+Inf", float(count))?;
    field("sum", sum)?;
    field("count", float(count))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts beyond 2^53 do not occur in one process's life"
)]
fn float(count: u64) -> f64 {
    count as f64
}
