//! A source of readings: checked without being registered, called as its variable says, told of changes in two services.

use super::rig::{self, PORT};

pub(crate) const CONFIG: &str =
    include_str!("../../../fixtures/data/supervisor/reference/sensor.json5");

#[test]
fn sensor_runs_unmodified() {
    let mut container = rig::image("sensor", CONFIG)
        .env("SENSOR_TYPE", "humidity")
        .start();
    rig::application(&container, PORT);
    rig::said(&container, "node runs /opt/sensor/index.js humidity", 1);
    rig::has_telemetry(&container, "sensor", &[]);
    for (times, upstream) in [(1, "serializer"), (2, "nats")] {
        rig::appears(&container, upstream, 1);
        rig::said(&container, "node was told", times);
    }
    // An end of any kind is followed by a start.
    container.run(&["pkill", "-KILL", "-x", "node"]);
    rig::said(&container, "node runs", 2);
    container.wait_for("it is healthy", || {
        rig::standing(&container, "Jobs", "humidity").as_deref() == Some("healthy")
    });
    // Of it, Consul hears nothing.
    let services = rig::agent_has(&container, "/v1/agent/services");
    let services = services.as_object().expect("the agent answers");
    assert!(
        !services.keys().any(|id| id.starts_with("humidity")),
        "{services:?}"
    );
    rig::is_tidy(&mut container);
    rig::stops_in_order(&mut container);
}
