//! The shortest interval and TTL there are, with an agent that comes late, and ten reports of metrics a second.

use std::path::Path;
use std::time::{Duration, Instant};

use flightline_fixtures::consul;

use super::rig::{self, PORT};

pub(crate) const CONFIG: &str =
    include_str!("../../../fixtures/data/supervisor/reference/serializer.json5");
/// In `PATH`, as the image has it: the agent proper is elsewhere, and comes late.
const AGENT: &str = "sleep 3; exec /opt/consul \"$@\"";
/// What the application measures of itself, ten values a second, of which one is declared; numbers as JavaScript writes them.
const NODE: &str = "trap 'echo node was told' HUP
trap 'echo node ends; exit 0' TERM
echo \"node runs $*\"
while :; do
    for name in handles requests heap_total heap_used rss external uptime cpu_user cpu_system event_delay; do
        containerpilot -putmetric \"example_process_$name=1.25e-7\" || echo putmetric failed
        sleep 0.09
    done
done
";
/// Where nothing runs that could be measured, there is no value; that is so at first.
const MEMORY: &str = "value=$(cat /tmp/memory 2>/dev/null)
/bin/containerpilot -putmetric \"example_process_memory=$value\" && echo memory is told
echo 12.5 >/tmp/memory
";
/// So long the service is looked at, all the time.
const LOOKED_AT: Duration = Duration::from_secs(8);

#[test]
fn serializer_runs_unmodified() {
    let consul = consul::PROGRAM.find();
    let consul = consul.unwrap_or_else(|error| panic!("{error}"));
    let mut container = rig::image("serializer", CONFIG)
        .without(Path::new("/usr/local/bin/consul"))
        .script("/usr/local/bin/consul", AGENT)
        .program("/opt/consul", &consul)
        .script("/usr/local/bin/node", NODE)
        .script("/opt/serializer/memory.sh", MEMORY)
        .start();
    rig::application(&container, PORT);
    let own = "serializer-serializer-1";
    // The application is well long before the agent is there.
    rig::said(
        &container,
        &format!("service {own} is not up to date: Consul cannot be reached"),
        1,
    );
    let shape = ("serializer", own);
    rig::is_registered(&container, shape, (PORT, &[]), Duration::from_secs(2));
    rig::has_telemetry(&container, "serializer", &["op"]);

    let begin = Instant::now();
    container.wait_for("eight seconds without a gap", || {
        let status = rig::status(&container, own);
        assert_eq!(status.as_deref(), Some("passing"));
        begin.elapsed() > LOOKED_AT
    });
    let prometheus = rig::prometheus(&container, "op");
    let series = "example_process_event_delay";
    rig::shows(&container, &prometheus, series, 1.25e-7);
    rig::shows(&container, &prometheus, "example_process_memory", 12.5);
    // Ten a second, less what starting them costs on a busy machine.
    let taken = r#"containerpilot_control_http_requests{code="200",path="/v3/metric"}"#;
    container.wait_for("fifty reports", || {
        container.within(|| prometheus.value(taken)) > Some(50.0)
    });
    for series in ["example_process_heap_used", "example_process_rss"] {
        assert_eq!(container.within(|| prometheus.value(series)), None);
    }
    rig::said(&container, "memory is told", 2);
    assert!(
        !container.log().contains("putmetric failed"),
        "{}",
        container.log()
    );

    rig::appears(&container, "influxdb", 1);
    rig::said(&container, "node was told", 1);
    rig::is_tidy(&mut container);
    rig::stops_in_order(&mut container);
}
