//! Promise: what jobs report is what Consul has, over restarts and losses of the agent, and the loop never waits for it.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "rig/consul.rs"]
mod rig;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flightline_fixtures::consul::Consul;
use flightline_fixtures::wait;
use flightline_supervisor::config::{InitialStatus, Service, Telemetry};
use flightline_supervisor::consul::registrar::WITHDRAW_LIMIT;
use flightline_supervisor::consul::{CheckStatus, Client, Report, heartbeat};
use rig::{Desk, PATIENCE, app, client, gone, plain, report, status};

#[tokio::test]
async fn the_first_pass_registers_and_a_silent_check_runs_out() {
    let consul = Consul::start();
    let desk = Desk::open(Some(client(&consul)));
    let service = Arc::new(Service {
        ttl: Duration::from_secs(2),
        ..app()
    });
    desk.registrar.report(&service, Report::passing());
    status(&consul, "app-h", "passing").await;
    status(&consul, "app-h", "critical").await;
    desk.registrar.report(&service, Report::passing());
    status(&consul, "app-h", "passing").await;
}

#[tokio::test]
async fn an_initial_status_is_registered_before_any_check() {
    let consul = Consul::start();
    let desk = Desk::open(Some(client(&consul)));
    let service = Arc::new(Service {
        initial_status: Some(InitialStatus::Warning),
        ..app()
    });
    desk.registrar.announce(&service);
    status(&consul, "app-h", "warning").await;
    desk.registrar.report(&service, Report::passing());
    status(&consul, "app-h", "passing").await;
}

#[tokio::test]
async fn an_announcement_waits_for_an_agent_that_is_not_there_yet() {
    let mut consul = Consul::start();
    consul.server().stop();
    let desk = Desk::open(Some(client(&consul)));
    let service = Arc::new(Service {
        initial_status: Some(InitialStatus::Warning),
        ..app()
    });
    desk.registrar.announce(&service);
    // A failure on top of it does not replace it.
    tokio::task::yield_now().await;
    desk.registrar
        .report(&service, report(CheckStatus::Critical, "no"));
    tokio::task::spawn_blocking(move || {
        consul.server().resume_service();
        consul.await_status("app-h", "critical");
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_critical_result_is_told_of_what_is_registered_only() {
    let consul = Consul::start();
    let mut desk = Desk::open(Some(client(&consul)));
    let service = Arc::new(app());
    let critical = report(CheckStatus::Critical, "broken");
    desk.registrar.report(&service, critical.clone());
    desk.registrar.report(&service, Report::passing());
    status(&consul, "app-h", "passing").await;
    desk.registrar.report(&service, critical.clone());
    status(&consul, "app-h", "critical").await;
    let check = consul.get("/v1/agent/checks")["service:app-h"].take();
    assert_eq!(check["Output"], "broken");
    desk.withdraw(&service);
    desk.withdrawn(PATIENCE).await;
    desk.registrar.report(&service, critical);
    desk.withdraw(&service);
    desk.withdrawn(PATIENCE).await;
    assert!(consul.service("app-h").is_null());
}

#[tokio::test]
async fn a_service_comes_back_after_maintenance() {
    let consul = Consul::start();
    let mut desk = Desk::open(Some(client(&consul)));
    let service = Arc::new(app());
    for _ in 0..3 {
        desk.registrar.report(&service, Report::passing());
        status(&consul, "app-h", "passing").await;
        desk.withdraw(&service);
        assert_eq!(&*desk.withdrawn(WITHDRAW_LIMIT).await, "app-h");
        assert!(consul.service("app-h").is_null());
    }
}

#[tokio::test]
async fn what_follows_a_withdrawal_at_once_comes_after_it() {
    let consul = Consul::start();
    let mut desk = Desk::open(Some(client(&consul)));
    let service = Arc::new(app());
    desk.registrar.report(&service, Report::passing());
    desk.withdraw(&service);
    desk.withdraw(&service);
    desk.registrar.report(&service, Report::passing());
    desk.withdrawn(WITHDRAW_LIMIT).await;
    status(&consul, "app-h", "passing").await;
}

#[tokio::test]
async fn bug_an_agent_that_has_forgotten_everything_is_told_again_by_the_next_pass() {
    let mut consul = Consul::start();
    let desk = Desk::open(Some(client(&consul)));
    let service = Arc::new(app());
    desk.registrar.report(&service, Report::passing());
    status(&consul, "app-h", "passing").await;
    consul.wipe();
    assert!(consul.service("app-h").is_null());
    desk.registrar.report(&service, Report::passing());
    status(&consul, "app-h", "passing").await;
}

#[tokio::test]
async fn a_pass_gets_through_though_its_agent_is_away_for_a_moment() {
    let mut consul = Consul::start();
    let desk = Desk::open(Some(client(&consul)));
    let service = Arc::new(Service {
        ttl: Duration::from_secs(120),
        ..app()
    });
    consul.server().stop();
    desk.registrar.report(&service, Report::passing());
    tokio::task::spawn_blocking(move || {
        consul.server().resume_service();
        consul.await_status("app-h", "passing");
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_service_of_another_shape_is_registered_anew() {
    let consul = Consul::start();
    let desk = Desk::open(Some(client(&consul)));
    desk.registrar.report(&Arc::new(app()), Report::passing());
    status(&consul, "app-h", "passing").await;
    let moved = Service {
        address: IpAddr::from([10, 0, 0, 6]),
        ..app()
    };
    desk.registrar.report(&Arc::new(moved), Report::passing());
    let is_moved = || consul.service("app-h")["Address"] == "10.0.0.6";
    let seen = wait::until_async(PATIENCE, || {
        let moved = is_moved();
        async move { moved }
    });
    seen.await.unwrap();
}

#[tokio::test]
async fn a_black_hole_blocks_nobody_and_a_withdrawal_is_answered_in_time() {
    let mut consul = Consul::start();
    let mut desk = Desk::open(Some(client(&consul)));
    let service = Arc::new(app());
    desk.registrar.report(&service, Report::passing());
    status(&consul, "app-h", "passing").await;
    consul.server().pause();
    let begin = Instant::now();
    for _ in 0..1000 {
        desk.registrar.report(&service, Report::passing());
    }
    assert!(begin.elapsed() < Duration::from_millis(500));
    // So that one is under way when the withdrawal comes.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        let begin = Instant::now();
        desk.withdraw(&service);
        desk.withdrawn(WITHDRAW_LIMIT).await;
        assert!(begin.elapsed() < WITHDRAW_LIMIT);
    }
    // Consul hears of it when it is back.
    consul.server().unpause();
    gone(&consul, "app-h").await;
}

#[tokio::test]
async fn a_registration_that_hung_does_not_outlive_its_withdrawal() {
    let mut consul = Consul::start();
    let mut desk = Desk::open(Some(client(&consul)));
    let service = Arc::new(app());
    consul.server().pause();
    desk.registrar.report(&service, Report::passing());
    let begin = Instant::now();
    let sent = wait::until_async(PATIENCE, || async {
        begin.elapsed() > Duration::from_millis(200)
    });
    sent.await.unwrap();
    desk.withdraw(&service);
    desk.withdrawn(WITHDRAW_LIMIT).await;
    consul.server().unpause();
    // Longer than the pause after which a withdrawal in doubt is said again.
    let begin = Instant::now();
    let said = wait::until_async(PATIENCE, || async {
        begin.elapsed() > Duration::from_secs(7)
    });
    said.await.unwrap();
    assert!(consul.service("app-h").is_null());
}

#[tokio::test]
async fn without_consul_a_withdrawal_is_answered_at_once() {
    let mut desk = Desk::open(None);
    let service = Arc::new(app());
    desk.registrar.announce(&service);
    desk.registrar.report(&service, Report::passing());
    for _ in 0..20 {
        desk.withdraw(&service);
    }
    assert_eq!(&*desk.withdrawn(WITHDRAW_LIMIT).await, "app-h");
}

#[tokio::test]
async fn a_withdrawal_from_an_agent_that_is_down_is_answered_in_time() {
    let mut consul = Consul::start();
    consul.server().kill();
    let mut desk = Desk::open(Some(client(&consul)));
    desk.withdraw(&Arc::new(app()));
    desk.withdrawn(WITHDRAW_LIMIT).await;
}

#[tokio::test]
async fn an_end_says_what_is_left_to_say_and_deregisters_nothing_else() {
    let consul = Consul::start();
    let mut desk = Desk::open(Some(client(&consul)));
    let (stays, goes) = (
        Arc::new(app()),
        Arc::new(Service {
            id: "b-h".to_owned(),
            ..app()
        }),
    );
    for service in [&stays, &goes] {
        desk.registrar.report(service, Report::passing());
        status(&consul, &service.id, "passing").await;
    }
    desk.withdraw(&goes);
    desk.registrar.finish(PATIENCE).await;
    assert!(consul.service("b-h").is_null());
    assert_eq!(consul.status("app-h").as_deref(), Some("passing"));
}

#[tokio::test]
async fn telemetry_beats_by_itself_and_comes_back_after_maintenance() {
    let consul = Consul::start();
    let mut desk = Desk::open(Some(Client::open(&plain(&consul)).unwrap()));
    let telemetry = Telemetry {
        address: ([127, 0, 0, 1], 9090).into(),
        tags: vec!["op".to_owned()],
        metrics: vec![],
    };
    let service = Arc::new(heartbeat::telemetry_service(&telemetry, "h", "3.9.0"));
    let beat = desk.registrar.heartbeat(Arc::clone(&service));
    status(&consul, "containerpilot-h", "passing").await;
    let known = consul.service("containerpilot-h");
    assert_eq!(known["Tags"], serde_json::json!(["op", "3.9.0"]));
    assert_eq!(known["Port"], 9090);
    desk.withdraw(&service);
    desk.withdrawn(WITHDRAW_LIMIT).await;
    assert!(consul.service("containerpilot-h").is_null());
    status(&consul, "containerpilot-h", "passing").await;
    drop(beat);
    desk.withdraw(&service);
    desk.withdrawn(WITHDRAW_LIMIT).await;
    assert!(consul.service("containerpilot-h").is_null());
}
