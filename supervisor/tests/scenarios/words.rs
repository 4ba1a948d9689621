//! The command line, and what the program exits with, under both names.

use std::process::Output;

use flightline_fixtures::supervisor::{CONTAINERPILOT, FLIGHTLINE, Place};
use serde_json::Value;

use crate::rig::{
    NO_CONSUL, container, job, pid, tell, tell_own, text, up, wait_count, wait_state,
};

fn assert_says(output: &Output, code: i32, stdout: &str, stderr: &str) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    assert!(out.contains(stdout), "{out}");
    assert_eq!(out.is_empty(), stdout.is_empty(), "{out}");
    assert!(err.contains(stderr), "{err}");
    assert_eq!(err.is_empty(), stderr.is_empty(), "{err}");
}

#[test]
fn i13_version_flag() {
    let output = container("{}").args(&["-version"]).output();
    let version = format!("Version: {}\nGitHash: ", env!("CARGO_PKG_VERSION"));
    assert_says(&output, 0, &version, "");
    assert_eq!(text(&output.stdout).lines().count(), 2);
}

/// The original's PID 1 always exited with 0: an orchestrator took a broken image for a task well done.
#[test]
fn a_wrong_configuration_is_78_and_said_on_stderr_from_pid_1_too() {
    for name in [CONTAINERPILOT, FLIGHTLINE] {
        for place in [Place::Child, Place::PidOne] {
            for (config, named) in [
                ("{ consul: 'localhost', jbos: [] }", "jbos"),
                (
                    "{ consul: 'localhost' jobs: [] }",
                    "parse error at line:col [1:",
                ),
                ("{ consul: '{{ .NOPE ' }", "template"),
                (
                    "{ logging: { output: '/proc/none/log' } }",
                    "/proc/none/log",
                ),
            ] {
                let setup = container(config).named(name).place(place);
                assert_says(&setup.output(), 78, "", named);
            }
            let missing = container("{}").named(name).place(place);
            let missing = missing.args(&["-config", "/proc/none.json5"]);
            assert_says(&missing.output(), 78, "", "/proc/none.json5");
        }
    }
}

#[test]
fn the_status_of_the_main_job_is_that_of_the_container() {
    for (script, main, code) in [
        ("exit 0", "true", 0),
        ("exit 7", "true", 7),
        ("kill -9 $$", "true", 137),
        ("kill -15 $$", "true", 143),
        // Without a main job, as before.
        ("exit 7", "false", 0),
    ] {
        let config = format!(
            "{{ control: {{ socket: '{{{{ .SOCKET }}}}' }}, jobs: [
                {{ name: 'app', exec: ['sh', '-c', '{script}'], main: {main} }},
                {{ name: 'other', exec: 'sleep {}' }}] }}",
            if main == "true" { 1000 } else { 0 }
        );
        for place in [Place::Child, Place::PidOne] {
            let output = container(&config).place(place).output();
            assert_eq!(output.status.code(), Some(code), "{script} {output:?}");
        }
    }
}

/// Two findings: a source that is not there, and a job that nothing starts.
const DOUBTFUL: &str = "{
  control: { socket: '{{ .SOCKET }}' },
  jobs: [
    { name: 'app', exec: 'sleep 1000' },
    { name: 'hook', exec: 'true', when: { source: 'ap', once: 'stopped' } },
  ],
}";

#[test]
fn a_configuration_is_checked_rendered_and_described_without_running_anything() {
    let words = |config: &str, words: &[&str]| {
        let setup = container(config).named(FLIGHTLINE).place(Place::Child);
        setup.args(words).output()
    };
    let good = "{ jobs: [{ name: 'app', exec: 'sleep {{ .NOPE | default \"1000\" }}' }] }";
    assert_says(&words(good, &["check"]), 0, "app", "");
    assert_says(&words(good, &["check", "--strict"]), 0, "app", "");
    assert_says(
        &words(DOUBTFUL, &["check"]),
        0,
        "nothing here is called \"ap\"",
        "",
    );
    assert_says(
        &words(DOUBTFUL, &["check", "--strict"]),
        78,
        "nothing here is called \"ap\"",
        "",
    );
    assert_says(&words("{ jbos: [] }", &["check"]), 78, "", "jbos");

    let json = words(DOUBTFUL, &["check", "--json"]);
    let checked: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(checked["jobs"][1], "hook");
    assert_eq!(checked["findings"].as_array().unwrap().len(), 1);

    let rendered = "{ jobs: [{ name: 'app', exec: 'sleep 1000' }] }";
    for (name, line) in [(FLIGHTLINE, "render"), (CONTAINERPILOT, "-template")] {
        let setup = container(good).named(name).place(Place::Child);
        let output = setup.args(&[line]).output();
        assert_eq!(text(&output.stdout), rendered);
        assert_eq!(output.status.code(), Some(0));
    }
    let schema: Value = serde_json::from_slice(&words("", &["schema"]).stdout).unwrap();
    assert!(schema["$schema"].is_string());
}

#[test]
fn what_cannot_be_asked_says_so() {
    let away = |name: &str, words: &[&str]| {
        let setup = container(DOUBTFUL).named(name).place(Place::Child);
        setup.args(words).output()
    };
    let nobody = "no supervisor answers";
    for words in [["-ping"].as_slice(), &["-reload"], &["-putmetric", "a=1"]] {
        assert_says(&away(CONTAINERPILOT, words), 1, "", nobody);
        assert_says(&away(FLIGHTLINE, words), 69, "", nobody);
    }
    assert_says(&away(FLIGHTLINE, &["list"]), 69, "", nobody);
    assert_says(&away(FLIGHTLINE, &["nope"]), 64, "", "nope");
    assert_says(&away(CONTAINERPILOT, &["-nope"]), 2, "", "-nope");
}

const OPERATED: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  jobs: [
    {
      name: 'app',
      exec: ['sh', '-c', 'trap \"echo usr1 heard\" USR1; echo up; while :; do sleep 0.02; done'],
    },
    { name: 'hook', exec: ['sh', '-c', 'echo $GIVEN hooked'], when: { source: 'app', each: 'stopped' } },
  ],
}";

#[test]
fn jobs_are_listed_started_stopped_restarted_and_signalled() {
    let mut supervisor = up(container(OPERATED).env("CONSUL", NO_CONSUL));
    wait_count(&supervisor, " up", 1);
    let list = tell_own(&supervisor, &["list"]);
    let rows: Vec<Vec<&str>> = list
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let first = pid(&supervisor, "app").to_string();
    assert_eq!(rows[0].first(), Some(&"JOB"), "{list}");
    assert_eq!(rows[1].first_chunk(), Some(&["app", "running"]), "{list}");
    assert_eq!(rows[1][3], first, "{list}");
    assert_eq!(rows[2].first_chunk(), Some(&["hook", "pending"]), "{list}");
    let status = tell_own(&supervisor, &["status", "app"]);
    assert!(
        status.contains(&first) && !status.contains("hook"),
        "{status}"
    );
    tell(&supervisor, &["-putenv", "GIVEN=something"]);
    assert_eq!(text(&supervisor.cli(&["-ping"]).stdout), "ok\n");

    tell_own(&supervisor, &["signal", "app", "USR1"]);
    wait_count(&supervisor, "usr1 heard", 1);
    assert_eq!(pid(&supervisor, "app").to_string(), first);

    tell_own(&supervisor, &["restart", "app"]);
    wait_count(&supervisor, " up", 2);
    let second = pid(&supervisor, "app").to_string();
    assert_ne!(second, first);

    let refused = |words: &[&str], said: &str| {
        assert_says(&supervisor.cli_named(FLIGHTLINE, words), 1, "", said);
    };
    refused(&["start", "app"], "it runs already");
    refused(&["stop", "nobody"], "nobody");

    tell_own(&supervisor, &["stop", "app"]);
    let stopped = wait_state(&supervisor, "app", "complete");
    assert_eq!(stopped.pid, None);
    wait_count(&supervisor, " something hooked", 1);
    refused(&["signal", "app", "TERM"], "it has no process");
    // The last job that could do something waits, and yet it may be started again.
    tell_own(&supervisor, &["start", "app"]);
    wait_count(&supervisor, " up", 3);
    assert_eq!(job(&supervisor, "app").attempt, 3);
    assert!(supervisor.stop().success());
}
