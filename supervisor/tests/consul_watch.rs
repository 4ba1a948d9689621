//! Promise: a change of a watched service is told once, soon, and is not lost when the agent restarts.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "rig/consul.rs"]
mod rig;

use std::time::{Duration, Instant};

use flightline_fixtures::consul::Consul;
use flightline_supervisor::config::Watch;
use flightline_supervisor::event::Wake;
use flightline_supervisor::watch::{self, Watching};
use rig::{PATIENCE, client};
use tokio::sync::mpsc;
use tokio::time::timeout;

struct Seer {
    _watching: Watching,
    wakes: mpsc::Receiver<Wake>,
}

impl Seer {
    fn new(consul: &Consul, watch: Watch) -> Self {
        let (sender, wakes) = mpsc::channel(8);
        Self {
            _watching: watch::start(client(consul), watch, sender),
            wakes,
        }
    }

    /// How many pass, at the next change.
    async fn next(&mut self) -> usize {
        let wake = timeout(PATIENCE, self.wakes.recv()).await;
        match wake.expect("a change is seen") {
            Some(Wake::Watch { service, passing }) if &*service == "up" => passing,
            other => panic!("{other:?} instead of a change"),
        }
    }

    async fn is_quiet(&mut self, for_so_long: Duration) {
        let wake = timeout(for_so_long, self.wakes.recv()).await;
        assert!(wake.is_err(), "{wake:?}");
    }
}

fn up(seconds: u64) -> Watch {
    Watch {
        name: "up".into(),
        interval: Duration::from_secs(seconds),
        tag: None,
        dc: None,
    }
}

#[tokio::test]
async fn none_two_none_two_one() {
    let consul = Consul::start();
    let mut seer = Seer::new(&consul, up(1));
    // Nothing there is no change.
    seer.is_quiet(Duration::from_secs(2)).await;
    for expected in [2, 0, 2, 1] {
        match expected {
            0 => {
                consul.deregister("up-1");
                consul.deregister("up-2");
            }
            1 => consul.deregister("up-1"),
            _ => {
                consul.register("up", "up-1", 1);
                consul.register("up", "up-2", 2);
            }
        }
        // The two of a pair may be seen one after the other.
        while seer.next().await != expected {}
    }
    seer.is_quiet(Duration::from_secs(2)).await;
    consul.register("up", "up-2", 3);
    assert_eq!(seer.next().await, 1);
}

#[tokio::test]
async fn a_change_is_told_long_before_the_interval_ends_but_the_first_look_waits_for_it() {
    let consul = Consul::start();
    let begin = Instant::now();
    let mut seer = Seer::new(&consul, up(8));
    consul.register("other", "other-1", 1);
    // The first look, at nothing, comes after 8 s; from then on changes are waited for.
    seer.is_quiet(Duration::from_secs(10)).await;
    assert!(begin.elapsed() > Duration::from_secs(8));
    let begin = Instant::now();
    consul.register("up", "up-1", 1);
    assert_eq!(seer.next().await, 1);
    let late = begin.elapsed();
    assert!(late < Duration::from_secs(4), "{late:?}");
}

#[tokio::test]
async fn a_restart_of_the_agent_is_survived_with_the_memory_of_what_was_there() {
    let mut consul = Consul::start();
    let mut seer = Seer::new(&consul, up(1));
    consul.register("up", "up-1", 1);
    assert_eq!(seer.next().await, 1);
    let mut consul = tokio::task::spawn_blocking(move || {
        consul.server().restart();
        consul
    })
    .await
    .unwrap();
    consul.register("up", "up-2", 2);
    while seer.next().await != 2 {}
    // Forgotten by a server that counts anew.
    let consul = tokio::task::spawn_blocking(move || {
        consul.wipe();
        consul
    })
    .await
    .unwrap();
    consul.register("up", "up-3", 3);
    while seer.next().await != 1 {}
}

#[tokio::test]
async fn bug_two_watches_of_one_service_do_not_disturb_each_other() {
    let consul = Consul::start();
    let tagged = Watch {
        tag: Some("no such tag".to_owned()),
        ..up(1)
    };
    let (mut all, mut some) = (Seer::new(&consul, up(1)), Seer::new(&consul, tagged));
    consul.register("up", "up-1", 1);
    assert_eq!(all.next().await, 1);
    all.is_quiet(Duration::from_secs(3)).await;
    some.is_quiet(Duration::from_millis(100)).await;
}

#[tokio::test]
async fn a_silent_agent_is_no_change() {
    let mut consul = Consul::start();
    let mut seer = Seer::new(&consul, up(1));
    consul.register("up", "up-1", 1);
    assert_eq!(seer.next().await, 1);
    consul.server().pause();
    seer.is_quiet(Duration::from_secs(3)).await;
    consul.server().unpause();
    seer.is_quiet(Duration::from_secs(2)).await;
    consul.deregister("up-1");
    assert_eq!(seer.next().await, 0);
}
