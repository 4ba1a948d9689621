//! A metric as it stands comes in, samples of the contract go out.

use flightline_contract::metric::{Bucket, Buckets, Kind, Sample, Temporality};
use flightline_contract::value::{Labels, Text};

use crate::telemetry::declared::{Reading, Reported};

/// The samples that tell what a metric shows. A summary, which the contract does not know, is a gauge for each quantile and two counters,
/// under the names that Prometheus has for them.
pub fn of(reported: &Reported) -> Vec<Sample<'static>> {
    let name = &*reported.name;
    match &reported.reading {
        Reading::Counter(total) => vec![counter(name.to_owned(), *total)],
        Reading::Gauge(value) => vec![gauge(name.to_owned(), *value)],
        Reading::Histogram {
            buckets,
            sum,
            count,
        } => {
            let buckets = buckets.iter().filter(|(le, _)| le.is_finite());
            vec![Sample {
                buckets: buckets
                    .map(|(le, count)| Bucket {
                        le: *le,
                        count: *count,
                    })
                    .collect(),
                sum: Some(*sum),
                count: Some(*count),
                value: None,
                ..sample(name.to_owned(), Kind::Histogram)
            }]
        }
        Reading::Summary {
            quantiles,
            sum,
            count,
        } => {
            let ranks = quantiles.iter().map(|(rank, value)| {
                let rank = (Text::from("quantile"), Text::from(rank.to_string()));
                Sample {
                    labels: Labels(std::iter::once(rank).collect()),
                    ..gauge(name.to_owned(), *value)
                }
            });
            let mut samples: Vec<_> = ranks.collect();
            // Observations may be negative: their sum is no counter.
            samples.push(gauge(format!("{name}_sum"), *sum));
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 observations")]
            samples.push(counter(format!("{name}_count"), *count as f64));
            samples
        }
    }
}

fn sample(name: String, kind: Kind) -> Sample<'static> {
    Sample {
        name: Text::from(name),
        kind,
        temporality: match kind {
            Kind::Gauge => None,
            Kind::Counter | Kind::Histogram => Some(Temporality::Cumulative),
        },
        labels: Labels::default(),
        time: None,
        value: None,
        buckets: Buckets::new(),
        sum: None,
        count: None,
    }
}

fn counter(name: String, total: f64) -> Sample<'static> {
    Sample {
        value: Some(total),
        ..sample(name, Kind::Counter)
    }
}

fn gauge(name: String, value: f64) -> Sample<'static> {
    Sample {
        value: Some(value),
        ..sample(name, Kind::Gauge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_makes_samples_that_fit_together() {
        let readings = [
            Reading::Counter(2.0),
            Reading::Gauge(-1.5),
            Reading::Histogram {
                buckets: vec![(0.5, 1), (1.0, 3), (f64::INFINITY, 4)],
                sum: 7.0,
                count: 4,
            },
            Reading::Summary {
                quantiles: vec![(0.5, 1.0), (0.99, 2.0)],
                sum: -3.0,
                count: 2,
            },
        ];
        for reading in readings {
            let name = "a".into();
            for sample in of(&Reported { name, reading }) {
                sample.reading().expect("its parts fit together");
            }
        }
    }
}
