//! One source's part of a gauge that several sources add up to.

use std::sync::atomic::{AtomicI64, Ordering};

use prometheus::IntGauge;

/// Taken back when it is dropped.
#[derive(Debug)]
pub(crate) struct Portion {
    gauge: IntGauge,
    mine: AtomicI64,
}

impl Portion {
    /// Of `gauge`, nothing yet.
    pub(crate) fn of(gauge: &IntGauge) -> Self {
        Self {
            gauge: gauge.clone(),
            mine: AtomicI64::new(0),
        }
    }

    /// From now on it is so much.
    pub(crate) fn set(&self, value: u64) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.gauge
            .add(value - self.mine.swap(value, Ordering::Relaxed));
    }
}

impl Drop for Portion {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_add_up_and_are_taken_back() {
        let gauge = IntGauge::new("a", "a").unwrap();
        let (one, other) = (Portion::of(&gauge), Portion::of(&gauge));
        one.set(5);
        other.set(7);
        one.set(2);
        assert_eq!(gauge.get(), 9);
        drop(one);
        assert_eq!(gauge.get(), 7);
    }
}
