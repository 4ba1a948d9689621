//! What holds of `compose/kubernetes`: each document is one that Kubernetes knows, to the last field; names, labels, ports, times and metrics agree
//! with each other and with the worker's configuration, which the worker accepts.

/// The documents, by their types.
#[path = "kubernetes/documents.rs"]
mod documents;

use std::fs;
use std::process::Command;

use flightline_compose::{files, folder, program, text};
use serde_json::Value;

use documents::{Base, Kustomization, base, kustomization};

/// What the base is for; everything in it carries its labels.
const NAME: &str = "flightline";
/// The worker's configuration, which becomes a ConfigMap.
const CONFIGURATION_FILE: &str = "flightline.toml";
/// Where it is.
const CONFIGURATION: &str = "kubernetes/flightline.toml";

/// A value of the worker's configuration as it is typed: `key` below `[section]`.
fn configured(section: &str, key: &str) -> String {
    let text = text(CONFIGURATION);
    let (_, rest) = text
        .split_once(&format!("[{section}]\n"))
        .unwrap_or_else(|| panic!("{CONFIGURATION} has no [{section}]"));
    let own = rest.split("\n[").next().unwrap_or_default();
    let line = own
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{key} = ")))
        .unwrap_or_else(|| panic!("{CONFIGURATION} has no {section}.{key}"));
    line.trim_matches('"').to_owned()
}

/// The port of a listener's address.
fn port_of(section: &str) -> i32 {
    let listen = configured(section, "listen");
    let (_, port) = listen.rsplit_once(':').expect("address:port");
    port.parse().expect("a port is a number")
}

#[test]
fn every_document_is_one_that_kubernetes_knows_and_is_built() {
    let Kustomization {
        resources,
        config_map_generator: made,
        ..
    } = kustomization();
    let [made] = made.as_slice() else {
        panic!("one ConfigMap is made")
    };
    assert_eq!(
        (made.name.as_str(), made.files.as_slice()),
        (NAME, [CONFIGURATION_FILE.to_owned()].as_slice())
    );
    let mut there: Vec<String> = files("kubernetes", ".yaml")
        .into_iter()
        .filter(|path| path.parent() == Some(&folder().join("kubernetes")))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .filter(|name| name != "kustomization.yaml")
        .collect();
    there.sort();
    assert_eq!(resources, there, "the kustomization lists what is there");
    // Parses each, and refuses what its type does not have.
    let Base { documents, .. } = base();
    assert_eq!(documents.len(), resources.len());
    for (file, document) in &documents {
        assert_eq!(document["metadata"]["name"], NAME, "{file}");
        assert_eq!(document["metadata"]["labels"], labels(), "{file}");
    }
}

/// The labels of everything.
fn labels() -> Value {
    serde_json::json!({
        "app.kubernetes.io/name": NAME,
        "app.kubernetes.io/component": "worker",
    })
}

#[test]
fn everything_selects_the_workers() {
    let base = base();
    let spec = |file: &str| &base.document(file)["spec"];
    let deployment = spec("deployment.yaml");
    assert_eq!(deployment["template"]["metadata"]["labels"], labels());
    let selectors = [
        &deployment["selector"]["matchLabels"],
        &spec("service.yaml")["selector"],
        &spec("servicemonitor.yaml")["selector"]["matchLabels"],
        &spec("poddisruptionbudget.yaml")["selector"]["matchLabels"],
        &spec("networkpolicy.yaml")["podSelector"]["matchLabels"],
    ];
    for selector in selectors {
        assert_eq!(selector, &labels());
    }
    let spread = deployment["template"]["spec"]["topologySpreadConstraints"]
        .as_array()
        .expect("a list");
    for constraint in spread {
        assert_eq!(constraint["labelSelector"]["matchLabels"], labels());
    }
    let target = &spec("horizontalpodautoscaler.yaml")["scaleTargetRef"];
    assert_eq!(
        [&target["apiVersion"], &target["kind"], &target["name"]],
        ["apps/v1", "Deployment", NAME]
    );
}

#[test]
fn ports_are_those_of_the_configuration() {
    let base = base();
    let container = base.container();
    for name in ["ingest", "admin"] {
        let own = container
            .ports
            .iter()
            .flatten()
            .find(|port| port.name.as_deref() == Some(name));
        assert_eq!(own.map(|port| port.container_port), Some(port_of(name)));
        let served = &base.document("service.yaml")["spec"]["ports"];
        let served = served.as_array().expect("a list");
        let served = served.iter().find(|port| port["name"] == name);
        let served = served.unwrap_or_else(|| panic!("the service has no {name}"));
        assert_eq!(served["targetPort"], name);
        assert_eq!(served["port"], port_of(name));
    }
    let probes = [
        (&container.startup_probe, "/healthz"),
        (&container.liveness_probe, "/healthz"),
        (&container.readiness_probe, "/readyz"),
    ];
    for (probe, path) in probes {
        let asked = probe.as_ref().and_then(|probe| probe.http_get.as_ref());
        let asked = asked.unwrap_or_else(|| panic!("no probe asks {path}"));
        assert_eq!(asked.path.as_deref(), Some(path));
        assert_eq!(serde_json::json!(asked.port), "admin");
    }
    let scraped = &base.document("servicemonitor.yaml")["spec"]["endpoints"];
    assert_eq!(scraped[0]["port"], "admin");
}

#[test]
fn a_pod_has_time_to_drain() {
    let base = base();
    let pod = base.pod();
    let pause = base.container().lifecycle.as_ref();
    let pause = pause.and_then(|cycle| cycle.pre_stop.as_ref()?.sleep.as_ref());
    let pause = pause.expect("a pause before the stop").seconds;
    let drain = configured("run", "drain");
    let drain: i64 = drain
        .strip_suffix('s')
        .and_then(|seconds| seconds.parse().ok())
        .expect("seconds");
    let grace = pod.termination_grace_period_seconds.expect("it is named");
    assert!(grace > pause + drain, "{grace} s for {pause} + {drain} s");
}

#[test]
fn a_pod_may_do_nothing_that_the_restricted_standard_forbids() {
    let base = base();
    let pod = base.pod();
    let context = pod.security_context.as_ref().expect("the pod has one");
    assert_eq!(context.run_as_non_root, Some(true));
    // As the image has it.
    assert_eq!(
        (context.run_as_user, context.run_as_group),
        (Some(65532), Some(65532))
    );
    let profile = context.seccomp_profile.as_ref().expect("it is named");
    assert_eq!(profile.type_, "RuntimeDefault");
    assert_eq!(pod.automount_service_account_token, Some(false));
    let own = base.container().security_context.as_ref();
    let own = own.expect("the container has one");
    assert_eq!(own.allow_privilege_escalation, Some(false));
    assert_eq!(own.read_only_root_filesystem, Some(true));
    let dropped = own
        .capabilities
        .as_ref()
        .and_then(|all| all.drop.as_deref());
    assert_eq!(dropped, Some(["ALL".to_owned()].as_slice()));
}

#[test]
fn the_worker_accepts_the_configuration() {
    let base = base();
    let container = base.container();
    let mounts = container.volume_mounts.as_deref().unwrap_or_default();
    let mount = |name: &str| {
        let found = mounts.iter().find(|mount| mount.name == name);
        found.unwrap_or_else(|| panic!("nothing is mounted from {name}"))
    };
    let read = format!("{}/{CONFIGURATION_FILE}", mount("configuration").mount_path);
    let volumes = base.pod().volumes.as_deref().unwrap_or_default();
    let from = |name: &str| volumes.iter().find(|volume| volume.name == name);
    let map = from("configuration").and_then(|volume| volume.config_map.as_ref());
    assert_eq!(map.map(|map| map.name.as_str()), Some(NAME));
    let secret = from("secrets").and_then(|volume| volume.secret.as_ref());
    assert_eq!(
        secret.and_then(|secret| secret.secret_name.as_deref()),
        Some(NAME)
    );
    assert_eq!(
        container.args.as_deref(),
        Some(
            ["run", "--config", read.as_str()]
                .map(str::to_owned)
                .as_slice()
        )
    );
    // Secrets are files where the Secret is mounted, under the names that the kustomization tells people to make.
    let secrets = tempfile::tempdir().unwrap();
    let explained = text("kubernetes/kustomization.yaml");
    let mut worker = Command::new(program(NAME));
    for (section, key) in [("nats", "password_file"), ("sink", "token_file")] {
        let path = configured(section, key);
        let name = path
            .strip_prefix(&format!("{}/", mount("secrets").mount_path))
            .unwrap_or_else(|| panic!("{path} is not mounted"));
        assert!(explained.contains(&format!("--from-file={name}")), "{name}");
        let stand_in = secrets.path().join(name);
        fs::write(&stand_in, "secret").unwrap();
        let variable = format!("FLIGHTLINE__{section}__{key}").to_uppercase();
        worker.env(variable, stand_in);
    }
    let checked = worker
        .args(["check", "--config"])
        .arg(folder().join(CONFIGURATION))
        .output()
        .expect("it can be run");
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
}

#[test]
fn the_autoscaler_asks_for_what_workers_tell() {
    let base = base();
    let rules = documents::rules();
    let asked = base.document("horizontalpodautoscaler.yaml")["spec"]["metrics"].clone();
    let asked = asked.as_array().expect("a list");
    let names = |of: &str| -> Vec<String> {
        let key = of.to_lowercase();
        asked
            .iter()
            .filter(|metric| metric["type"] == of)
            .map(|metric| {
                metric[&key]["metric"]["name"]
                    .as_str()
                    .expect("a name")
                    .to_owned()
            })
            .collect()
    };
    let made = |rules: &[documents::Rule]| -> Vec<String> {
        rules.iter().map(|rule| rule.name.r#as.clone()).collect()
    };
    assert_eq!(names("Pods"), made(&rules.rules));
    assert_eq!(names("External"), made(&rules.external_rules));
    let emitted = ["metrics.rs", "metrics/ingest.rs"]
        .map(|file| text(&format!("../pipeline/src/{file}")))
        .concat();
    for rule in rules.rules.iter().chain(&rules.external_rules) {
        let query = format!("{} {}", rule.series_query, rule.metrics_query);
        let named = documents::metrics_in(&query);
        assert!(named.len() > 1, "{query} names no metric");
        for name in named {
            assert!(
                emitted.contains(&format!("\"{name}\"")),
                "nobody tells {name}"
            );
        }
    }
    // What counts as overload is half of what the worker turns work away at.
    let high_water = configured("admin", "high_water");
    let high_water: u32 = high_water.strip_suffix("MiB").unwrap().parse().unwrap();
    let target = &asked[0]["pods"]["target"]["averageValue"];
    assert_eq!(target, &format!("{}Mi", high_water / 2));
}
