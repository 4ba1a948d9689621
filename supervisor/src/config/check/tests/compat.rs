//! What ContainerPilot takes and nobody can have meant: it is taken here, too, and said.

use crate::config::jobs::InitialStatus;
use crate::config::servers::{Consul, ConsulAddress, MetricKind, Verify};
use crate::config::testing::{config, env, findings, job, load_with, report};
use crate::config::{LogFormat, LogOutput};
use flightline_fixtures::tls::Certificates;

/// Consul as trusted, and what is said about it.
fn consul(typed: &str, variables: &[(&str, &str)]) -> (Consul, String) {
    match load_with(&format!("{{consul: {typed}}}"), &env(variables)) {
        Ok(loaded) => {
            let said: String = loaded.findings.iter().map(ToString::to_string).collect();
            (loaded.config.consul.unwrap(), said)
        }
        Err(error) => panic!("{typed}\n{error}"),
    }
}

/// What is wrong with Consul as typed.
fn refused(typed: &str, variables: &[(&str, &str)]) -> String {
    match load_with(&format!("{{consul: {typed}}}"), &env(variables)) {
        Ok(_) => panic!("accepted: {typed}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn empty_text_is_as_if_absent() {
    let found = config("{logging: {level: '', format: '', output: ''}}").logging;
    assert_eq!(found, config("{}").logging);
    assert_eq!(
        (found.format, found.output),
        (LogFormat::Default, LogOutput::Stdout)
    );
    let status = |typed: &str| {
        let keys = format!("port: 80, health: {{interval: 1, ttl: 2}}, initial_status: '{typed}'");
        let service = config(&job(&keys)).jobs[0].service.clone();
        service.unwrap().initial_status
    };
    assert_eq!(status(""), None);
    assert_eq!(status("warning"), Some(InitialStatus::Warning));
    let (found, said) = consul("{address: 'c:1', scheme: ''}", &[]);
    assert_eq!(found.address, ConsulAddress::Http("c:1".to_owned()));
    assert_eq!(said, "");
}

/// A template whose variable is not set must not turn the check of certificates off.
#[test]
fn an_empty_verify_does_not_trust_everybody() {
    let typed = |verify: &str| format!("{{scheme: 'https', tls: {{verify: {verify}}}}}");
    assert_eq!(consul(&typed("''"), &[]).0.tls.verify, Verify::Peer);
    assert_eq!(consul(&typed("'0'"), &[]).0.tls.verify, Verify::Nobody);
}

#[test]
fn variables_of_consul_that_make_no_sense_are_ignored_and_said() {
    for (variables, expected) in [
        (
            [("CONSUL_HTTP_SSL_VERIFY", "yes")],
            "CONSUL_HTTP_SSL_VERIFY says neither",
        ),
        (
            [("CONSUL_HTTP_SSL", "maybe")],
            "CONSUL_HTTP_SSL says neither",
        ),
        ([("CONSUL_CLIENT_CERT", "/c.pem")], "needs its key"),
        ([("CONSUL_CLIENT_KEY", "/c.key")], "needs its key"),
    ] {
        let (found, said) = consul("{address: 'c:1'}", &variables);
        assert!(said.contains(expected), "{said}");
        assert_eq!(found.tls.verify, Verify::Peer);
        assert_eq!(found.tls.identity, None);
        assert_eq!(found.address, ConsulAddress::Http("c:1".to_owned()));
    }
    let (found, said) = consul("{scheme: 'https', tls: {clientcert: 'a'}}", &[]);
    assert!(said.contains("needs its key"), "{said}");
    assert_eq!(found.tls.identity, None);
}

#[test]
fn an_address_of_consul_that_is_none_is_only_said() {
    for typed in [
        "':8500'",
        "'a b:1'",
        "'consul:8500https://'",
        "'http://http://c'",
    ] {
        let (_, said) = consul(typed, &[]);
        assert!(
            said.contains("no agent can be reached at"),
            "{typed}: {said}"
        );
        assert!(said.contains("app.json5:1:10: "), "{said}");
    }
}

#[test]
fn a_file_of_certificates_that_cannot_be_read_is_refused_where_it_is_named() {
    let tls = |keys: &str| format!("{{scheme: 'https', tls: {{{keys}}}}}");
    for (keys, key) in [
        ("cafile: '/nowhere'", "cafile"),
        ("capath: '/nowhere'", "capath"),
        (
            "clientcert: '/nowhere', clientkey: '/nowhere'",
            "clientcert",
        ),
        ("servername: 'no name'", "servername"),
    ] {
        let said = refused(&tls(keys), &[]);
        let expected = format!("app.json5:1:{}: `consul.tls.{key}`: ", 36 + key.len());
        assert!(said.contains(&expected), "{expected}\n{said}");
    }
    let said = refused("'https://c'", &[("CONSUL_CACERT", "/nowhere")]);
    assert!(
        said.contains(":1:10: the variable CONSUL_CACERT: /nowhere"),
        "{said}"
    );
    let made = Certificates::make();
    consul(&tls(&format!("cafile: '{}'", made.ca.display())), &[]);
    // Of what is not asked for nothing is looked at.
    consul(&tls("cafile: '/nowhere', verify: false"), &[]);
}

#[test]
fn of_two_metrics_of_one_name_the_last_is_shown() {
    let file = |metrics: &str| format!("{{telemetry: {{metrics: [{metrics}]}}}}");
    let same = file(
        "{name: 'a', help: 'h', type: 'gauge'}, {name: 'b', help: 'h', type: 'gauge'}, {name: 'a', help: 'h', type: 'counter'}",
    );
    let said = findings(&same);
    assert!(
        said.contains("app.json5:1:31: ") && said.contains("only the last"),
        "{said}"
    );
    let shown = config(&same).telemetry.unwrap().metrics;
    let shown: Vec<_> = shown
        .iter()
        .map(|metric| (&*metric.name, metric.kind))
        .collect();
    assert_eq!(
        shown,
        [("b", MetricKind::Gauge), ("a", MetricKind::Counter)]
    );
    let shared =
        file("{name: 'a_sum', help: 'h', type: 'gauge'}, {name: 'a', help: 'h', type: 'summary'}");
    assert!(findings(&shared).contains("only the last"));
}

#[test]
fn a_file_that_means_nothing_is_still_refused() {
    for text in [
        "{logging: {level: 'loud'}}",
        "{consul: {scheme: 'ftp'}}",
        "{telemetry: {metrics: [{name: 'a', help: 'h', type: ''}]}}",
    ] {
        report(text);
    }
}
