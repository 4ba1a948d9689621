//! Answers of NATS in, figures by metric and labels out, and those as families for the exposition. What an answer does not have, or has in
//! another shape, has no figure.

use std::collections::BTreeMap;

use flightline_contract::value::Timestamp;
use prometheus::proto::{Counter, Gauge, LabelPair, MetricFamily, MetricType};
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error, StrDeserializer};
use serde_json::Value;

use crate::metrics::nats::{Metric, Take, Told};

/// The longest label value: names of streams and consumers have at most 255 bytes, a server's name has no limit.
const LABEL_BYTES: usize = 256;

/// Figures, each once: of two with the same labels the first stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures(BTreeMap<&'static str, Family>);

#[derive(Debug, Clone)]
struct Family {
    metric: Metric,
    series: BTreeMap<Vec<String>, f64>,
}

impl Figures {
    /// Adds one, with the values of the metric's labels.
    pub(crate) fn put(&mut self, metric: Metric, labels: &[&str], value: f64) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        let labels = labels.iter().map(|label| shortened(label)).collect();
        let family = self.0.entry(metric.name).or_insert_with(|| Family {
            metric,
            series: BTreeMap::new(),
        });
        family.series.entry(labels).or_insert(value);
    }

    /// Adds what `answer` tells of `table`.
    pub(crate) fn take(&mut self, table: &[Told], labels: &[&str], answer: &Value) {
        for told in table {
            let found = answer.pointer(told.place);
            let value = match told.take {
                Take::OrZero if found.is_none() => is_inside(answer, told.place).then_some(0.0),
                take => found.and_then(|found| figure(found, take)),
            };
            if let Some(value) = value {
                self.put(told.metric, labels, value);
            }
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(|family| family.series.len()).sum()
    }

    /// The families of the exposition.
    pub(crate) fn families(&self) -> Vec<MetricFamily> {
        self.0.values().map(Family::encoded).collect()
    }

    /// What there is, as a scraper would write it.
    #[cfg(test)]
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, family) in &self.0 {
            for (labels, value) in &family.series {
                let pairs = family.metric.labels.iter().zip(labels);
                let pairs: Vec<_> = pairs
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                lines.push(format!("{name}{{{}}} {value}", pairs.join(",")));
            }
        }
        lines
    }
}

impl Family {
    fn encoded(&self) -> MetricFamily {
        let is_counter = self.metric.name.ends_with("_total");
        let metrics = self.series.iter().map(|(labels, value)| {
            let pairs = self.metric.labels.iter().zip(labels);
            let pairs = pairs.map(|(name, value)| {
                let mut pair = LabelPair::default();
                pair.set_name((*name).to_owned());
                pair.set_value(value.clone());
                pair
            });
            let mut metric = prometheus::proto::Metric::from_label(pairs.collect());
            if is_counter {
                let mut counter = Counter::default();
                counter.set_value(*value);
                metric.set_counter(counter);
            } else {
                let mut gauge = Gauge::default();
                gauge.set_value(*value);
                metric.set_gauge(gauge);
            }
            metric
        });
        let mut family = MetricFamily::default();
        family.set_name(self.metric.name.to_owned());
        family.set_help(self.metric.help.to_owned());
        family.set_field_type(if is_counter {
            MetricType::COUNTER
        } else {
            MetricType::GAUGE
        });
        family.set_metric(metrics.collect());
        family
    }
}

fn shortened(label: &str) -> String {
    let end = label.floor_char_boundary(LABEL_BYTES);
    label.get(..end).unwrap_or_default().to_owned()
}

/// Whether `answer` has the object in which `place` would be.
fn is_inside(answer: &Value, place: &str) -> bool {
    let object = place
        .rsplit_once('/')
        .and_then(|(outer, _)| answer.pointer(outer));
    object.is_some_and(Value::is_object)
}

fn figure(found: &Value, take: Take) -> Option<f64> {
    /// Nanoseconds in a second.
    const NANOS: f64 = 1e9;
    let number = found.as_f64();
    match take {
        Take::AsIs | Take::OrZero => number,
        Take::Percent => number.map(|number| number / 100.0),
        Take::Limit => number.filter(|limit| *limit > 0.0),
        Take::LimitNanos => number
            .filter(|limit| *limit > 0.0)
            .map(|limit| limit / NANOS),
        Take::Time => {
            let text: StrDeserializer<'_, Error> = found.as_str()?.into_deserializer();
            let time = Timestamp::deserialize(text).ok()?;
            #[expect(clippy::cast_precision_loss, reason = "a quarter of a microsecond")]
            let nanos = time.0 as f64;
            Some(nanos / NANOS)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::metrics::nats::{JSZ, SERVER_UP, STREAMS, VARZ};

    #[test]
    fn what_an_answer_does_not_have_has_no_figure() {
        let mut figures = Figures::default();
        for odd in [
            json!(null),
            json!([1]),
            json!("x"),
            json!({"mem": "much", "cpu": {}, "start": 7, "cores": null}),
        ] {
            figures.take(VARZ, &["a"], &odd);
            figures.take(JSZ, &["a"], &odd);
        }
        assert_eq!(figures.lines(), [""; 0]);
    }

    #[test]
    fn figures_are_in_base_units_and_no_limit_is_no_figure() {
        let mut figures = Figures::default();
        figures.take(
            VARZ,
            &["a"],
            &json!({"cpu": 150, "max_connections": -1, "start": "1970-01-01T00:01:00.5Z"}),
        );
        figures.take(
            STREAMS,
            &["S"],
            &json!({"config": {"max_bytes": -1, "max_age": 1_500_000_000, "max_msgs": 7}, "state": {"first_ts": "0001-01-01T00:00:00Z"}}),
        );
        let expected = [
            "nats_server_cpu_ratio{server=a} 1.5",
            "nats_server_start_time_seconds{server=a} 60.5",
            "nats_stream_age_limit_seconds{stream=S} 1.5",
            "nats_stream_deleted_messages{stream=S} 0",
            "nats_stream_messages_limit{stream=S} 7",
            "nats_stream_subjects{stream=S} 0",
        ];
        assert_eq!(figures.lines(), expected);
    }

    #[test]
    fn of_two_figures_with_the_same_labels_the_first_stays() {
        let mut figures = Figures::default();
        figures.put(SERVER_UP, &["a"], 1.0);
        figures.put(SERVER_UP, &["a"], 0.0);
        let long = "ü".repeat(LABEL_BYTES);
        figures.put(SERVER_UP, &[&long], 1.0);
        figures.put(SERVER_UP, &[&format!("{long}x")], 1.0);
        assert_eq!(figures.len(), 2);
        assert!(
            figures
                .lines()
                .contains(&"nats_server_up{server=a} 1".to_owned())
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let name = prop_oneof![
                Just("state".to_owned()),
                Just("config".to_owned()),
                Just("first_ts".to_owned()),
                Just("max_age".to_owned()),
                Just("messages".to_owned()),
                ".{0,4}",
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn odd_answers_give_numbers_or_nothing(answer in any_json()) {
            let mut figures = Figures::default();
            figures.take(STREAMS, &["S"], &answer);
            for family in figures.families() {
                for metric in family.get_metric() {
                    prop_assert!(metric.get_gauge().get_value().is_finite());
                }
            }
        }
    }
}
