//! Series end without a sweep, and one that comes back is no counter reset.

use std::collections::HashMap;
use std::time::Duration;

use flightline_contract::health::{Health, Status};
use flightline_contract::lifecycle::State;
use flightline_contract::metric::Temporality;
use proptest::prelude::*;

use super::kinds::transition;
use super::{EXPIRE, Rig, config, delta, histogram, samples};

const JOBS: &str = "jobs_total{instance=\"a1\",service=\"api\"}";

#[test]
fn what_is_not_updated_is_hidden_and_its_memory_comes_back() {
    let mut rig = Rig::new(&config());
    rig.line(b"m,t=1 x=1");
    rig.line(b"m,t=2 x=1");
    rig.pass(EXPIRE / 2);
    rig.line(b"m,t=2 x=2");
    rig.pass(EXPIRE / 2 + Duration::from_secs(2));
    assert_eq!(rig.shown(), samples(&[("m_x{t=\"2\"}", 2.0)]));
    rig.pass(EXPIRE * 2);
    assert_eq!(rig.shown(), samples(&[]));
    let counts = rig.exporter.lock().counts();
    assert_eq!((counts.series, counts.bytes), (0, 0));
}

#[test]
fn a_series_of_many_spellings_gives_all_its_memory_back() {
    let mut rig = Rig::new(&config());
    for text in [
        "m,a=1,b=2 x=1",
        "m,b=2,a=1 x=1",
        "m,c=,a=1,b=2 x=1",
        "m,d=,a=1,b=2 x=1",
        "m,e=,a=1,b=2 x=1",
    ] {
        rig.line(text.as_bytes());
    }
    rig.message(2);
    rig.sample(&histogram("size", Temporality::Delta, &[(1.0, 1)], 2));
    rig.sample(&histogram(
        "size",
        Temporality::Delta,
        &[(1.0, 1), (2.0, 1)],
        2,
    ));
    assert_eq!(rig.exporter.lock().counts().series, 1 + 5);
    rig.pass(EXPIRE * 20);
    assert_eq!(rig.shown(), samples(&[]));
    let counts = rig.exporter.lock().counts();
    assert_eq!((counts.series, counts.bytes), (0, 0));
    rig.line(b"m,b=2,a=1 x=5");
    assert_eq!(rig.shown(), samples(&[("m_x{a=\"1\",b=\"2\"}", 5.0)]));
}

#[test]
fn a_sum_that_comes_back_goes_on_where_it_was() {
    let mut rig = Rig::new(&config());
    rig.message(1);
    rig.sample(&delta("jobs", 5.0));
    rig.pass(EXPIRE * 10);
    assert_eq!(rig.shown(), samples(&[]));
    rig.message(2);
    rig.sample(&delta("jobs", 1.0));
    assert_eq!(rig.shown(), samples(&[(JOBS, 6.0)]));
}

#[test]
fn a_hidden_sum_is_forgotten_after_its_time() {
    let mut rig = Rig::new(&config());
    rig.message(1);
    rig.sample(&delta("jobs", 5.0));
    rig.pass(EXPIRE * 2);
    assert_eq!(rig.shown(), samples(&[]));
    assert!(rig.exporter.lock().counts().bytes > 0);
    rig.pass(EXPIRE * 12);
    assert_eq!(rig.shown(), samples(&[]));
    assert_eq!(rig.exporter.lock().counts().bytes, 0);
    rig.message(2);
    rig.sample(&delta("jobs", 1.0));
    assert_eq!(rig.shown(), samples(&[(JOBS, 1.0)]));
}

#[test]
fn life_cycle_outlasts_quiet_times_and_health_keeps_it_longer() {
    let mut rig = Rig::new(&config());
    rig.message(1);
    rig.exporter
        .lock()
        .transition("api", "a1", &transition(State::Starting, State::Running));
    let health = Health {
        check: "http".into(),
        status: Status::Passing,
        output: None,
        time: None,
    };
    let up = "flightline_up{instance=\"a1\",service=\"api\"}";
    rig.pass(EXPIRE * 200);
    assert_eq!(rig.shown()[up], 1.0);
    rig.message(2);
    rig.exporter.lock().health("api", "a1", &health);
    rig.pass(EXPIRE * 200);
    assert_eq!(rig.shown(), samples(&[(up, 1.0)]));
    rig.pass(EXPIRE * 100);
    assert_eq!(rig.shown(), samples(&[]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn the_table_agrees_with_a_model_that_sweeps(
        steps in prop::collection::vec((0_u64..40, 0_u8..30), 1..150),
        max_series in 5_usize..40,
    ) {
        let mut rig = Rig::new(&config::Exporter { max_series, ..config() });
        let mut model: HashMap<u8, u64> = HashMap::new();
        let mut clock = 0;
        for (pause, name) in steps {
            clock += pause;
            rig.pass(Duration::from_secs(pause));
            model.retain(|_, seen| clock - *seen <= 64);
            if model.contains_key(&name) || model.len() < max_series {
                model.insert(name, clock);
            }
            rig.line(format!("m,t={name} x={name}").as_bytes());
            let shown = rig.shown();
            let expected: Vec<(String, f64)> = model
                .keys()
                .map(|name| (format!("m_x{{t=\"{name}\"}}"), f64::from(*name)))
                .collect();
            prop_assert_eq!(shown, expected.into_iter().collect());
        }
        rig.pass(EXPIRE * 3);
        prop_assert!(rig.shown().is_empty());
        prop_assert_eq!(rig.exporter.lock().counts().bytes, 0);
    }
}
