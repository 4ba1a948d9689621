//! Promise: the supervisor reaches NATS in every way that its configuration offers; who is refused goes on trying.

#[path = "rig/publish.rs"]
mod rig;

use flightline_fixtures::nats::{ClientCheck, Nats, Options};
use flightline_fixtures::nkey::{Credentials, Key};
use flightline_fixtures::tls::{Certificates, Flaw};
use flightline_link::nats::NatsAuth;
use flightline_link::secret::Secret;
use flightline_link::tls::{Tls, TlsRequire};
use flightline_supervisor::publish::Publisher;
use rig::{change, config, wait_for};

async fn lets_in(server: &Nats, auth: NatsAuth, tls: Tls) {
    let mut config = config(&server.url());
    config.server.auth = auth;
    config.server.tls = tls;
    let publisher = Publisher::start(&config, "p1");
    publisher.lifecycle(change(1));
    wait_for(&publisher, |counts| counts.published == 1).await;
}

#[tokio::test]
async fn with_a_password_a_token_a_seed_and_a_creds_file() {
    let value = |text: &str| Secret::Value(text.to_owned());
    let server = Options::default().password("me", "horse").start();
    let password = NatsAuth::Password {
        user: "me".to_owned(),
        password: value("horse"),
    };
    lets_in(&server, password, Tls::default()).await;
    let server = Options::default().token("horse").start();
    lets_in(&server, NatsAuth::Token(value("horse")), Tls::default()).await;
    let key = Key::user();
    let server = Options::default().nkey(&key.public).start();
    lets_in(&server, NatsAuth::NKey(value(&key.seed)), Tls::default()).await;
    let credentials = Credentials::make();
    let server = Options::default()
        .core()
        .config(&credentials.config)
        .start();
    lets_in(
        &server,
        NatsAuth::Creds(credentials.creds.clone()),
        Tls::default(),
    )
    .await;
}

#[tokio::test]
async fn over_tls_with_a_certificate_of_its_own() {
    let certificates = Certificates::make();
    let server = Options::default()
        .tls(&certificates, ClientCheck::Required)
        .start();
    let tls = Tls {
        require: TlsRequire::Always,
        ca: Some(certificates.ca.clone()),
        identity: Some((
            certificates.client.cert.clone(),
            certificates.client.key.clone(),
        )),
    };
    lets_in(&server, NatsAuth::None, tls).await;
}

#[tokio::test]
async fn a_server_with_a_wrong_certificate_is_told_nothing() {
    let mut certificates = Certificates::make();
    for flaw in Flaw::ALL {
        certificates.server = certificates.another_server(&format!("{flaw:?}"), flaw);
        let mut server = Options::default()
            .tls(&certificates, ClientCheck::None)
            .start();
        let mut config = config(&server.url());
        config.server.tls = Tls {
            require: TlsRequire::Always,
            ca: Some(certificates.ca.clone()),
            identity: None,
        };
        let publisher = Publisher::start(&config, "p1");
        publisher.lifecycle(change(1));
        let refused = || {
            let is_refused = server.server().log().contains("TLS handshake error");
            async move { is_refused }
        };
        flightline_fixtures::wait::until_async(rig::PATIENCE, refused)
            .await
            .unwrap();
        assert_eq!(publisher.counts().published, 0, "{flaw:?}");
    }
}

#[tokio::test]
async fn a_password_that_is_put_right_in_its_file_needs_no_restart() {
    let server = Options::default().password("me", "horse").start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "donkey").unwrap();
    let mut config = config(&server.url());
    config.server.auth = NatsAuth::Password {
        user: "me".to_owned(),
        password: Secret::File(file.clone()),
    };
    let publisher = Publisher::start(&config, "p1");
    publisher.lifecycle(change(1));
    let refused = || async { server.monitor("/varz")["total_connections"].as_u64() > Some(1) };
    flightline_fixtures::wait::until_async(rig::PATIENCE, refused)
        .await
        .unwrap();
    assert_eq!(publisher.counts().published, 0);
    std::fs::write(&file, "horse").unwrap();
    wait_for(&publisher, |counts| counts.published == 1).await;
}
