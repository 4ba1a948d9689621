//! A set of samples: `<prefix>.metric.<service>.<instance>`.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::value::{Labels, Text, Timestamp};

/// Samples of one instance, taken together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricSet<'a> {
    /// When the samples were taken, unless a sample says otherwise; the message's own time if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The samples.
    #[serde(borrow)]
    pub samples: Vec<Sample<'a>>,
}

/// One named value with its labels, as it stands on the wire; [`Sample::reading`] is what it means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample<'a> {
    /// The metric's name: `http_requests`, in base units.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// Whether a counter or histogram tells its total or what was added; must be said for both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporality: Option<Temporality>,
    /// What tells this series from others of the same name.
    #[serde(borrow, default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels<'a>,
    /// Overrides the set's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The value of a counter or gauge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The buckets of a histogram, in rising order of bound; the bucket without bound is `count`.
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    pub buckets: Buckets,
    /// The sum of a histogram's observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<f64>,
    /// The number of a histogram's observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// The kinds of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Only grows, but for restarts.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations counted into buckets.
    Histogram,
}

/// What the numbers of a counter or histogram are relative to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Temporality {
    /// The total since the publisher started.
    Cumulative,
    /// What was added since the publisher's last message.
    Delta,
}

/// Sixteen buckets fit without an allocation.
pub type Buckets = SmallVec<[Bucket; 16]>;

/// One bucket of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The largest value that falls into it, inclusive.
    pub le: f64,
    /// How many observations were at most `le`: buckets include all smaller ones, as Prometheus counts them.
    pub count: u64,
}

/// What a sample means, once its parts are known to fit together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading<'s> {
    /// A counter's total or increase.
    Counter {
        /// Total or increase.
        temporality: Temporality,
        /// Finite and not negative.
        value: f64,
    },
    /// A gauge's value, finite.
    Gauge(f64),
    /// A histogram's buckets.
    Histogram {
        /// Totals or increases.
        temporality: Temporality,
        /// Bounds rise strictly, counts never fall, the last count is at most `count`.
        buckets: &'s [Bucket],
        /// Finite.
        sum: f64,
        /// All observations.
        count: u64,
    },
}

/// Why the parts of a sample do not fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// A counter or histogram without `temporality`.
    #[error("a counter or histogram must say temporality: cumulative or delta")]
    Temporality,
    /// No `value` in a counter or gauge; no `sum` or `count` in a histogram.
    #[error("a counter or gauge needs value; a histogram needs buckets, sum and count")]
    Missing,
    /// A number that is not finite, or a counter below zero.
    #[error("a value must be finite, and a counter's not negative")]
    Value,
    /// Bounds that do not rise or counts that fall.
    #[error("bucket bounds must rise and bucket counts must not fall")]
    Buckets,
}

impl Sample<'_> {
    /// What the sample means.
    ///
    /// # Errors
    /// When its parts do not fit its kind, see [`SampleError`].
    pub fn reading(&self) -> Result<Reading<'_>, SampleError> {
        let finite = |value: Option<f64>| match value {
            Some(value) if value.is_finite() => Ok(value),
            Some(_) => Err(SampleError::Value),
            None => Err(SampleError::Missing),
        };
        match self.kind {
            Kind::Gauge => finite(self.value).map(Reading::Gauge),
            Kind::Counter => {
                let value = finite(self.value)?;
                if value < 0.0 {
                    return Err(SampleError::Value);
                }
                let temporality = self.temporality.ok_or(SampleError::Temporality)?;
                Ok(Reading::Counter { temporality, value })
            }
            Kind::Histogram => {
                let sum = finite(self.sum)?;
                let count = self.count.ok_or(SampleError::Missing)?;
                let temporality = self.temporality.ok_or(SampleError::Temporality)?;
                let rising = self
                    .buckets
                    .windows(2)
                    .all(|pair| pair[0].le < pair[1].le && pair[0].count <= pair[1].count);
                let bounded = self.buckets.last().is_none_or(|last| last.count <= count);
                if !rising || !bounded || self.buckets.iter().any(|bucket| !bucket.le.is_finite()) {
                    return Err(SampleError::Buckets);
                }
                Ok(Reading::Histogram {
                    temporality,
                    buckets: &self.buckets,
                    sum,
                    count,
                })
            }
        }
    }
}
