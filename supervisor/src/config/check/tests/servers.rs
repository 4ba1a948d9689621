//! Consul, watches, telemetry, logs, NATS.

use std::time::Duration;

use flightline_link::nats::NatsAuth;
use flightline_link::secret::Secret;
use flightline_link::tls::TlsRequire;

use crate::config::servers::{Consul, ConsulAddress, Nats, PublishMetrics, Verify};
use crate::config::testing::{config, env, findings, load_with, report};
use crate::config::{LogFormat, LogOutput};

fn consul(typed: &str, variables: &[(&str, &str)]) -> Consul {
    let loaded = load_with(&format!("{{consul: {typed}}}"), &env(variables));
    match loaded {
        Ok(loaded) => loaded.config.consul.unwrap(),
        Err(error) => panic!("{error}"),
    }
}

fn http(address: &str) -> ConsulAddress {
    ConsulAddress::Http(address.to_owned())
}

fn https(address: &str) -> ConsulAddress {
    ConsulAddress::Https(address.to_owned())
}

#[test]
fn one_leading_scheme_is_taken_off_an_address() {
    for (typed, expected) in [
        ("'localhost:8500'", http("localhost:8500")),
        ("'http://c:1'", http("c:1")),
        ("'https://c:1'", https("c:1")),
        ("'httpshttps://c:1'", http("httpshttps://c:1")),
        ("'https://https://c:1'", https("https://c:1")),
        ("'consul:8500https://'", http("consul:8500https:")),
        ("''", http("127.0.0.1:8500")),
        ("{}", http("127.0.0.1:8500")),
        ("{address: 'c:1', scheme: 'https'}", https("c:1")),
        ("{address: 'http://c:1', scheme: 'https'}", http("c:1")),
        (
            "'unix:///run/consul'",
            ConsulAddress::Unix("/run/consul".into()),
        ),
    ] {
        assert_eq!(consul(typed, &[]).address, expected, "{typed}");
    }
    assert!(findings("{consul: 'https://https://c:1'}").contains("no agent can be reached"));
    for typed in ["true", "5", "[]", "{adress: 'c'}", "{scheme: 'ftp'}"] {
        report(&format!("{{consul: {typed}}}"));
    }
}

#[test]
fn without_consul_nothing_is_registered_and_that_is_said() {
    for typed in ["", "consul: null,", "consul: false,"] {
        let text = format!(
            "{{{typed} jobs: [{{name: 'app', port: 80, health: {{interval: 1, ttl: 2}}, interfaces: 'eth7'}}]}}"
        );
        let config = config(&text);
        assert!(config.consul.is_none() && config.jobs[0].service.is_none());
        assert!(findings(&text).contains("registered nowhere"), "{text}");
        let said = report(&format!(
            "{{{typed} watches: [{{name: 'db', interval: 1}}]}}"
        ));
        assert!(said.contains("`watches` need Consul"), "{said}");
    }
}

#[test]
fn variables_of_consul_win_over_the_file() {
    // The files are not there, and over plain HTTP nobody misses them.
    let file = "{address: 'c:1', token: 'typed', tls: {cafile: 'a', capath: 'b', servername: 's', verify: true}, scheme: 'http'}";
    let variables = [
        ("CONSUL_HTTP_ADDR", "other:1"),
        ("CONSUL_HTTP_TOKEN", "given"),
        ("CONSUL_CACERT", "ca"),
        ("CONSUL_CAPATH", "capath"),
        ("CONSUL_CLIENT_CERT", "cert"),
        ("CONSUL_CLIENT_KEY", "key"),
        ("CONSUL_TLS_SERVER_NAME", "name"),
        ("CONSUL_HTTP_SSL_VERIFY", "0"),
    ];
    let found = consul(file, &variables);
    assert_eq!(found.address, http("c:1"));
    assert_eq!(found.token, Some(Secret::Value("given".to_owned())));
    assert_eq!(found.tls.ca_file.unwrap().to_str(), Some("ca"));
    assert_eq!(found.tls.ca_path.unwrap().to_str(), Some("capath"));
    assert_eq!(found.tls.identity, Some(("cert".into(), "key".into())));
    assert_eq!(found.tls.server_name.as_deref(), Some("name"));
    assert_eq!(found.tls.verify, Verify::Nobody);
    assert_eq!(consul(file, &[]).tls.server_name.as_deref(), Some("s"));
    assert_eq!(consul("{}", &variables).address, http("other:1"));
    assert_eq!(consul("''", &variables).address, http("other:1"));
    assert_eq!(
        consul("{}", &[("CONSUL_HTTP_SSL", "true")]).address,
        https("127.0.0.1:8500")
    );
    assert_eq!(
        consul("'c:1'", &[("CONSUL_HTTP_SSL", "1")]).address,
        http("c:1")
    );
    assert_eq!(
        consul("''", &[("CONSUL_HTTP_ADDR", "https://x:1")]).address,
        https("x:1")
    );
}

#[test]
fn the_agent_proves_who_it_is_unless_somebody_says_otherwise() {
    assert_eq!(consul("'https://c'", &[]).tls.verify, Verify::Peer);
    assert_eq!(consul("{tls: {}}", &[]).tls.verify, Verify::Peer);
    assert_eq!(
        consul("{scheme: 'https', tls: {verify: false}}", &[])
            .tls
            .verify,
        Verify::Nobody
    );
}

#[test]
fn a_life_cycle_key_has_no_slashes_at_its_ends() {
    let kept = |typed: &str| consul(&format!("{{lifecycleKv: '{typed}'}}"), &[]).lifecycle_kv;
    assert_eq!(kept("/a/b/").as_deref(), Some("a/b"));
    assert_eq!(kept("/"), None);
}

#[test]
fn a_watch_has_a_name_and_an_interval() {
    let watch = |keys: &str| format!("{{consul: 'c', watches: [{{{keys}}}]}}");
    let found = config(&watch(
        "name: 'my-db', interval: '0x3', tag: 't', dc: 'east'",
    ))
    .watches;
    assert_eq!(
        (&*found[0].name, found[0].interval),
        ("my-db", Duration::from_secs(3))
    );
    for keys in [
        "name: '', interval: 1",
        "interval: 1",
        "name: 'my_db', interval: 1",
        "name: 'db', interval: 0",
        "name: 'db'",
        // ContainerPilot swallows these two.
        "name: 'db', interval: 1, serviceName: 'x'",
        "name: 'db', interval: 1, discoveryService: {}",
    ] {
        report(&watch(keys));
    }
    let twice = "{consul: 'c', watches: [{name: 'db', interval: 1, tag: 'a'}, {name: 'db', interval: 1, tag: 'b'}]}";
    assert!(findings(twice).contains("watched twice"));
}

#[test]
fn telemetry_is_on_when_it_is_named() {
    let telemetry = |typed: &str| config(&format!("{{telemetry: {typed}}}")).telemetry;
    assert_eq!(telemetry("null"), None);
    assert_eq!(
        telemetry("{}").unwrap().address.to_string(),
        "10.2.0.1:9090"
    );
    let listed = "{port: '9100', interfaces: ['eth1', 'eth0', 'eth0[1]', 'lo', 'lo0', 'inet'], tags: ['op']}";
    assert_eq!(
        telemetry(listed).unwrap().address.to_string(),
        "10.0.0.100:9100"
    );
    assert_eq!(
        telemetry("{interfaces: 'lo[0]'}")
            .unwrap()
            .address
            .to_string(),
        "[::1]:9090"
    );
    for typed in [
        "{port: 0}",
        "{port: 65536}",
        "{interfaces: 'eth7'}",
        "{interfaces: ['!']}",
        "false",
        "9090",
    ] {
        report(&format!("{{telemetry: {typed}}}"));
    }
}

#[test]
fn metrics_have_names_that_can_be_shown() {
    let file = |keys: &str| format!("{{telemetry: {{metrics: [{{{keys}}}]}}}}");
    config(&file("name: 'a', help: 'h', type: 'gauge'"));
    config(&file(
        "namespace: 'n', subsystem: 's', name: '1', help: 'h', type: 'summary'",
    ));
    for keys in [
        "name: 'a', help: 'h'",
        "name: 'a', help: 'h', type: ''",
        "name: 'a', help: 'h', type: 'Gauge'",
        "name: 'a.b', help: 'h', type: 'gauge'",
        "name: '1', help: 'h', type: 'gauge'",
        "name: '', help: 'h', type: 'gauge'",
        "name: 'a', help: '', type: 'gauge'",
        "name: 'events', namespace: 'containerpilot', help: 'h', type: 'gauge'",
    ] {
        let said = report(&file(keys));
        assert!(said.contains("app.json5:1:"), "{said}");
    }
}

#[test]
fn logs_are_written_where_and_how_it_says() {
    let logging = |typed: &str| config(&format!("{{logging: {typed}}}")).logging;
    let usual = logging("{}");
    assert_eq!(
        (usual.level, usual.format),
        (tracing::Level::INFO, LogFormat::Default)
    );
    assert_eq!(usual.output, LogOutput::Stdout);
    let other = logging("{level: 'Debug', format: 'JSON', output: 'stderr'}");
    assert_eq!(
        (other.level, other.format),
        (tracing::Level::DEBUG, LogFormat::Json)
    );
    assert_eq!(other.output, LogOutput::Stderr);
    assert_eq!(logging("{level: 'panic'}").level, tracing::Level::ERROR);
    assert_eq!(logging("{level: 'warning'}").level, tracing::Level::WARN);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    assert_eq!(
        logging(&format!("{{output: '{}'}}", file.display())).output,
        LogOutput::File(file.clone())
    );
    assert!(!file.exists(), "a check leaves nothing behind");
    for typed in [
        "{level: 'loud'}",
        "{format: 'xml'}",
        "{output: '/nowhere/at/all.log'}",
        "{output: '/'}",
        "{raw: true}",
    ] {
        report(&format!("{{logging: {typed}}}"));
    }
}

#[test]
fn the_control_socket_has_a_path() {
    assert_eq!(
        config("{}").control.to_str(),
        Some("/var/run/containerpilot.socket")
    );
    assert_eq!(
        config("{control: {socket: '/s'}}").control.to_str(),
        Some("/s")
    );
    report("{control: {socket: ''}}");
    report("{control: '/s'}");
}

fn nats(keys: &str) -> Nats {
    config(&format!("{{nats: {{{keys}}}}}")).nats.unwrap()
}

#[test]
fn nats_has_a_default_for_everything() {
    let found = nats("");
    assert_eq!(found.server.urls, ["nats://127.0.0.1:4222"]);
    assert_eq!(found.server.auth, NatsAuth::None);
    assert_eq!(found.prefix.as_str(), "telemetry");
    assert_eq!(found.server.inbox_prefix, "_INBOX");
    assert_eq!(found.service.as_str(), "supervisor");
    assert_eq!((found.beat, found.ring), (Duration::from_secs(30), 4096));
    assert_eq!(found.metrics, PublishMetrics::Local);
    assert_eq!(config("{}").nats, None);
}

#[test]
fn nats_takes_one_way_to_say_who_we_are() {
    let secret = |text: &str| Secret::Value(text.to_owned());
    let auth = |keys: &str| nats(keys).server.auth;
    assert_eq!(auth("token: 't'"), NatsAuth::Token(secret("t")));
    assert_eq!(
        auth("tokenFile: '/t'"),
        NatsAuth::Token(Secret::File("/t".into()))
    );
    assert_eq!(auth("nkey: 'n'"), NatsAuth::NKey(secret("n")));
    assert_eq!(auth("credsFile: '/c'"), NatsAuth::Creds("/c".into()));
    let password = NatsAuth::Password {
        user: "u".to_owned(),
        password: secret("p"),
    };
    assert_eq!(auth("user: 'u', password: 'p'"), password);
    for keys in [
        "user: 'u'",
        "password: 'p'",
        "token: 't', tokenFile: '/t'",
        "token: 't', nkey: 'n'",
        "url: 'nats://u:p@h', token: 't'",
    ] {
        let said = report(&format!("{{nats: {{{keys}}}}}"));
        assert!(!said.contains("u:p"), "{said}");
    }
}

#[test]
fn nats_refuses_what_it_could_not_use() {
    assert_eq!(
        nats("url: 'a, tls://b:1'").server.urls,
        nats("url: ['a', 'tls://b:1']").server.urls
    );
    assert_eq!(
        nats("url: 'a', urls: ['tls://b:1']").server.urls,
        ["nats://a", "tls://b:1"]
    );
    assert_eq!(
        nats("inboxPrefix: '_INBOX_app'").server.inbox_prefix,
        "_INBOX_app"
    );
    assert_eq!(
        nats("tls: {require: true}").server.tls.require,
        TlsRequire::Always
    );
    for keys in [
        "url: []",
        "url: 'http://a'",
        "url: 'nats://a/b'",
        "url: 5",
        "prefix: 'a.b'",
        "prefix: '$SYS'",
        "service: 'a b'",
        "inboxPrefix: 'a.>'",
        "instance: '*'",
        "beat: 0",
        "beat: 'x'",
        "ring: 0",
        "ring: 1000000",
        "tls: {certFile: 'a'}",
        "metrics: 'nope'",
    ] {
        report(&format!("{{nats: {{{keys}}}}}"));
    }
}

#[test]
fn the_service_is_that_which_the_container_is_there_for() {
    let service = |jobs: &str| {
        let config = config(&format!("{{consul: 'c', nats: {{}}, jobs: [{jobs}]}}"));
        config.nats.unwrap().service.to_string()
    };
    let advertised = "{name: 'web', exec: 'w', port: 80, health: {interval: 1, ttl: 2}}";
    assert_eq!(service("{name: 'a job', exec: 'a'}"), "a_job");
    assert_eq!(service(&format!("{{name: 'agent'}}, {advertised}")), "web");
    assert_eq!(
        service(&format!(
            "{advertised}, {{name: 'app', exec: 'a', main: true}}"
        )),
        "app"
    );
}
