//! A bridge whose check takes its time, and whose program comes late; an agent that is told where to join.

use std::path::Path;
use std::time::Duration;

use flightline_fixtures::script;

use super::rig::{self, NODE, PORT};

pub(crate) const CONFIG: &str =
    include_str!("../../../fixtures/data/supervisor/reference/smartthings.json5");
const NODE_PATH: &str = "/usr/local/bin/node";

#[test]
fn smartthings_runs_unmodified() {
    let mut container = rig::image("smartthings", CONFIG)
        .without(Path::new(NODE_PATH))
        .env("CONSUL", "127.0.0.1")
        .script("/opt/smartthings/health.sh", "sleep 2; pgrep -x node")
        .start();
    rig::has_telemetry(&container, "smartthings", &[]);
    // There is nobody to be told: that fails, and harms nothing.
    rig::appears(&container, "nats", 1);
    rig::said(&container, "onchange-nats exited with 1", 1);
    let node = container.path(NODE_PATH);
    script::write(&node, &format!("#!/bin/sh\n{NODE}"));
    rig::said(&container, "node runs /opt/smartthings/index.js", 1);
    rig::appears(&container, "nats", 2);
    rig::said(&container, "node was told", 1);

    let own = ("smartthings", "smartthings-smartthings-1");
    rig::is_registered(&container, own, (PORT, &[]), Duration::from_secs(30));
    assert!(
        container
            .log()
            .contains("joining: lan_addresses=[127.0.0.1]")
    );
    rig::is_tidy(&mut container);
    rig::stops_in_order(&mut container);
}
