//! A proxy on its own port, without any watch. It and its agent are killed, and come back.

use std::time::Duration;

use super::rig;

pub(crate) const CONFIG: &str =
    include_str!("../../../fixtures/data/supervisor/reference/traefik.json5");
const TRAEFIK: &str = "trap 'echo traefik ends; exit 0' TERM
echo \"traefik runs $*\"
while :; do sleep 1 & wait $!; done
";

#[test]
fn traefik_runs_unmodified() {
    let mut container = rig::image("traefik", CONFIG)
        .script("/bin/traefik", TRAEFIK)
        .start();
    rig::application(&container, 8080);
    let runs = "traefik runs --configfile=/etc/traefik/traefik.toml";
    rig::said(&container, runs, 1);
    let own = ("traefik", "traefik-traefik-1");
    rig::is_registered(&container, own, (8080, &[]), Duration::from_secs(5));
    rig::has_telemetry(&container, "traefik", &[]);
    container.wait_for("it is healthy", || {
        rig::standing(&container, "Services", "traefik").as_deref() == Some("healthy")
    });

    // A restart is no end: Consul is not told to forget it.
    container.run(&["pkill", "-KILL", "-x", "traefik"]);
    rig::said(&container, runs, 2);
    rig::passes(&container, own.1);
    assert!(!container.log().contains("Deregistered service"));

    // An agent that has lost all that it knew is told anew.
    container.run(&["sh", "-c", "rm -r /data; pkill -KILL -x consul"]);
    rig::said(&container, "Consul agent running!", 2);
    rig::is_registered(&container, own, (8080, &[]), Duration::from_secs(5));
    rig::is_tidy(&mut container);
    rig::stops_in_order(&mut container);
}
