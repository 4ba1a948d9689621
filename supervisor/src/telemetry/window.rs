//! Observations with their times come in; quantiles of those of the last ten minutes go out. Memory is bounded however many come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sketches_ddsketch::{Config, DDSketch};

/// The quantiles of a summary: those of ContainerPilot.
pub(super) const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];
/// Parts of the window; the oldest is dropped as a whole.
const PARTS: usize = 5;
/// The window is ten minutes.
const PART: Duration = Duration::from_secs(600 / PARTS as u64);
/// A quantile is wrong by at most so much of itself.
const ERROR: f64 = 0.01;
/// Below, a value counts as zero.
const SMALLEST: f64 = 1e-9;
/// Above, it counts as this.
const LARGEST: f64 = 1e21;
/// At [`ERROR`], [`SMALLEST`] to [`LARGEST`] takes 3,454 bins, so that none are ever merged.
const BINS: u32 = 4096;

/// The last ten minutes.
#[derive(Clone)]
pub(super) struct Window {
    /// Each with the time at which it began, the newest last.
    parts: VecDeque<(Instant, DDSketch)>,
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Window")
            .field("parts", &self.parts.len())
            .finish()
    }
}

impl Window {
    pub(super) fn new() -> Self {
        Self {
            parts: VecDeque::new(),
        }
    }

    /// Takes in a finite value.
    pub(super) fn observe(&mut self, value: f64, now: Instant) {
        self.forget(now);
        let fresh = |(began, _): &(Instant, DDSketch)| now.duration_since(*began) < PART;
        if !self.parts.back().is_some_and(fresh) {
            self.parts.push_back((now, empty()));
        }
        if let Some((_, sketch)) = self.parts.back_mut() {
            sketch.add(value.clamp(-LARGEST, LARGEST));
        }
    }

    /// The value of each of [`QUANTILES`]; not a number when nothing was observed.
    pub(super) fn quantiles(&mut self, now: Instant) -> [f64; QUANTILES.len()] {
        self.forget(now);
        let mut all = empty();
        for (_, part) in &self.parts {
            all.merge(part).expect("all have the same shape");
        }
        QUANTILES.map(|quantile| {
            let asked = between(quantile, all.count());
            let value = all.quantile(asked).expect("it is between 0 and 1");
            value.unwrap_or(f64::NAN)
        })
    }

    fn forget(&mut self, now: Instant) {
        let part = PART.saturating_mul(PARTS as u32);
        self.parts
            .retain(|(began, _)| now.duration_since(*began) < part);
    }
}

/// What to ask a sketch of so many values for: it rounds ranks down, and ContainerPilot's library rounds them up, so that the highest
/// of few values is seen. Half a rank more keeps the rounding away from its edges.
fn between(quantile: f64, count: usize) -> f64 {
    let count = count as f64;
    let rank = (quantile * count).ceil() - 1.0;
    ((rank + 0.5) / (count - 1.0)).clamp(0.0, 1.0)
}

fn empty() -> DDSketch {
    DDSketch::new(Config::new(ERROR, BINS, SMALLEST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The least value that is not below so much of `values`.
    fn exact(values: &mut [f64], quantile: f64) -> f64 {
        values.sort_by(f64::total_cmp);
        values[(quantile * values.len() as f64).ceil() as usize - 1]
    }

    #[test]
    fn quantiles_are_within_two_percent() {
        let mut random = fastrand::Rng::with_seed(7);
        let begin = Instant::now();
        let shapes: [fn(f64) -> f64; 3] = [
            |uniform| 0.001 + uniform * 10.0,
            |uniform| -(1.0 - uniform).ln() * 250.0,
            |uniform| -1e6 * uniform - 1.0,
        ];
        for shape in shapes {
            let mut window = Window::new();
            let mut values = Vec::new();
            for number in 0..50_000_u64 {
                let value = shape(random.f64());
                values.push(value);
                window.observe(value, begin + Duration::from_millis(number * 10));
            }
            let found = window.quantiles(begin + Duration::from_secs(500));
            for (quantile, found) in QUANTILES.into_iter().zip(found) {
                let exact = exact(&mut values, quantile);
                let wrong = ((found - exact) / exact).abs();
                assert!(wrong < 0.02, "{quantile}: {found} instead of {exact}");
            }
        }
    }

    #[test]
    fn the_highest_of_few_values_is_the_last_percent() {
        let now = Instant::now();
        for (values, golden) in [
            (&[1.0, 2.0, 3.0, 100.0][..], [2.0, 100.0, 100.0]),
            (&[7.0], [7.0; 3]),
            (&[1.0, 9.0], [1.0, 9.0, 9.0]),
            (&[-5.0, 0.0, 5.0], [0.0, 5.0, 5.0]),
            (&[1., 2., 3., 4., 5., 6., 7., 8., 9., 10.], [5.0, 9.0, 10.0]),
        ] {
            let mut window = Window::new();
            for value in values {
                window.observe(*value, now);
            }
            for (found, golden) in window.quantiles(now).into_iter().zip(golden) {
                assert!(
                    (found - golden).abs() <= golden * 0.011,
                    "{values:?}: {found} instead of {golden}"
                );
            }
        }
    }

    #[test]
    fn what_is_older_than_ten_minutes_is_forgotten() {
        let begin = Instant::now();
        let mut window = Window::new();
        window.observe(1000.0, begin);
        window.observe(1.0, begin + Duration::from_secs(300));
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert!(window.quantiles(at(599))[2] > 980.0);
        assert!(window.quantiles(at(599))[0] < 1.02);
        assert!(window.clone().quantiles(at(600))[2] < 1.02);
        window.observe(1000.0, at(601));
        assert!((window.quantiles(at(899))[0] - 1.0).abs() < 0.02);
        assert!((window.quantiles(at(900))[0] - 1000.0).abs() < 20.0);
        assert!(
            window
                .quantiles(at(1_300))
                .iter()
                .all(|value| value.is_nan())
        );
        assert_eq!(window.parts.len(), 0);
    }

    proptest! {
        #[test]
        fn no_value_is_too_much(values in proptest::collection::vec(proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO, 1..200)) {
            let now = Instant::now();
            let mut window = Window::new();
            for (number, value) in (0..).zip(&values) {
                window.observe(*value, now + Duration::from_secs(number));
            }
            let found = window.quantiles(now + Duration::from_secs(200));
            let clamped = || values.iter().map(|value| value.clamp(-LARGEST, LARGEST));
            let least = clamped().fold(f64::INFINITY, f64::min);
            let most = clamped().fold(f64::NEG_INFINITY, f64::max);
            let slack = |bound: f64| bound.abs() * 0.011 + SMALLEST;
            for value in found {
                prop_assert!(value >= least - slack(least) && value <= most + slack(most), "{value}");
            }
        }
    }
}
