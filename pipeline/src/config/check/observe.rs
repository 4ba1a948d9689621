//! `[observe]`: what is asked of NATS, how often, and with which logins.

use std::ops::RangeInclusive;
use std::time::Duration;

use flightline_link::nats::Nats;

use crate::config::check::{Checker, nats};
use crate::config::raw;
use crate::config::spot::Key;
use crate::config::{MOST_LISTED, Observe};

/// Below it NATS would have more to do with us than with its clients.
const INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);
/// No more are read.
const STREAMS: RangeInclusive<u32> = 1..=MOST_LISTED;
/// Each has a dozen series; above it a page is not a page any more.
const CONSUMERS: RangeInclusive<u32> = 1..=100_000;

/// Checks `[observe]`. `account` is the login of `[nats]`, if there is one; `base` is where the system account is unless said otherwise.
pub(crate) fn check(
    check: &mut Checker,
    raw: Key<raw::Observe>,
    account: Option<&Nats>,
    base: &Nats,
) -> Option<Observe> {
    raw.as_ref()?;
    let (section, raw) = Checker::open(raw, "observe");
    let interval = check.duration(&section, "interval", &raw.interval, &INTERVAL);
    let mut items = |key, raw, range| check.count(&section, key, raw, range) as usize;
    let max_streams = items("max_streams", &raw.max_streams, &STREAMS);
    let max_consumers = items("max_consumers", &raw.max_consumers, &CONSUMERS);
    let system = raw.system.is_some().then(|| {
        let path = section.key("system");
        nats::connection(check, raw.system, &path, Some(base))
    });
    let account = match (account, &system) {
        (None, Some(_)) => None,
        _ => Some(base.clone()),
    };
    Some(Observe {
        interval,
        max_streams,
        max_consumers,
        account,
        system,
    })
}
