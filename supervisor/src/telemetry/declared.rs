//! Metrics that the configuration declares. A name and a text come in, as a job pushes them; what the metric shows now goes out.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use prometheus::core::{Collector as _, Metric as _};
use prometheus::proto::{self, MetricFamily, MetricType};
use prometheus::{Counter, Gauge, Histogram, HistogramOpts};

use super::builtin::Builtin;
use super::maker::Maker;
use super::process::Process;
use super::window::{QUANTILES, Window};
use crate::config::{Metric, MetricKind};

/// Metrics of one configuration: each is a series or a dozen.
const MAX_METRICS: usize = 1000;
/// A metric that gets nothing but nonsense says so this often.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(60);
/// What the series of histograms and summaries have behind their name.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];
/// The metrics that are always there. Others may begin as they do: ContainerPilot's own examples declare some under `containerpilot`.
static OURS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let make = Maker::default();
    drop((Builtin::new(&make), Process::new(&make)));
    make.finish().1
});

/// Why metrics cannot be declared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeclareError {
    /// One of them is wrong by itself.
    #[error("telemetry: metrics[{index}]: `{}` {reason}; {}", reason.key(), reason.cure())]
    Wrong {
        /// Its place in the list, from 0.
        index: usize,
        /// What is wrong.
        reason: Unfit,
    },
    /// Two of different names would show the same series, as a summary `a` and a gauge `a_count`.
    #[error(
        "telemetry: metrics[{index}]: {name} is shown by an earlier metric, too; give it another name"
    )]
    Twice {
        /// The place of the later one in the list, from 0.
        index: usize,
        /// The series.
        name: String,
    },
    /// More than allowed.
    #[error("telemetry: {0} metrics are more than {MAX_METRICS}; declare fewer")]
    TooMany(usize),
}

/// Why a metric cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has no name.
    #[error("must not be empty")]
    NoName,
    /// Nobody would know what it means.
    #[error("must not be empty")]
    NoHelp,
    /// Prometheus takes no such name.
    #[error("makes {0:?}, which is no name for Prometheus")]
    Name(String),
    /// The name is one of ours.
    #[error("makes {0:?}, which is a metric of the supervisor itself")]
    Reserved(String),
    /// Something else.
    #[error("cannot be shown: {0}")]
    Unshowable(String),
}

impl Unfit {
    /// The key whose value it is.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::NoHelp => "help",
            Self::NoName | Self::Name(_) | Self::Reserved(_) | Self::Unshowable(_) => "name",
        }
    }

    /// What to do about it.
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::NoName => "write `name: 'queries'`",
            Self::NoHelp => "say what the metric means",
            Self::Name(_) => "use letters, digits, `_` and `:`, and begin with no digit",
            Self::Reserved(_) | Self::Unshowable(_) => "use another name",
        }
    }
}

/// Why a value was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing but spaces.
    #[error("there is no value")]
    Empty,
    /// No number.
    #[error("the value is not a number")]
    NotANumber,
    /// A counter only grows.
    #[error("a counter cannot go down")]
    Negative,
    /// A total that is once infinite or not a number stays so.
    #[error("only a gauge can be infinite or not a number")]
    NotFinite,
}

/// What became of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Pushed {
    /// It was taken in.
    Taken(Reported),
    /// No metric is called so.
    Unknown,
    /// It was not taken in, and the log says why.
    Refused(Refusal),
}

/// A metric as it stands after a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported {
    /// As `/metrics` shows it.
    pub name: Arc<str>,
    /// What it shows.
    pub reading: Reading,
}

/// What a metric shows: totals since the supervisor started.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// The sum of what was pushed.
    Counter(f64),
    /// The last value.
    Gauge(f64),
    /// Values by size.
    Histogram {
        /// Upper bounds, rising, and how many values are at most that.
        buckets: Vec<(f64, u64)>,
        /// The sum of all values.
        sum: f64,
        /// How many.
        count: u64,
    },
    /// Values by rank.
    Summary {
        /// Quantile and value, of the last ten minutes.
        quantiles: Vec<(f64, f64)>,
        /// The sum of all values.
        sum: f64,
        /// How many.
        count: u64,
    },
}

impl Reading {
    /// How the metric takes values.
    pub const fn kind(&self) -> MetricKind {
        match self {
            Self::Counter(_) => MetricKind::Counter,
            Self::Gauge(_) => MetricKind::Gauge,
            Self::Histogram { .. } => MetricKind::Histogram,
            Self::Summary { .. } => MetricKind::Summary,
        }
    }
}

/// The name that `/metrics` shows: the parts that are not empty, joined with `_`.
pub fn shown_name(metric: &Metric) -> String {
    let parts = [&metric.namespace, &metric.subsystem, &metric.name];
    let parts: Vec<&str> = parts
        .into_iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    parts.join("_")
}

/// The name under which ContainerPilot's clients push: all parts, joined with `_`.
fn pushed_name(metric: &Metric) -> String {
    format!("{}_{}_{}", metric.namespace, metric.subsystem, metric.name)
}

/// Whether a metric can be shown.
///
/// # Errors
/// [`Unfit`], for the first reason why not.
pub fn validate(metric: &Metric) -> Result<(), Unfit> {
    if metric.name.is_empty() {
        return Err(Unfit::NoName);
    }
    if metric.help.is_empty() {
        return Err(Unfit::NoHelp);
    }
    let name = shown_name(metric);
    let letter = |char: char| char.is_ascii_alphabetic() || char == '_' || char == ':';
    let rest = |char: char| letter(char) || char.is_ascii_digit();
    if !name.starts_with(letter) || !name.chars().all(rest) {
        return Err(Unfit::Name(name));
    }
    if let Some(name) = series(metric).into_iter().find(|series| is_ours(series)) {
        return Err(Unfit::Reserved(name));
    }
    Ok(())
}

/// The names of what a metric shows.
pub fn series(metric: &Metric) -> Vec<String> {
    let suffixes: &[&str] = match metric.kind {
        MetricKind::Counter | MetricKind::Gauge => &[],
        MetricKind::Histogram => &SUFFIXES,
        MetricKind::Summary => &["_sum", "_count"],
    };
    let name = shown_name(metric);
    let mut series: Vec<String> = suffixes
        .iter()
        .map(|suffix| format!("{name}{suffix}"))
        .collect();
    series.insert(0, name);
    series
}

fn is_ours(series: &str) -> bool {
    let mut suffixes = SUFFIXES.iter();
    OURS.contains(series)
        || suffixes.any(|suffix| {
            let name = series.strip_suffix(suffix);
            name.is_some_and(|name| OURS.contains(name))
        })
}

/// The metrics that are shown, with their places: of several with one name the last, as in ContainerPilot.
pub(super) fn in_force(metrics: &[Metric]) -> impl Iterator<Item = (usize, &Metric)> {
    let names = metrics.iter().map(shown_name);
    let last: HashMap<String, usize> = names.zip(0..).collect();
    let last: HashSet<usize> = last.into_values().collect();
    let places = metrics.iter().enumerate();
    places.filter(move |(place, _)| last.contains(place))
}

/// Whether metrics can be shown together. Several of one name can: the last is shown.
///
/// # Errors
/// [`DeclareError`] for the first that cannot.
pub fn validate_all(metrics: &[Metric]) -> Result<(), DeclareError> {
    if metrics.len() > MAX_METRICS {
        return Err(DeclareError::TooMany(metrics.len()));
    }
    for (index, metric) in metrics.iter().enumerate() {
        validate(metric).map_err(|reason| DeclareError::Wrong { index, reason })?;
    }
    let mut shown = HashSet::new();
    for (index, metric) in in_force(metrics) {
        for name in series(metric) {
            if !shown.insert(name.clone()) {
                return Err(DeclareError::Twice { index, name });
            }
        }
    }
    Ok(())
}

/// A declared metric with its value.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) metric: Metric,
    pub(super) shown: Arc<str>,
    pub(super) pushed: String,
    instrument: Instrument,
    complained: Mutex<Option<Instant>>,
}

#[derive(Debug)]
enum Instrument {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
    Summary(Mutex<Summary>),
}

#[derive(Debug)]
struct Summary {
    window: Window,
    sum: f64,
    count: u64,
}

impl Declared {
    /// A metric that was found valid.
    pub(super) fn new(metric: &Metric) -> prometheus::Result<Self> {
        let shown = shown_name(metric);
        let instrument = match metric.kind {
            MetricKind::Counter => Instrument::Counter(Counter::new(&shown, &metric.help)?),
            MetricKind::Gauge => Instrument::Gauge(Gauge::new(&shown, &metric.help)?),
            MetricKind::Histogram => {
                // Its buckets, unless others are named, are those of ContainerPilot: .005 to 10.
                let options = HistogramOpts::new(&shown, &metric.help);
                Instrument::Histogram(Histogram::with_opts(options)?)
            }
            MetricKind::Summary => Instrument::Summary(Mutex::new(Summary {
                window: Window::new(),
                sum: 0.0,
                count: 0,
            })),
        };
        Ok(Self {
            pushed: pushed_name(metric),
            shown: shown.into(),
            metric: metric.clone(),
            instrument,
            complained: Mutex::new(None),
        })
    }

    /// Takes in a value as it was pushed.
    pub(super) fn push(&self, text: &str, now: Instant) -> Result<Reported, Refusal> {
        let value = number(text)?;
        if !matches!(self.instrument, Instrument::Gauge(_)) && !value.is_finite() {
            return Err(Refusal::NotFinite);
        }
        match &self.instrument {
            Instrument::Counter(_) if value < 0.0 => return Err(Refusal::Negative),
            Instrument::Counter(counter) => counter.inc_by(value),
            Instrument::Gauge(gauge) => gauge.set(value),
            Instrument::Histogram(histogram) => histogram.observe(value),
            Instrument::Summary(summary) => lock(summary).observe(value, now),
        }
        Ok(Reported {
            name: Arc::clone(&self.shown),
            reading: self.reading(now),
        })
    }

    fn reading(&self, now: Instant) -> Reading {
        match &self.instrument {
            Instrument::Counter(counter) => Reading::Counter(counter.get()),
            Instrument::Gauge(gauge) => Reading::Gauge(gauge.get()),
            Instrument::Histogram(histogram) => {
                let metric = histogram.metric();
                let shown = metric.get_histogram();
                let bucket =
                    |bucket: &proto::Bucket| (bucket.upper_bound(), bucket.cumulative_count());
                Reading::Histogram {
                    buckets: shown.get_bucket().iter().map(bucket).collect(),
                    sum: shown.get_sample_sum(),
                    count: shown.get_sample_count(),
                }
            }
            Instrument::Summary(summary) => {
                let mut summary = lock(summary);
                let values = summary.window.quantiles(now);
                Reading::Summary {
                    quantiles: QUANTILES.into_iter().zip(values).collect(),
                    sum: summary.sum,
                    count: summary.count,
                }
            }
        }
    }

    /// As `/metrics` shows it.
    pub(super) fn collect(&self, now: Instant) -> Vec<MetricFamily> {
        match &self.instrument {
            Instrument::Counter(counter) => counter.collect(),
            Instrument::Gauge(gauge) => gauge.collect(),
            Instrument::Histogram(histogram) => histogram.collect(),
            Instrument::Summary(summary) => {
                vec![lock(summary).family(&self.metric, &self.shown, now)]
            }
        }
    }

    /// Whether it is time to say that values are refused.
    pub(super) fn may_complain(&self, now: Instant) -> bool {
        let mut last = lock(&self.complained);
        let due = last.is_none_or(|last| now.duration_since(last) >= COMPLAINT_PAUSE);
        if due {
            *last = Some(now);
        }
        due
    }
}

impl Summary {
    fn observe(&mut self, value: f64, now: Instant) {
        self.window.observe(value, now);
        self.sum += value;
        self.count += 1;
    }

    fn family(&mut self, declared: &Metric, name: &str, now: Instant) -> MetricFamily {
        let values = self.window.quantiles(now);
        let quantiles = QUANTILES.into_iter().zip(values).map(|(rank, value)| {
            let mut quantile = proto::Quantile::default();
            quantile.set_quantile(rank);
            quantile.set_value(value);
            quantile
        });
        let mut summary = proto::Summary::default();
        summary.set_quantile(quantiles.collect());
        summary.set_sample_sum(self.sum);
        summary.set_sample_count(self.count);
        let mut metric = proto::Metric::default();
        metric.set_summary(summary);
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(declared.help.clone());
        family.set_field_type(MetricType::SUMMARY);
        family.set_metric(vec![metric]);
        family
    }
}

/// A number as Go reads it: exponents, `NaN` and `Inf` in any case, nothing too large.
fn number(text: &str) -> Result<f64, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::Empty);
    }
    let value: f64 = text.parse().map_err(|_| Refusal::NotANumber)?;
    if value.is_infinite() && text.contains(|char: char| char.is_ascii_digit()) {
        return Err(Refusal::NotANumber);
    }
    Ok(value)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("nothing that can panic runs under this lock")
}
