//! Names and helps of our own metrics come in; metrics that are registered, the list of their names, and counters that follow somebody's totals go out.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::core::Collector;
use prometheus::{
    Counter, Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// Makes metrics and registers them: names that are spelt out in the code, each once.
#[derive(Debug, Default)]
pub(super) struct Maker {
    registry: Registry,
    names: RefCell<BTreeSet<String>>,
}

impl Maker {
    /// Where they are registered, and how they are called.
    pub(super) fn finish(self) -> (Registry, BTreeSet<String>) {
        (self.registry, self.names.into_inner())
    }

    fn registered<M: Collector + Clone + 'static>(&self, made: prometheus::Result<M>) -> M {
        let metric = made.expect("its name and help are valid");
        let names = metric.desc().into_iter().map(|desc| desc.fq_name.clone());
        self.names.borrow_mut().extend(names);
        self.registry
            .register(Box::new(metric.clone()))
            .expect("its name is used once");
        metric
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.registered(IntCounter::new(name, help))
    }

    pub(super) fn following(&self, name: &str, help: &str) -> Following {
        Following {
            shown: self.counter(name, help),
            last: AtomicU64::new(0),
        }
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.registered(IntGauge::new(name, help))
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.registered(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.registered(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn float_counter(&self, name: &str, help: &str) -> Counter {
        self.registered(Counter::new(name, help))
    }

    pub(super) fn float_gauge(&self, name: &str, help: &str) -> Gauge {
        self.registered(Gauge::new(name, help))
    }
}

/// A counter that shows the totals of one that counts, then of the next one, which begins at zero.
#[derive(Debug)]
pub(super) struct Following {
    shown: IntCounter,
    /// What the present one told last.
    last: AtomicU64,
}

impl Following {
    /// The only one that ever counts stands at `total`, as several may find at once.
    pub(super) fn rises(&self, total: u64) {
        let last = self.last.fetch_max(total, Ordering::Relaxed);
        self.shown.inc_by(total.saturating_sub(last));
    }

    /// Who counts stands at `total`, which one task tells in order. Totals never fall, so that a lower one is that of another.
    pub(super) fn at(&self, total: u64) {
        let last = self.last.swap(total, Ordering::Relaxed);
        self.shown.inc_by(total.checked_sub(last).unwrap_or(total));
    }

    /// Another one counts from now on.
    pub(super) fn restarted(&self) {
        self.last.store(0, Ordering::Relaxed);
    }
}
