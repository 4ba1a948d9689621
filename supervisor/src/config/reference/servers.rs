//! The keys of Consul, NATS, watches, telemetry, logs and the control socket.

use super::Default::{Given, Needed, Unset};
use super::Kind::{
    Choice, Duration, Flag, Int, List, Object as In, Objects, Path, Secret, Text, Texts, Word,
};
use super::{Object, key};

/// `consul` as an object.
#[rustfmt::skip] // One line a key: this is a table.
pub static CONSUL: Object = Object { name: "consul", about: "How to reach the Consul agent; variables of Consul's own tools win over it.", keys: &[
    key("address", Text, Unset("CONSUL_HTTP_ADDR, or 127.0.0.1:8500"), "'localhost:8500'", "`host:port`, `http://…`, `https://…` or `unix:///path`."),
    key("scheme", Choice(&["http", "https"]), Unset("http, or https with CONSUL_HTTP_SSL"), "'https'", "Unless the address says it."),
    key("token", Secret, Unset("no token, or CONSUL_HTTP_TOKEN"), "'…'", "Sent with each request."),
    key("tls", In(&CONSUL_TLS), Unset("see its keys"), "{cafile: '/etc/ca.pem'}", "Certificates."),
    key("lifecycleKv", Text, Unset("it is not kept"), "'supervisor/app'", "Where the latest life-cycle change is kept as a KV entry."),
]};

/// `consul.tls`.
#[rustfmt::skip] // One line a key: this is a table.
pub static CONSUL_TLS: Object = Object { name: "consul_tls", about: "Certificates for Consul.", keys: &[
    key("cafile", Path, Unset("the system's authorities, or CONSUL_CACERT"), "'/etc/ca.pem'", "A file of authorities."),
    key("capath", Path, Unset("the system's authorities, or CONSUL_CAPATH"), "'/etc/ca'", "A folder of authorities."),
    key("clientcert", Path, Unset("none, or CONSUL_CLIENT_CERT"), "'/etc/client.pem'", "Our certificate; needs `clientkey`."),
    key("clientkey", Path, Unset("none, or CONSUL_CLIENT_KEY"), "'/etc/client.key'", "The key of our certificate."),
    key("servername", Text, Unset("the host's, or CONSUL_TLS_SERVER_NAME"), "'consul.internal'", "The name that the agent's certificate must have."),
    key("verify", Flag, Given("true"), "false", "Whether the agent must prove who it is."),
]};

/// A watch.
#[rustfmt::skip] // One line a key: this is a table.
pub static WATCH: Object = Object { name: "watch", about: "A service whose changes are events of `watch.NAME`.", keys: &[
    key("name", Text, Needed, "'db'", "The service's name: letters, digits and `-`, beginning with a small letter."),
    key("interval", Int, Needed, "3", "Seconds between a change and its event at most, at least 1."),
    key("tag", Text, Unset("all instances"), "'primary'", "Only instances with this tag."),
    key("dc", Text, Unset("the agent's own"), "'east'", "In this data center."),
    key("render", Objects(&RENDER), Unset("no file"), "[{template: '/etc/haproxy/haproxy.cfg.tmpl', to: '/run/haproxy/haproxy.cfg'}]", "Files that are written before any job starts, without instances, and whenever the passing instances are others, before the event `changed`; that comes for every file that is another, too."),
]};

/// An element of a watch's `render`.
#[rustfmt::skip] // One line a key: this is a table.
pub static RENDER: Object = Object { name: "render", about: "A file that is made of the passing instances of a watched service.", keys: &[
    key("template", Path, Needed, "'/etc/haproxy/haproxy.cfg.tmpl'", "A template as this file is one, read again at each reload. `instances` gives those that pass, by id, each with `.ID`, `.Address`, `.Port` and `.Tags`; who has another id or address than letters, digits and `._:-` make is left out, and so is such a tag. Variables that begin with CONTAINERPILOT_ are not there."),
    key("to", Path, Needed, "'/run/haproxy/haproxy.cfg'", "The file, replaced as a whole. Everybody can read it; the folder must be there, and the supervisor's user may write in it."),
]};

/// `telemetry`.
#[rustfmt::skip] // One line a key: this is a table.
pub static TELEMETRY: Object = Object { name: "telemetry", about: "The HTTP server for metrics and status, registered as `containerpilot`.", keys: &[
    key("port", Int, Given("9090"), "9100", "Where it listens."),
    key("interfaces", Texts, Given("['eth0:inet', 'inet']"), "['lo']", "On whose address it listens; the first that is found."),
    key("tags", List, Given("[]"), "['op']", "Tags in Consul."),
    key("metrics", Objects(&METRIC), Unset("none"), "[{name: 'm', help: 'A count.', type: 'counter'}]", "What jobs may report."),
]};

/// A metric.
#[rustfmt::skip] // One line a key: this is a table.
pub static METRIC: Object = Object { name: "metric", about: "A metric that jobs may report.", keys: &[
    key("namespace", Text, Unset("none"), "'app'", "First part of its name."),
    key("subsystem", Text, Unset("none"), "'db'", "Second part of its name."),
    key("name", Text, Needed, "'queries'", "Its name."),
    key("help", Text, Needed, "'Queries that were answered.'", "What it means."),
    key("type", Choice(&["counter", "gauge", "histogram", "summary"]), Needed, "'counter'", "How it takes values: adds, sets, or observes."),
]};

/// `control`.
#[rustfmt::skip] // One line a key: this is a table.
pub static CONTROL: Object = Object { name: "control", about: "The socket through which the supervisor is told what to do.", keys: &[
    key("socket", Path, Given("'/var/run/containerpilot.socket'"), "'/run/supervisor.sock'", "Its path."),
]};

/// `logging` of the file.
#[rustfmt::skip] // One line a key: this is a table.
pub static LOGGING: Object = Object { name: "logging", about: "What is logged, and how.", keys: &[
    key("level", Word(&["debug", "info", "warn", "warning", "error", "fatal", "panic"]), Given("'INFO'"), "'DEBUG'", "The least important that is written."),
    key("format", Word(&["default", "text", "json"]), Given("'default'"), "'json'", "How a record is written."),
    key("output", Text, Given("'stdout'"), "'/var/log/supervisor.log'", "`stdout`, `stderr` or a file, which is opened again on SIGUSR1."),
]};

/// `nats`.
#[rustfmt::skip] // One line a key: this is a table.
pub static NATS: Object = Object { name: "nats", about: "Where and as whom life-cycle, health and metrics are published.", keys: &[
    key("url", Texts, Given("'nats://127.0.0.1:4222'"), "'nats://nats:4222'", "Servers, tried in turn: `nats://host:port` or `tls://host:port`; an array, or divided by commas."),
    key("urls", Texts, Unset("those of `url`"), "['nats://a:4222', 'nats://b:4222']", "Another name of `url`."),
    key("token", Secret, Unset("none"), "'…'", "Token."),
    key("tokenFile", Path, Unset("none"), "'/run/secrets/token'", "File with the token."),
    key("user", Text, Unset("no password login"), "'app'", "User; needs a password."),
    key("password", Secret, Unset("none"), "'…'", "Password of `user`."),
    key("passwordFile", Path, Unset("none"), "'/run/secrets/password'", "File with the password of `user`."),
    key("nkey", Secret, Unset("none"), "'…'", "NKey seed."),
    key("nkeyFile", Path, Unset("none"), "'/run/secrets/nkey'", "File with the NKey seed."),
    key("credsFile", Path, Unset("none"), "'/run/secrets/app.creds'", "`.creds` file with JWT and seed."),
    key("tls", In(&NATS_TLS), Unset("see its keys"), "{require: true}", "Protection of the connection."),
    key("name", Text, Given("'flightline-supervisor'"), "'app'", "The connection's name in the server's monitoring."),
    key("inboxPrefix", Text, Given("'_INBOX'"), "'_INBOX_app'", "First token of the subjects on which answers come. With one of its own a user can be allowed to hear these and no others."),
    key("prefix", Text, Given("'telemetry'"), "'telemetry'", "First token of every subject."),
    key("service", Text, Unset("the main job, else the first with a port, else the first"), "'app'", "Service token of every subject."),
    key("instance", Text, Unset("the host's name"), "'app-1'", "Instance token of every subject."),
    key("beat", Duration, Given("'30s'"), "'10s'", "Between two results of a check that are published though nothing changed."),
    key("ring", Int, Given("4096"), "1024", "Changes that wait while NATS is away; the oldest is lost first."),
    key("metrics", Flag, Given("false"), "true", "Metrics that jobs report are published, too."),
]};

/// `nats.tls`.
#[rustfmt::skip] // One line a key: this is a table.
pub static NATS_TLS: Object = Object { name: "nats_tls", about: "Protection of the connection to NATS.", keys: &[
    key("require", Flag, Given("false"), "true", "A server without TLS is refused."),
    key("caFile", Path, Unset("the system's authorities"), "'/etc/ca.pem'", "Own certificate authorities (PEM)."),
    key("certFile", Path, Unset("none"), "'/etc/client.pem'", "Client certificate (PEM); needs `keyFile`."),
    key("keyFile", Path, Unset("none"), "'/etc/client.key'", "Key of the client certificate (PEM)."),
]};
