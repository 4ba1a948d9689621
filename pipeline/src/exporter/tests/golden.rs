//! Both formats, byte for byte, and what Prometheus' own tool says of them.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use flightline_contract::health::{Health, Status};
use flightline_contract::lifecycle::State;
use flightline_contract::metric::{Kind, Temporality};

use super::kinds::transition;
use super::{Rig, config, delta, histogram, labels, sample};
use crate::decode::observe::Observer;
use crate::exporter::accept::Format;

/// A little of everything.
fn everything() -> Rig {
    let mut rig = Rig::new(&config());
    rig.line(b"cpu,host=a,core=0 usage=12.5,throttled=f,model=\"x\" 5");
    rig.line(b"cpu,host=b,core=1 usage=1e-9 5");
    rig.line(b"disk,path=C:\\temp\\ \"x\" free=9007199254740993i,used=3u");
    rig.line("météo,9ième=1,le=2 température=-3.25".as_bytes());
    rig.message(10);
    let mut requests = sample("http_requests", Kind::Counter, 1234.0);
    requests.temporality = Some(Temporality::Cumulative);
    requests.labels = labels(&[("code", "200"), ("path", "/a\nb")]);
    rig.sample(&requests);
    rig.sample(&delta("jobs_done_total", 2.5));
    rig.sample(&histogram(
        "wait_seconds",
        Temporality::Delta,
        &[(0.005, 1), (1.0, 4)],
        5,
    ));
    let health = Health {
        check: "http".into(),
        status: Status::Warning,
        output: None,
        time: None,
    };
    rig.exporter.lock().health("api", "a1", &health);
    rig.exporter
        .lock()
        .transition("api", "a1", &transition(State::Starting, State::Healthy));
    let mut of_a_job = transition(State::Running, State::Unhealthy);
    of_a_job.job = Some("web".into());
    rig.exporter.lock().transition("api", "a1", &of_a_job);
    rig
}

/// The answer from the first family of the table on: the own registry before it grows with the program.
fn table(text: &str) -> &str {
    text.find("# HELP cpu_usage")
        .and_then(|at| text.get(at..))
        .unwrap()
}

#[test]
fn both_formats_are_as_recorded() {
    let rig = everything();
    for (format, name) in [
        (Format::Text, "table.prom"),
        (Format::OpenMetrics, "table.openmetrics"),
    ] {
        let text = rig.text(format);
        let path: PathBuf = [
            env!("CARGO_MANIFEST_DIR"),
            "../fixtures/data/exposition",
            name,
        ]
        .iter()
        .collect();
        if std::env::var_os("FLIGHTLINE_RECORD").is_some() {
            std::fs::write(&path, table(&text)).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            table(&text),
            golden,
            "FLIGHTLINE_RECORD=1 records {name} anew"
        );
    }
}

#[test]
fn promtool_finds_nothing_to_say() {
    let text = everything().text(Format::Text);
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is missing: run fixtures/install-servers");
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
