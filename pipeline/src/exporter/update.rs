//! What a sample does to its series: replace what it shows, or add to it.

use flightline_contract::health::Status;
use flightline_contract::metric::Bucket;

use super::family::Kind;
use super::refusal::Refusal;
use super::slot::{Histogram, Life, NONE, Origin, Phase, Slot, Value};

/// What a sample does to its series.
#[derive(Debug, Clone, Copy)]
pub(super) enum Update<'u> {
    /// Shows that number.
    Set(f64),
    /// Shows that much more.
    Add(f64),
    /// Shows that status.
    State(Status),
    /// Shows these observations.
    SetHistogram(Observations<'u>),
    /// Shows these observations too. Other bounds than before begin anew, as a restart of the publisher does.
    AddHistogram(Observations<'u>),
}

/// The observations of a histogram, checked by the contract.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observations<'u> {
    pub(super) buckets: &'u [Bucket],
    pub(super) sum: f64,
    pub(super) count: u64,
}

impl Update<'_> {
    /// Whether the number may be shown by that kind.
    pub(super) fn check(self, kind: Kind) -> Result<(), Refusal> {
        match self {
            Self::Set(value) | Self::Add(value)
                if !value.is_finite() || (kind == Kind::Counter && value < 0.0) =>
            {
                Err(Refusal::InvalidValue)
            }
            Self::Set(_)
            | Self::Add(_)
            | Self::State(_)
            | Self::SetHistogram(_)
            | Self::AddHistogram(_) => Ok(()),
        }
    }

    /// Whether what the series shows would be gone: then the sample must not be older.
    pub(super) fn replaces(self, slot: &Slot) -> bool {
        match (self, &slot.value) {
            (Self::Add(_), _) => false,
            (Self::AddHistogram(more), Value::Histogram(has)) => !same_bounds(has, more.buckets),
            (Self::Set(_) | Self::State(_) | Self::SetHistogram(_) | Self::AddHistogram(_), _) => {
                true
            }
        }
    }

    /// Whether it must not be done twice.
    pub(super) fn is_delta(self) -> bool {
        matches!(self, Self::Add(_) | Self::AddHistogram(_))
    }

    /// Series and heap bytes afterwards.
    pub(super) fn size(self) -> (usize, usize) {
        match self {
            Self::Set(_) | Self::Add(_) => (1, 0),
            Self::State(_) => (Status::ALL.len(), 0),
            Self::SetHistogram(observations) | Self::AddHistogram(observations) => (
                observations.buckets.len() + 3,
                size_of::<Histogram>() + size_of_val(observations.buckets),
            ),
        }
    }

    /// The slot of a series that begins with this.
    pub(super) fn first(self, kind: Kind) -> Result<Slot, Refusal> {
        self.check(kind)?;
        let value = match self {
            Self::Set(value) | Self::Add(value) => Value::Number(value),
            Self::State(status) => Value::State(status),
            Self::SetHistogram(observations) | Self::AddHistogram(observations) => {
                Value::Histogram(Box::new(Histogram::from(observations)))
            }
        };
        Ok(Slot {
            text: Box::default(),
            value,
            time: 0,
            split: 0,
            family: NONE,
            place: NONE,
            seen: 0,
            born: 0,
            phase: Phase::Live,
            life: Life::Normal,
            origin: self.origin(),
            kind,
        })
    }

    /// Does it.
    pub(super) fn apply(self, slot: &mut Slot) {
        slot.origin = self.origin();
        match (self, &mut slot.value) {
            (Self::Add(more), Value::Number(value)) => *value += more,
            (Self::Set(value) | Self::Add(value), place) => *place = Value::Number(value),
            (Self::State(status), place) => *place = Value::State(status),
            (Self::SetHistogram(new), Value::Histogram(has))
                if has.buckets.len() == new.buckets.len() =>
            {
                has.buckets.copy_from_slice(new.buckets);
                has.sum = new.sum;
                has.count = new.count;
            }
            (Self::AddHistogram(more), Value::Histogram(has)) if same_bounds(has, more.buckets) => {
                for (bucket, more) in has.buckets.iter_mut().zip(more.buckets) {
                    bucket.count = bucket.count.saturating_add(more.count);
                }
                has.sum += more.sum;
                has.count = has.count.saturating_add(more.count);
            }
            (Self::SetHistogram(new) | Self::AddHistogram(new), place) => {
                *place = Value::Histogram(Box::new(Histogram::from(new)));
            }
        }
    }

    fn origin(self) -> Origin {
        if self.is_delta() {
            Origin::Summed
        } else {
            Origin::Told
        }
    }
}

impl From<Observations<'_>> for Histogram {
    fn from(observations: Observations<'_>) -> Self {
        Self {
            buckets: observations.buckets.into(),
            sum: observations.sum,
            count: observations.count,
        }
    }
}

fn same_bounds(histogram: &Histogram, buckets: &[Bucket]) -> bool {
    // The contract has checked that bounds are finite, so equal means equal.
    histogram.buckets.len() == buckets.len()
        && histogram
            .buckets
            .iter()
            .zip(buckets)
            .all(|(a, b)| a.le.total_cmp(&b.le).is_eq())
}
