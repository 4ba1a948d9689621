//! What each path does and answers: ContainerPilot's, to the letter, and the newer ones.

use flightline_supervisor::config::{Metric, MetricKind};
use flightline_supervisor::control::command::{
    Action, Answer, Command, Jobs, Maintenance, Refusal, Reload,
};
use flightline_supervisor::telemetry::declared::Pushed;
use flightline_supervisor::telemetry::metrics::Metrics;
use nix::sys::signal::Signal;

use super::rig::{Rig, done, job};

fn ok() -> (u16, String) {
    (200, "\n".to_owned())
}

#[tokio::test]
async fn variables_are_set_all_or_none() {
    let rig = Rig::start(done).await;
    for path in ["/v3/environ", "/v3/env"] {
        let post = format!("POST {path}");
        assert_eq!(
            rig.ask(&post, r#"{"A":"a=b","E":"","N":null,"T":"null"}"#)
                .await,
            ok()
        );
        for bad in [
            r#"{"A":"x","B":1}"#,
            r#"{"A":"x""#,
            "",
            "[]",
            r#"{"A":"x","B=":"y"}"#,
            r#"{"A":"x\u0000"}"#,
        ] {
            let (status, reason) = rig.ask(&post, bad).await;
            assert_eq!(status, 422, "{bad}: {reason}");
        }
        let set = rig.variables.now();
        assert_eq!(set.len(), 4);
        assert_eq!(set["A"], "a=b");
        assert_eq!(set["E"], "");
        assert_eq!(set["N"], "");
        assert_eq!(set["T"], "null");
    }
}

#[tokio::test]
async fn metrics_are_handed_over_as_text() {
    let rig = Rig::start(done).await;
    let body = r#"{"f":1.0,"i":12345678,"s":"1e-3","empty":"","unknown":0.25}"#;
    assert_eq!(rig.ask("POST /v3/metric", body).await, ok());
    let pushed = rig.metrics.lock().unwrap().pop().unwrap();
    let expected = [
        ("empty", ""),
        ("f", "1"),
        ("i", "12345678"),
        ("s", "1e-3"),
        ("unknown", "0.25"),
    ];
    assert!(
        pushed
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .eq(expected)
    );
    for bad in ["{", "1", r#"{"a":1e999}"#] {
        assert_eq!(rig.ask("POST /v3/metric", bad).await.0, 422, "{bad}");
    }
    assert!(rig.metrics.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_value_that_is_no_number_spoils_no_other() {
    let rig = Rig::start(done).await;
    let body = r#"{"a":null,"b":true,"c":[1],"d":{},"e":2}"#;
    assert_eq!(rig.ask("POST /v3/metric", body).await, ok());
    let pushed = rig.metrics.lock().unwrap().pop().unwrap();
    let metric = |name: &str| Metric {
        namespace: String::new(),
        subsystem: String::new(),
        name: name.to_owned(),
        help: "A test.".to_owned(),
        kind: MetricKind::Gauge,
    };
    let metrics = Metrics::new();
    let declared = ["a", "b", "c", "d", "e"].map(metric);
    metrics.declare(&declared).unwrap();
    let taken = pushed
        .iter()
        .filter(|(name, text)| matches!(metrics.push(name, text), Pushed::Taken(_)));
    assert_eq!(taken.map(|(name, _)| name).collect::<Vec<_>>(), ["e"]);
    let text = metrics.render();
    assert!(
        text.contains("metric_values_total{outcome=\"refused\"} 4"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_not_posted_is_405() {
    let rig = Rig::start(done).await;
    for path in [
        "/v3/environ",
        "/v3/env",
        "/v3/reload",
        "/v3/metric",
        "/v3/maintenance/enable",
        "/v3/maintenance/disable",
    ] {
        let answer = rig.ask(&format!("GET {path}"), "").await;
        assert_eq!(answer, (405, "Method Not Allowed\n".to_owned()), "{path}");
    }
    assert_eq!(rig.ask("POST /v4/jobs", "").await.0, 405);
    assert_eq!(rig.ask("GET /v4/jobs/a/stop", "").await.0, 405);
    for line in [
        "GET /",
        "POST /v3/status",
        "POST /v3/maintenance/foo",
        "GET /v3/ping/",
        "POST /v4/jobs/a/kill",
    ] {
        assert_eq!(rig.ask(line, "").await.0, 404, "{line}");
    }
    assert!(rig.commands.lock().unwrap().is_empty());
}

#[tokio::test]
async fn every_method_pings() {
    let rig = Rig::start(done).await;
    for method in ["GET", "POST", "PUT", "DELETE"] {
        assert_eq!(rig.ask(&format!("{method} /v3/ping"), "").await, ok());
    }
}

#[tokio::test]
async fn a_reload_says_whether_the_configuration_was_taken() {
    let rig = Rig::start(|command| match command {
        Command::Reload(Reload::Everything) => Some(Answer::Done),
        _ => Some(Answer::Refused(Refusal::Configuration(
            "line 3: no".to_owned(),
        ))),
    })
    .await;
    assert_eq!(
        rig.ask("POST /v3/reload", "{").await,
        (422, "line 3: no\n".to_owned())
    );
    assert_eq!(rig.ask("POST /v3/reload?hard=0", "").await.0, 422);
    assert_eq!(rig.ask("POST /v3/reload?hard=1", "").await, ok());
    assert_eq!(rig.commands.lock().unwrap().len(), 3);
    assert_eq!(rig.ask("POST /v3/reload?hard=perhaps", "").await.0, 422);
    assert_eq!(rig.commands.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn maintenance_begins_and_ends_whatever_the_body_says() {
    let rig = Rig::start(done).await;
    assert_eq!(rig.ask("POST /v3/maintenance/enable", "{").await, ok());
    assert_eq!(rig.ask("POST /v3/maintenance/disable", "").await, ok());
    let commands = rig.commands.lock().unwrap();
    assert_eq!(
        *commands,
        [Maintenance::Enter, Maintenance::Exit].map(Command::Maintenance)
    );
}

#[tokio::test]
async fn jobs_are_shown_and_those_that_are_not_there_are_404() {
    let rig = Rig::start(|command| match command {
        Command::List => Some(Answer::Jobs(vec![job("a"), job("job 1/x")])),
        Command::Status(name) if name == "job 1/x" => Some(Answer::Jobs(vec![job(name)])),
        Command::Status(name) => Some(Answer::Refused(Refusal::NoSuchJob(name.clone()))),
        _ => None,
    })
    .await;
    let (status, body) = rig.ask("GET /v4/jobs", "").await;
    let shown: Jobs = serde_json::from_str(&body).unwrap();
    assert_eq!((status, shown.jobs), (200, vec![job("a"), job("job 1/x")]));
    let (status, body) = rig.ask("GET /v4/jobs/job%201%2Fx", "").await;
    let shown: Jobs = serde_json::from_str(&body).unwrap();
    assert_eq!((status, shown.jobs), (200, vec![job("job 1/x")]));
    let (status, body) = rig.ask("GET /v4/jobs/b", "").await;
    assert_eq!(
        (status, body.as_str()),
        (404, "{\"error\":\"no job is called `b`\"}\n")
    );
}

#[tokio::test]
async fn a_job_is_started_stopped_restarted_and_signalled() {
    let rig = Rig::start(|command| match command {
        Command::Job {
            action: Action::Stop,
            ..
        } => Some(Answer::Refused(Refusal::NotNow("it has ended".to_owned()))),
        Command::Job {
            action: Action::Start,
            ..
        } => Some(Answer::Jobs(vec![job("a")])),
        _ => Some(Answer::Done),
    })
    .await;
    let (status, body) = rig.ask("POST /v4/jobs/a/start", "").await;
    assert_eq!(status, 200);
    assert!(body.contains("\"state\":\"healthy\""), "{body}");
    assert_eq!(
        rig.ask("POST /v4/jobs/a/stop", "").await,
        (409, "{\"error\":\"it has ended\"}\n".to_owned())
    );
    let restarted = rig.ask("POST /v4/jobs/a/restart", "").await;
    assert_eq!(restarted, (200, "{\"done\":true}\n".to_owned()));
    let signalled = rig
        .ask("POST /v4/jobs/a/signal", r#"{"signal":"SIGUSR1"}"#)
        .await;
    assert_eq!(signalled.0, 200);
    for bad in [
        "",
        r#"{"signal":"SIGNOPE"}"#,
        r#"{"signal":10}"#,
        r#"{"signal":"TERM","job":"b"}"#,
    ] {
        assert_eq!(rig.ask("POST /v4/jobs/a/signal", bad).await.0, 422, "{bad}");
    }
    let actions = [
        Action::Start,
        Action::Stop,
        Action::Restart,
        Action::Signal(Signal::SIGUSR1),
    ];
    let expected = actions.map(|action| Command::Job {
        name: "a".to_owned(),
        action,
    });
    assert_eq!(*rig.commands.lock().unwrap(), expected);
}

#[tokio::test]
async fn every_request_is_counted_under_a_closed_set_of_paths() {
    let rig = Rig::start(done).await;
    for line in [
        "GET /v3/ping",
        "GET /v3/reload",
        "POST /v3/env",
        "GET /v4/jobs/x",
        "GET /what?ever",
    ] {
        rig.ask(line, "").await;
    }
    let counted = rig.counted.lock().unwrap();
    let expected = [
        ("/v3/ping", 200),
        ("/v3/reload", 405),
        ("/v3/env", 422),
        ("/v4/jobs/{name}", 200),
        ("other", 404),
    ];
    assert_eq!(*counted, expected);
}
