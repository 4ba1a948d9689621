//! How a process ends is told once, exactly, and only what was started is told at all.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flightline_fixtures::script;
use flightline_supervisor::event::{Checked, ExitStatus, Wake};
use flightline_supervisor::log::Kind;
use flightline_supervisor::process::SpawnError;

use super::rig::{Ask, Rig, wait_dead};

#[tokio::test]
async fn each_exit_status_is_told() {
    let mut rig = Rig::new();
    for code in [0, 1, 7, 255] {
        let status = rig.run(&Ask::script(&format!("exit {code}"))).await;
        assert_eq!(status, ExitStatus::Code(code));
    }
}

#[tokio::test]
async fn each_signal_is_told_real_time_ones_too() {
    let mut rig = Rig::new();
    for signal in [9, 15, 34, 40] {
        let status = rig.run(&Ask::script(&format!("kill -{signal} $$"))).await;
        assert_eq!(status, ExitStatus::Signal(signal));
    }
}

#[tokio::test]
async fn one_order_can_be_run_again() {
    let mut rig = Rig::new();
    let ask = Ask::script("exit 3");
    assert_eq!(rig.run(&ask).await, ExitStatus::Code(3));
    assert_eq!(rig.run(&ask).await, ExitStatus::Code(3));
}

#[tokio::test]
async fn two_hundred_quick_processes_end_with_their_own_status() {
    let mut rig = Rig::new();
    let mut expected = std::collections::BTreeMap::new();
    for code in 0..200 {
        let run = rig.spawn(&Ask::script(&format!("exit {code}")));
        expected.insert(run, ExitStatus::Code(code));
    }
    for _ in 0..200 {
        let (run, status) = rig.exit().await;
        assert_eq!(expected.remove(&run), Some(status));
    }
    assert!(rig.spawner.left().is_empty());
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let mut rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "text").unwrap();
    let script = folder.path().join("script");
    script::write(&script, "#!/no/such/interpreter\n");
    for (program, said) in [
        ("no-such-program", "in no folder of PATH"),
        ("/no/such/program", "no such file"),
        (plain.to_str().unwrap(), "Permission denied"),
        (script.to_str().unwrap(), "interpreter"),
        ("a\0b", "nul byte"),
    ] {
        let error = rig.try_spawn(&Ask::program(program, &[])).unwrap_err();
        assert!(error.to_string().contains(said), "{program:?}: {error}");
    }
    let mut ask = Ask::script("exit 0");
    ask.setting.cwd = Some(folder.path().join("none"));
    let error = rig.try_spawn(&ask).unwrap_err();
    assert!(matches!(error, SpawnError::Cwd { .. }), "{error}");
    assert!(rig.spawner.left().is_empty());
}

#[tokio::test]
async fn a_timeout_kills_the_children_too() {
    let mut rig = Rig::new();
    let limit = Duration::from_millis(300);
    // Not even who ignores SIGTERM is spared.
    let ask = Ask::script("trap '' TERM; sleep 300 & echo $!; wait; wait").timeout(limit);
    let before = Instant::now();
    assert_eq!(rig.run(&ask).await, ExitStatus::Signal(9));
    assert!(before.elapsed() >= limit);
    let child = rig.lines()[0].parse().unwrap();
    wait_dead(child).await;
}

/// Where the log of a test goes.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().expect("no test panics under this lock");
        log.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_timeout_is_said_as_containerpilot_says_it() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    // The tests' runtime has but this thread.
    let _logging = tracing::subscriber::set_default(subscriber);
    let mut rig = Rig::new();
    rig.run(&Ask::program("sleep", &["300"]).timeout(Duration::from_millis(50)))
        .await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("WARN") && log.contains("app timeout after 50ms: 'sleep 300'"),
        "{log}"
    );
}

#[tokio::test]
async fn who_is_in_time_is_not_killed() {
    let mut rig = Rig::new();
    let ask = Ask::script("exit 4").timeout(Duration::from_secs(60));
    assert_eq!(rig.run(&ask).await, ExitStatus::Code(4));
}

#[tokio::test]
async fn a_check_tells_what_it_printed_last() {
    let mut rig = Rig::new();
    for (script, expected) in [
        ("echo well", Ok("well")),
        ("exit 0", Ok("ok")),
        ("echo one; echo two >&2; exit 1", Err("one\ntwo")),
        ("exit 2", Err("exit status 2")),
        ("kill -9 $$", Err("signal SIGKILL")),
    ] {
        let mut ask = Ask::script(script);
        ask.kind = Kind::Check;
        rig.spawn(&ask);
        let Wake::Checked { result, .. } = rig.wake().await else {
            panic!("not a check");
        };
        let expected = match expected.map(str::to_owned).map_err(str::to_owned) {
            Ok(output) => Checked::Passed { output },
            Err(output) => Checked::Failed { output },
        };
        assert_eq!(result, expected, "{script}");
    }
    assert!(
        rig.origins()
            .iter()
            .all(|origin| origin.kind == Kind::Check && &*origin.name == "app")
    );
}

#[tokio::test]
async fn a_check_that_takes_too_long_has_failed() {
    let mut rig = Rig::new();
    let mut ask = Ask::script("echo begun; sleep 300").timeout(Duration::from_millis(300));
    ask.kind = Kind::Check;
    rig.spawn(&ask);
    let Wake::Checked {
        result: Checked::Failed { output },
        ..
    } = rig.wake().await
    else {
        panic!("not a failed check");
    };
    assert_eq!(output, "timeout after 300ms: begun");
}
