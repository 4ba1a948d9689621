//! Promise: life-cycle changes are kept in Consul in their order, also those that come while it is away or silent.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "rig/consul.rs"]
mod rig;

use std::time::Duration;

use flightline_fixtures::consul::Consul;
use flightline_fixtures::wait;
use flightline_supervisor::config;
use flightline_supervisor::consul::{Client, Note};
use rig::{Desk, PATIENCE, plain};

fn desk(consul: &Consul) -> Desk {
    let config = config::Consul {
        lifecycle_kv: Some("ops/life cycle".to_owned()),
        ..plain(consul)
    };
    Desk::open(Some(Client::open(&config).unwrap()))
}

fn note(change: &str) -> Note {
    Note {
        service: "app".into(),
        instance: "host-1".into(),
        change: change.to_owned().into(),
    }
}

async fn kept(consul: &Consul, change: &str) {
    let mut last = None;
    let found = wait::until_async(PATIENCE, || {
        last = consul.value("ops/life%20cycle/app/host-1");
        let is_so = last.as_deref() == Some(change);
        async move { is_so }
    });
    let found = found.await;
    assert!(found.is_ok(), "{change} is not kept, but {last:?}");
}

#[tokio::test]
async fn the_latest_change_is_kept_over_a_stop_of_the_agent() {
    let mut consul = Consul::start();
    let desk = desk(&consul);
    for change in ["starting", "healthy"] {
        desk.registrar.note(note(change));
    }
    kept(&consul, "healthy").await;
    consul.server().stop();
    for change in ["stopping", "backoff", "starting again"] {
        desk.registrar.note(note(change));
    }
    let consul = tokio::task::spawn_blocking(move || {
        consul.server().resume_service();
        consul
    })
    .await
    .unwrap();
    kept(&consul, "starting again").await;
    let entry = consul.get("/v1/kv/ops/life%20cycle/app/host-1");
    assert_eq!(entry.as_array().unwrap().len(), 1);
    assert_eq!(desk.registrar.notes_skipped(), 0);
}

#[tokio::test]
async fn a_write_that_hung_does_not_come_back_after_a_later_one() {
    let mut consul = Consul::start();
    let desk = desk(&consul);
    desk.registrar.note(note("first"));
    kept(&consul, "first").await;
    consul.server().pause();
    desk.registrar.note(note("hangs"));
    // Longer than a write may take, so that it is tried a second time beside the first.
    let begin = std::time::Instant::now();
    let hung = wait::until_async(PATIENCE, || async {
        begin.elapsed() > Duration::from_secs(6)
    });
    hung.await.unwrap();
    desk.registrar.note(note("last"));
    consul.server().unpause();
    kept(&consul, "last").await;
    desk.registrar.finish(PATIENCE).await;
    assert_eq!(consul.value("ops/life%20cycle/app/host-1").unwrap(), "last");
}

#[tokio::test]
async fn an_end_writes_what_waits() {
    let consul = Consul::start();
    let desk = desk(&consul);
    for change in 0..50 {
        desk.registrar.note(note(&change.to_string()));
    }
    desk.registrar.finish(PATIENCE).await;
    assert_eq!(consul.value("ops/life%20cycle/app/host-1").unwrap(), "49");
}
