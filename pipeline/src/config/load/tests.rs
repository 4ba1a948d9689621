//! What is loaded, what is refused, and what the refusal says.

use std::path::PathBuf;
use std::time::Duration;

use flightline_contract::class::Class;
use flightline_link::nats::NatsAuth;
use flightline_link::secret::Secret;

use super::{Loaded, load};
use crate::config::environment::Environment;
use crate::config::{
    Compression, DeadLetters, FieldKind, InfluxApi, InfluxAuth, JsonPath, MappedField, Pick, Sink,
    SinkKind, Source, TimeUnit,
};

type Variables<'v> = &'v [(&'v str, &'v str)];

fn load_files(files: &[&str], variables: Variables<'_>) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = files
        .iter()
        .enumerate()
        .map(|(number, text)| {
            let path = folder.path().join(format!("{number}.toml"));
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect();
    load(&paths, &Environment::of(variables.iter().copied())).map_err(|report| {
        let text = report.to_string();
        assert_eq!(
            text.matches("\n   = ").count() + text.matches("\n    = ").count(),
            report.count(),
            "{text}"
        );
        text.replace(&format!("{}/", folder.path().display()), "")
    })
}

fn good(text: &str) -> Loaded {
    load_files(&[text], &[]).unwrap_or_else(|report| panic!("{report}"))
}

fn bad(text: &str) -> String {
    load_files(&[text], &[]).expect_err("must be refused")
}

/// The report on `text` has all of `parts`.
fn refused(text: &str, parts: &[&str]) {
    let report = bad(text);
    for part in parts {
        assert!(report.contains(part), "no `{part}` in:\n{report}");
    }
}

fn influx(sink: &Sink) -> &crate::config::Influx {
    match &sink.kind {
        SinkKind::Influx(influx) => influx,
        SinkKind::File(_) => panic!("a file sink"),
    }
}

#[test]
fn without_anything_the_embedded_default_holds() {
    let loaded = load(&[], &Environment::default()).unwrap();
    let config = loaded.config;
    assert_eq!(config.prefix, "telemetry");
    assert_eq!(config.nats.urls, ["nats://127.0.0.1:4222"]);
    assert!(matches!(config.nats.auth, NatsAuth::None));
    assert!(
        matches!(&config.source, Source::JetStream(js) if js.stream == "TELEMETRY" && js.max_ack_pending == 65_536)
    );
    assert_eq!((config.batch.lines, config.batch.bytes), (5000, 1 << 20));
    assert_eq!(config.sinks.len(), 1);
    assert_eq!(config.sinks[0].name, "main");
    assert_eq!(config.sinks[0].classes, Class::ALL);
    assert!(
        matches!(&config.sinks[0].kind, SinkKind::File(file) if file.dir.ends_with("flightline-data"))
    );
    assert!(
        matches!(&config.deadletter, DeadLetters::JetStream { max_bytes, .. } if *max_bytes == 1 << 30)
    );
    assert!(config.admin.listen.ip().is_loopback());
    assert!(config.exporter.counters.is_empty());
    assert!(loaded.notes.is_empty());
}

#[test]
fn every_default_that_holds_is_told_and_no_other() {
    let loaded = good("batch.lines = 10\n[source]\nkind = \"core\"");
    let key = |key: &str| loaded.defaults.iter().any(|taken| taken.key == key);
    assert!(key("batch.age") && key("source.queue_group") && key("sink.dir"));
    assert!(
        !key("batch.lines")
            && !key("source.kind")
            && !key("source.stream")
            && !key("sink.in_flight")
    );
}

#[test]
fn later_files_override_earlier_ones_key_by_key() {
    let base = "[batch]\nlines = 10\nage = \"2s\"\n[exporter]\ncounters = [\"a\", \"b\"]";
    let loaded = load_files(
        &[base, "batch.lines = 20\nexporter.counters = [\"c\"]"],
        &[],
    )
    .unwrap();
    assert_eq!(loaded.config.batch.lines, 20);
    assert_eq!(loaded.config.batch.age, Duration::from_secs(2));
    assert_eq!(loaded.config.exporter.counters, ["c"]);
}

#[test]
fn every_kind_of_key_can_come_from_the_environment() {
    let variables = [
        ("FLIGHTLINE__SINK__KIND", "influxdb"),
        ("FLIGHTLINE__SINK__URL", "http://db:8086/prefix"),
        ("FLIGHTLINE__SINK__API", "v1"),
        ("FLIGHTLINE__SINK__DB", "telemetry"),
        ("FLIGHTLINE__SINK__IN_FLIGHT", "3"),
        ("FLIGHTLINE__SINKS__BACKUP__DIR", "/backup"),
        ("FLIGHTLINE__SINKS__BACKUP__CLASSES", "health, app"),
        ("FLIGHTLINE__EXPORTER__CLASSES", "[\"metric\"]"),
        ("FLIGHTLINE__NATS__TLS", "{ require = true }"),
        ("FLIGHTLINE__NATS__URL", "nats://a:4222,b"),
        (
            "FLIGHTLINE__MAPPING",
            "[{ subjects = [\"a\"], service = \"s\" }]",
        ),
        ("FLIGHTLINE_OTHER", "is not ours"),
    ];
    let config = load_files(&["batch.lines = 7"], &variables).unwrap().config;
    assert_eq!(config.batch.lines, 7);
    assert_eq!(config.sinks.len(), 2);
    assert_eq!(
        influx(&config.sinks[0]).url.as_str(),
        "http://db:8086/prefix"
    );
    assert_eq!(influx(&config.sinks[0]).in_flight, 3);
    assert_eq!(config.sinks[1].classes, [Class::Health, Class::App]);
    assert_eq!(config.exporter.classes, [Class::Metric]);
    assert_eq!(config.nats.urls, ["nats://a:4222", "nats://b"]);
    assert_eq!(
        config.nats.tls.require,
        flightline_link::tls::TlsRequire::Always
    );
    assert_eq!(config.mappings[0].service, "s");
}

#[test]
fn a_problem_in_a_variable_names_the_variable() {
    for (name, value, parts) in [
        (
            "FLIGHTLINE__BATCH__AGE",
            "5 lightyears",
            [
                "variable FLIGHTLINE__BATCH__AGE:",
                "`5 lightyears` is no duration",
            ],
        ),
        (
            "FLIGHTLINE__BATCH__LINES",
            "many",
            ["FLIGHTLINE__BATCH__LINES", "must be a whole number"],
        ),
        (
            "FLIGHTLINE__SINK__ULR",
            "x",
            [
                "unknown key `sink.ulr`",
                "did you mean FLIGHTLINE__SINK__URL?",
            ],
        ),
        (
            "FLIGHTLINE__BATCH",
            "5",
            ["FLIGHTLINE__BATCH:", "must be a table"],
        ),
        (
            "FLIGHTLINE__BATCH____AGE",
            "5s",
            ["FLIGHTLINE__BATCH____AGE", "empty part"],
        ),
    ] {
        let report = load_files(&[], &[(name, value)]).unwrap_err();
        for part in parts {
            assert!(report.contains(part), "no `{part}` in:\n{report}");
        }
    }
    let both = [
        ("FLIGHTLINE__NATS__TLS", "yes"),
        ("FLIGHTLINE__NATS__TLS__CA_FILE", "x"),
    ];
    assert!(
        load_files(&[], &both)
            .unwrap_err()
            .contains("FLIGHTLINE__NATS__TLS__CA_FILE")
    );
}

#[test]
fn strings_are_expanded_after_parsing() {
    let text = "batch.lines = \"${LINES:-50}\"\nnats.user = \"${WHO}\"\nnats.password = \"a\\\"b$${c}\"\nexporter.counters = \"${LIST}\"";
    let config = load_files(&[text], &[("WHO", "joe\" = 1 ${X}"), ("LIST", "a,b")])
        .unwrap()
        .config;
    assert_eq!(config.batch.lines, 50);
    assert_eq!(config.exporter.counters, ["a", "b"]);
    let NatsAuth::Password {
        user,
        password: Secret::Value(password),
    } = config.nats.auth
    else {
        panic!("a password");
    };
    assert_eq!(
        (user.as_str(), password.as_str()),
        ("joe\" = 1 ${X}", "a\"b${c}")
    );
}

#[test]
fn an_expansion_that_fails_is_shown_where_it_stands() {
    refused(
        "[nats]\ntoken = \"${TOKEN_OF_NATS}\"",
        &[
            "0.toml:2:9: the environment variable TOKEN_OF_NATS is not set",
            "^",
        ],
    );
    refused("nats.token = \"${T:?ask ops}\"", &["T is not set: ask ops"]);
    refused(
        "nats.token = \"${file:/no/such}\"",
        &["cannot read the file /no/such"],
    );
}

#[test]
fn no_report_and_no_debug_shows_a_secret() {
    const SECRET: &str = "hunter2";
    let sink = "[sink]\nkind = \"influxdb\"\napi = \"v1\"\ndb = \"d\"\n";
    for text in [
        "nats.password = \"hunter2\"",
        "nats.password = \"hunter2",
        "nats.token = [\"hunter2\"]",
        "nats.url = \"nats://joe:hunter2@host:port\"",
        "nats.url = [\"ftp://joe:hunter2@host\"]",
        "[nats]\ntoken = \"hunter2\"\nnkey = \"hunter2\"",
        "batch.age = \"${S}\"",
        "batch.lines = \"${S}\"",
        "sink.kind = \"${S}\"",
        "nats.tls = \"${S}\"",
        "prefix = \"${S}.x\"",
        "nats.token_file = \"/no/${S}\"",
        "mapping = [{ subjects = [\"${S} x\"], service = \"s\" }]",
        "exporter.classes = [\"${S}\"]",
        "[[mapping]]\nsubjects = [\"a\"]\nservice = \"${S} b\"",
        &format!("{sink}url = \"http://joe:hunter2@host\""),
        &format!("{sink}url = \"${{S}}\""),
    ] {
        let report = load_files(&[text], &[("S", SECRET)]).unwrap_err();
        assert!(!report.contains(SECRET), "{report}");
    }
    let variables = [
        ("FLIGHTLINE__NATS__TOKEN", SECRET),
        ("FLIGHTLINE__BATCH__AGE", "x"),
    ];
    assert!(!load_files(&[], &variables).unwrap_err().contains(SECRET));
    let debug = format!("{:?}", good("nats.token = \"hunter2\""));
    assert!(!debug.contains(SECRET), "{debug}");
    assert!(!format!("{:?}", Environment::of(variables)).contains(SECRET));
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    let report = bad(
        "[batch]\nlines = \"many\"\nage = \"x\"\nbytse = \"1MiB\"\n[sink]\nkind = \"infuxdb\"\n[nat]\n[exporter]\nclasses = [\"metrics\", 5]",
    );
    let lines: Vec<_> = report
        .lines()
        .filter(|line| line.starts_with("0.toml:"))
        .collect();
    let places: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split(": ").next())
        .collect();
    assert_eq!(
        places,
        [
            "0.toml:2:9",
            "0.toml:3:7",
            "0.toml:4:1",
            "0.toml:6:8",
            "0.toml:7:2",
            "0.toml:9:12",
            "0.toml:9:23"
        ],
        "{report}"
    );
    for cure in [
        "did you mean `bytes`?",
        "did you mean \"influxdb\"?",
        "did you mean `nats`?",
        "did you mean \"metric\"?",
    ] {
        assert!(report.contains(cure), "no `{cure}` in:\n{report}");
    }
}

#[test]
fn a_key_in_the_wrong_place_is_told_its_section() {
    refused(
        "[batch]\nhigh_water = \"1MiB\"",
        &[
            "unknown key `batch.high_water`",
            "`high_water` is a key of [admin]",
        ],
    );
    refused(
        "[batch]\nfrobnicate = 1",
        &["known here: lines, bytes, age"],
    );
}

#[test]
fn keys_of_another_kind_are_told_their_kind() {
    refused(
        "[source]\nkind = \"core\"\nstream = \"X\"",
        &[
            "0.toml:3:10",
            "does not belong to kind = \"core\"",
            "kind = \"jetstream\"",
        ],
    );
    refused(
        "source.capacity = 5",
        &["does not belong to kind = \"jetstream\"", "kind = \"core\""],
    );
    refused(
        "sink.url = \"http://x\"",
        &[
            "`sink.url` does not belong to kind = \"file\"",
            "kind = \"influxdb\"",
        ],
    );
    refused("deadletter.path = \"x\"", &["kind = \"file\""]);
    refused(
        "[[mapping]]\nsubjects = [\"a\"]\nservice = \"s\"\nclass = \"health\"\ntime = \"$.t\"",
        &["does not belong to class = \"health\""],
    );
}

#[test]
fn what_is_no_toml_is_shown_with_its_place() {
    refused("[batch]\nlines = = 5\n", &["0.toml:2:9: not TOML"]);
    refused("a = 1\na = 2", &["0.toml:2:1"]);
    let missing = load(&["/no/such.toml".into()], &Environment::default()).unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("/no/such.toml: cannot read the configuration")
    );
}

mod observe;
mod sections;
