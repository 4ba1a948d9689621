//! Who looks on while messages are decoded: the exporter's series table is fed in the same pass, without a second decode.

use flightline_contract::health::Health;
use flightline_contract::lifecycle::LifecycleChange;
use flightline_contract::metric::{Reading, Sample};

use crate::decode::line::Line;

/// Looks on. It is told of what was written for the stores, in the order it was written, and of nothing that was refused.
///
/// A sample may bring labels of the names `service` and `instance` itself. The subject says who published it, so those two
/// come from the subject, and the publisher's own are stored as [`OWN_SERVICE`] and [`OWN_INSTANCE`]; whoever shows samples
/// elsewhere does the same.
pub trait Observer {
    /// Whether it looks at all.
    const LOOKS: bool = true;

    /// A line that came as it is, or was made from application data.
    fn line(&mut self, line: &Line<'_>);

    /// A sample, and what it means.
    fn sample(&mut self, service: &str, instance: &str, sample: &Sample<'_>, reading: Reading<'_>);

    /// A check result.
    fn health(&mut self, service: &str, instance: &str, health: &Health<'_>);

    /// A transition.
    fn transition(&mut self, service: &str, instance: &str, transition: &LifecycleChange<'_>);
}

/// What a publisher's own label or tag `service` becomes.
pub const OWN_SERVICE: &str = "exported_service";

/// What a publisher's own label or tag `instance` becomes.
pub const OWN_INSTANCE: &str = "exported_instance";

/// Does not look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Observer for Nobody {
    const LOOKS: bool = false;

    fn line(&mut self, _: &Line<'_>) {}

    fn sample(&mut self, _: &str, _: &str, _: &Sample<'_>, _: Reading<'_>) {}

    fn health(&mut self, _: &str, _: &str, _: &Health<'_>) {}

    fn transition(&mut self, _: &str, _: &str, _: &LifecycleChange<'_>) {}
}
