//! Each kind of data is shown as what it is.

use flightline_contract::health::{Health, Status};
use flightline_contract::lifecycle::{LifecycleChange, State};
use flightline_contract::metric::{Kind, Temporality};

use super::{Rig, config, delta, histogram, labels, sample, samples};
use crate::decode::observe::Observer;
use crate::delivery::Attempt;
use crate::exporter::refusal::Refusal;

#[test]
fn numbers_and_booleans_of_a_line_are_gauges_and_strings_are_not_shown() {
    let mut rig = Rig::new(&config());
    rig.line(b"cpu,host=a\\ b,cpu=0 idle=1.5,busy=-3i,cores=8u,hot=t,cold=FALSE,name=\"x\" 5");
    assert_eq!(
        rig.shown(),
        samples(&[
            ("cpu_idle{cpu=\"0\",host=\"a b\"}", 1.5),
            ("cpu_busy{cpu=\"0\",host=\"a b\"}", -3.0),
            ("cpu_cores{cpu=\"0\",host=\"a b\"}", 8.0),
            ("cpu_hot{cpu=\"0\",host=\"a b\"}", 1.0),
            ("cpu_cold{cpu=\"0\",host=\"a b\"}", 0.0),
        ])
    );
}

#[test]
fn configuration_makes_a_field_a_counter() {
    let config = config::Exporter {
        counters: vec!["net_recv".to_owned(), "net_sent_total".to_owned()],
        ..config()
    };
    let mut rig = Rig::new(&config);
    rig.line(b"net recv=10i,sent=9007199254740993i,drop=2i 5");
    assert_eq!(
        rig.shown(),
        samples(&[
            ("net_recv_total{}", 10.0),
            ("net_sent_total{}", 9_007_199_254_740_992.0),
            ("net_drop{}", 2.0),
        ])
    );
    rig.line(b"net recv=-1i 6");
    assert_eq!(rig.refused(Refusal::InvalidValue), 1);
}

#[test]
fn spellings_of_one_series_are_one_series() {
    let mut rig = Rig::new(&config());
    for text in [
        "m,a=1,b=2 x=1",
        "m,b=2,a=1 x=2",
        "m,b=2,a=1,c= x=3",
        "m,a=1,b=\\2 x=4",
        "m,a=1,b=2,d= x=5",
        "m,d=,a=1,b=2 x=6",
        "m,e=,a=1,b=2 x=7",
    ] {
        rig.line(text.as_bytes());
    }
    assert_eq!(
        rig.shown(),
        samples(&[
            ("m_x{a=\"1\",b=\"2\"}", 7.0),
            ("m_x{a=\"1\",b=\"\\\\2\"}", 4.0)
        ])
    );
}

#[test]
fn a_metric_set_keeps_its_names_and_gains_service_and_instance() {
    let mut rig = Rig::new(&config());
    rig.message(10);
    let mut requests = sample("http_requests", Kind::Counter, 7.0);
    requests.temporality = Some(Temporality::Cumulative);
    requests.labels = labels(&[("code", "200"), ("instance", "own")]);
    rig.sample(&requests);
    rig.sample(&sample("queue.depth", Kind::Gauge, 3.0));
    assert_eq!(
        rig.shown(),
        samples(&[
            (
                "http_requests_total{code=\"200\",exported_instance=\"own\",instance=\"a1\",service=\"api\"}",
                7.0
            ),
            ("queue_depth{instance=\"a1\",service=\"api\"}", 3.0),
        ])
    );
}

#[test]
fn deltas_add_up_and_a_redelivered_one_is_not_added_twice() {
    let mut rig = Rig::new(&config());
    let first = rig.message(10);
    rig.sample(&delta("jobs", 2.0));
    rig.message(11);
    rig.sample(&delta("jobs", 3.0));
    rig.delivery(first, Attempt::Again, 10);
    rig.sample(&delta("jobs", 2.0));
    let jobs = "jobs_total{instance=\"a1\",service=\"api\"}";
    assert_eq!(rig.shown(), samples(&[(jobs, 5.0)]));
    // Delivered first to a worker that is gone.
    rig.delivery(first + 7, Attempt::Again, 10);
    rig.sample(&delta("jobs", 4.0));
    assert_eq!(rig.shown(), samples(&[(jobs, 9.0)]));
    assert!(Refusal::ALL.iter().all(|reason| rig.refused(*reason) == 0));
}

#[test]
fn histograms_are_shown_with_buckets_sum_and_count() {
    let mut rig = Rig::new(&config());
    rig.message(10);
    rig.sample(&histogram(
        "wait",
        Temporality::Cumulative,
        &[(0.5, 1), (1.0, 2)],
        3,
    ));
    rig.message(11);
    rig.sample(&histogram(
        "wait",
        Temporality::Cumulative,
        &[(0.5, 2), (1.0, 4)],
        6,
    ));
    for seconds in [12, 13] {
        rig.message(seconds);
        rig.sample(&histogram("size", Temporality::Delta, &[(1.0, 1)], 2));
    }
    let at = "instance=\"a1\",";
    let expected: Vec<(String, f64)> = [
        ("wait_bucket", "le=\"0.5\",", 2.0),
        ("wait_bucket", "le=\"1.0\",", 4.0),
        ("wait_bucket", "le=\"+Inf\",", 6.0),
        ("wait_sum", "", 0.5),
        ("wait_count", "", 6.0),
        ("size_bucket", "le=\"1.0\",", 2.0),
        ("size_bucket", "le=\"+Inf\",", 4.0),
        ("size_sum", "", 1.0),
        ("size_count", "", 4.0),
    ]
    .map(|(name, le, value)| (format!("{name}{{{at}{le}service=\"api\"}}"), value))
    .into();
    assert_eq!(rig.shown(), expected.into_iter().collect());
    assert_eq!(rig.exporter.lock().counts().series, 9);
}

#[test]
fn other_bounds_begin_a_histogram_anew() {
    let mut rig = Rig::new(&config());
    rig.message(10);
    rig.sample(&histogram("size", Temporality::Delta, &[(1.0, 1)], 2));
    rig.message(11);
    rig.sample(&histogram(
        "size",
        Temporality::Delta,
        &[(1.0, 1), (2.0, 1)],
        1,
    ));
    let shown = rig.shown();
    assert_eq!(shown["size_count{instance=\"a1\",service=\"api\"}"], 1.0);
    assert_eq!((shown.len(), rig.exporter.lock().counts().series), (5, 5));
    rig.message(9);
    rig.sample(&histogram("size", Temporality::Delta, &[(1.0, 1)], 2));
    assert_eq!(rig.refused(Refusal::Older), 1);
}

#[test]
fn health_is_one_status_of_four() {
    let mut rig = Rig::new(&config());
    for status in [Status::Passing, Status::Critical] {
        rig.message(10);
        let health = Health {
            check: "http".into(),
            status,
            output: None,
            time: None,
        };
        rig.exporter.lock().health("api", "a1", &health);
    }
    let expected = Status::ALL.map(|status| {
        let labels = "check=\"http\",instance=\"a1\",service=\"api\"";
        (
            format!(
                "flightline_health_status{{{labels},status=\"{}\"}}",
                status.as_str()
            ),
            if status == Status::Critical { 1.0 } else { 0.0 },
        )
    });
    assert_eq!(rig.shown(), expected.into_iter().collect());
    assert_eq!(rig.exporter.lock().counts().series, 4);
}

pub(super) fn transition(from: State, to: State) -> LifecycleChange<'static> {
    LifecycleChange {
        job: None,
        from,
        to,
        cause: "test".into(),
        pid: None,
        exit: None,
        attempt: 1,
        sequence: 1,
        time: None,
    }
}

#[test]
fn transitions_are_counted_once_and_up_follows_the_last() {
    let mut rig = Rig::new(&config());
    let starts = transition(State::Starting, State::Running);
    let sequence = rig.message(10);
    rig.exporter.lock().transition("api", "a1", &starts);
    let counted = "flightline_lifecycle_transitions_total{\
                   from=\"starting\",instance=\"a1\",service=\"api\",to=\"running\"}";
    let up = "flightline_up{instance=\"a1\",service=\"api\"}";
    assert_eq!(rig.shown(), samples(&[(counted, 1.0), (up, 1.0)]));
    rig.message(11);
    rig.exporter
        .lock()
        .transition("api", "a1", &transition(State::Running, State::Failed));
    rig.delivery(sequence, Attempt::Again, 10);
    rig.exporter.lock().transition("api", "a1", &starts);
    let shown = rig.shown();
    assert_eq!((shown[counted], shown[up], shown.len()), (1.0, 0.0, 3));
}

#[test]
fn jobs_of_one_instance_are_told_apart_and_their_checks_keep_them_shown() {
    let mut rig = Rig::new(&config());
    rig.message(10);
    for (job, to) in [(None, State::Running), (Some("web"), State::Failed)] {
        let mut change = transition(State::Starting, to);
        change.job = job.map(Into::into);
        rig.exporter.lock().transition("api", "a1", &change);
    }
    let own = "instance=\"a1\",service=\"api\"";
    let web = "instance=\"a1\",job=\"web\",service=\"api\"";
    let counted = "flightline_lifecycle_transitions_total{from=\"starting\"";
    assert_eq!(
        rig.shown(),
        samples(&[
            (&format!("{counted},{own},to=\"running\"}}"), 1.0),
            (&format!("{counted},{web},to=\"failed\"}}"), 1.0),
            (&format!("flightline_up{{{own}}}"), 1.0),
            (&format!("flightline_up{{{web}}}"), 0.0),
        ])
    );
}
