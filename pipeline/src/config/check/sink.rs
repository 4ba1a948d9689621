//! Where lines go: `[sink]` is the sink `main`, `[sinks.NAME]` are further ones, and without any there are files.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use flightline_contract::token::Token;

use crate::config::check::nats::tls;
use crate::config::check::parts::items;
use crate::config::check::{Checker, Section, at};
use crate::config::raw;
use crate::config::spot::{Key, Spot};
use crate::config::{Compression, Influx, InfluxApi, InfluxAuth, LineFile, Sink, SinkKind};

/// The name of the sink under `[sink]`.
pub(super) const MAIN: &str = "main";
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// From a file that a test rotates to one that fills a disk.
const FILE_BYTES: RangeInclusive<u64> = 1 << 10..=1 << 50;

/// Checks `[sink]` and `[sinks]`.
pub(crate) fn check(
    check: &mut Checker,
    main: Key<raw::Sink>,
    others: Key<BTreeMap<String, Spot<raw::Sink>>>,
) -> Vec<Sink> {
    let others = others.and_then(|spot| spot.value).unwrap_or_default();
    let mut sinks = Vec::new();
    if main.is_some() || others.is_empty() {
        let (section, raw) = Checker::open(main, "sink");
        sinks.push(sink(check, MAIN, &section, raw));
    }
    for (name, spot) in others {
        let place = Some(spot.at);
        if name == MAIN {
            check.say(
                place,
                "`sinks.main` is what [sink] is called",
                "write [sink], or choose another name",
            );
        } else if let Err(error) = Token::check(&name) {
            let what = format!(
                "`sinks.{}` has a name that cannot be one: {error}",
                name.escape_debug()
            );
            check.say(place, what, "use letters, digits, `-` and `_`");
        }
        let (section, raw) = Checker::open(Some(spot), &format!("sinks.{name}"));
        sinks.push(sink(check, &name, &section, raw));
    }
    same_folder(check, &sinks);
    sinks
}

fn sink(check: &mut Checker, name: &str, section: &Section, raw: raw::Sink) -> Sink {
    #[derive(Clone, Copy)]
    enum Kind {
        File,
        Influx,
    }
    let kinds = [("file", Kind::File), ("influxdb", Kind::Influx)];
    let kind = check.choice(section, "kind", &raw.kind, &kinds);
    let classes = check.classes(section, "classes", &raw.classes);
    if classes.is_empty() {
        let what = format!(
            "`{}` is empty: the sink would take nothing",
            section.key("classes")
        );
        check.say(at(&raw.classes), what, "name a class, or remove the sink");
    }
    let kind = match kind {
        Kind::File => SinkKind::File(file(check, section, &raw)),
        Kind::Influx => SinkKind::Influx(influx(check, section, raw)),
    };
    Sink {
        name: name.to_owned(),
        classes,
        kind,
    }
}

fn file(check: &mut Checker, section: &Section, raw: &raw::Sink) -> LineFile {
    let right = "kind = \"influxdb\"";
    let foreign = [
        ("url", at(&raw.url)),
        ("api", at(&raw.api)),
        ("db", at(&raw.db)),
        ("rp", at(&raw.rp)),
        ("org", at(&raw.org)),
        ("bucket", at(&raw.bucket)),
        ("user", at(&raw.user)),
        ("password", at(&raw.password)),
        ("password_file", at(&raw.password_file)),
        ("token", at(&raw.token)),
        ("token_file", at(&raw.token_file)),
        ("tls", at(&raw.tls)),
        ("in_flight", at(&raw.in_flight)),
        ("timeout", at(&raw.timeout)),
        ("max_backoff", at(&raw.max_backoff)),
        ("line_patience", at(&raw.line_patience)),
    ]
    .map(|(key, at)| (key, at, right));
    check.foreign(section, "kind = \"file\"", &foreign);
    let compressions = [("none", Compression::None), ("zstd", Compression::Zstd)];
    let max_bytes = check.size(section, "max_bytes", &raw.max_bytes, &FILE_BYTES);
    let keep_bytes = check.optional_size(section, "keep_bytes", &raw.keep_bytes, &FILE_BYTES);
    if keep_bytes.is_some_and(|keep| keep < max_bytes) {
        let what = format!(
            "`{}` is less than one file may have",
            section.key("keep_bytes")
        );
        check.say(
            at(&raw.keep_bytes),
            what,
            format!("make it larger than {}", section.key("max_bytes")),
        );
    }
    LineFile {
        dir: PathBuf::from(check.text(section, "dir", &raw.dir).unwrap_or_default()),
        max_bytes,
        max_age: check.duration(
            section,
            "max_age",
            &raw.max_age,
            &(SECOND..=366 * 24 * HOUR),
        ),
        keep_bytes,
        compression: check.choice(section, "compression", &raw.compression, &compressions),
    }
}

fn influx(check: &mut Checker, section: &Section, raw: raw::Sink) -> Influx {
    let right = "kind = \"file\"";
    let foreign = [
        ("dir", at(&raw.dir)),
        ("max_bytes", at(&raw.max_bytes)),
        ("max_age", at(&raw.max_age)),
        ("keep_bytes", at(&raw.keep_bytes)),
    ]
    .map(|(key, at)| (key, at, right));
    check.foreign(section, "kind = \"influxdb\"", &foreign);
    let compressions = [("none", Compression::None), ("gzip", Compression::Gzip)];
    let url = url(check, section, &raw);
    let api = api(check, section, &raw);
    let auth = auth(check, section, &raw);
    let tls_place = at(&raw.tls);
    let (tls_section, raw_tls) = Checker::open(raw.tls, &section.key("tls"));
    let tls = tls(
        check,
        &tls_section,
        [&raw_tls.ca_file, &raw_tls.cert_file, &raw_tls.key_file],
    );
    if url.scheme() == "http" && (tls.ca.is_some() || tls.identity.is_some()) {
        let what = format!("`{}` is set, but the URL is http://", section.key("tls"));
        check.say(tls_place, what, "write https://, or remove the table");
    }
    Influx {
        url,
        api,
        auth,
        tls,
        compression: check.choice(section, "compression", &raw.compression, &compressions),
        // More than two gain nothing against a real store; 64 batches are what a memory of GiBs would hold.
        in_flight: items(check.count(section, "in_flight", &raw.in_flight, &(1..=64))),
        timeout: check.duration(
            section,
            "timeout",
            &raw.timeout,
            &(Duration::from_millis(100)..=HOUR),
        ),
        max_backoff: check.duration(
            section,
            "max_backoff",
            &raw.max_backoff,
            &(Duration::from_millis(100)..=HOUR),
        ),
        // Shorter than a store's restart, and lines would be given up for what it does to all of them.
        line_patience: check.duration(
            section,
            "line_patience",
            &raw.line_patience,
            &(SECOND..=24 * HOUR),
        ),
    }
}

fn url(check: &mut Checker, section: &Section, raw: &raw::Sink) -> url::Url {
    let example = "write http://host:8086 or https://host:8086";
    let text = check.needed(section, "url", &raw.url, example);
    let wrong = match url::Url::parse(&text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            Some("has a scheme that is neither http nor https")
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Some("has a user in it, which would be seen in logs and process lists")
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            Some("has a query; database, organisation and bucket have their own keys")
        }
        Ok(url) => return url,
        Err(_) => Some("is no URL"),
    };
    if let (Some(wrong), false) = (wrong, text.is_empty()) {
        let cure = if wrong.contains("user") {
            "use the keys user and password_file, or token_file"
        } else {
            example
        };
        check.say(
            at(&raw.url),
            format!("`{}` {wrong}", section.key("url")),
            cure,
        );
    }
    url::Url::parse("http://127.0.0.1").expect("a constant URL")
}

fn api(check: &mut Checker, section: &Section, raw: &raw::Sink) -> InfluxApi {
    #[derive(Clone, Copy)]
    enum Version {
        V1,
        V2,
        V3,
    }
    let versions = [
        ("v1", Version::V1),
        ("v2", Version::V2),
        ("v3", Version::V3),
    ];
    let version = check.optional_choice(section, "api", &raw.api, &versions);
    let Some(version) = version else {
        if raw.api.is_none() {
            check.say(
                section.at,
                format!("`{}` is missing", section.key("api")),
                "set api = \"v1\" (InfluxDB 1: db), \"v2\" (InfluxDB 2: org, bucket) or \"v3\" (InfluxDB 3: db)",
            );
        }
        return InfluxApi::V3 { db: String::new() };
    };
    let [v1, v2, v1_or_v3] = ["api = \"v1\"", "api = \"v2\"", "api = \"v1\" or \"v3\""];
    let own = match version {
        Version::V1 => "api = \"v1\"",
        Version::V2 => "api = \"v2\"",
        Version::V3 => "api = \"v3\"",
    };
    let not_v2 = [("org", at(&raw.org), v2), ("bucket", at(&raw.bucket), v2)];
    let rp = ("rp", at(&raw.rp), v1);
    match version {
        Version::V1 => {
            check.foreign(section, own, &not_v2);
            InfluxApi::V1 {
                db: check.needed(section, "db", &raw.db, "name the database"),
                rp: check.text(section, "rp", &raw.rp),
            }
        }
        Version::V2 => {
            check.foreign(section, own, &[("db", at(&raw.db), v1_or_v3), rp]);
            InfluxApi::V2 {
                org: check.needed(section, "org", &raw.org, "name the organisation"),
                bucket: check.needed(section, "bucket", &raw.bucket, "name the bucket"),
            }
        }
        Version::V3 => {
            check.foreign(section, own, &not_v2);
            check.foreign(section, own, &[rp]);
            InfluxApi::V3 {
                db: check.needed(section, "db", &raw.db, "name the database"),
            }
        }
    }
}

fn auth(check: &mut Checker, section: &Section, raw: &raw::Sink) -> InfluxAuth {
    let user = check.text(section, "user", &raw.user);
    let password = check.secret(section, "password", &raw.password, &raw.password_file);
    let token = check.secret(section, "token", &raw.token, &raw.token_file);
    if let (Some(_), Some(_)) = (&user, &token) {
        let what = format!(
            "`{}` says in 2 ways who we are: user and token",
            section.path
        );
        check.say(at(&raw.user), what, "keep one of them");
    }
    match (user, password, token) {
        (None, None, None) => InfluxAuth::None,
        (_, _, Some(token)) => InfluxAuth::Token(token),
        (Some(user), Some(password), None) => InfluxAuth::Basic { user, password },
        (Some(_), None, None) => {
            let what = format!("`{}` has no password", section.key("user"));
            check.say(at(&raw.user), what, "set password or password_file");
            InfluxAuth::None
        }
        (None, Some(_), None) => {
            let what = format!("`{}` has no user", section.key("password"));
            check.say(
                at(&raw.password).or(at(&raw.password_file)),
                what,
                "set user",
            );
            InfluxAuth::None
        }
    }
}

/// Two sinks in one folder would rotate and delete each other's files.
fn same_folder(check: &mut Checker, sinks: &[Sink]) {
    let mut seen: BTreeMap<&PathBuf, &str> = BTreeMap::new();
    for sink in sinks {
        let SinkKind::File(file) = &sink.kind else {
            continue;
        };
        if let Some(other) = seen.insert(&file.dir, &sink.name) {
            let what = format!(
                "the sinks {other} and {} write into the same folder",
                sink.name
            );
            check.say(None, what, "give each its own `dir`");
        }
    }
}
