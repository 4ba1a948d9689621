//! What `check` and `run --ingest` say of a front that cannot be.

use assert_cmd::Command;
use flightline_fixtures::http;
use flightline_fixtures::tls::{Certificates, client};
use predicates::str::contains;

use crate::rig::{BINARY, Rig};

fn flightline(config: &str, words: &[&str]) -> assert_cmd::assert::Assert {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("flightline.toml"), config).unwrap();
    Command::new(BINARY)
        .current_dir(folder.path())
        .args(words)
        .args(["-c", "flightline.toml"])
        .assert()
}

#[test]
fn a_front_without_a_stream_is_refused_with_the_cure() {
    let core = "[source]\nkind = \"core\"\n";
    flightline(
        &format!("{core}[ingest]\nlisten = \"127.0.0.1:8186\"\n"),
        &["check"],
    )
    .code(78)
    .stderr(contains("needs a stream"))
    .stderr(contains("set source.kind = \"jetstream\""));
    flightline(core, &["run", "--ingest"])
        .code(78)
        .stderr(contains("option --ingest: `ingest.listen` needs a stream"));
}

#[test]
fn limits_that_do_not_fit_together_are_refused() {
    let listen = "[ingest]\nlisten = \"127.0.0.1:8186\"\n";
    flightline(
        &format!("{listen}max_body = \"2MiB\"\nmax_pending = \"1MiB\"\n"),
        &["check"],
    )
    .code(78)
    .stderr(contains(
        "`ingest.max_body` is larger than `ingest.max_pending`",
    ));
    flightline(
        &format!("{listen}[admin]\nhigh_water = \"4MiB\"\n"),
        &["check"],
    )
    .code(78)
    .stderr(contains("`ingest.max_body` is over `admin.high_water`"));
    flightline("[ingest]\nclass = \"app\"\n", &["check"])
        .code(78)
        .stderr(contains("`ingest.listen` is missing"));
    flightline(&format!("{listen}class = \"health\"\n"), &["check"])
        .code(78)
        .stderr(contains("write one of app, metric"));
}

#[test]
fn a_front_is_explained_and_an_open_one_said() {
    flightline("[ingest]\nlisten = \"0.0.0.0:8186\"\n", &["check"])
        .code(0)
        .stdout(contains(
            "http://0.0.0.0:8186 → telemetry.app.ingest.<database or bucket>, whoever reaches it",
        ))
        .stdout(contains(
            "note: ingest listens on 0.0.0.0:8186 without ingest.token_file",
        ));
}

#[test]
fn a_front_with_a_certificate_speaks_tls_and_nothing_else() {
    let certificates = Certificates::make();
    let tls = format!(
        "[ingest.tls]\ncert_file = \"{}\"\nkey_file = \"{}\"\nclient_ca_file = \"{}\"\n",
        certificates.server.cert.display(),
        certificates.server.key.display(),
        certificates.ca.display()
    );
    let rig = Rig::unseen("", &tls, "");
    let get = |identity| client::get(&rig.front, "/health", &certificates.ca, identity);
    let seen = get(Some(&certificates.client)).unwrap();
    assert!(seen.answer.starts_with("HTTP/1.0 200"), "{}", seen.answer);
    assert!(get(None).is_err());
    assert!(http::get(&format!("http://{}/health", rig.front)).is_err());
}
