//! From the file to what is trusted, and to reports with the places of the file as typed.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::config::explain::explain;
use crate::config::jobs::{Restarts, When};
use crate::config::testing::{addresses, env, findings, load_text, load_with, report};

fn reference(name: &str) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/supervisor/reference");
    folder.join(name)
}

fn reference_config(name: &str) -> Config {
    let env = env(&[("PORT", "8000"), ("SENSOR_TYPE", "motion")]);
    match load(&reference(name), &env, &addresses(), Look::AtTheFile) {
        Ok(loaded) => {
            assert_eq!(loaded.findings, [], "{name}");
            loaded.config
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_reference_configurations_load_without_a_finding() {
    for (name, jobs, watches, port, metrics) in [
        ("frontend.json5", 4, 1, Some(8000), 1),
        ("sensor.json5", 4, 2, None, 0),
        ("serializer.json5", 4, 1, Some(8000), 2),
        ("smartthings.json5", 3, 1, Some(8000), 0),
        ("traefik.json5", 2, 0, Some(8080), 0),
    ] {
        let config = reference_config(name);
        assert_eq!(
            (config.jobs.len(), config.watches.len()),
            (jobs, watches),
            "{name}"
        );
        let service = config.jobs[0].service.as_ref();
        assert_eq!(service.map(|service| service.port), port, "{name}");
        let telemetry = config.telemetry.unwrap();
        assert_eq!(telemetry.metrics.len(), metrics, "{name}");
        assert_eq!(telemetry.address.to_string(), "10.0.0.100:9090", "{name}");
        assert_eq!(config.stop_timeout.as_secs(), 5);
    }
}

#[test]
fn the_reference_configurations_mean_what_they_say() {
    let frontend = reference_config("frontend.json5");
    let [app, agent, change, sensor] = frontend.jobs.as_slice() else {
        panic!("four jobs");
    };
    assert_eq!(app.restarts, Restarts::Times(0));
    assert_eq!(app.service.as_ref().unwrap().tags.len(), 3);
    let health = app.health.as_ref().unwrap();
    assert_eq!((health.interval.as_secs(), health.ttl.as_secs()), (2, 5));
    assert_eq!(agent.restarts, Restarts::Unlimited);
    let args = &agent.exec.as_ref().unwrap().args;
    assert!(args.contains(&"consul".to_owned()), "{args:?}");
    assert!(matches!(change.when, When::Each { .. }));
    assert!(matches!(sensor.when, When::Interval(interval) if interval.as_secs() == 5));
    let sensor = reference_config("sensor.json5");
    assert_eq!(&*sensor.jobs[0].name, "motion");
    assert!(sensor.jobs[0].health.is_some() && sensor.jobs[0].service.is_none());
    let serializer = reference_config("serializer.json5");
    assert_eq!(
        serializer.jobs[0]
            .health
            .as_ref()
            .unwrap()
            .timeout
            .unwrap()
            .as_secs(),
        1
    );
}

#[test]
fn a_variable_that_is_not_set_leaves_a_hole_that_is_shown() {
    let error = load(
        &reference("traefik.json5"),
        &Environment::new(),
        &addresses(),
        Look::AtTheFile,
    );
    assert!(error.is_ok());
    let error = load(
        &reference("frontend.json5"),
        &Environment::new(),
        &addresses(),
        Look::AtTheFile,
    );
    let said = error.unwrap_err().to_string();
    assert!(
        said.contains("frontend.json5:8:22: parse error at line:col [8:22]"),
        "{said}"
    );
    assert!(said.contains("8 |       port: {{.PORT}},"), "{said}");
    assert!(
        said.contains("a template variable that is not set leaves a hole"),
        "{said}"
    );
}

#[test]
fn places_are_those_of_the_file_as_typed() {
    let text = "{{ range $i := loop 0 3 }}{{ end }}{\n  jobs: [{{ if .MORE }}{name: 'x'},{{ end }}\n    {name: 'a', exec: {{ .WHAT }}}]}";
    let env = env(&[("MORE", "1"), ("WHAT", "true")]);
    let said = load_with(text, &env).unwrap_err().to_string();
    assert!(
        said.contains("app.json5:3:23: `jobs.a.exec` must be"),
        "{said}"
    );
    assert!(said.contains("\n   |                       ^\n"), "{said}");
}

#[test]
fn a_template_that_is_wrong_is_shown_where_it_is() {
    let said = report("{\n consul: {{ if }} }");
    assert!(said.contains("app.json5:2:"), "{said}");
    assert!(said.contains(": template: "), "{said}");
}

#[test]
fn a_syntax_error_keeps_its_prefix() {
    let said = report("{\n  consul: 'c',\n  jobs: <>\n}");
    assert!(
        said.contains("parse error at line:col [3:9]: expected a value, found '<'"),
        "{said}"
    );
    assert!(
        said.contains(" 2 |   consul: 'c',\n 3 |   jobs: <>\n   |         ^\n"),
        "{said}"
    );
}

#[test]
fn everything_that_is_wrong_is_told_in_the_order_of_the_file() {
    let said = report(
        "{\n stopTimeout: '5s',\n telemetry: {port: -1},\n jobs: [\n {name: 'a', when: {}, exec: ''},\n {exec: 'b', timeout: 'x'}],\n logging: {level: 'x'}}",
    );
    let places: Vec<_> = said
        .lines()
        .filter_map(|line| line.split_once("app.json5:")?.1.split_once(": "))
        .map(|(place, _)| place)
        .collect();
    assert_eq!(
        places,
        ["2:15", "3:20", "5:20", "5:30", "6:2", "6:23", "7:19"],
        "{said}"
    );
}

#[test]
fn secrets_are_not_in_what_is_said() {
    let text = "{consul: {address: 'c:1', token: 'hunter2', tkoen: 5},\n nats: {token: 'hunter2', password: 'hunter2', ring: 0},\n jobs: [{name: 'a', env: {PASSWORD: 'hunter2', X: []}}]}";
    let said = report(text);
    assert!(
        said.contains("tkoen") && !said.contains("hunter2"),
        "{said}"
    );
    let loaded = load_text("{consul: {token: 'hunter2'}, nats: {token: 'hunter2'}}").unwrap();
    assert!(!format!("{loaded:?}").contains("hunter2"));
    let env = env(&[("CONSUL_HTTP_TOKEN", "hunter2"), ("PW", "hunter2")]);
    let said = load_with(
        "{consul: {tkoen: '{{ .PW }}'}, stopTimeout: '{{ .PW }}', logging: {level: 5}}",
        &env,
    );
    let said = said.unwrap_err().to_string();
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn findings_have_places_and_cures() {
    let said = findings("{jobs: [\n {name: 'a', when: {source: 'b', once: 'healthy'}}]}");
    assert!(
        said.contains("app.json5:2:20: nothing here is called \"b\", so `healthy` never happens"),
        "{said}"
    );
    assert!(said.contains("   = there are: global, a\n"), "{said}");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let env = Environment::new();
    let missing = load(
        Path::new("/no/such/file"),
        &env,
        &addresses(),
        Look::AtTheFile,
    )
    .unwrap_err();
    assert!(matches!(missing, LoadError::Unreadable { .. }));
    assert!(
        missing
            .to_string()
            .starts_with("/no/such/file: cannot read"),
        "{missing}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long");
    std::fs::write(&path, " ".repeat(1 << 21)).unwrap();
    assert!(matches!(
        load(&path, &env, &addresses(), Look::AtTheFile),
        Err(LoadError::TooLong { .. })
    ));
    std::fs::write(&path, b"{\n a: '\xff'}").unwrap();
    let said = load(&path, &env, &addresses(), Look::AtTheFile)
        .unwrap_err()
        .to_string();
    assert!(said.contains("long:2:6: this is not UTF-8"), "{said}");
}

#[test]
fn the_file_is_named_by_the_flag_or_by_the_variable() {
    let set = env(&[("CONTAINERPILOT", "/etc/c.json5")]);
    assert_eq!(find(Some(Path::new("x")), &set).unwrap(), Path::new("x"));
    assert_eq!(find(None, &set).unwrap(), Path::new("/etc/c.json5"));
    for env in [Environment::new(), env(&[("CONTAINERPILOT", "")])] {
        assert!(matches!(find(None, &env), Err(LoadError::NotNamed)));
    }
}

#[test]
fn a_file_is_rendered_without_being_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    std::fs::write(&path, "<{{ .A }}>{{ .B | default \"b\" }}").unwrap();
    assert_eq!(render(&path, &env(&[("A", "x=y")])).unwrap(), "<x=y>b");
}

#[test]
fn the_socket_is_found_in_a_file_that_is_wrong_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let socket = |text: &str| {
        std::fs::write(&path, text).unwrap();
        control_socket(&path, &env(&[("S", "/run/s")]))
    };
    assert_eq!(
        socket("{control: {socket: '{{ .S }}'}, jobs: 5, nonsense: 1}").unwrap(),
        Path::new("/run/s")
    );
    assert_eq!(
        socket("{}").unwrap(),
        Path::new("/var/run/containerpilot.socket")
    );
    for text in [
        "{control: {socket: ''}}",
        "{control: {sokcet: 's'}}",
        "{control: 5}",
        "{",
        "[]",
    ] {
        assert!(socket(text).is_err(), "{text}");
    }
}

#[test]
fn a_file_full_of_nonsense_does_not_hang() {
    let full = |piece: &str| piece.repeat(usize::try_from(FILE_LIMIT).unwrap() / piece.len() - 1);
    for text in [
        format!("{{{}}}", full("token:1,")),
        format!("{{{}}}", full("a:1,")),
        format!("{{{}}}", full("nats:{token:1},")),
        format!("{{{}: 1}}", full("a")),
        format!("{{exitWhen: '{}'}}", full("b")),
        format!("{{jobs: [{}]}}", full("1,")),
        full("token /*"),
        full("[{a:"),
        full("--token"),
        full("://@"),
    ] {
        let said = match load_text(&text) {
            Ok(loaded) => explain(&loaded.path, &loaded.config, &loaded.findings),
            Err(error) => error.to_string(),
        };
        assert!(said.len() < 100_000, "{}", said.len());
    }
}

fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "jobs: [",
        "{name: 'a', ",
        "exec: 'x'",
        "when: {",
        "source: 'a'",
        "once: 'healthy'",
        "health: {interval: 1, ttl: 2}",
        "port: 80",
        "consul: 'c'",
        "nats: {",
        "tls: {",
        "'",
        "5",
        "null",
        "-1",
        "{{ .A }}",
        "{{ if .A }}",
        "{{ end }}",
        "\n",
        "é",
        "telemetry: {",
        "interfaces: 'x'",
        "token: 's'",
    ]);
    prop::collection::vec(piece, 0..16).prop_map(|pieces| format!("{{{}}}", pieces.concat()))
}

proptest! {
    #[test]
    fn any_file_is_loaded_or_refused_at_a_place_inside_of_it(text in prop_oneof![any::<String>(), soup()]) {
        let lines = text.matches('\n').count() + 1;
        if let Err(error) = load_with(&text, &env(&[("A", "'a',\n\n\n")])) {
            let said = error.to_string();
            let places = said.lines().filter_map(|line| line.split_once("app.json5:")?.1.split_once(':'));
            for (line, _) in places {
                let line: usize = line.parse().unwrap();
                prop_assert!((1..=lines).contains(&line), "{}", said);
            }
        }
    }
}
