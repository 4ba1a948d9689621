//! What breaks, hangs or changes under way, and must neither hold up the end nor leave anything behind.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use flightline_fixtures::consul::Consul;
use flightline_fixtures::http;
use flightline_fixtures::process::Signal;
use flightline_fixtures::server::free_port;
use flightline_fixtures::supervisor::Supervisor;
use flightline_supervisor::action::LAST_WORDS_LEAST;

use crate::rig::{
    DOCKER, NO_CONSUL, assert_order, container, container_at, job, passing, pid, rewrite, tell,
    tell_own, text, up, wait_passing, wait_state,
};

/// A machine that has other things to do is given so much longer.
const BUSY: Duration = Duration::from_secs(1);

fn ends_in_time(supervisor: &mut Supervisor) {
    let begun = Instant::now();
    supervisor.signal(Signal::Term);
    assert_eq!(supervisor.wait_code(), 0, "{}", supervisor.log());
    assert!(begun.elapsed() < DOCKER, "{:?}", begun.elapsed());
}

const REGISTERED: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  jobs: [
    {
      name: 'app',
      exec: 'sleep 1000',
      port: 8000,
      interfaces: 'lo',
      health: { exec: 'true', interval: 1, ttl: 5 },
    },
    { name: 'onchange', exec: 'echo told', when: { source: 'watch.app', each: 'changed' } },
  ],
  watches: [{ name: 'app', interval: 1 }],
  telemetry: { port: {{ .TELEMETRY_PORT }}, interfaces: ['lo'] },
}";

/// A Consul that takes connections and says nothing froze the original.
#[test]
fn bug_a_consul_that_hangs_holds_up_neither_the_loop_nor_the_end() {
    let mut consul = Consul::start();
    let telemetry = free_port().to_string();
    let setup = container_at(&consul, REGISTERED).env("TELEMETRY_PORT", &telemetry);
    let mut supervisor = up(setup);
    wait_passing(&supervisor, &consul, "app");
    consul.server().pause();
    tell_own(&supervisor, &["restart", "app"]);
    supervisor.wait_for("it is healthy again", || {
        let now = job(&supervisor, "app");
        (now.attempt, now.state.as_str()) == (2, "healthy")
    });
    ends_in_time(&mut supervisor);
    consul.server().unpause();
}

/// Servers that take connections and say nothing.
const BLACK_HOLES: &str = "{
  consul: '{{ .CONSUL }}',
  nats: { url: '{{ .NATS }}', service: 'app', instance: 'here' },
  control: { socket: '{{ .SOCKET }}' },
  stopTimeout: 1,
  jobs: [
    {
      name: 'app',
      exec: ['sh', '-c', 'echo up; exec sleep 1000'],
      port: 8000,
      interfaces: 'lo',
      health: { exec: 'true', interval: 1, ttl: 5 },
    },
  ],
  telemetry: { port: {{ .TELEMETRY_PORT }}, interfaces: ['lo'] },
}";

/// The end was 2 s longer than its deadline, for words that nobody hears.
#[test]
fn servers_that_hang_make_the_end_no_longer_than_its_deadline_and_a_moment() {
    let holes = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [consul, nats] = holes.each_ref().map(|hole| hole.local_addr().unwrap());
    let setup = container(BLACK_HOLES)
        .env("CONSUL", &consul.to_string())
        .env("NATS", &format!("nats://{nats}"))
        .env("TELEMETRY_PORT", &free_port().to_string());
    let mut supervisor = up(setup);
    supervisor.wait_log("up");
    let begun = Instant::now();
    supervisor.signal(Signal::Term);
    assert_eq!(supervisor.wait_code(), 0, "{}", supervisor.log());
    let taken = begun.elapsed();
    assert!(
        taken < Duration::from_secs(1) + LAST_WORDS_LEAST + BUSY,
        "{taken:?}"
    );
}

#[test]
fn maintenance_outlives_a_reload() {
    let consul = Consul::start();
    let telemetry = free_port().to_string();
    let setup = container_at(&consul, REGISTERED).env("TELEMETRY_PORT", &telemetry);
    let mut supervisor = up(setup);
    let id = wait_passing(&supervisor, &consul, "app");
    tell(&supervisor, &["-maintenance", "enable"]);
    supervisor.wait_for("it is taken out", || consul.service(&id).is_null());
    let app = pid(&supervisor, "app");
    rewrite(&supervisor, "'sleep 1000'", "'sleep 1001'");
    tell(&supervisor, &["-reload"]);
    supervisor.wait_for("another process runs", || {
        job(&supervisor, "app").pid.is_some_and(|pid| pid != app)
    });
    assert_eq!(job(&supervisor, "app").state, "maintenance");
    assert!(consul.service(&id).is_null());
    tell(&supervisor, &["-maintenance", "disable"]);
    assert_eq!(wait_passing(&supervisor, &consul, "app"), id);
    ends_in_time(&mut supervisor);
}

#[test]
fn a_reload_moves_to_another_consul_telemetry_port_and_socket() {
    let (old, new) = (Consul::start(), Consul::start());
    let (before, after) = (free_port(), free_port());
    let setup = container_at(&old, REGISTERED).env("TELEMETRY_PORT", &before.to_string());
    let mut supervisor = up(setup);
    wait_passing(&supervisor, &old, "app");
    wait_passing(&supervisor, &old, "containerpilot");
    let app = pid(&supervisor, "app");
    let first = supervisor.socket();

    rewrite(
        &supervisor,
        "'{{ .CONSUL }}'",
        &format!("'{}'", new.address()),
    );
    rewrite(&supervisor, "{{ .TELEMETRY_PORT }}", &after.to_string());
    tell(&supervisor, &["-reload"]);
    for service in ["app", "containerpilot"] {
        wait_passing(&supervisor, &new, service);
        supervisor.wait_for("the old one has forgotten it", || {
            passing(&old, service).is_empty()
        });
    }
    let status = |port: u16| http::answers(&format!("http://127.0.0.1:{port}/status"), 200);
    supervisor.wait_for("the new port answers", || status(after));
    supervisor.wait_for("the old port does not", || !status(before));
    assert_eq!(pid(&supervisor, "app"), app);

    rewrite(
        &supervisor,
        "'{{ .SOCKET }}'",
        "'{{ .FOLDER }}/next.socket'",
    );
    // The words to the old one name the new one already.
    let asked = supervisor.cli(&["-reload"]);
    assert_eq!(asked.status.code(), Some(1), "{}", text(&asked.stderr));
    post(&supervisor, &first.display().to_string());
    supervisor.wait_for("it answers at the new path", || {
        supervisor.cli(&["-ping"]).status.success()
    });
    supervisor.wait_for("the old one is gone", || !first.exists());
    ends_in_time(&mut supervisor);
    assert!(!supervisor.folder().join("next.socket").exists());
    for service in ["app", "containerpilot"] {
        assert!(passing(&new, service).is_empty());
    }
}

/// A reload for a supervisor whose socket its configuration does not name any more.
fn post(supervisor: &Supervisor, socket: &str) {
    let path = supervisor.folder().join("old.json5");
    fs::write(&path, format!("{{ control: {{ socket: '{socket}' }} }}")).unwrap();
    tell(supervisor, &["-config", path.to_str().unwrap(), "-reload"]);
}

const STUBBORN: &str = "{
  consul: '{{ .CONSUL }}',
  control: { socket: '{{ .SOCKET }}' },
  stopTimeout: 1,
  jobs: [
    { name: 'app', exec: ['sh', '-c', 'trap \"\" TERM; echo up; while :; do sleep 0.1; done'] },
    { name: 'hook', exec: ['sh', '-c', 'echo hooked; sleep 1000'], when: { source: 'app', once: 'stopping' } },
    { name: 'lost', exec: 'echo lost', when: { source: 'watch.nobody', once: 'stopped' } },
  ],
}";

#[test]
fn a_process_that_does_not_listen_is_killed_in_time() {
    let mut supervisor = up(container(STUBBORN).env("CONSUL", NO_CONSUL));
    supervisor.wait_log("up");
    let begun = Instant::now();
    supervisor.signal(Signal::Term);
    assert_eq!(supervisor.wait_code(), 0);
    let taken = begun.elapsed();
    assert!(
        (Duration::from_secs(1)..DOCKER / 2).contains(&taken),
        "{taken:?}"
    );
    assert_order(&supervisor.log(), &["hooked", "killing app"]);
}

#[test]
fn the_end_comes_while_a_reload_is_under_way() {
    let mut supervisor = up(container(STUBBORN).env("CONSUL", NO_CONSUL));
    supervisor.wait_log("up");
    tell_own(&supervisor, &["reload", "--hard"]);
    wait_state(&supervisor, "app", "stopping");
    let begun = Instant::now();
    supervisor.signal(Signal::Term);
    assert_eq!(supervisor.wait_code(), 0);
    assert!(begun.elapsed() < DOCKER / 2, "{:?}", begun.elapsed());
    assert_eq!(supervisor.count(" up"), 1);
}

/// The worker has no handlers yet, and PID 1 may be told before it is there.
#[test]
fn a_sigterm_that_comes_before_all_is_set_up_is_not_lost() {
    let quiet =
        "{ control: { socket: '{{ .SOCKET }}' }, jobs: [{ name: 'app', exec: 'sleep 1000' }] }";
    let mut supervisor = container(quiet).start();
    // Before that, PID 1 is as deaf as the kernel makes each that has said nothing else.
    supervisor.wait_for("PID 1 has a worker", || supervisor.processes().len() > 1);
    ends_in_time(&mut supervisor);
}

#[test]
fn a_start_that_cannot_be_is_said_on_stderr_and_is_no_success() {
    let folder =
        "{ control: { socket: '/proc/none/socket' }, jobs: [{ name: 'app', exec: 'true' }] }";
    let output = container(folder).output();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("/proc/none/socket"), "{said}");
}

#[test]
fn a_socket_that_was_left_behind_is_taken_over() {
    let mut supervisor = up(container(STUBBORN).env("CONSUL", NO_CONSUL));
    let path = supervisor.socket();
    supervisor.kill();
    assert!(path.exists());
    let again = format!(
        "{{ control: {{ socket: '{}' }}, jobs: [{{ name: 'app', exec: 'sleep 1000' }}] }}",
        path.display()
    );
    let mut second = up(container(&again));
    assert!(second.stop().success());
    assert!(!path.exists());
}
