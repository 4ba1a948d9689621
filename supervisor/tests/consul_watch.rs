//! Promise: a change of a watched service is told once, soon, and is not lost when the agent restarts.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "rig/consul.rs"]
mod rig;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flightline_fixtures::consul::Consul;
use flightline_supervisor::config::{Render, Watch};
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
        self.next_of_both().await.0
    }

    /// How many pass, and how many of those its files leave out.
    async fn next_of_both(&mut self) -> (usize, usize) {
        let wake = timeout(PATIENCE, self.wakes.recv()).await;
        match wake.expect("a change is seen") {
            Some(Wake::Watch {
                service,
                passing,
                left_out,
            }) if &*service == "up" => (passing, left_out),
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
        render: Arc::default(),
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

/// The watch, with a file at `to`.
fn rendering(to: &Path) -> Watch {
    let text = "{{ range instances }}{{ .ID }} {{ .Address }}:{{ .Port }}{{ range .Tags }} {{ . }}{{ end }}\n{{ end }}";
    let render = Render {
        template: "up.tmpl".into(),
        text: text.into(),
        variables: Arc::default(),
        to: to.to_owned(),
    };
    Watch {
        render: [render].into(),
        ..up(1)
    }
}

/// Registers an instance of `up` that passes.
fn register(consul: &Consul, id: &str, address: &str, tag: &str) {
    let service =
        serde_json::json!({"ID": id, "Name": "up", "Address": address, "Port": 1, "Tags": [tag]});
    let body = service.to_string();
    let answer = consul.request("PUT", "/v1/agent/service/register", body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_file_says_what_consul_says_before_its_event_comes() {
    let consul = Consul::start();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("up.conf");
    let said = || fs::read_to_string(&to).unwrap();
    let mut seer = Seer::new(&consul, rendering(&to));
    // The first look: nobody is there, and that is said in a file that was not there.
    assert_eq!(seer.next().await, 0);
    assert_eq!(said(), "");
    register(&consul, "up-2", "10.0.0.2", "b");
    while seer.next().await != 1 {}
    assert_eq!(said(), "up-2 10.0.0.2:1 b\n");
    register(&consul, "up-1", "fe80::1", "a");
    assert_eq!(seer.next().await, 2);
    assert_eq!(said(), "up-1 [fe80::1]:1 a\nup-2 10.0.0.2:1 b\n");
    // A tag alone is no news to a watch without files.
    register(&consul, "up-1", "fe80::1", "c");
    assert_eq!(seer.next().await, 2);
    assert_eq!(said(), "up-1 [fe80::1]:1 c\nup-2 10.0.0.2:1 b\n");
    seer.is_quiet(Duration::from_secs(2)).await;
    consul.deregister("up-2");
    consul.deregister("up-1");
    while seer.next().await != 0 {}
    assert_eq!(said(), "");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_costs_no_event_and_is_written_as_soon_as_it_can_be() {
    let consul = Consul::start();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("later/up.conf");
    let mut seer = Seer::new(&consul, rendering(&to));
    consul.register("up", "up-1", 1);
    assert_eq!(seer.next().await, 1);
    fs::create_dir(folder.path().join("later")).unwrap();
    // It is told of once more, since now there is something to be read.
    assert_eq!(seer.next().await, 1);
    assert!(fs::read_to_string(&to).unwrap().starts_with("up-1 "));
    seer.is_quiet(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_file_keeps_what_was_known_while_consul_is_away() {
    let mut consul = Consul::start();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("up.conf");
    let mut seer = Seer::new(&consul, rendering(&to));
    consul.register("up", "up-1", 1);
    while seer.next().await != 1 {}
    let known = fs::read_to_string(&to).unwrap();
    consul.server().pause();
    seer.is_quiet(Duration::from_secs(3)).await;
    assert_eq!(fs::read_to_string(&to).unwrap(), known);
    consul.server().unpause();
    seer.is_quiet(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn what_calls_itself_by_syntax_is_counted_and_in_no_file() {
    let consul = Consul::start();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("up.conf");
    let mut seer = Seer::new(&consul, rendering(&to));
    register(&consul, "up-1", "10.0.0.1", "a");
    let hostile = "up 1.2.3.4:1\nserver evil 6.6.6.6:1 #";
    register(&consul, hostile, "10.0.0.2", "a");
    register(&consul, "up-3", "10.0.0.3 check\n", "a");
    register(&consul, "up-4", "10.0.0.4", "`$(reboot)`");
    while seer.next_of_both().await != (4, 2) {}
    assert_eq!(
        fs::read_to_string(&to).unwrap(),
        "up-1 10.0.0.1:1 a\nup-4 10.0.0.4:1\n"
    );
}
