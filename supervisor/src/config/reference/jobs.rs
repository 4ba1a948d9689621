//! The keys of the file itself, of jobs and of what is in them.

use super::Default::{Given, Needed, Unset};
use super::Kind::{
    Address, Any, Choice, Duration, Exec, Flag, Int, List, Object as In, Objects, Off, Path,
    Restarts, Signal, Text, Texts, Variables,
};
use super::servers::{CONSUL, CONTROL, LOGGING, NATS, TELEMETRY, WATCH};
use super::{Key, Kind, Object, key};

/// The whole file.
#[rustfmt::skip] // One line a key: this is a table.
pub static FILE: Object = Object { name: "file", about: "A configuration of the supervisor, after its template was rendered.", keys: &[
    key("consul", Any(&[Address, In(&CONSUL), Off]), Unset("nothing is registered or watched"), "'localhost:8500'", "The Consul agent: `host:port`, or an object."),
    key("jobs", Objects(&JOB), Unset("no jobs"), "[{name: 'app', exec: 'app'}]", "What is run."),
    key("watches", Objects(&WATCH), Unset("no watches"), "[{name: 'db', interval: 3}]", "Services in Consul whose changes are events."),
    key("telemetry", In(&TELEMETRY), Unset("no server"), "{port: 9090}", "The HTTP server for metrics and status."),
    key("control", In(&CONTROL), Unset("see `socket`"), "{socket: '/run/supervisor.sock'}", "The socket through which the supervisor is told what to do."),
    key("logging", In(&LOGGING), Unset("see its keys"), "{level: 'DEBUG'}", "What is logged, and how."),
    key("stopTimeout", Int, Given("5"), "5", "Seconds from the first SIGTERM to SIGKILL; less than 0 kills at once."),
    key("exitWhen", Choice(&["complete", "idle"]), Given("'complete'"), "'idle'", "`complete`: ends by itself when every job has ended. `idle`: also when what is left only waits for events."),
    key("nats", In(&NATS), Unset("nothing is published"), "{url: 'nats://127.0.0.1:4222'}", "Where life-cycle, health and metrics are published."),
    key("$schema", Text, Unset("nothing"), "'./supervisor.schema.json'", "Where an editor finds the schema; it is not read here."),
]};

/// A job.
#[rustfmt::skip] // One line a key: this is a table.
pub static JOB: Object = Object { name: "job", about: "Something that is run, checked and registered.", keys: &[
    key("name", Text, Needed, "'app'", "Its name; with a port, letters, digits and `-`, beginning with a small letter."),
    key("exec", Exec, Unset("nothing is run, and it never completes"), "'/bin/app -p 80'", "The command: a text that is divided at each single space, or an array."),
    key("port", Int, Unset("it is not registered"), "8080", "The port that is registered in Consul; `health` is then needed."),
    key("initial_status", Choice(&["passing", "warning", "critical"]), Unset("it is registered by its first passing check"), "'passing'", "It is registered with this status as soon as the supervisor starts."),
    key("interfaces", Texts, Given("['eth0:inet', 'inet']"), "['eth1', 'static:10.0.0.1']", "Whose address is registered; the first that is found."),
    key("tags", List, Given("[]"), "['a', 'b']", "Tags in Consul."),
    key("consul", In(&SERVICE), Unset("see its keys"), "{enableTagOverride: true}", "More about its registration."),
    key("health", In(&HEALTH), Unset("it is not checked"), "{exec: 'true', interval: 5, ttl: 10}", "How it is checked."),
    key("timeout", Duration, Unset("no limit; of a job with `when.interval`, that"), "'30s'", "How long a run may take before it is killed, at least 1ms."),
    key("stopTimeout", Duration, Unset("that of the file"), "'3s'", "From its SIGTERM to its SIGKILL, and the longest wait for jobs that run on its `stopping`; less than 0 kills at once."),
    key("stopSignal", Signal, Given("'SIGTERM'"), "'SIGQUIT'", "What stops it."),
    key("restarts", Restarts, Unset("never; of a job with `when.interval`, unlimited"), "'unlimited'", "How often it is started again after an exit: `unlimited`, `never` or a number."),
    key("backoff", In(&BACKOFF), Unset("see its keys"), "{max: '30s'}", "The pause before a restart."),
    key("when", In(&WHEN), Unset("when the supervisor starts"), "{source: 'db', once: 'healthy'}", "What starts it."),
    key("logging", In(&OUTPUT), Unset("see `raw`"), "{raw: true}", "What becomes of its output."),
    key("user", Text, Unset("that of the supervisor"), "'nobody'", "As whom it runs: a name or a number."),
    key("group", Text, Unset("that of its user"), "'nogroup'", "In which group it runs: a name or a number."),
    key("cwd", Path, Unset("that of the supervisor"), "'/srv'", "The folder it starts in."),
    key("env", Variables, Unset("only what the supervisor has"), "{MODE: 'fast'}", "Variables on top of the supervisor's."),
    key("envFile", Path, Unset("no file"), "'/etc/app.env'", "A file of `NAME=value` lines, read at each start."),
    key("rlimits", In(&RLIMITS), Unset("those of the supervisor"), "{nofile: 1024}", "Limits on what it may take from the system."),
    key("main", Flag, Given("false"), "true", "When it has ended, the supervisor stops the rest and exits with its status; at most one job."),
]};

/// `when` of a job.
#[rustfmt::skip] // One line a key: this is a table.
pub static WHEN: Object = Object { name: "when", about: "What starts a job: one of `once`, `each`, `interval` and `all`, or a signal as `source`.", keys: &[
    key("source", Text, Unset("there is none with `interval` and `all`"), "'db'", "A job, `check.JOB`, `watch.SERVICE`, `global`, `SIGHUP` or `SIGUSR2`."),
    key("once", Text, Unset("not this way"), "'healthy'", "The first such event of the source starts it."),
    key("each", Text, Unset("not this way"), "'changed'", "Every such event of the source starts it."),
    key("interval", Duration, Unset("not this way"), "'10s'", "It is started with the supervisor and then each time so much has passed, at least 1ms."),
    key("all", Objects(&TRIGGER), Unset("not this way"), "[{source: 'db', once: 'healthy'}]", "It is started once, when each of these has happened at least once, in any order."),
    key("timeout", Duration, Unset("it waits for ever"), "'60s'", "It gives up when its first start has not come by then."),
]};

/// An element of `when.all`.
#[rustfmt::skip] // One line a key: this is a table.
pub static TRIGGER: Object = Object { name: "trigger", about: "An event that must have happened.", keys: &[
    key("source", Text, Needed, "'db'", "To whom it happens, as in `when`."),
    key("once", Text, Unset("only for a signal as source"), "'healthy'", "What happens."),
]};

/// `health` of a job.
#[rustfmt::skip] // One line a key: this is a table.
pub static HEALTH: Object = Object { name: "health", about: "How a job is checked: at most one of `exec`, `http` and `tcp`.", keys: &[
    key("exec", Exec, Unset("not this way"), "'curl -fs http://localhost:80/'", "A command, healthy when it exits with 0."),
    key("http", Any(&[Address, In(&HTTP)]), Unset("not this way"), "'http://127.0.0.1:80/health'", "A GET, healthy on 2xx."),
    key("tcp", Text, Unset("not this way"), "'127.0.0.1:5432'", "`host:port`, healthy when it takes a connection."),
    key("interval", Int, Needed, "5", "Seconds between two checks, at least 1."),
    key("ttl", Int, Needed, "10", "Seconds for which Consul believes the last result, at least 1 and more than the interval."),
    key("timeout", Duration, Unset("the interval"), "'2s'", "How long one check may take; 0 or less is for ever."),
    key("failures", Int, Given("1"), "3", "Failures in a row before the job is unhealthy."),
    key("successes", Int, Given("1"), "2", "Passes in a row before it is healthy again."),
    key("startPeriod", Duration, Given("'0s'"), "'30s'", "So long after a start, failures count for nothing."),
    key("restartAfter", Int, Unset("it is not restarted"), "5", "After so many failures in a row it is stopped and its restart rules apply."),
    key("readiness", Choice(&["check", "notify"]), Given("'check'"), "'notify'", "`check`: the first check that passes says that it is ready. `notify`: it says so itself, READY=1 to NOTIFY_SOCKET."),
    key("onFailure", Choice(&["silence", "critical"]), Given("'silence'"), "'critical'", "What Consul hears of a failure: nothing until the TTL runs out, or critical at once."),
    key("logging", In(&OUTPUT), Unset("see `raw`"), "{raw: true}", "What becomes of the output of a command."),
]};

/// `health.http` as an object.
#[rustfmt::skip] // One line a key: this is a table.
pub static HTTP: Object = Object { name: "http", about: "A check by GET.", keys: &[
    key("url", Text, Needed, "'http://127.0.0.1:80/health'", "What is fetched, plain HTTP."),
    key("status", Int, Unset("any 2xx"), "204", "The status that is wanted instead of any 2xx."),
]};

/// `logging` of a job or a check.
#[rustfmt::skip] // One line a key: this is a table.
pub static OUTPUT: Object = Object { name: "output", about: "What becomes of a command's output.", keys: &[
    key("raw", Flag, Given("false"), "true", "It goes where the supervisor's own output goes, as it is, instead of becoming log records."),
]};

/// `consul` of a job.
#[rustfmt::skip] // One line a key: this is a table.
pub static SERVICE: Object = Object { name: "service", about: "More about the registration of a job.", keys: &[
    key("enableTagOverride", Flag, Given("false"), "true", "Others may change the tags in the catalog."),
    key("deregisterCriticalServiceAfter", Text, Unset("never"), "'10m'", "Consul forgets the service when it was critical for so long: a number with a unit."),
]};

/// `backoff` of a job.
#[rustfmt::skip] // One line a key: this is a table.
pub static BACKOFF: Object = Object { name: "backoff", about: "The pause before a restart: it doubles with each quick run.", keys: &[
    key("free", Int, Given("5"), "3", "Quick runs in a row that cost no pause."),
    key("initial", Duration, Given("'100ms'"), "'1s'", "The first pause."),
    key("max", Duration, Given("'10s'"), "'1m'", "The longest pause."),
    key("steady", Duration, Given("'1s'"), "'10s'", "A run that lasts so long is not quick, and the count starts again."),
]};

const EDGE: Kind = Any(&[Int, Choice(&["unlimited"])]);
const LIMITED: Kind = Any(&[Int, Choice(&["unlimited"]), In(&LIMIT)]);

const fn limit(name: &'static str, about: &'static str) -> Key {
    key(
        name,
        LIMITED,
        Unset("that of the supervisor"),
        "1024",
        about,
    )
}

/// `rlimits` of a job.
#[rustfmt::skip] // One line a key: this is a table.
pub static RLIMITS: Object = Object { name: "rlimits", about: "Limits, each a number, `unlimited`, or an object with `soft` and `hard`.", keys: &[
    limit("as", "Bytes of address space."),
    limit("core", "Bytes of a core file."),
    limit("cpu", "Seconds of CPU time."),
    limit("data", "Bytes of data."),
    limit("fsize", "Bytes of a file."),
    limit("memlock", "Bytes that may be locked in memory."),
    limit("msgqueue", "Bytes in message queues."),
    limit("nice", "20 minus the lowest nice value."),
    limit("nofile", "Open files."),
    limit("nproc", "Processes of the user."),
    limit("rtprio", "Real-time priority."),
    limit("sigpending", "Queued signals."),
    limit("stack", "Bytes of stack."),
]};

/// One of `rlimits` as an object.
#[rustfmt::skip] // One line a key: this is a table.
pub static LIMIT: Object = Object { name: "limit", about: "A soft and a hard limit.", keys: &[
    key("soft", EDGE, Needed, "1024", "What holds."),
    key("hard", EDGE, Needed, "4096", "How far the process may raise it itself."),
]};
