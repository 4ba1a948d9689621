//! What jobs push and what is shown of it.

use super::super::declared::{Reading, validate};
use super::*;
use crate::config::MetricKind;
use crate::event::WithdrawalId;

fn metric(namespace: &str, subsystem: &str, name: &str, kind: MetricKind) -> Metric {
    Metric {
        namespace: namespace.to_owned(),
        subsystem: subsystem.to_owned(),
        name: name.to_owned(),
        help: format!("What {name} means."),
        kind,
    }
}

fn gauge(name: &str) -> Metric {
    metric("", "", name, MetricKind::Gauge)
}

fn declared(list: &[Metric]) -> Metrics {
    let metrics = Metrics::new();
    metrics.declare(list).unwrap();
    metrics
}

fn shows(metrics: &Metrics, line: &str) {
    let text = metrics.render();
    assert!(
        text.lines().any(|shown| shown == line),
        "no {line} in:\n{text}"
    );
}

fn taken(pushed: Pushed) -> Reading {
    match pushed {
        Pushed::Taken(reported) => reported.reading,
        other => panic!("{other:?}"),
    }
}

#[test]
fn bug569_a_metric_is_pushed_with_or_without_its_empty_parts() {
    // Only the first spelling worked, and the second is what is shown.
    let list = [
        gauge("depth"),
        metric("ns", "", "size", MetricKind::Gauge),
        metric("", "sub", "load", MetricKind::Gauge),
        metric("example", "memory", "percent", MetricKind::Gauge),
    ];
    let metrics = declared(&list);
    for (key, shown) in [
        ("__depth", "depth"),
        ("depth", "depth"),
        ("ns__size", "ns_size"),
        ("ns_size", "ns_size"),
        ("_sub_load", "sub_load"),
        ("sub_load", "sub_load"),
        ("example_memory_percent", "example_memory_percent"),
    ] {
        let Pushed::Taken(reported) = metrics.push(key, "3") else {
            panic!("{key} is not known");
        };
        assert_eq!(&*reported.name, shown);
        shows(&metrics, &format!("{shown} 3"));
        metrics.push(key, "0");
    }
    assert_eq!(metrics.push("_depth", "1"), Pushed::Unknown);
    assert_eq!(metrics.push("example_process_cpu", ""), Pushed::Unknown);
    shows(
        &metrics,
        r#"flightline_supervisor_metric_values_total{outcome="unknown"} 2"#,
    );
}

#[test]
fn values_are_texts_as_go_reads_them() {
    let metrics = declared(&[gauge("depth")]);
    for (text, value) in [
        (" 42\n", 42.0),
        ("1e3", 1000.0),
        ("1.5E-7", 1.5e-7),
        ("+.5", 0.5),
        ("-3", -3.0),
        ("Inf", f64::INFINITY),
        ("-infinity", f64::NEG_INFINITY),
    ] {
        let reading = taken(metrics.push("depth", text));
        assert_eq!(reading, Reading::Gauge(value), "{text}");
    }
    let Reading::Gauge(value) = taken(metrics.push("depth", "NaN")) else {
        panic!("it is a gauge");
    };
    assert!(value.is_nan());
    for (text, refusal) in [
        ("", Refusal::Empty),
        (" \t", Refusal::Empty),
        ("x", Refusal::NotANumber),
        ("1,5", Refusal::NotANumber),
        ("0x", Refusal::NotANumber),
        ("1e999", Refusal::NotANumber),
    ] {
        let pushed = metrics.push("depth", text);
        assert_eq!(pushed, Pushed::Refused(refusal), "{text}");
    }
}

#[test]
fn bug_a_negative_counter_is_refused_and_no_panic() {
    let metrics = declared(&[metric("", "", "done", MetricKind::Counter)]);
    assert_eq!(taken(metrics.push("done", "40")), Reading::Counter(40.0));
    for (text, refusal) in [
        ("-1", Refusal::Negative),
        ("NaN", Refusal::NotFinite),
        ("Inf", Refusal::NotFinite),
    ] {
        assert_eq!(metrics.push("done", text), Pushed::Refused(refusal));
    }
    assert_eq!(taken(metrics.push("done", "2")), Reading::Counter(42.0));
    shows(&metrics, "done 42");
    shows(&metrics, "# TYPE done counter");
    shows(&metrics, "# HELP done What done means.");
}

#[test]
fn histograms_and_summaries_count_what_they_are_given() {
    let metrics = declared(&[
        metric("", "", "wait", MetricKind::Histogram),
        metric("", "", "size", MetricKind::Summary),
    ]);
    shows(&metrics, r#"size{quantile="0.5"} NaN"#);
    for value in 1..=100 {
        metrics.push("wait", &format!("{}", f64::from(value) / 100.0));
        metrics.push("size", &value.to_string());
    }
    let Reading::Histogram {
        buckets,
        sum,
        count,
    } = taken(metrics.push("wait", "20"))
    else {
        panic!("it is a histogram");
    };
    let bounds: Vec<f64> = buckets.iter().map(|(bound, _)| *bound).collect();
    let golden = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ];
    assert_eq!(bounds, golden);
    assert_eq!(buckets[6], (0.5, 50));
    assert!((sum - 70.5).abs() < 1e-9);
    assert_eq!(count, 101);
    shows(&metrics, r#"wait_bucket{le="+Inf"} 101"#);
    let Reading::Summary {
        quantiles,
        sum,
        count,
    } = taken(metrics.push("size", "0"))
    else {
        panic!("it is a summary");
    };
    for ((rank, value), exact) in quantiles.into_iter().zip([50.0, 90.0, 99.0]) {
        assert!((value / exact - 1.0).abs() < 0.02, "{rank}: {value}");
    }
    assert_eq!((sum, count), (5050.0, 101));
    shows(&metrics, "size_sum 5050");
}

#[test]
fn bug_a_reload_keeps_what_stays_and_forgets_what_goes() {
    let list = [
        metric("", "", "done", MetricKind::Counter),
        gauge("depth"),
        gauge("gone"),
    ];
    let metrics = declared(&list);
    for name in ["done", "depth", "gone"] {
        metrics.push(name, "5");
    }
    let mut changed = gauge("depth");
    // In ContainerPilot, another help makes the reload fail.
    changed.help = "Something else.".to_owned();
    metrics.declare(&[list[0].clone(), changed]).unwrap();
    shows(&metrics, "done 5");
    shows(&metrics, "depth 0");
    shows(&metrics, "# HELP depth Something else.");
    assert!(!metrics.render().contains("gone"));
    assert_eq!(metrics.push("gone", "1"), Pushed::Unknown);
    metrics.declare(&[gauge("done")]).unwrap();
    shows(&metrics, "# TYPE done gauge");
    // What is refused changes nothing.
    metrics.push("done", "7");
    metrics.declare(&[gauge("a.b")]).unwrap_err();
    shows(&metrics, "done 7");
}

#[test]
fn what_cannot_be_shown_is_an_error_that_says_why() {
    let mut silent = gauge("depth");
    silent.help.clear();
    for (metric, reason) in [
        (gauge(""), "must not be empty"),
        (gauge("my.depth"), "no name for Prometheus"),
        (gauge("1st"), "no name for Prometheus"),
        (gauge("größe"), "no name for Prometheus"),
        (silent, "must not be empty"),
        (
            metric("process", "", "open_fds", MetricKind::Gauge),
            "a metric of the supervisor itself",
        ),
        (
            metric("containerpilot", "", "events", MetricKind::Gauge),
            "a metric of the supervisor itself",
        ),
    ] {
        let error = validate(&metric).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    validate(&gauge("_a:b_1")).unwrap();
    let series = [metric("", "", "a", MetricKind::Summary), gauge("a_count")];
    let error = Metrics::new().declare(&series).unwrap_err().to_string();
    assert!(
        error.starts_with("telemetry: metrics[1]: a_count is shown"),
        "{error}"
    );
}

#[test]
fn a_metric_may_begin_as_ours_do_but_not_be_one_of_them() {
    let of_ours = |namespace: &str, name: &str| metric(namespace, "", name, MetricKind::Gauge);
    let metrics = declared(&[
        of_ours("containerpilot", "depth"),
        of_ours("containerpilot", "event"),
        of_ours("process", "depth"),
        of_ours("flightline_supervisor", "depth"),
    ]);
    metrics.push("containerpilot_depth", "3");
    shows(&metrics, "containerpilot_depth 3");
    fill(&metrics);
    let text = metrics.render();
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = names.filter_map(|line| line.split(' ').next());
    let mut ours = 0;
    for name in names.filter(|name| !name.ends_with("_depth") && !name.ends_with("_event")) {
        ours += 1;
        for name in [
            name.to_owned(),
            format!("{name}_sum"),
            format!("{name}_bucket"),
        ] {
            validate(&gauge(&name)).unwrap_err();
        }
    }
    assert!(ours > 15, "{ours}");
}

#[test]
fn of_two_metrics_of_one_name_the_last_is_in_force() {
    let metrics = declared(&[
        metric("a", "", "b", MetricKind::Summary),
        gauge("depth"),
        metric("", "a", "b", MetricKind::Counter),
    ]);
    for _ in 0..2 {
        let pushed = metrics.push("a_b", "2");
        assert!(matches!(taken(pushed), Reading::Counter(_)));
    }
    shows(&metrics, "# TYPE a_b counter");
    shows(&metrics, "a_b 4");
    assert_eq!(metrics.render().matches("# TYPE a_b ").count(), 1);
    // What is not shown collides with nothing.
    metrics
        .declare(&[
            metric("", "", "a", MetricKind::Summary),
            gauge("a_count"),
            gauge("a"),
        ])
        .unwrap();
}

#[test]
fn what_is_no_number_is_refused_and_counted() {
    let metrics = declared(&[gauge("depth")]);
    for text in ["null", "true", "[1]", "{}"] {
        let pushed = metrics.push("depth", text);
        assert_eq!(pushed, Pushed::Refused(Refusal::NotANumber), "{text}");
    }
    shows(
        &metrics,
        r#"flightline_supervisor_metric_values_total{outcome="refused"} 4"#,
    );
}

/// Every metric that has labels, with a value.
fn fill(metrics: &Metrics) {
    metrics.event(Code::Startup, &Source::global());
    metrics.control_request("/v3/ping", 200);
    metrics.watch_instances("db", 2, 0);
    metrics.jobs([State::Healthy].into_iter());
    metrics.transition(State::Healthy);
    metrics.restart("app");
    metrics.wake(&Wake::Withdrawn {
        service: "db".into(),
        withdrawal: WithdrawalId::UNAWAITED,
    });
}

#[test]
fn bug_labels_that_come_from_outside_are_bounded() {
    let metrics = Metrics::new();
    for number in 0..2_000 {
        metrics.event(Code::ExitFailed, &Source::typed(&format!("job{number}")));
        metrics.event(Code::Error, &Source::typed(&format!("text {number}")));
        metrics.restart(&format!("job{number}"));
        metrics.control_request(&format!("/v3/x{number}"), 404);
        metrics.control_request(&format!("/v4/jobs/x{number}/stop"), 200);
    }
    metrics.control_request("/v3/metric", 200);
    let text = metrics.render();
    let count = |prefix: &str| text.lines().filter(|line| line.starts_with(prefix)).count();
    assert_eq!(count("containerpilot_events{code=\"ExitFailed\""), 513);
    assert_eq!(count("flightline_supervisor_restarts_total{"), 513);
    for line in [
        r#"containerpilot_events{code="Error",source=""} 2000"#,
        r#"containerpilot_events{code="ExitFailed",source="other"} 1488"#,
        r#"containerpilot_control_http_requests{code="404",path="other"} 2000"#,
        r#"containerpilot_control_http_requests{code="200",path="/v4/jobs/{}/stop"} 2000"#,
        r#"containerpilot_control_http_requests{code="200",path="/v3/metric"} 1"#,
    ] {
        shows(&metrics, line);
    }
}

#[test]
fn the_supervisor_tells_of_itself() {
    let metrics = Metrics::new();
    metrics.watch_instances("db", 2, 0);
    metrics.watch_instances("cache", 0, 0);
    shows(
        &metrics,
        r#"containerpilot_watch_instances{service="db"} 2"#,
    );
    metrics.watched(["cache", "new"].into_iter());
    shows(
        &metrics,
        r#"containerpilot_watch_instances{service="cache"} 0"#,
    );
    assert!(!metrics.render().contains("service=\"db\""));
    shows(
        &metrics,
        r#"containerpilot_watch_instances{service="new"} 0"#,
    );
    let states = [State::Healthy, State::Healthy, State::Backoff];
    metrics.jobs(states.into_iter());
    shows(&metrics, r#"flightline_supervisor_jobs{state="healthy"} 2"#);
    metrics.jobs([State::Failed].into_iter());
    shows(&metrics, r#"flightline_supervisor_jobs{state="healthy"} 0"#);
    metrics.transition(State::Failed);
    shows(
        &metrics,
        r#"flightline_supervisor_transitions_total{state="failed"} 1"#,
    );
    shows(&metrics, "flightline_supervisor_log_lost_records_total 0");
}

#[test]
fn a_watch_is_shown_from_the_start_and_after_it_was_made_anew() {
    let metrics = Metrics::new();
    let line = |service: &str, count: u32| {
        format!("containerpilot_watch_instances{{service=\"{service}\"}} {count}")
    };
    metrics.watched(["db", "cache"].into_iter());
    shows(&metrics, &line("db", 0));
    shows(&metrics, &line("cache", 0));
    metrics.watch_instances("db", 2, 0);
    metrics.watch_instances("cache", 3, 0);
    metrics.watch_anew("db");
    metrics.watched(["db", "cache"].into_iter());
    shows(&metrics, &line("db", 0));
    shows(&metrics, &line("cache", 3));
    metrics.watched(std::iter::empty());
    assert!(!metrics.render().contains("_watch_"));
    metrics.watched(["cache"].into_iter());
    shows(&metrics, &line("cache", 0));
}

#[test]
fn what_was_published_counts_on_with_another_publisher() {
    let metrics = Metrics::new();
    let shows = |name: &str, count: u64| {
        shows(&metrics, &format!("flightline_supervisor_{name} {count}"));
    };
    let counts = |done| PublishCounts {
        done,
        lost: 1,
        refused: 2,
        dropped: 4,
        waiting: 3,
    };
    metrics.publish(counts(7));
    metrics.publish(counts(7));
    metrics.notes_skipped(5);
    metrics.notes_skipped(5);
    shows("publish_done_total", 7);
    shows("publish_lost_total", 1);
    shows("publish_refused_total", 2);
    shows("publish_dropped_total", 4);
    shows("consul_notes_skipped_total", 5);
    shows("publish_waiting", 3);
    metrics.publish_restarted();
    metrics.registrar_restarted();
    shows("publish_waiting", 0);
    metrics.publish(counts(9));
    metrics.notes_skipped(6);
    shows("publish_done_total", 16);
    shows("publish_lost_total", 2);
    shows("publish_refused_total", 4);
    shows("publish_dropped_total", 8);
    shows("consul_notes_skipped_total", 11);
    // A total that falls is another's, even if nobody said so.
    metrics.publish(counts(2));
    metrics.publish(counts(3));
    shows("publish_done_total", 19);
}
