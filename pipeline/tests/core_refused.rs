//! Promise: a worker on core subjects that the server does not let subscribe is not ready, and says which subject and the cure.

use std::time::Duration;

use flightline_fixtures::http;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::worker::Worker;

const BINARY: &str = env!("CARGO_BIN_EXE_flightline");
const PATIENCE: Duration = Duration::from_secs(60);

/// A server whose only user may subscribe to this.
fn server(options: Options, allowed: &str) -> Nats {
    let user = format!(
        "{{ user: worker, password: p, permissions: {{ publish: \">\", subscribe: [{allowed}] }} }}"
    );
    options
        .core()
        .config(&format!("authorization {{ users: [{user}] }}"))
        .start()
}

fn launch(server: &Nats) -> Worker {
    let url = server.url().replace("nats://", "nats://worker:p@");
    let config = format!(
        "[nats]\nurl = \"{url}\"\n[source]\nkind = \"core\"\n[deadletter]\nkind = \"file\"\npath = \"letters\"\n\
         [sink]\nkind = \"file\"\ndir = \"out\"\n"
    );
    Worker::launch(BINARY, &config, "")
}

#[test]
fn a_refused_subscription_is_not_ready_and_is_said_with_the_cure() {
    for options in Options::default().each_version() {
        let server = server(options, "\"_INBOX.>\"");
        let mut worker = launch(&server);
        let url = format!("http://{}/readyz", worker.admin());
        worker.wait_for("it answers", PATIENCE, || http::get(&url).is_ok());
        let refused = || {
            let answer = worker.get("/readyz");
            answer.status == 503 && answer.text().contains("telemetry.>")
        };
        worker.wait_for("it is not ready", PATIENCE, refused);
        let log = worker.log();
        let said =
            |line: &str| line.contains("telemetry.>") && line.contains("permissions of this user");
        assert!(log.lines().any(said), "{}: {log}", server.version());
        assert_eq!(worker.status()["state"], "refused");
        assert_eq!(worker.get("/healthz").status, 200);
        assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    }
}
