//! A page that is registered with tags of every kind, started once, told when its upstream changes, and measured by a sensor.

use std::time::Duration;

use super::rig::{self, PORT};

pub(crate) const CONFIG: &str =
    include_str!("../../../fixtures/data/supervisor/reference/frontend.json5");
/// Leaves an orphan behind, and names the program as the image does: from the folder in which everything starts.
const REQUEST_COUNT: &str = "(sleep 0.1 &)
./bin/containerpilot -putmetric \"example_frontend_request_count=42\"
";

#[test]
fn frontend_runs_unmodified() {
    let image = rig::image("frontend", CONFIG);
    let mut container = image
        .script("/opt/frontend/request_count.sh", REQUEST_COUNT)
        .start();
    rig::application(&container, PORT);
    rig::said(
        &container,
        "node runs /opt/frontend/index.js, configured by /etc/containerpilot.json5",
        1,
    );
    let tags = [
        "traefik.backend=frontend",
        "traefik.frontend.rule=PathPrefixStrip: /, /{page:[a-z]+}",
        "traefik.frontend.entryPoints=http, ws [one, two]",
    ];
    let own = ("frontend", "frontend-frontend-1");
    rig::is_registered(&container, own, (PORT, &tags), Duration::from_secs(5));
    rig::has_telemetry(&container, "frontend", &["op"]);

    let prometheus = rig::prometheus(&container, "op");
    rig::shows(
        &container,
        &prometheus,
        "example_frontend_request_count",
        42.0,
    );

    rig::appears(&container, "serializer", 1);
    rig::said(&container, "node was told", 1);
    // Changes that come while one is dealt with are one more.
    rig::appears(&container, "serializer", 2);
    rig::disappears(&container, "serializer-1");
    rig::said(&container, "node was told", 2);
    rig::is_tidy(&mut container);

    // It is never started again, and so there is nobody to be told: that fails each time, and harms nothing.
    container.run(&["pkill", "-TERM", "-x", "node"]);
    container.wait_for("frontend is out of Consul", || {
        rig::agent_has(&container, "/v1/agent/services")["frontend-frontend-1"].is_null()
    });
    for (port, times) in [(3, 1), (4, 2)] {
        rig::appears(&container, "serializer", port);
        rig::said(&container, "onchange-serializer exited with 1", times);
    }
    rig::stops_in_order(&mut container);
    assert_eq!(container.log().matches("node runs").count(), 1);
}
