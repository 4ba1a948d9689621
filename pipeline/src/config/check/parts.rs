//! The small sections: source, batch, dead letters, exporter, admin listener, log.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use flightline_contract::token::Token;

use crate::batch::Limits;
use crate::config::check::{Checker, Section, at, listener, partitions};
use crate::config::raw;
use crate::config::spot::Key;
use crate::config::{
    Admin, Core, DeadLetters, Exporter, JetStream, Log, LogFormat, Remember, Source,
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// The most anything may hold in memory: far over what a worker should have.
const MEMORY: RangeInclusive<u64> = 64 * KIB..=16 * GIB;
/// The most that nats-server takes is 5.
const REPLICAS: RangeInclusive<u32> = 1..=5;

/// Checks `[source]`.
pub(crate) fn source(check: &mut Checker, raw: Key<raw::Source>) -> Source {
    #[derive(Clone, Copy)]
    enum Kind {
        JetStream,
        Core,
    }
    let (section, raw) = Checker::open(raw, "source");
    let kinds = [("jetstream", Kind::JetStream), ("core", Kind::Core)];
    match check.choice(&section, "kind", &raw.kind, &kinds) {
        Kind::JetStream => {
            let right = "kind = \"core\"";
            check.foreign(
                &section,
                "kind = \"jetstream\"",
                &[
                    ("queue_group", at(&raw.queue_group), right),
                    ("capacity", at(&raw.capacity), right),
                    ("buffer", at(&raw.buffer), right),
                    ("report_interval", at(&raw.report_interval), right),
                ],
            );
            // Shorter, and a slow disk would be taken for a dead worker.
            let ack_wait = SECOND..=HOUR;
            Source::JetStream(JetStream {
                stream: stream_name(check, &section, "stream", &raw.stream),
                consumer: stream_name(check, &section, "consumer", &raw.consumer),
                ack_wait: check.duration(&section, "ack_wait", &raw.ack_wait, &ack_wait),
                max_ack_pending: i64::from(check.count(
                    &section,
                    "max_ack_pending",
                    &raw.max_ack_pending,
                    &(2..=10_000_000),
                )),
                prefetch_bytes: bytes(check.size(
                    &section,
                    "prefetch",
                    &raw.prefetch,
                    &(64 * KIB..=GIB),
                )),
                partitions: partitions::divided(check, &section, raw.partitions),
                remember: remember(check, &section, &raw.remember),
                replicas: items(check.count(&section, "replicas", &raw.replicas, &REPLICAS)),
            })
        }
        Kind::Core => {
            let right = "kind = \"jetstream\"";
            check.foreign(
                &section,
                "kind = \"core\"",
                &[
                    ("stream", at(&raw.stream), right),
                    ("consumer", at(&raw.consumer), right),
                    ("ack_wait", at(&raw.ack_wait), right),
                    ("max_ack_pending", at(&raw.max_ack_pending), right),
                    ("prefetch", at(&raw.prefetch), right),
                    ("partitions", at(&raw.partitions), right),
                    ("remember", at(&raw.remember), right),
                    ("replicas", at(&raw.replicas), right),
                ],
            );
            Source::Core(core(check, &section, &raw))
        }
    }
}

fn remember(check: &mut Checker, section: &Section, raw: &Key<String>) -> Remember {
    let cure = "write nats, nowhere, or file: and a folder, such as \"file:state\"";
    let found = check.parsed(section, "remember", raw, cure, |text| match text {
        "nats" => Ok(Remember::Nats),
        "nowhere" => Ok(Remember::Nowhere),
        _ => match text.strip_prefix("file:") {
            Some(folder) if !folder.trim().is_empty() => Ok(Remember::Folder(folder.into())),
            _ => Err("is no place".to_owned()),
        },
    });
    found.unwrap_or_default()
}

fn core(check: &mut Checker, section: &Section, raw: &raw::Source) -> Core {
    Core {
        queue_group: token(check, section, "queue_group", &raw.queue_group),
        capacity: items(check.count(section, "capacity", &raw.capacity, &(1..=16_000_000))),
        buffer: bytes(check.size(section, "buffer", &raw.buffer, &(64 * KIB..=GIB))),
        report_interval: check.duration(
            section,
            "report_interval",
            &raw.report_interval,
            &(SECOND..=HOUR),
        ),
    }
}

/// Checks `[batch]`.
pub(crate) fn batch(check: &mut Checker, raw: Key<raw::Batch>) -> (Section, Limits) {
    let (section, raw) = Checker::open(raw, "batch");
    let age = Duration::from_millis(1)..=HOUR;
    let limits = Limits {
        lines: items(check.count(&section, "lines", &raw.lines, &(1..=1_000_000))),
        // Servers refuse bodies over 25 MB (InfluxDB 1) or 50 MB (2) unless configured.
        bytes: bytes(check.size(&section, "bytes", &raw.bytes, &(KIB..=256 * MIB))),
        age: check.duration(&section, "age", &raw.age, &age),
    };
    let section = Section {
        at: at(&raw.age).or(section.at),
        ..section
    };
    (section, limits)
}

/// Checks `[deadletter]`.
pub(crate) fn dead_letters(check: &mut Checker, raw: Key<raw::DeadLetter>) -> DeadLetters {
    #[derive(Clone, Copy)]
    enum Kind {
        JetStream,
        File,
    }
    let (section, raw) = Checker::open(raw, "deadletter");
    let kinds = [("jetstream", Kind::JetStream), ("file", Kind::File)];
    match check.choice(&section, "kind", &raw.kind, &kinds) {
        Kind::JetStream => {
            check.foreign(
                &section,
                "kind = \"jetstream\"",
                &[("path", at(&raw.path), "kind = \"file\"")],
            );
            let age = 60 * SECOND..=3650 * 24 * HOUR;
            let size = check.size(&section, "max_bytes", &raw.max_bytes, &(MIB..=1024 * GIB));
            DeadLetters::JetStream {
                stream: stream_name(check, &section, "stream", &raw.stream),
                max_age: check.duration(&section, "max_age", &raw.max_age, &age),
                max_bytes: i64::try_from(size).unwrap_or(i64::MAX),
                replicas: items(check.count(&section, "replicas", &raw.replicas, &REPLICAS)),
            }
        }
        Kind::File => {
            let right = "kind = \"jetstream\"";
            check.foreign(
                &section,
                "kind = \"file\"",
                &[
                    ("stream", at(&raw.stream), right),
                    ("max_age", at(&raw.max_age), right),
                    ("max_bytes", at(&raw.max_bytes), right),
                    ("replicas", at(&raw.replicas), right),
                ],
            );
            let path = PathBuf::from(check.needed(
                &section,
                "path",
                &raw.path,
                "name the file, or set kind = \"jetstream\"",
            ));
            if path.extension().is_some_and(|extension| extension == "zst") {
                let what = "`deadletter.path` cannot be compressed";
                check.say(
                    at(&raw.path),
                    what,
                    "name a file without .zst: each letter is on the disk before it is acked",
                );
            }
            DeadLetters::File { path }
        }
    }
}

/// Checks `[exporter]`.
pub(crate) fn exporter(check: &mut Checker, raw: Key<raw::Exporter>) -> Exporter {
    let (section, raw) = Checker::open(raw, "exporter");
    let expire = SECOND..=365 * 24 * HOUR;
    Exporter {
        classes: check.classes(&section, "classes", &raw.classes),
        max_series: items(check.count(&section, "max_series", &raw.max_series, &(1..=50_000_000))),
        max_bytes: bytes(check.size(&section, "max_bytes", &raw.max_bytes, &MEMORY)),
        max_labels: items(check.count(&section, "max_labels", &raw.max_labels, &(1..=255))),
        expire: check.duration(&section, "expire", &raw.expire, &expire),
        counters: check
            .list(&section, "counters", &raw.counters)
            .into_iter()
            .map(|(_, name)| name)
            .collect(),
    }
}

/// Checks `[admin]`.
pub(crate) fn admin(check: &mut Checker, raw: Key<raw::Admin>) -> Admin {
    let (section, raw) = Checker::open(raw, "admin");
    let tls = listener::tls(check, &section, raw.tls);
    let cure = "write an address and a port, such as \"127.0.0.1:9464\" or \"[::]:9464\"";
    let listen = check.parsed(&section, "listen", &raw.listen, cure, |text| {
        text.parse::<SocketAddr>()
            .map_err(|_| "is not an IP address with a port".to_owned())
    });
    Admin {
        listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
        high_water: bytes(check.size(&section, "high_water", &raw.high_water, &MEMORY)),
        tls,
    }
}

/// Checks `[run]`.
pub(crate) fn drain(check: &mut Checker, raw: Key<raw::Run>) -> Duration {
    let (section, raw) = Checker::open(raw, "run");
    check.duration(
        &section,
        "drain",
        &raw.drain,
        &(Duration::from_millis(100)..=HOUR),
    )
}

/// Checks `[log]`.
pub(crate) fn log(check: &mut Checker, raw: Key<raw::Log>) -> Log {
    let (section, raw) = Checker::open(raw, "log");
    let formats = [
        ("auto", LogFormat::Auto),
        ("text", LogFormat::Text),
        ("json", LogFormat::Json),
    ];
    let format = check.choice(&section, "format", &raw.format, &formats);
    let cure =
        "write error, warn, info, debug or trace, or modules: \"info,flightline::sink=debug\"";
    let level = check.parsed(&section, "level", &raw.level, cure, |text| {
        let known = crate::cli::log::directives(text).is_ok();
        known
            .then(|| text.to_owned())
            .ok_or_else(|| "is not a level of logging".to_owned())
    });
    Log {
        format,
        level: level.unwrap_or_default(),
    }
}

/// A name of a stream or consumer: a token that is also a file name on the server.
fn stream_name(check: &mut Checker, section: &Section, key: &str, raw: &Key<String>) -> String {
    let cure = "use letters, digits, `-` and `_`";
    let name = check.parsed(section, key, raw, cure, |text| {
        Token::check(text).map_err(|error| format!("cannot be a name: {error}"))?;
        if text.contains(['/', '\\']) {
            return Err("cannot be a name: it has a slash".to_owned());
        }
        Ok(text.to_owned())
    });
    name.unwrap_or_default()
}

pub(super) fn token(
    check: &mut Checker,
    section: &Section,
    key: &str,
    raw: &Key<String>,
) -> String {
    let cure = "use letters, digits, `-` and `_`";
    let name = check.parsed(section, key, raw, cure, |text| match Token::check(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(error) => Err(format!("cannot be a name: {error}")),
    });
    name.unwrap_or_default()
}

/// The limits above are far below what a `usize` holds.
pub(super) fn bytes(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// See [`bytes`].
pub(super) fn items(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
