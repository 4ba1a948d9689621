//! The log of the process, started as the supervisor starts it, and what `/metrics` tells of its losses.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use flightline_fixtures::wait;
use flightline_supervisor::config::{LogFormat, LogOutput, Logging};
use flightline_supervisor::log::{Log, LogError};
use flightline_supervisor::telemetry::metrics::Metrics;

/// Records of others are shown from WARN on.
const OURS: &str = "flightline_supervisor::run";
const SOON: Duration = Duration::from_secs(20);

fn logging(path: PathBuf) -> Logging {
    Logging {
        level: tracing::Level::INFO,
        format: LogFormat::Default,
        output: LogOutput::File(path),
    }
}

#[test]
fn the_log_of_the_process_takes_every_record_and_its_losses_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let (log, guard) = Log::start(&logging(path.clone())).unwrap();
    let again = Log::start(&logging(folder.path().join("other")));
    assert!(matches!(again, Err(LogError::Started)));
    let text = || fs::read_to_string(&path).unwrap();

    std::thread::spawn(|| tracing::info!(target: OURS, job = "app", pid = 12, "from any thread"))
        .join()
        .unwrap();
    tracing::debug!(target: OURS, "hidden");
    tracing::info!("hidden, for it comes from another crate");
    wait::until(SOON, || text().ends_with(" app 12 from any thread\n")).unwrap();

    let mut changed = logging(path.clone());
    changed.level = tracing::Level::DEBUG;
    log.change(&changed).unwrap();
    tracing::debug!(target: OURS, "loaded config: everything");
    wait::until(SOON, || text().contains("Z loaded config: everything\n")).unwrap();

    let metrics = Metrics::new();
    metrics.watch_log(log.clone());
    log.change(&logging("/dev/full".into())).unwrap();
    tracing::error!(target: OURS, "lost");
    wait::until(SOON, || log.lost() == 1).unwrap();
    let lost = "flightline_supervisor_log_lost_records_total 1\n";
    assert!(metrics.render().contains(lost) && metrics.render().contains(lost));
    drop(guard);
    assert!(!text().contains("hidden"));
}
