//! Promise: an InfluxDB behind TLS is written to with the configured authority and client certificate, and with no other.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "rig/sink.rs"]
mod rig;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use flightline::config::InfluxApi;
use flightline::metrics::Stage;
use flightline_fixtures::tls::{Certificates, Flaw};
use flightline_fixtures::wait;
use flightline_link::tls::Tls;
use rig::{PATIENCE, Rig, batch, influx, lines};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream};

fn server_config(certificates: &Certificates) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&certificates.ca).unwrap())
        .unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_file(&certificates.server.cert).unwrap()],
            PrivateKeyDer::from_pem_file(&certificates.server.key).unwrap(),
        )
        .unwrap()
}

/// Answers every request of a known client with 204, and tells its body.
fn serve(listener: &TcpListener, config: &Arc<ServerConfig>, seen: &SyncSender<String>) {
    for stream in listener.incoming() {
        let mut socket = stream.unwrap();
        let mut connection = ServerConnection::new(Arc::clone(config)).unwrap();
        let mut stream = Stream::new(&mut connection, &mut socket);
        let mut request = String::new();
        let mut buffer = [0; 4096];
        while !request.ends_with("end v=1 1\n") {
            match stream.read(&mut buffer) {
                Ok(read) if read > 0 => {
                    request.push_str(std::str::from_utf8(&buffer[..read]).unwrap())
                }
                // A client that does not like us, or that we do not like.
                Ok(_) | Err(_) => break,
            }
        }
        if let Some((_, body)) = request.split_once("\r\n\r\n") {
            // Before the answer, behind which the test looks.
            seen.send(body.to_owned()).unwrap();
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                .unwrap();
            stream.flush().unwrap();
        }
    }
}

/// What an operator reads of the last failure.
fn assert_cure(rig: &Rig, cure: &str) {
    let last = rig.metrics.errors.get(Stage::Sink.as_str()).unwrap();
    assert!(last.error.contains(cure), "{last:?}");
}

#[tokio::test]
async fn a_store_with_a_wrong_certificate_is_refused_and_the_cure_is_named() {
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
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let config = Arc::new(server_config(&certificates));
        let (seen, bodies) = sync_channel(16);
        std::thread::spawn(move || serve(&listener, &config, &seen));
        let mut config = influx(&url, InfluxApi::V3 { db: "d".to_owned() });
        config.tls = Tls {
            ca: Some(certificates.ca.clone()),
            identity: Some((
                certificates.client.cert.clone(),
                certificates.client.key.clone(),
            )),
            ..Tls::default()
        };
        let mut rig = Rig::influx(config);
        let failed = rig
            .metrics
            .retries
            .with_label_values(&["main", "connection"]);
        rig.send(batch(&lines(0..3))).await;
        wait::until_async(PATIENCE, async || failed.get() >= 1)
            .await
            .unwrap();
        assert_cure(&rig, cure);
        assert_eq!(rig.settled_so_far(), 0);
        rig.cut_off().await;
        assert!(bodies.try_recv().is_err(), "lines went to {flaw:?}");
    }
}

#[tokio::test]
async fn only_the_configured_authority_and_identity_are_used() {
    let certificates = Certificates::make();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let config = Arc::new(server_config(&certificates));
    let (seen, bodies) = sync_channel(16);
    std::thread::spawn(move || serve(&listener, &config, &seen));
    let identity = (
        certificates.client.cert.clone(),
        certificates.client.key.clone(),
    );
    let v3 = || InfluxApi::V3 { db: "d".to_owned() };
    let mut sent = lines(0..3);
    sent.push("end v=1 1".to_owned());

    let wrong = [
        (
            Some(certificates.stranger_ca.clone()),
            Some(identity.clone()),
            "name the authority that signed",
        ),
        (
            Some(certificates.ca.clone()),
            None,
            "the server wants a valid client certificate",
        ),
    ];
    for (ca, identity, cure) in wrong {
        let mut config = influx(&url, v3());
        config.tls = Tls {
            ca,
            identity,
            ..Tls::default()
        };
        let mut rig = Rig::influx(config);
        let failed = rig
            .metrics
            .retries
            .with_label_values(&["main", "connection"]);
        rig.send(batch(&sent)).await;
        wait::until_async(PATIENCE, async || failed.get() >= 2)
            .await
            .unwrap();
        assert_eq!(rig.settled_so_far(), 0);
        assert_cure(&rig, cure);
        rig.cut_off().await;
    }

    let mut config = influx(&url, v3());
    config.tls = Tls {
        ca: Some(certificates.ca.clone()),
        identity: Some(identity),
        ..Tls::default()
    };
    let mut rig = Rig::influx(config);
    rig.send(batch(&sent)).await;
    rig.settled(1).await;
    rig.finish().await;
    let all: Vec<String> = bodies.try_iter().collect();
    assert_eq!(all, [format!("{}\n", sent.join("\n"))]);
}
