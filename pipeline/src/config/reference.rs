//! Every key of the configuration, once: its type, its default and what it is for. The checks take the defaults from here, the
//! README's table is written from here, and a test holds it equal to the raw structs.

use std::fmt::Write as _;

use crate::config::reference::Default::{Given, Needed, Unset};
use crate::config::reference::Type::{
    Choice, Count, Duration, File, Flag, Json, List, Parts, Secret, Size, Table, Text,
};
use crate::config::units;

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The keys that lead to it, with dots. `sink.` stands for `sinks.NAME.` too.
    pub key: &'static str,
    /// What may be typed.
    pub kind: Type,
    /// What holds without it.
    pub default: Default,
    /// What it is for.
    pub about: &'static str,
}

/// What may be typed for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// A readable file.
    File,
    /// "500ms", "1h30m"
    Duration,
    /// "1MiB", "64MB"
    Size,
    /// A whole number.
    Count,
    /// `true` or `false`.
    Flag,
    /// One text or a list of them.
    List,
    /// A whole number, or a list of texts.
    Parts,
    /// One of these.
    Choice(&'static [&'static str]),
    /// A table of names and texts.
    Table,
    /// A path into a JSON object: "$.time"
    Json,
}

/// What holds without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// This value, as it could be typed.
    Given(&'static str),
    /// Nothing; the text says what that means.
    Unset(&'static str),
    /// The key must be there; the text says when.
    Needed(&'static str),
}

const fn key(key: &'static str, kind: Type, default: Default, about: &'static str) -> Entry {
    Entry {
        key,
        kind,
        default,
        about,
    }
}

const CLASSES: &str = "metric, health, app, lifecycle";

/// Every key, in the order of the documentation.
#[rustfmt::skip] // One line a key: this is a table.
pub static KEYS: [Entry; 106] = [
    key("prefix", Text, Given("telemetry"), "First token of the contract's subjects."),

    key("nats.url", List, Given("nats://127.0.0.1:4222"), "Servers, tried in turn: `nats://host:port` or `tls://host:port`."),
    key("nats.name", Text, Given("flightline"), "The connection's name in the server's monitoring."),
    key("nats.inbox_prefix", Text, Given("_INBOX"), "First token of the subjects on which answers come. With one of its own a user can be allowed to hear these and no others."),
    key("nats.user", Text, Unset("no password login"), "User; needs a password."),
    key("nats.password", Secret, Unset("none"), "Password of `user`."),
    key("nats.password_file", File, Unset("none"), "File with the password of `user`."),
    key("nats.token", Secret, Unset("none"), "Token."),
    key("nats.token_file", File, Unset("none"), "File with the token."),
    key("nats.nkey", Secret, Unset("none"), "NKey seed (`SU…`)."),
    key("nats.nkey_file", File, Unset("none"), "File with the NKey seed."),
    key("nats.creds_file", File, Unset("none"), "`.creds` file with JWT and seed."),
    key("nats.tls.require", Flag, Given("false"), "Refuse a server without TLS."),
    key("nats.tls.ca_file", File, Unset("the system's authorities"), "Own certificate authorities (PEM)."),
    key("nats.tls.cert_file", File, Unset("none"), "Client certificate (PEM); needs `key_file`."),
    key("nats.tls.key_file", File, Unset("none"), "Key of the client certificate (PEM)."),

    key("source.kind", Choice(&["jetstream", "core"]), Given("jetstream"), "`jetstream`: at least once, from a stream. `core`: at most once, from plain subjects."),
    key("source.stream", Text, Given("TELEMETRY"), "jetstream: the stream, created if absent."),
    key("source.consumer", Text, Given("flightline"), "jetstream: the durable consumer, shared by all workers; created if absent, never deleted."),
    key("source.ack_wait", Duration, Given("30s"), "jetstream: the server delivers again what was not acked for so long."),
    key("source.max_ack_pending", Count, Given("65536"), "jetstream: the most messages that may be un-acked, on all lanes together; at least twice `batch.lines`."),
    key("source.prefetch", Size, Given("4MiB"), "jetstream: bytes asked for ahead of decode."),
    key("source.partitions", Parts, Unset("one consumer, shared by all workers, each message acked by itself"), "jetstream: in order. 1: one owner at a time, acked in runs, the fastest. More: so many consumers with one owner each; or the subjects of each: `[\"a.>\", \"b.>\"]`."),
    key("source.remember", Text, Given("nats"), "jetstream: where the stream's history is remembered, so that a worker says what happened before it started. `nats`: in the bucket `history-STREAM`, shared by all workers. `file:FOLDER`: outlives the server's disk. `nowhere`."),
    key("source.replicas", Count, Given("1"), "jetstream: on how many servers of a cluster the stream is kept when it is created, 1 to 5; with 3, one of three may be lost. One that is there stays as it is."),
    key("source.queue_group", Text, Given("flightline"), "core: the queue group, shared by all workers."),
    key("source.capacity", Count, Given("65536"), "core: messages the client holds before new ones are dropped (and counted)."),
    key("source.buffer", Size, Given("64MiB"), "core: bytes held for decode before new messages are dropped (and counted)."),
    key("source.report_interval", Duration, Given("10s"), "core: how often drops are said in the log."),

    key("mapping.subjects", List, Needed("in each `[[mapping]]`"), "Foreign subjects; `*` and `>` as NATS knows them."),
    key("mapping.class", Choice(&["metric", "health", "app", "lifecycle"]), Given("app"), "What the messages are."),
    key("mapping.service", Text, Needed("in each `[[mapping]]`, or as the tag `service`"), "The service that they are about; becomes the tag `service`."),
    key("mapping.encoding", Choice(&["json", "line-protocol"]), Unset("told by the header or the first byte"), "How payloads are written."),
    key("mapping.measurement", Text, Unset("the service"), "A name, `$.path` into the payload, or `$2` for the subject's second token."),
    key("mapping.tags", Table, Unset("no tags but `service`"), "Names and where the values come from, as for `measurement`."),
    key("mapping.fields", Table, Unset("every value that is not used otherwise"), "`[\"value\"]`, or `{ name = \"$.path\" }`, or `{ name = { path = \"$.path\", kind = \"integer\" } }`; kinds: auto, float, integer, string, boolean."),
    key("mapping.time", Json, Unset("the message's own time"), "Where the time stands: `$.time`."),
    key("mapping.time_unit", Choice(&["s", "ms", "us", "ns", "rfc3339"]), Given("ms"), "How the time is written."),

    key("batch.lines", Count, Given("5000"), "A batch is cut at so many lines,"),
    key("batch.bytes", Size, Given("1MiB"), "or so many bytes,"),
    key("batch.age", Duration, Given("1s"), "or when its first message is so old; less than a third of `source.ack_wait`."),

    key("sink.kind", Choice(&["file", "influxdb"]), Given("file"), "Where lines go. `[sink]` is the sink `main`; more are `[sinks.NAME]`."),
    key("sink.classes", List, Given(CLASSES), "The classes it takes."),
    key("sink.compression", Choice(&["none", "gzip", "zstd"]), Given("none"), "influxdb: none or gzip. file: none or zstd."),
    key("sink.url", Text, Needed("for influxdb"), "influxdb: `http://` or `https://`; a path is kept as prefix."),
    key("sink.api", Choice(&["v1", "v2", "v3"]), Needed("for influxdb"), "influxdb: which write API."),
    key("sink.db", Text, Needed("for v1 and v3"), "v1, v3: the database."),
    key("sink.rp", Text, Unset("the database's default"), "v1: the retention policy."),
    key("sink.org", Text, Needed("for v2"), "v2: the organisation."),
    key("sink.bucket", Text, Needed("for v2"), "v2: the bucket."),
    key("sink.user", Text, Unset("no basic authentication"), "influxdb: user; needs a password."),
    key("sink.password", Secret, Unset("none"), "influxdb: password of `user`."),
    key("sink.password_file", File, Unset("none"), "influxdb: file with the password, read again when the server refuses it."),
    key("sink.token", Secret, Unset("none"), "influxdb: token."),
    key("sink.token_file", File, Unset("none"), "influxdb: file with the token, read again when the server refuses it."),
    key("sink.tls.ca_file", File, Unset("the system's authorities"), "influxdb: own certificate authorities (PEM)."),
    key("sink.tls.cert_file", File, Unset("none"), "influxdb: client certificate (PEM); needs `key_file`."),
    key("sink.tls.key_file", File, Unset("none"), "influxdb: key of the client certificate (PEM)."),
    key("sink.in_flight", Count, Given("2"), "influxdb: batches in flight at once."),
    key("sink.timeout", Duration, Given("10s"), "influxdb: for one request, to the answer's last byte."),
    key("sink.max_backoff", Duration, Given("30s"), "influxdb: the longest pause between two tries."),
    key("sink.line_patience", Duration, Given("1m"), "influxdb: a line on which the store fails (5xx, no answer) for so long while it takes others is dead-lettered."),
    key("sink.dir", Text, Given("flightline-data"), "file: the folder, created if absent."),
    key("sink.max_bytes", Size, Given("64MiB"), "file: start a new file at this size,"),
    key("sink.max_age", Duration, Given("1h"), "file: or at this age."),
    key("sink.keep_bytes", Size, Unset("keep everything"), "file: delete the oldest files beyond so many bytes in all."),

    key("deadletter.kind", Choice(&["jetstream", "file"]), Given("jetstream"), "Where dead letters go."),
    key("deadletter.stream", Text, Given("DEADLETTER"), "jetstream: the stream, created if absent."),
    key("deadletter.max_age", Duration, Given("30d"), "jetstream: how long the stream keeps them."),
    key("deadletter.max_bytes", Size, Given("1GiB"), "jetstream: how many bytes the stream keeps."),
    key("deadletter.replicas", Count, Given("1"), "jetstream: on how many servers of a cluster the stream is kept when it is created, 1 to 5."),
    key("deadletter.path", Text, Needed("for file"), "file: the file, appended to; `flightline replay` reads it."),

    key("exporter.classes", List, Given(CLASSES), "Classes whose data is shown at `/metrics`; `[]` turns the series table off."),
    key("exporter.max_series", Count, Given("200000"), "The most series."),
    key("exporter.max_bytes", Size, Given("128MiB"), "The most bytes of names, labels and values."),
    key("exporter.max_labels", Count, Given("30"), "The most labels on a series."),
    key("exporter.expire", Duration, Given("5m"), "A series without an update for so long is not shown any more."),
    key("exporter.counters", List, Given(""), "Metric names that are counters although line protocol cannot say so."),

    key("admin.listen", Text, Given("127.0.0.1:9464"), "Address and port of `/metrics`, `/healthz`, `/readyz` and `/status`."),
    key("admin.high_water", Size, Given("32MiB"), "Not ready while the worker holds more than this."),
    key("admin.tls.cert_file", File, Unset("plain HTTP"), "Certificate, with those between it and the authority (PEM); read again when it changes; needs `key_file`."),
    key("admin.tls.key_file", File, Unset("plain HTTP"), "Its key (PEM)."),
    key("admin.tls.client_ca_file", File, Unset("anybody gets in"), "Authorities of clients (PEM): nobody gets in without a certificate of theirs."),

    key("ingest.listen", Text, Unset("no write front"), "Address and port of the write front, which speaks InfluxDB's write APIs: `127.0.0.1:8186`. `run --ingest` sets it, too."),
    key("ingest.class", Choice(&["app", "metric"]), Given("app"), "The class of what is written to a database or bucket."),
    key("ingest.service", Text, Given("ingest"), "The service that it is published for: `<prefix>.<class>.<service>.<database or bucket>`."),
    key("ingest.token_file", File, Unset("everybody who reaches it may write"), "File with the tokens that may write, one a line; read again when it changes."),
    key("ingest.tls.cert_file", File, Unset("plain HTTP"), "Certificate, with those between it and the authority (PEM); read again when it changes; needs `key_file`."),
    key("ingest.tls.key_file", File, Unset("plain HTTP"), "Its key (PEM)."),
    key("ingest.tls.client_ca_file", File, Unset("anybody gets in"), "Authorities of clients (PEM): nobody gets in without a certificate of theirs."),
    key("ingest.max_body", Size, Given("10MiB"), "The most bytes of one body, inflated; more is 413."),
    key("ingest.max_pending", Size, Given("16MiB"), "The most bytes of all bodies under way; more is 503."),
    key("ingest.max_requests", Count, Given("64"), "Requests at once; more is 503."),
    key("ingest.max_connections", Count, Given("512"), "Connections at once; more wait in the kernel's queue."),
    key("ingest.timeout", Duration, Given("30s"), "For one request, from its head to its answer."),
    key("ingest.idle", Duration, Given("10s"), "A body without one more byte for so long is 408."),

    key("observe.interval", Duration, Given("10s"), "`flightline observe`: how often NATS is asked. An empty `[observe]` will do; what `[nats]` lets in must see the streams."),
    key("observe.max_streams", Count, Given("256"), "The most streams that are shown; the others are counted."),
    key("observe.max_consumers", Count, Given("1024"), "The most durable consumers that are shown, of all streams together; ephemeral ones never are."),
    key("observe.system", Table, Unset("servers are not asked"), "A login of the system account, with the keys of `[nats]`, for what servers tell of themselves. Servers and TLS are those of `[nats]` unless set. With this table and without `[nats]`, streams are not asked for."),

    key("run.drain", Duration, Given("25s"), "How long a stop may take to store and ack what is in flight."),

    key("log.format", Choice(&["auto", "text", "json"]), Given("auto"), "`auto`: text on a terminal, JSON otherwise."),
    key("log.level", Text, Given("info"), "error, warn, info, debug or trace; also per module: `info,flightline::sink=debug`."),

    key("mapping.fields.path", Json, Unset("the field's name"), "Where the value stands."),
    key("mapping.fields.kind", Choice(&["auto", "float", "integer", "string", "boolean"]), Given("auto"), "How the value is written."),
    key("sinks", Table, Unset("no further sinks"), "Further sinks by name, with the keys of `[sink]`."),
];

/// The table with a login of its own, whose keys are those of `[nats]`.
const SYSTEM: &str = "observe.system.";

/// The entry of a key: `sinks.NAME.url` is `sink.url`, `observe.system.user` is `nats.user`, `mapping[3].time` is `mapping.time`.
pub(crate) fn entry(path: &str) -> Option<&'static Entry> {
    let plain = path.split('[').next().unwrap_or(path);
    let inner = path.split_once(']').map_or("", |(_, inner)| inner);
    let mut name = format!("{plain}{inner}");
    if let Some((_, inner)) = name
        .strip_prefix("sinks.")
        .and_then(|rest| rest.split_once('.'))
    {
        name = format!("sink.{inner}");
    }
    if let Some(inner) = name.strip_prefix(SYSTEM) {
        name = format!("nats.{inner}");
    }
    KEYS.iter().find(|entry| entry.key == name)
}

/// The default of a key as it could be typed, if it has one.
pub(crate) fn default(key: &str) -> Option<&'static str> {
    match entry(key)?.default {
        Given(text) => Some(text),
        Unset(_) | Needed(_) => None,
    }
}

/// The section that has `key`, if exactly one does.
pub(crate) fn section_of(key: &str) -> Option<&'static str> {
    let mut sections = KEYS.iter().filter_map(|entry| {
        let (section, last) = entry.key.rsplit_once('.')?;
        (last == key).then_some(section)
    });
    sections.next().filter(|_| sections.next().is_none())
}

/// What can be typed for the key at `path`, as a hint.
pub(crate) fn example(path: &str) -> String {
    let Some(entry) = entry(path) else {
        return "see `flightline check --keys`".to_owned();
    };
    match entry.kind {
        Duration => units::DURATION_EXAMPLE.to_owned(),
        Size => units::SIZE_EXAMPLE.to_owned(),
        Choice(choices) => format!("write one of {}", choices.join(", ")),
        List => "write text in quotes, or a list: [\"a\", \"b\"]".to_owned(),
        Count => "write a number without quotes".to_owned(),
        Parts => {
            "write a number without quotes, or a list of subjects: [\"a.>\", \"b.>\"]".to_owned()
        }
        Flag => "write true or false without quotes".to_owned(),
        File => "write the path of a file in quotes".to_owned(),
        Table => "write a table: { name = \"value\" }".to_owned(),
        Json => "write a path into the payload in quotes: \"$.time\"".to_owned(),
        Text | Secret => "write text in quotes".to_owned(),
    }
}

/// The table for the README, in Markdown.
pub fn markdown() -> String {
    let mut out = String::from("| key | type | default | |\n| --- | --- | --- | --- |\n");
    for entry in &KEYS {
        let kind = match entry.kind {
            Text => "text".to_owned(),
            Secret => "secret text".to_owned(),
            File => "file".to_owned(),
            Duration => "duration".to_owned(),
            Size => "size".to_owned(),
            Count => "number".to_owned(),
            Flag => "true, false".to_owned(),
            List => "list".to_owned(),
            Parts => "number or list".to_owned(),
            Choice(choices) => choices.join(", "),
            Table => "table".to_owned(),
            Json => "path".to_owned(),
        };
        let default = match entry.default {
            Given("") => "`[]`".to_owned(),
            Given(text) => format!("`{text}`"),
            Unset(text) => text.to_owned(),
            Needed(text) => format!("needed {text}"),
        };
        writeln!(
            out,
            "| `{}` | {kind} | {default} | {} |",
            entry.key, entry.about
        )
        .expect("writing to a String cannot fail");
    }
    out
}

#[cfg(test)]
mod tests;
