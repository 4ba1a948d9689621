//! A stream and a consumer of three replicas: the servers that hold them come and go.

use std::time::Duration;

use flightline_fixtures::wait;

use crate::fault::Fault;
use crate::scene::Scene;
use crate::servers::{STREAM, Size};
use crate::setting::Setting;

/// Long enough that clients notice, and that a new leader is elected where there is one.
const AWAY: Duration = Duration::from_secs(4);

/// For a lame duck to send its clients away, one after the other, and to end.
const GONE: Duration = Duration::from_secs(60);

/// The faults of this family.
pub(crate) fn faults() -> Vec<Fault> {
    let fault = |name: &str, act: fn(&mut Scene)| {
        let setting = Setting {
            nats: Size::Three,
            ..Setting::default()
        };
        Fault::within(setting, format!("cluster::{name}"), act)
    };
    vec![
        fault("leader_killed", |scene| {
            let leader = scene.nats.cluster().wait_leader(STREAM);
            away(scene, &[leader]);
        }),
        fault("leader_stopped", |scene| {
            let leader = scene.nats.cluster().wait_leader(STREAM);
            let cluster = scene.nats.cluster();
            cluster.member(leader).server().pause();
            Scene::pass(AWAY);
            cluster.member(leader).server().unpause();
            cluster.wait_formed();
        }),
        fault("two_of_three_killed", |scene| {
            let leader = scene.nats.cluster().wait_leader(STREAM);
            let other = (leader + scene.random.usize(1..3)) % 3;
            away(scene, &[leader, other]);
        }),
        fault("leader_is_a_lame_duck", |scene| {
            let leader = scene.nats.cluster().wait_leader(STREAM);
            let duck = scene.nats.cluster().member(leader);
            duck.lame_duck();
            let gone = wait::until(GONE, || duck.server().has_ended());
            assert!(gone.is_ok(), "the lame duck does not end");
            duck.server().stop();
            back(scene, &[leader]);
        }),
    ]
}

/// SIGKILL to these, and after a while they are back with what they had.
fn away(scene: &mut Scene, members: &[usize]) {
    for member in members {
        scene.nats.cluster().member(*member).server().kill();
    }
    Scene::pass(AWAY);
    back(scene, members);
}

fn back(scene: &mut Scene, members: &[usize]) {
    let cluster = scene.nats.cluster();
    for member in members {
        cluster.member(*member).server().resume_service();
    }
    cluster.wait_formed();
    cluster.wait_leader(STREAM);
}
