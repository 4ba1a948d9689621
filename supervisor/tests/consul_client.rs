//! Promise: the calls reach a real agent however it is configured (name, unix socket, TLS, tokens), and a refusal says what to do.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "rig/consul.rs"]
mod rig;

use std::time::Duration;

use flightline_fixtures::consul::{Consul, MASTER_TOKEN, Options};
use flightline_fixtures::nats::ClientCheck;
use flightline_fixtures::tls::{Certificates, Flaw};
use flightline_link::secret::Secret;
use flightline_supervisor::config::{self, ConsulAddress, ConsulTls, Verify};
use flightline_supervisor::consul::client::Question;
use flightline_supervisor::consul::error::{CallError, Remedy};
use flightline_supervisor::consul::{CheckStatus, Client};
use rig::{PATIENCE, app, at, client, plain};

async fn register(config: &config::Consul) -> Result<(), CallError> {
    let client = Client::open(config).unwrap();
    client
        .register(&app(), Some(CheckStatus::Passing), PATIENCE)
        .await
}

fn question(name: &str) -> Question<'_> {
    Question {
        name,
        tag: None,
        dc: None,
        block: None,
    }
}

#[tokio::test]
async fn a_service_is_registered_updated_found_and_forgotten() {
    let consul = Consul::start();
    // The agent listens on 127.0.0.1; the name may mean ::1 first.
    let client = Client::open(&at(ConsulAddress::Http(consul.local_name()))).unwrap();
    let service = app();
    client.register(&service, None, PATIENCE).await.unwrap();
    assert_eq!(consul.status("app-h").as_deref(), Some("critical"));
    let passing = CheckStatus::Passing;
    client
        .update("app-h", passing, "fine", PATIENCE)
        .await
        .unwrap();
    assert_eq!(consul.status("app-h").as_deref(), Some("passing"));
    let known = consul.service("app-h");
    assert_eq!(known["Tags"][0], "a, {b} [c]");
    assert_eq!(known["Port"], 8000);
    let found = client.health(question("app"), PATIENCE).await.unwrap();
    assert_eq!(found.instances.len(), 1);
    assert_eq!(found.instances[0].address, "10.0.0.5");
    assert!(found.index.is_some());
    let tagged = Question {
        tag: Some("a, {b} [c]"),
        ..question("app")
    };
    let found = client.health(tagged, PATIENCE).await.unwrap();
    assert_eq!(found.instances.len(), 1);
    let other = Question {
        tag: Some("no such & tag"),
        ..tagged
    };
    let found = client.health(other, PATIENCE).await.unwrap();
    assert!(found.instances.is_empty());
    client.deregister("app-h", PATIENCE).await.unwrap();
    assert!(consul.service("app-h").is_null());
}

#[tokio::test]
async fn an_update_of_what_the_agent_does_not_know_means_to_register() {
    let consul = Consul::start();
    let client = client(&consul);
    let update = client.update("app-h", CheckStatus::Passing, "ok", PATIENCE);
    assert_eq!(update.await.unwrap_err().remedy(), Remedy::Register);
    // Never registered is as good as deregistered.
    client.deregister("app-h", PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_died_with_its_agent_costs_no_call() {
    let mut consul = Consul::start();
    let client = client(&consul);
    for _ in 0..3 {
        client.register(&app(), None, PATIENCE).await.unwrap();
        consul.server().restart();
    }
    client.register(&app(), None, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn an_agent_that_is_away_or_silent_is_a_failure_to_be_tried_again() {
    let mut consul = Consul::start();
    let client = client(&consul);
    consul.server().pause();
    let limit = Duration::from_millis(300);
    let error = client.deregister("a", limit).await.unwrap_err();
    assert!(matches!(error, CallError::Late(_)), "{error}");
    assert_eq!(error.remedy(), Remedy::Retry);
    consul.server().kill();
    let error = client.deregister("a", PATIENCE).await.unwrap_err();
    assert!(matches!(error, CallError::Away(_)), "{error}");
    assert_eq!(error.remedy(), Remedy::Retry);
    let nowhere = at(ConsulAddress::Unix("/nowhere/consul.sock".into()));
    let error = register(&nowhere).await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Retry);
}

#[tokio::test]
async fn a_unix_socket_is_as_good_as_a_port() {
    let consul = Consul::start();
    let config = at(ConsulAddress::Unix(consul.socket()));
    register(&config).await.unwrap();
    assert_eq!(consul.status("app-h").as_deref(), Some("passing"));
}

#[tokio::test]
async fn a_token_opens_what_is_closed_without_and_is_never_shown() {
    let consul = Options::default().access_control().start();
    let stranger = register(&plain(&consul)).await.unwrap_err();
    assert_eq!(stranger.remedy(), Remedy::Correct);
    assert!(stranger.to_string().contains("consul.token"), "{stranger}");
    let with = |token: Secret| config::Consul {
        token: Some(token),
        ..plain(&consul)
    };
    let config = with(Secret::Value(MASTER_TOKEN.to_owned()));
    let debug = format!("{:?}", Client::open(&config).unwrap());
    assert!(!debug.contains(MASTER_TOKEN), "{debug}");
    register(&config).await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = with(Secret::File(file.path().to_owned()));
    let client = Client::open(&config).unwrap();
    client.deregister("app-h", PATIENCE).await.unwrap_err();
    // Rotated under our feet.
    std::fs::write(file.path(), format!("{MASTER_TOKEN}\n")).unwrap();
    client.deregister("app-h", PATIENCE).await.unwrap();
    let missing = with(Secret::File("/nowhere/token".into()));
    let error = register(&missing).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/token"), "{error}");
    let unfit = with(Secret::Value("a\nsecret".to_owned()));
    let error = register(&unfit).await.unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn an_agent_behind_tls_must_prove_who_it_is_unless_nobody_is_asked_to() {
    let certificates = Certificates::make();
    let check = ClientCheck::Required;
    let consul = Options::default().tls(&certificates, check).start();
    let with = |tls: ConsulTls| config::Consul {
        tls,
        ..at(ConsulAddress::Https(consul.tls_address()))
    };
    let identity = Some((
        certificates.client.cert.clone(),
        certificates.client.key.clone(),
    ));
    let good = ConsulTls {
        ca_file: Some(certificates.ca.clone()),
        identity: identity.clone(),
        ..ConsulTls::default()
    };
    register(&with(good.clone())).await.unwrap();
    assert_eq!(consul.status("app-h").as_deref(), Some("passing"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(&certificates.ca, folder.path().join("ca.pem")).unwrap();
    let from_folder = ConsulTls {
        ca_file: None,
        ca_path: Some(folder.path().to_owned()),
        ..good.clone()
    };
    register(&with(from_folder)).await.unwrap();
    let named = ConsulTls {
        server_name: Some("localhost".to_owned()),
        ..good.clone()
    };
    register(&with(named)).await.unwrap();
    let nobody = ConsulTls {
        identity,
        verify: Verify::Nobody,
        ..ConsulTls::default()
    };
    register(&with(nobody)).await.unwrap();
    let wrong = [
        (
            ConsulTls {
                server_name: Some("consul.example".to_owned()),
                ..good.clone()
            },
            "use a host name that the server's certificate has",
        ),
        (
            ConsulTls {
                ca_file: Some(certificates.stranger_ca.clone()),
                ..good.clone()
            },
            "name the authority that signed",
        ),
        (
            ConsulTls {
                identity: None,
                ..good
            },
            "the server wants a valid client certificate",
        ),
    ];
    for (tls, cure) in wrong {
        let error = register(&with(tls)).await.unwrap_err();
        assert!(matches!(error, CallError::Away(_)), "{error}");
        assert!(error.to_string().contains(cure), "{error}");
    }
}

#[tokio::test]
async fn an_agent_with_a_wrong_certificate_is_refused_and_the_cure_is_named() {
    let mut certificates = Certificates::make();
    for (flaw, cure) in [
        (Flaw::Expired, "renew the server's certificate"),
        (
            Flaw::OtherHost,
            "use a host name that the server's certificate has",
        ),
        (Flaw::Stranger, "name the authority that signed"),
    ] {
        certificates.server = certificates.another_server(&format!("{flaw:?}"), flaw);
        let check = ClientCheck::None;
        let consul = Options::default().tls(&certificates, check).start();
        let tls = ConsulTls {
            ca_file: Some(certificates.ca.clone()),
            ..ConsulTls::default()
        };
        let error = register(&config::Consul {
            tls,
            ..at(ConsulAddress::Https(consul.tls_address()))
        })
        .await
        .unwrap_err();
        assert!(matches!(error, CallError::Away(_)), "{error}");
        assert!(error.to_string().contains(cure), "{error}");
    }
}

#[tokio::test]
async fn the_tag_override_flag_and_the_critical_timeout_reach_the_catalog() {
    let consul = Consul::start();
    let service = config::Service {
        enable_tag_override: true,
        deregister_critical_after: Some("10m".to_owned()),
        ..app()
    };
    let client = client(&consul);
    client.register(&service, None, PATIENCE).await.unwrap();
    let in_catalog = || consul.get("/v1/catalog/service/app")[0]["ServiceEnableTagOverride"].take();
    flightline_fixtures::wait::until(PATIENCE, || in_catalog() == true).unwrap();
}
