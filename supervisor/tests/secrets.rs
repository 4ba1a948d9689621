//! Promise: no secret of a supervisor's configuration is shown: not by `check`, not in a refusal, not in its log at its loudest, not by its
//! telemetry or its control socket, not in its arguments; whether Consul and NATS let it in or not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::process::Command;

use flightline_fixtures::consul::{self, Consul, MASTER_TOKEN};
use flightline_fixtures::http;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::server::free_port;
use flightline_fixtures::supervisor::{Setup, Supervisor};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flightline-supervisor");

/// Stands in every secret of these tests but Consul's own token, and nowhere else.
const MARK: &str = "zqMARKqz";

fn assert_hidden(what: &str, shown: &str) {
    for secret in [MARK, MASTER_TOKEN] {
        assert!(!shown.contains(secret), "{what} shows {secret}:\n{shown}");
    }
}

/// A supervisor of one job that is told of by Consul and NATS, everything at debug.
fn config(telemetry: u16, consul: &str, nats: &str) -> String {
    format!(
        "{{
  consul: {consul},
  nats: {nats},
  logging: {{ level: 'DEBUG', format: 'json', output: 'stdout' }},
  control: {{ socket: '{{{{ .SOCKET }}}}' }},
  telemetry: {{ port: {telemetry}, interfaces: ['lo'] }},
  jobs: [{{ name: 'app', exec: 'sleep 1000', port: 8000, interfaces: ['lo'], health: {{ exec: 'true', interval: 1, ttl: 5 }} }}],
}}"
    )
}

/// Everything that it shows once its log holds `text`, and until its end.
fn shown(config: &str, telemetry: u16, text: &str) -> String {
    let mut supervisor = Setup::new(PROGRAM).config(config).start();
    supervisor.wait_log(text);
    let mut shown = String::new();
    let mut add = |output: std::process::Output| {
        shown.push_str(&String::from_utf8_lossy(&output.stdout));
        shown.push_str(&String::from_utf8_lossy(&output.stderr));
    };
    add(supervisor.cli(&["status", "--json"]));
    add(supervisor.cli(&["status", "app"]));
    add(supervisor.cli(&["-putenv", &format!("APP_TOKEN={MARK}")]));
    add(supervisor.cli(&["check"]));
    for path in ["/metrics", "/status", "/healthz", "/nothing"] {
        let answer = http::get(&format!("http://127.0.0.1:{telemetry}{path}")).unwrap();
        shown.push_str(&answer.text());
    }
    shown.push_str(&arguments(&supervisor));
    supervisor.stop();
    shown + &supervisor.log()
}

fn arguments(supervisor: &Supervisor) -> String {
    let of_one = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let all: Vec<u8> = supervisor
        .processes()
        .iter()
        .flat_map(|listed| of_one(listed.pid))
        .collect();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn who_is_let_in_shows_no_secret() {
    let consul = consul::Options::default().access_control().start();
    let nats = Options::default().password("joe", MARK).start();
    let telemetry = free_port();
    let agent = format!(
        "{{ address: '{}', token: '{MASTER_TOKEN}' }}",
        consul.address()
    );
    let server = format!(
        "{{ url: '{}', user: 'joe', password: '{MARK}' }}",
        nats.url()
    );
    let config = config(telemetry, &agent, &server);
    let shown = shown(&config, telemetry, "connected to nats");
    assert!(shown.contains("sleep"), "{shown}");
    assert_hidden("a supervisor that is let in", &shown);
    let in_url = format!("{{ url: 'nats://joe:{MARK}@{}' }}", nats.address());
    let config = self::config(telemetry, &agent, &in_url);
    let shown = self::shown(&config, telemetry, "connected to nats");
    assert_hidden("a supervisor with a login in the URL", &shown);
}

#[test]
fn who_is_refused_shows_no_secret() {
    let consul = consul::Options::default().access_control().start();
    let nats = Options::default().password("joe", "another").start();
    let telemetry = free_port();
    let wrong = format!("{{ address: '{}', token: '{MARK}' }}", consul.address());
    let address = nats.address();
    for server in [
        format!("{{ url: 'nats://{address}', user: 'joe', password: '{MARK}' }}"),
        format!("{{ url: 'nats://joe:{MARK}@{address}' }}"),
        format!("{{ url: 'nats://{address}', nkey: 'SU{MARK}' }}"),
        format!("{{ url: 'tls://{address}', token: '{MARK}' }}"),
    ] {
        let config = config(telemetry, &wrong, &server);
        let shown = shown(&config, telemetry, "no connection to nats yet");
        assert!(shown.contains("403"), "consul did not refuse: {shown}");
        assert_hidden(&server, &shown);
    }
    let plain = Nats::start();
    let in_url = format!("'http://joe:{MARK}@{}'", Consul::start().address());
    let server = format!("{{ url: '{}' }}", plain.url());
    let config = config(telemetry, &in_url, &server);
    let shown = shown(&config, telemetry, "connected to nats");
    assert_hidden("an address of consul with a user", &shown);
}

#[test]
fn a_configuration_is_explained_and_refused_without_its_secrets() {
    for (text, words) in [
        (
            format!(
                "{{consul: {{address: 'c:8500', token: '{MARK}'}}, jobs: [{{name: 'a', exec: 'true'}}]}}"
            ),
            "configuration is valid",
        ),
        (
            format!(
                "{{consul: {{address: 'c:8500', token: '{MARK}', nonsense: 1}}, jobs: [{{name: 'a', exec: 'true'}}]}}"
            ),
            "nonsense",
        ),
        (
            format!(
                "{{consul: {{address: 'c:8500', token: ['{MARK}']}}, jobs: [{{name: 'a', exec: 'true'}}]}}"
            ),
            "token",
        ),
        (
            format!(
                "{{nats: {{url: 'nats://joe:{MARK}@h:4222'}}, jobs: [{{name: 'a', exec: 'true'}}]}}"
            ),
            "*****@h:4222",
        ),
        (
            format!(
                "{{nats: {{url: 'ftp://joe:{MARK}@h:4222'}}, jobs: [{{name: 'a', exec: 'true'}}]}}"
            ),
            "nats",
        ),
        (
            format!(
                "{{nats: {{url: 'nats://h', password: '{MARK}'}}, jobs: [{{name: 'a', exec: 'true'}}]}}"
            ),
            "user",
        ),
        (
            format!("{{nats: {{url: 'nats://h', token: '{MARK}' jobs: []}}"),
            "f:1:",
        ),
        (
            format!(
                "{{jobs: [{{name: 'a', exec: 'true', env: {{DB_PASSWORD: '{MARK}'}}, when: {{}}}}]}}"
            ),
            "when",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("f"), &text).unwrap();
        let output = Command::new(PROGRAM)
            .args(["check", "-c", "f"])
            .env_clear()
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains(words), "no {words}: {text}\n{said}");
        assert_hidden(&text, &said);
    }
}
