//! Every line is told, in order, before the end of its process; whoever keeps the pipe delays nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flightline_fixtures::wait;
use flightline_supervisor::config::Output;
use flightline_supervisor::event::{ExitStatus, RunId, Wake};
use flightline_supervisor::log::Origin;
use flightline_supervisor::log::lines::MAX_LINE;
use flightline_supervisor::process::{LATE_READERS, Lines, Spawner};
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::rig::{Ask, PATIENCE, Rig};

#[tokio::test]
async fn all_lines_come_before_the_end() {
    let mut rig = Rig::new();
    let ask =
        Ask::script("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; printf end");
    let lines = rig.print(&ask).await;
    let mut expected: Vec<String> = (0..3000).map(|i| format!("line {i}")).collect();
    expected.push("end".to_owned());
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn both_streams_keep_their_common_order() {
    let mut rig = Rig::new();
    let lines = rig
        .print(&Ask::script("echo a; echo b >&2; echo c; echo d >&2"))
        .await;
    assert_eq!(lines, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn a_line_says_whose_it_is() {
    let mut rig = Rig::new();
    let (_, pid) = rig.try_spawn(&Ask::script("echo a")).unwrap();
    rig.exit().await;
    assert_eq!(rig.origins()[0].pid, pid);
    assert_eq!(&*rig.origins()[0].name, "app");
}

#[tokio::test]
async fn bug_a_line_without_end_comes_in_pieces() {
    let mut rig = Rig::new();
    let length = 3 * MAX_LINE + 17;
    let script = format!("head -c {length} /dev/zero | tr '\\0' x; echo; echo next");
    let mut lines = rig.print(&Ask::script(&script)).await;
    assert_eq!(lines.pop().as_deref(), Some("next"));
    assert_eq!(lines.len(), 4);
    let whole: String = lines
        .iter()
        .map(|line| line.trim_end_matches('…'))
        .collect();
    assert_eq!(whole, "x".repeat(length));
}

/// A child that leaves session and group, keeps the pipe, and prints once it may.
fn daemon(folder: &Path, word: &str) -> Ask {
    let script = format!(
        "setsid sh -c 'echo $$ >{word}.pid; while [ ! -e go ]; do sleep 0.02; done; echo {word}' &
         while [ ! -s {word}.pid ]; do sleep 0.02; done"
    );
    let mut ask = Ask::script(&script);
    ask.setting.cwd = Some(folder.to_owned());
    ask
}

#[tokio::test]
async fn bug_a_daemon_that_keeps_the_pipe_does_not_delay_the_end_and_is_still_read() {
    let mut rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        rig.run(&daemon(folder.path(), "late")).await,
        ExitStatus::Code(0)
    );
    assert!(rig.lines().is_empty());
    std::fs::write(folder.path().join("go"), "").unwrap();
    rig.wait_line("late").await;
}

#[tokio::test]
async fn who_is_left_behind_and_prints_without_end_delays_the_end_for_a_while_only() {
    let mut rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    let before = Instant::now();
    let mut ask = Ask::script(
        "setsid sh -c 'echo $$; touch armed; while echo more; do sleep 0.05; done' &
         while [ ! -e armed ]; do sleep 0.02; done; exit 6",
    );
    ask.setting.cwd = Some(folder.path().to_owned());
    assert_eq!(rig.run(&ask).await, ExitStatus::Code(6));
    assert!(before.elapsed() < Duration::from_secs(10));
    let told = rig.lines().len();
    let more = || async { rig.lines().len() > told };
    wait::until_async(PATIENCE, more).await.unwrap();
    let pid = rig.lines()[0].clone();
    rig.print(&Ask::script(&format!("kill {pid}"))).await;
}

#[tokio::test]
async fn raw_output_is_not_ours() {
    let mut rig = Rig::new();
    let mut ask = Ask::script("echo this line belongs to the log of the tests");
    ask.output = Output::Raw;
    assert!(rig.print(&ask).await.is_empty());
}

#[tokio::test]
async fn of_too_many_daemons_the_oldest_is_not_read_any_more() {
    let mut rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    for number in 0..=LATE_READERS {
        rig.run(&daemon(folder.path(), &format!("late{number}")))
            .await;
    }
    std::fs::write(folder.path().join("go"), "").unwrap();
    for number in 1..=LATE_READERS {
        rig.wait_line(&format!("late{number}")).await;
    }
    let oldest = std::fs::read_to_string(folder.path().join("late0.pid")).unwrap();
    super::rig::wait_dead(oldest.trim().parse().unwrap()).await;
    assert!(!rig.lines().contains(&"late0".to_owned()));
}

/// A log that has come to a stop.
#[derive(Debug)]
struct Stuck;

impl Lines for Stuck {
    fn line<'a>(&'a self, _: &'a Origin, _: &'a [u8]) -> BoxFuture<'a, ()> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_log_that_stands_still_does_not_hide_the_end() {
    let (wakes, mut received) = mpsc::channel(1);
    let spawner = Spawner::new(Arc::new(Stuck), wakes);
    let before = Instant::now();
    spawner
        .spawn(RunId(1), &Ask::script("echo a").order())
        .unwrap();
    let wake = tokio::time::timeout(PATIENCE, received.recv())
        .await
        .unwrap();
    assert!(matches!(wake, Some(Wake::Exited { .. })));
    assert!(before.elapsed() < Duration::from_secs(10));
}
