//! What is older never overwrites what is newer, and no clock can silence a series.

use flightline_contract::metric::Kind;
use flightline_contract::value::Timestamp;

use super::{Rig, SECOND, config, line, sample, samples};
use crate::delivery::Attempt;
use crate::exporter::refusal::Refusal;

#[test]
fn back_fill_and_redelivery_do_not_overwrite_newer_samples() {
    let mut rig = Rig::new(&config());
    rig.line(b"m x=2 2000000000");
    rig.line(b"m x=1 1000000000");
    assert_eq!(rig.shown(), samples(&[("m_x{}", 2.0)]));
    assert_eq!(rig.refused(Refusal::Older), 1);
    rig.line(b"m x=3 2000000000");
    assert_eq!(
        rig.shown(),
        samples(&[("m_x{}", 3.0)]),
        "of equal times the later wins"
    );
}

#[test]
fn without_a_timestamp_the_messages_own_time_decides() {
    let mut rig = Rig::new(&config());
    let first = rig.message(10);
    line(&rig.exporter, b"m x=1");
    rig.message(20);
    line(&rig.exporter, b"m x=2");
    rig.delivery(first, Attempt::Again, 10);
    line(&rig.exporter, b"m x=1");
    assert_eq!(rig.shown(), samples(&[("m_x{}", 2.0)]));
}

#[test]
fn a_clock_that_runs_ahead_does_not_silence_its_series() {
    let mut rig = Rig::new(&config());
    rig.message(10);
    let mut gauge = sample("m", Kind::Gauge, 1.0);
    gauge.time = Some(Timestamp(i64::MAX));
    rig.sample(&gauge);
    rig.message(11);
    gauge.time = Some(Timestamp(11 * SECOND));
    gauge.value = Some(2.0);
    rig.sample(&gauge);
    assert_eq!(
        rig.shown(),
        samples(&[("m{instance=\"a1\",service=\"api\"}", 2.0)])
    );
}
