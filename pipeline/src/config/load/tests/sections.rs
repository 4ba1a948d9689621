//! What each section takes and refuses.

use super::*;
use crate::config::Partitions;

#[test]
fn sinks_have_names_and_their_own_keys() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, " s3cret\n").unwrap();
    let text = format!(
        "[sink]\nkind = \"influxdb\"\nurl = \"https://db:8086\"\napi = \"v2\"\norg = \"o\"\nbucket = \"b\"\ntoken_file = {token:?}\n\
         compression = \"gzip\"\nclasses = [\"app\", \"metric\"]\n[sinks.old]\nkind = \"influxdb\"\nurl = \"http://db1\"\napi = \"v1\"\n\
         db = \"d\"\nuser = \"u\"\npassword = \"p\"\n[sinks.files]\ncompression = \"zstd\"\nkeep_bytes = \"1GiB\""
    );
    let config = good(&text).config;
    let names: Vec<_> = config.sinks.iter().map(|sink| sink.name.as_str()).collect();
    assert_eq!(names, ["main", "files", "old"]);
    let main = influx(&config.sinks[0]);
    assert!(matches!(&main.api, InfluxApi::V2 { org, bucket } if org == "o" && bucket == "b"));
    assert!(matches!(&main.auth, InfluxAuth::Token(secret) if secret.read().unwrap() == "s3cret"));
    assert_eq!(main.compression, Compression::Gzip);
    assert_eq!(config.sinks[0].classes, [Class::Metric, Class::App]);
    assert!(
        matches!(&influx(&config.sinks[2]).auth, InfluxAuth::Basic { user, .. } if user == "u")
    );
    assert!(
        matches!(&config.sinks[1].kind, SinkKind::File(file) if file.keep_bytes == Some(1 << 30))
    );
}

#[test]
fn a_sink_that_lacks_something_says_what() {
    let sink = "[sink]\nkind = \"influxdb\"\n";
    refused(sink, &["`sink.url` is missing", "`sink.api` is missing"]);
    refused(
        &format!("{sink}url = \"http://x\"\napi = \"v2\"\ndb = \"d\""),
        &[
            "`sink.db` does not belong to api = \"v2\"",
            "`sink.org` is missing",
            "`sink.bucket` is missing",
        ],
    );
    refused(
        &format!("{sink}url = \"udp://x\"\napi = \"v3\"\ndb = \"d\""),
        &["neither http nor https"],
    );
    refused(
        &format!("{sink}url = \"http://x\"\napi = \"v3\"\ndb = \"d\"\nuser = \"u\""),
        &["has no password"],
    );
    refused(
        "sink.compression = \"gzip\"",
        &["`sink.compression`", "none, zstd"],
    );
    refused("[sink]\n[sinks.b]", &["write into the same folder"]);
    refused("[sinks.main]", &["`sinks.main`"]);
    refused("[sinks.\"a b\"]", &["has a name that cannot be one"]);
    refused("sink.classes = []", &["would take nothing"]);
}

#[test]
fn files_that_keys_name_must_be_there() {
    refused(
        "nats.creds_file = \"/no/creds\"",
        &["0.toml:1:19: `nats.creds_file`: cannot read `/no/creds`: no such file"],
    );
    refused("nats.token_file = \"/\"", &["it is a folder"]);
    let folder = tempfile::tempdir().unwrap();
    let cert = folder.path().join("cert.pem");
    std::fs::write(&cert, "x").unwrap();
    refused(
        &format!("nats.tls.cert_file = {cert:?}"),
        &["has no `key_file` beside it"],
    );
}

#[test]
fn there_is_one_way_to_say_who_we_are() {
    refused(
        "[nats]\ntoken = \"a\"\nuser = \"u\"\npassword = \"p\"",
        &["in 2 ways", "user and password, token"],
    );
    refused(
        "[nats]\ntoken = \"a\"\nurl = \"nats://u:p@host\"",
        &["in 2 ways", "a user in the URL"],
    );
    refused(
        "[nats]\ntoken = \"a\"\ntoken_file = \"/dev/null\"",
        &["both `nats.token` and `nats.token_file`"],
    );
    refused("nats.user = \"u\"", &["`nats.user` has no password"]);
    refused("nats.password = \"p\"", &["has no user"]);
}

#[test]
fn the_first_customers_need_five_lines() {
    let text = "[[mapping]]\nsubjects = [\"humidity\", \"motion\", \"temperature\"]\nmeasurement = \"sensor\"\n\
                tags = { service = \"sensors\", type = \"$.type\" }\ntime = \"$.time\"";
    assert_eq!(text.lines().count(), 5);
    let config = good(text).config;
    let mapping = &config.mappings[0];
    assert_eq!(mapping.subjects, ["humidity", "motion", "temperature"]);
    assert_eq!(
        (mapping.class, mapping.service.as_str()),
        (Class::App, "sensors")
    );
    assert_eq!(mapping.measurement, Pick::Literal("sensor".to_owned()));
    let path = |key: &str| JsonPath(vec![key.to_owned()]);
    assert_eq!(
        mapping.tags,
        [("type".to_owned(), Pick::Json(path("type")))]
    );
    assert_eq!(mapping.time, Some((path("time"), TimeUnit::Millis)));
    assert!(mapping.fields.is_empty());
}

#[test]
fn fields_are_names_paths_or_tables() {
    let mapping = "[[mapping]]\nsubjects = \"a.*.>\"\nservice = \"s\"\nmeasurement = \"$2\"\n";
    let fields = |typed: &str| {
        good(&format!("{mapping}fields = {typed}")).config.mappings[0]
            .fields
            .clone()
    };
    let field = |name: &str, path: &[&str], kind| MappedField {
        name: name.to_owned(),
        path: JsonPath(path.iter().map(|key| (*key).to_owned()).collect()),
        kind,
    };
    assert_eq!(
        fields("[\"value\", \"$.data.v\"]"),
        [
            field("value", &["value"], FieldKind::Auto),
            field("v", &["data", "v"], FieldKind::Auto)
        ]
    );
    assert_eq!(
        fields(
            "{ a = \"$.x.y\", b = { kind = \"integer\" }, c = { path = \"$.z\", kind = \"float\" } }"
        ),
        [
            field("a", &["x", "y"], FieldKind::Auto),
            field("b", &["b"], FieldKind::Integer),
            field("c", &["z"], FieldKind::Float)
        ]
    );
    refused(
        &format!("{mapping}fields = [\"v\", \"$.data.v\"]"),
        &["has \"v\" twice"],
    );
    refused(
        &format!("{mapping}fields = {{ a = {{ pth = \"$.x\" }} }}"),
        &["pth"],
    );
    refused(
        &format!("{mapping}fields = {{ a = \"x\" }}"),
        &["does not start with `$.`"],
    );
    refused(&format!("{mapping}fields = 5"), &["mapping[0].fields"]);
}

#[test]
fn mappings_keep_out_of_our_subjects_and_of_each_other() {
    let mapping = |subjects: &str| format!("[[mapping]]\nsubjects = {subjects}\nservice = \"s\"\n");
    refused(
        &mapping("[\"a\", \"telemetry.app.x.y\"]"),
        &["0.toml:2:18", "overlaps with `telemetry.>`"],
    );
    refused(
        &mapping("\">\""),
        &[
            "overlaps with `telemetry.>`",
            "overlaps with `deadletter.>`",
        ],
    );
    refused(&mapping("[\"a..b\"]"), &["no subject pattern"]);
    refused(&mapping("[]"), &["is empty"]);
    let two = format!("{}{}", mapping("\"a.*\""), mapping("\"a.b\""));
    refused(
        &format!("source.kind = \"core\"\n{two}"),
        &["`a.b` and `a.*` match the same subjects: core NATS"],
    );
    refused(
        &two,
        &["`a.b` and `a.*` match the same subjects: no server"],
    );
    refused(
        &mapping("[\"a\", \"a\"]"),
        &["`a` and `a` match the same subjects"],
    );
    let apart = format!("{}{}", mapping("\"a.*\""), mapping("\"a.b.c\""));
    assert_eq!(good(&apart).config.mappings.len(), 2);
    refused(
        &format!("{}measurement = \"$2\"", mapping("[\"a.b\", \"c\"]")),
        &["sure to have 1 tokens only"],
    );
    refused(
        "[[mapping]]\nclass = \"app\"",
        &[
            "`mapping[0].subjects` is missing",
            "`mapping[0].service` is missing",
        ],
    );
}

#[test]
fn limits_that_do_not_fit_together_are_refused() {
    refused(
        "batch.age = \"10s\"",
        &["`batch.age` is not less than a third of `source.ack_wait`"],
    );
    refused(
        "source.max_ack_pending = 5000",
        &["less than two batches (10000 messages)"],
    );
    refused("batch.bytes = \"20MiB\"", &["over `admin.high_water`"]);
    refused(
        "deadletter.stream = \"TELEMETRY\"",
        &["read again for ever"],
    );
    refused(
        "batch.lines = 0",
        &["out of range", "between 1 and 1000000"],
    );
    refused("batch.age = \"0s\"", &["is not between 1ms and 1h"]);
    refused(
        "batch.bytes = 5",
        &["must be text in quotes, not a whole number", "512KiB"],
    );
    refused(
        "deadletter.kind = \"file\"\ndeadletter.path = \"x.zst\"",
        &["cannot be compressed"],
    );
    refused("log.level = \"loud\"", &["is not a level"]);
    refused(
        "admin.listen = \"localhost:80\"",
        &["is not an IP address with a port"],
    );
    refused("source.stream = \"a.b\"", &["cannot be a name"]);
}

#[test]
fn a_class_that_nothing_stores_is_noted() {
    let loaded =
        good("sink.classes = [\"app\", \"metric\"]\nexporter.classes = [\"health\", \"app\"]");
    assert_eq!(
        loaded.notes,
        [
            "no sink takes the class health: its messages are acked and only exported",
            "no sink takes the class lifecycle: its messages are acked and thrown away"
        ]
    );
}

#[test]
fn a_sink_that_does_not_keep_the_order_of_partitions_is_noted_with_its_key() {
    let influx = "kind = \"influxdb\"\nurl = \"http://a\"\napi = \"v1\"\ndb = \"d\"";
    let about_order = |source: &str, sinks: &str| {
        let text = format!("[source]\n{source}\n{sinks}");
        let mut notes = good(&text).notes;
        notes.retain(|note| note.contains("in_flight = 1"));
        notes.join("\n")
    };
    let divided = "partitions = 1";
    let one = format!("[sink]\n{influx}");
    let notes = about_order(divided, &one);
    assert!(notes.contains(": sink.in_flight = 1 keeps it"), "{notes}");
    let two = format!("{one}\nin_flight = 1\n[sinks.other]\n{influx}");
    let notes = about_order(divided, &two);
    assert!(
        notes.contains(": sinks.other.in_flight = 1 keeps it"),
        "{notes}"
    );
    assert_eq!(about_order("", &one), "");
    assert_eq!(about_order(divided, &format!("{one}\nin_flight = 1")), "");
    assert_eq!(about_order(divided, "[sink]\nkind = \"file\""), "");
}

#[test]
fn a_secret_that_others_can_read_is_noted_with_its_file_and_its_cure() {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.toml");
    let sink = "[sink]\nkind = \"influxdb\"\nurl = \"http://h\"\napi = \"v1\"\ndb = \"d\"\n";
    let noted = |text: &str, mode: u32| {
        write(&file, text).unwrap();
        set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let variables = Environment::of([("TOKEN", "hush"), ("FLIGHTLINE__NATS__TOKEN", "hush")]);
        let loaded = load(std::slice::from_ref(&file), &variables).unwrap();
        assert!(
            loaded
                .exposed
                .iter()
                .all(|note| loaded.notes.contains(note))
        );
        loaded.exposed
    };
    let typed = format!("{sink}token = \"hush\"");
    assert_eq!(noted(&typed, 0o600), [""; 0]);
    assert_eq!(
        noted(&typed, 0o640),
        [""; 0],
        "a group is chosen by its owner"
    );
    let notes = noted(&typed, 0o644);
    assert_eq!(notes.len(), 1);
    let cures = [
        "`sink.token`",
        "f.toml",
        "chmod o-r",
        "`sink.token_file`",
        "${VARIABLE}",
    ];
    for part in cures {
        assert!(notes[0].contains(part), "{notes:?}");
    }
    assert!(!notes[0].contains("hush"));
    assert_eq!(
        noted(&format!("{sink}token = \"${{TOKEN}}\""), 0o644),
        [""; 0]
    );
    let in_url = "nats.url = [\"nats://a:1\", \"nats://joe:hush@b:1\"]";
    let without_token = || {
        write(&file, in_url).unwrap();
        set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        load(std::slice::from_ref(&file), &Environment::default())
            .unwrap()
            .exposed
    };
    let notes = without_token();
    assert!(
        notes[0].contains("`nats.url`") && notes[0].contains("`nats.password_file`"),
        "{notes:?}"
    );
}

/// Every block of TOML in the README loads; files that it names need not be there.
#[test]
fn the_examples_of_the_readme_are_right() {
    let readme = include_str!("../../../../../README.md");
    let blocks: Vec<_> = readme
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let report = load_files(&[block], &[]).err().unwrap_or_default();
        let problems = report.lines().filter(|line| line.starts_with("0.toml:"));
        let wrong: Vec<_> = problems
            .filter(|line| !line.ends_with("no such file"))
            .collect();
        assert!(wrong.is_empty(), "{report}");
    }
    assert!(readme.contains(&format!(
        "`{}`",
        crate::config::reference::default("admin.listen").unwrap()
    )));
}

#[test]
fn partitions_are_a_number_or_subjects_that_cover_everything_once() {
    let of = |text: &str| match good(text).config.source {
        Source::JetStream(source) => source.partitions,
        Source::Core(_) => panic!("not asked for"),
    };
    assert_eq!(of(""), None);
    assert_eq!(of("source.partitions = 4"), Some(Partitions::Hashed(4)));
    let classes =
        ["metric", "health", "app", "lifecycle"].map(|class| format!("telemetry.{class}.>"));
    let all = Partitions::Filters(classes.to_vec());
    assert_eq!(of(&format!("source.partitions = {classes:?}")), Some(all));
    refused(
        "source.partitions = 0",
        &["`0` is out of range", "between 1 and 64"],
    );
    refused("source.partitions = 65", &["out of range"]);
    refused("source.partitions = true", &["`source.partitions`"]);
    refused("source.partitions = []", &["divides into nothing"]);
    refused("source.partitions = [\"a..b\"]", &["is no pattern"]);
    refused(
        "source.partitions = [\"telemetry.metric.>\", \"telemetry.app.>\", \"telemetry.health.>\"]",
        &["leaves out `telemetry.lifecycle.>`"],
    );
    refused(
        "source.partitions = [\"telemetry.>\", \"telemetry.app.>\"]",
        &["overlap: messages would be stored twice"],
    );
    refused(
        "source.kind = \"core\"\nsource.partitions = 2",
        &["`source.partitions` does not belong to kind = \"core\""],
    );
    refused(
        "source.partitions = 2\nsource.consumer = \"a b\"",
        &["`source.consumer`"],
    );
    refused(
        "[[mapping]]\nsubjects = [\"7.telemetry.>\"]\nservice = \"s\"",
        &["catches the subjects `*.telemetry.*.*.*`"],
    );
}
