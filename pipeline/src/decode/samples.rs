//! Metric sets come in as JSON, one line a sample goes out: gauges and cumulative counters as the field `value`, delta counters as
//! `delta`, histograms as one field a bound, `+Inf`, `sum` and `count`, each with `delta_` before it if they are increases.

use std::fmt::Write;

use flightline_contract::metric::{Bucket, Buckets, Kind, Reading, Sample, Temporality};
use flightline_contract::value::{Labels, Text, Timestamp};

use crate::decode::json::{self, Object, Place};
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
pub(super) fn set(object: Object<'_, '_>) -> Result<Set, Refusal> {
    let (mut time, mut samples) = (None, None);
    object.each(|entry| {
        let earlier = match &*object.key(entry)? {
            "time" => time.replace(entry.value),
            "samples" => samples.replace(entry.value),
            _ => None,
        };
        match earlier {
            None => Ok(()),
            Some(_) => Err(Refusal::shape("`time` or `samples` stands twice")),
        }
    })?;
    let samples = samples.ok_or_else(|| Refusal::shape("missing field `samples`"))?;
    if object.text[samples.start] != b'[' {
        return Err(Refusal::shape("`samples` must be an array"));
    }
    let time = match time.map(|place| (place, object.time(place))) {
        Some((_, Some(time))) => Some(time),
        Some((place, None)) => serde_json::from_slice(place.of(object.text))?,
        None => None,
    };
    Ok(Set { time, samples })
}

/// One sample. `time` is the set's.
pub(super) fn write<O: Observer>(
    pen: Pen<'_>,
    key: &mut String,
    object: Object<'_, '_>,
    time: i64,
    observer: &mut O,
) -> Result<(), Refusal> {
    let mut sample = match read(object) {
        Some(sample) => sample,
        None => serde_json::from_slice(object.bytes())?,
    };
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

/// A sample without anything unusual.
pub(super) fn read<'t>(object: Object<'t, '_>) -> Option<Sample<'t>> {
    let (mut name, mut kind) = (None, None);
    let mut sample = Sample {
        name: Text::from(""),
        kind: Kind::Gauge,
        temporality: None,
        labels: Labels::default(),
        time: None,
        value: None,
        buckets: Buckets::new(),
        sum: None,
        count: None,
    };
    for (key, value) in object.plain()? {
        match key {
            "name" => name = Some(Text::from(object.string(value)?)),
            "kind" => {
                kind = Some(match object.string(value)? {
                    "counter" => Kind::Counter,
                    "gauge" => Kind::Gauge,
                    "histogram" => Kind::Histogram,
                    _ => return None,
                });
            }
            "temporality" => {
                sample.temporality = Some(match object.string(value)? {
                    "cumulative" => Temporality::Cumulative,
                    "delta" => Temporality::Delta,
                    _ => return None,
                });
            }
            "labels" => labels(object, value, &mut sample.labels)?,
            "time" => sample.time = Some(object.time(value)?),
            "value" => sample.value = Some(object.number(value)?),
            "buckets" => buckets(object, value, &mut sample.buckets)?,
            "sum" => sample.sum = Some(object.number(value)?),
            "count" => sample.count = Some(count(object, value)?),
            _ => return None,
        }
    }
    sample.name = name?;
    sample.kind = kind?;
    Some(sample)
}

fn labels<'t>(object: Object<'t, '_>, place: Place, labels: &mut Labels<'t>) -> Option<()> {
    for (name, value) in object.nested(place)? {
        let (name, value) = (object.string(name)?, object.string(value)?);
        let is_twice = labels.0.iter().any(|(earlier, _)| earlier.as_str() == name);
        if is_twice || labels.0.len() == labels.0.inline_size() {
            return None;
        }
        labels.0.push((Text::from(name), Text::from(value)));
    }
    Some(())
}

fn buckets(object: Object<'_, '_>, place: Place, buckets: &mut Buckets) -> Option<()> {
    if object.text[place.start] != b'[' {
        return None;
    }
    for element in json::elements(object.text, place) {
        let mut entries = object.nested(element)?;
        let (Some(le), Some(counted), None) = (entries.next(), entries.next(), entries.next())
        else {
            return None;
        };
        if object.string(le.0)? != "le" || object.string(counted.0)? != "count" {
            return None;
        }
        buckets.push(Bucket {
            le: object.number(le.1)?,
            count: count(object, counted.1)?,
        });
    }
    Some(())
}

fn count(object: Object<'_, '_>, value: Place) -> Option<u64> {
    u64::try_from(object.integer(value)?).ok()
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
