//! The program itself: a check says what a run would say, before the run.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use assert_cmd::Command;

const CONFIG_EXIT: i32 = 78;
const PATIENCE: Duration = Duration::from_secs(60);

fn program(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flightline-supervisor"));
    command.env_clear().current_dir(folder).args(arguments);
    // A configuration that is taken after all would be supervised for ever.
    command.timeout(PATIENCE);
    command.output().expect("the program can be started")
}

/// What is said of a configuration by `check`, and by a run.
fn both(text: &str) -> [Output; 2] {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let socket = folder.path().join("socket");
    let text = text.replace("SOCKET", &socket.display().to_string());
    std::fs::write(folder.path().join("f"), text).expect("the folder can be written to");
    [vec!["check", "-c", "f"], vec!["-config", "f"]].map(|words| program(folder.path(), &words))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("what is said is UTF-8")
}

#[test]
fn what_a_run_refuses_a_check_refuses_in_the_same_words() {
    for (typed, place) in [
        (
            "{telemetry: {interfaces: 'lo', metrics: [{name: 'a.b', help: 'h', type: 'gauge'}]}}",
            "f:1:49: ",
        ),
        (
            "{telemetry: {interfaces: 'lo', metrics: [{name: 'process_open_fds', help: 'h', type: 'gauge'}]}}",
            "f:1:49: ",
        ),
        (
            "{consul: {scheme: 'https', tls: {cafile: '/nowhere/ca.pem'}}}",
            "f:1:42: ",
        ),
        ("{logging: {output: '/nowhere/at/all.log'}}", "f:1:20: "),
        ("{jobs: [{name: 'a', when: {}}]}", "f:1:"),
    ] {
        let [check, run] = both(typed);
        for output in [&check, &run] {
            assert_eq!(output.status.code(), Some(CONFIG_EXIT), "{typed}");
            assert_eq!(text(&output.stdout), "", "{typed}");
            assert!(text(&output.stderr).starts_with(place), "{output:?}");
        }
        assert_eq!(text(&check.stderr), text(&run.stderr));
    }
}

#[test]
fn an_address_of_consul_that_is_none_starts_the_jobs_all_the_same() {
    let [check, run] = both(
        "{consul: 'joe:hunter2@a b:8500', control: {socket: 'SOCKET'}, jobs: [{name: 'app', exec: 'echo done'}]}",
    );
    assert_eq!(check.status.code(), Some(0));
    assert!(text(&check.stdout).contains("no agent can be reached"));
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    assert!(text(&run.stdout).contains("done"), "{run:?}");
    assert!(!format!("{check:?}{run:?}").contains("hunter2"));
}

#[test]
fn a_finding_is_said_once_and_answers_end_their_last_line() {
    let [check, _] =
        both("{control: {socket: 'SOCKET'}, watches: [], jobs: [{name: 'a_b', exec: 'true'}]}");
    assert_eq!(check.status.code(), Some(0));
    let said = text(&check.stdout);
    assert_eq!(said.matches("could not be registered").count(), 1, "{said}");
    assert_eq!(text(&check.stderr), "");
    assert!(said.ends_with('\n') && !said.ends_with("\n\n"), "{said}");
    let version = program(Path::new("/"), &["-version"]);
    let said = text(&version.stdout);
    assert!(
        said.starts_with("Version: ") && said.ends_with('\n'),
        "{said}"
    );
}
