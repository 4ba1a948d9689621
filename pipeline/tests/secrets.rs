//! Promise: no secret is shown, whatever verb runs and however it fails: not on stdout or stderr, not in a log at its loudest, not by the
//! listener, not in the arguments of the process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flightline::config::environment::Environment;
use flightline::config::load::load;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::nkey::{Credentials, Key};
use flightline_fixtures::server::free_port;
use flightline_fixtures::stub::Stub;
use flightline_fixtures::worker::Worker;

const BINARY: &str = env!("CARGO_BIN_EXE_flightline");
const PATIENCE: Duration = Duration::from_secs(30);

/// Stands in every secret of these tests, and nowhere else.
const MARK: &str = "zqMARKqz";

/// Everything, from every library.
const LOUD: &str = "log.level = \"trace,async_nats=trace,hyper=trace,hyper_util=trace,rustls=trace,tokio_util=trace\"\n";

/// The mark must be in none of it, also not in the dress of a header.
fn assert_hidden(what: &str, shown: &str) {
    let basic = STANDARD.encode(format!("joe:{MARK}"));
    // Of three neighbours' encodings, one has it at the start of a group.
    let dressed = STANDARD.encode(MARK);
    for secret in [MARK, &basic, &dressed, "zqmarkqz"] {
        assert!(!shown.contains(secret), "{what} shows {secret}:\n{shown}");
    }
}

/// Everything that a verb says until it ends, with its exit code.
struct Said {
    text: String,
    code: Option<i32>,
}

fn verb(words: &[&str], config: &str, variables: &[(&str, &str)]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("c.toml"), config).unwrap();
    fs::write(folder.path().join("lines.lp"), "m f=1 1\n").unwrap();
    fs::write(folder.path().join("token"), format!("{MARK}\n")).unwrap();
    fs::write(folder.path().join("unfit"), format!("{MARK}\n{MARK}")).unwrap();
    let output = Command::new(BINARY)
        .args(words)
        .args(["-c", "c.toml"])
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Said {
        text: out + &err,
        code: output.status.code(),
    }
}

/// A sink with these keys, everything loud, and no server on any of its ports.
fn sink(keys: &str) -> String {
    format!(
        "{LOUD}[admin]\nlisten = \"127.0.0.1:0\"\n[nats]\nurl = \"nats://127.0.0.1:1\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\n\
         db = \"d\"\n{keys}\n"
    )
}

/// `check` of `config` says `words`, and no secret.
fn checked(config: &str, words: &str) {
    let said = verb(&["check"], config, &[]);
    assert!(
        said.text.contains(words),
        "no {words}:\n{config}\n{}",
        said.text
    );
    assert_hidden(config, &said.text);
}

#[test]
fn a_sink_is_explained_without_its_secrets() {
    let good = "url = \"http://h\"\n";
    for (keys, words) in [
        (format!("{good}token = \"{MARK}\""), "token)"),
        (format!("{good}token_file = \"token\""), "token)"),
        (
            format!("{good}user = \"joe\"\npassword = \"{MARK}\""),
            "user joe",
        ),
        (
            format!("{good}token = \"{MARK}\""),
            "`sink.token` stands in c.toml, which every user of this machine may read",
        ),
    ] {
        checked(&sink(&keys), words);
    }
}

/// Each with the secret where the mistake is.
#[test]
fn a_sink_is_refused_without_its_secrets() {
    let good = "url = \"http://h\"\n";
    for (keys, words) in [
        (format!("url = \"http://joe:{MARK}@h\""), "has a user in it"),
        (format!("url = \"http://joe:{MARK}/x@h\""), "`sink.url`"),
        (format!("url = \"htp://joe:{MARK}@h\""), "`sink.url`"),
        (format!("url = \"http://h/?p={MARK}\""), "has a query"),
        (format!("{good}token = [\"{MARK}\"]"), "`sink.token`"),
        (
            format!("{good}token = {{ x = \"{MARK}\" }}"),
            "`sink.token`",
        ),
        (format!("{good}tokn = \"{MARK}\""), "unknown key"),
        (format!("{good}token = \"{MARK}"), "not TOML"),
        (format!("{good}token = {MARK}"), "not TOML"),
        (format!("{good}token = \"\"\"\n{MARK}"), "not TOML"),
        (format!("{good}password = \"{MARK}\""), "has no user"),
        (format!("{good}token = \"${{X:{MARK}}}\""), "not `${VAR}`"),
        (
            format!("{good}token = \"${{X:-{MARK}}}\"\nrp = 5"),
            "`sink.rp`",
        ),
        (
            format!("{good}token_file = \"${{file:token}}\""),
            "cannot read the value",
        ),
        (format!("{good}db = \"${{file:token}}\"\n"), "not TOML"),
        (format!("{good}timeout = \"${{file:token}}\""), "the value"),
        (
            format!("{good}in_flight = \"${{file:token}}\""),
            "`sink.in_flight` must be",
        ),
        (
            format!("{good}compression = \"${{file:token}}\""),
            "the value",
        ),
        (format!("{good}classes = \"${{file:token}}\""), "the value"),
        (
            format!("{good}token = \"{MARK}\"\ntoken_file = \"token\""),
            "both `sink.token`",
        ),
    ] {
        checked(&sink(&keys), words);
    }
}

#[test]
fn the_connection_to_nats_is_explained_and_refused_without_its_secrets() {
    let nats = |keys: &str| format!("[nats]\n{keys}\n");
    for (keys, words) in [
        (
            format!("url = \"nats://joe:{MARK}@h:4222\""),
            "*****@h:4222",
        ),
        (format!("url = \"nats://{MARK}@h:4222\""), "*****@h:4222"),
        (format!("url = [\"joe:{MARK}@h:4222\"]"), "*****@h:4222"),
        (
            format!("url = \"nats://joe:{MARK}@h:4222/x\""),
            "after the port",
        ),
        (
            format!("url = \"http://joe:{MARK}@h:4222\""),
            "neither nats nor tls",
        ),
        (format!("url = \"joe:{MARK}@:x\""), "`nats.url`"),
        (
            format!("url = \"nats://joe:{MARK}/{MARK}@h:4222\""),
            "`nats.url`",
        ),
        (
            format!("url = \"nats://joe:{MARK}@h\"\ntoken = \"{MARK}\""),
            "2 ways",
        ),
        (format!("nkey = \"{MARK}\""), "nkey"),
        (format!("nkey = 5 # {MARK}"), "`nats.nkey`"),
    ] {
        checked(&nats(&keys), words);
    }
}

#[test]
fn a_variable_is_refused_without_its_value() {
    let url = format!("http://joe:{MARK}@h");
    let table = format!("{{token = \"{MARK}\", nonsense = 1}}");
    let broken = format!("{{token = \"{MARK}");
    for (name, value) in [
        ("FLIGHTLINE__SINK__URL", url.as_str()),
        ("FLIGHTLINE__SINK", &table),
        ("FLIGHTLINE__SINK", &broken),
        ("FLIGHTLINE__SINK__TOKN", MARK),
        ("FLIGHTLINE__BATCH__AGE", MARK),
        ("FLIGHTLINE__BATCH__LINES", MARK),
        ("FLIGHTLINE__ADMIN__LISTEN", MARK),
        ("FLIGHTLINE__LOG__LEVEL", MARK),
        ("FLIGHTLINE__NATS__URL", &url),
    ] {
        let said = verb(&["check"], &sink("url = \"http://h\""), &[(name, value)]);
        assert_eq!(said.code, Some(78), "{name}: {}", said.text);
        assert!(said.text.contains("FLIGHTLINE__"), "{}", said.text);
        let secret = name.contains("SINK") || name.contains("NATS");
        if secret {
            assert_hidden(name, &said.text);
        }
    }
}

/// The verb ends badly, says `expected`, and no secret.
fn fails(words: &[&str], config: &str, variables: &[(&str, &str)], expected: &str) {
    let said = verb(words, config, variables);
    assert_ne!(said.code, Some(0), "{words:?}: {}", said.text);
    let lower = said.text.to_lowercase();
    assert!(
        lower.contains(expected),
        "{words:?}: no {expected}: {}",
        said.text
    );
    assert_hidden(&words.join(" "), &said.text);
}

#[test]
fn a_set_up_that_fails_shows_no_secret() {
    let stub = Stub::start();
    stub.require_token("another");
    let here = format!("url = \"{}\"\n", stub.url());
    let gone = format!("url = \"http://127.0.0.1:{}\"\n", free_port());
    let token = format!("token = \"{MARK}\"");
    let password = format!("user = \"joe\"\npassword = \"{MARK}\"");
    for (keys, expected) in [
        (format!("{here}{token}"), "unauthorized"),
        (format!("{gone}{token}"), "refused"),
        (format!("{here}token_file = \"unfit\""), "characters"),
        (format!("{here}{password}"), "unauthorized"),
    ] {
        fails(&["setup"], &sink(&keys), &[], expected);
        let v2 = sink(&keys)
            .replace("\"v1\"", "\"v2\"")
            .replace("db = \"d\"", "org = \"o\"\nbucket = \"b\"");
        fails(&["setup"], &v2, &[], "");
    }
}

#[test]
fn a_verb_that_nats_refuses_shows_no_secret() {
    let nats = Options::default().password("joe", "another").start();
    let to_nats: &[&str] = &["replay", "lines.lp", "--subject", "telemetry.app.a.b"];
    let recording: &[&str] = &["record", "--subject", "telemetry.>", "--out", "o.ndjson"];
    let (url, address) = (nats.url(), nats.address());
    for (keys, expected) in [
        (
            format!("url = \"{url}\"\nuser = \"joe\"\npassword = \"{MARK}\""),
            "authorization violation",
        ),
        (
            format!("url = \"nats://joe:{MARK}@{address}\""),
            "authorization violation",
        ),
        (
            format!("url = \"nats://{MARK}@{address}\""),
            "authorization violation",
        ),
        (
            format!("url = \"{url}\"\nnkey = \"SU{MARK}\""),
            "no nkey seed",
        ),
        (
            format!("url = \"tls://{address}\"\ntoken = \"{MARK}\""),
            "tls",
        ),
        (
            format!("url = \"{url}\"\ncreds_file = \"token\""),
            "no user jwt",
        ),
    ] {
        let config = format!("{LOUD}[admin]\nlisten = \"127.0.0.1:0\"\n[nats]\n{keys}\n");
        for words in [to_nats, recording] {
            fails(words, &config, &[], expected);
        }
    }
}

#[test]
fn a_demo_that_fails_shows_no_secret() {
    let nats = Options::default().password("joe", "another").start();
    let words = &["demo", "--for", "1s"];
    let url = format!("nats://joe:{MARK}@{}", nats.address());
    fails(
        words,
        LOUD,
        &[("NATS_URL", &url)],
        "authorization violation",
    );
    let url = format!("http://joe:{MARK}@127.0.0.1:{}", free_port());
    let influx = [("INFLUX_URL", url.as_str()), ("INFLUX_DB", "d")];
    fails(words, LOUD, &influx, "");
    let version_2 = [
        ("INFLUX_URL", url.as_str()),
        ("INFLUX_TOKEN", MARK),
        ("INFLUX_BUCKET", "b"),
        ("INFLUX_ORG", "o"),
    ];
    fails(words, LOUD, &version_2, "");
}

/// A worker with this configuration until `is_so` of its log; then everything that it shows.
fn worker(config: &str, is_so: impl Fn(&Worker, &str) -> bool) -> String {
    let mut worker = Worker::launch(BINARY, config, "");
    let log = |worker: &Worker| {
        fs::read_to_string(worker.folder().join("flightline.log")).unwrap_or_default()
    };
    worker.wait_for("it is as expected", PATIENCE, || {
        is_so(&worker, &log(&worker))
    });
    let mut shown = String::new();
    for path in [
        "/", "/status", "/metrics", "/healthz", "/readyz", "/nothing",
    ] {
        shown.push_str(&worker.get(path).text());
    }
    let process = format!("/proc/{}/cmdline", worker.id());
    shown.push_str(&String::from_utf8_lossy(&fs::read(process).unwrap()));
    worker.stop();
    shown + &log(&worker)
}

/// Publishes one line past everything that is tested.
fn login(server: &Nats, keys: &str) -> String {
    format!("{LOUD}[nats]\nurl = \"{}\"\n{keys}\n", server.url())
}

#[test]
fn a_worker_that_is_let_in_shows_no_secret() {
    let stub = Stub::start();
    let sink = |keys: &str| {
        format!(
            "[sink]\nkind = \"influxdb\"\napi = \"v2\"\norg = \"o\"\nbucket = \"b\"\nurl = \"{}\"\n{keys}\n",
            stub.url()
        )
    };
    let key = Key::user();
    let credentials = Credentials::make();
    let core = "[source]\nkind = \"core\"\n[deadletter]\nkind = \"file\"\npath = \"dead.ndjson\"\n";
    let right = sink(&format!("token = \"{MARK}\""));
    let ready = |worker: &Worker, _: &str| {
        flightline_fixtures::http::answers(&format!("http://{}/readyz", worker.admin()), 200)
    };
    let by_password = Options::default().password("joe", MARK).start();
    let keys = format!("user = \"joe\"\npassword = \"{MARK}\"");
    let shown = worker(&(login(&by_password, &keys) + &right), ready);
    assert!(shown.contains("connected to nats"), "{shown}");
    assert!(shown.contains("TRACE"), "the log is not loud:\n{shown}");
    assert_hidden("a worker with a password", &shown);
    let by_token = Options::default().token(MARK).start();
    let keys = format!("token = \"{MARK}\"");
    assert_hidden(
        "a worker with a token",
        &worker(&(login(&by_token, &keys) + &right), ready),
    );
    let by_nkey = Options::default().nkey(&key.public).start();
    let keys = format!("nkey = \"{}\"", key.seed);
    let shown = worker(&(login(&by_nkey, &keys) + &right), ready);
    assert!(!shown.contains(&key.seed), "{shown}");
    let by_creds = Options::default()
        .core()
        .config(&credentials.config)
        .start();
    let keys = format!("creds_file = {:?}\n{core}", credentials.creds);
    let shown = worker(&(login(&by_creds, &keys) + &right), ready);
    assert!(!shown.contains(&credentials.user.seed), "{shown}");
    assert!(!shown.contains(&credentials.jwt), "{shown}");
}

#[test]
fn a_worker_that_is_refused_shows_no_secret() {
    let influx = |url: &str, keys: &str| {
        format!(
            "[sink]\nkind = \"influxdb\"\napi = \"v2\"\norg = \"o\"\nbucket = \"b\"\nurl = \"{url}\"\n{keys}\n[batch]\nage = \"10ms\"\n"
        )
    };
    let nats = Options::default().password("joe", "another").start();
    let keys = format!("user = \"joe\"\npassword = \"{MARK}\"");
    let config =
        login(&nats, &keys) + &influx("http://127.0.0.1:1", &format!("token = \"{MARK}\""));
    let shown = worker(&config, |_, log| log.contains("no connection to nats yet"));
    assert_hidden("a worker that NATS refuses", &shown);
    let stub = Stub::start();
    stub.require_token("another");
    let folder = tempfile::tempdir().unwrap();
    let unfit = folder.path().join("unfit");
    fs::write(&unfit, format!("{MARK}\n{MARK}")).unwrap();
    let server = Nats::start();
    let port = free_port();
    for (url, keys) in [
        (stub.url(), format!("token = \"{MARK}\"")),
        (stub.url(), format!("user = \"joe\"\npassword = \"{MARK}\"")),
        (stub.url(), format!("token_file = {unfit:?}")),
        (
            stub.url().replace("http:", "https:"),
            format!("token = \"{MARK}\""),
        ),
        (
            format!("http://127.0.0.1:{port}"),
            format!("token = \"{MARK}\""),
        ),
    ] {
        let config = login(&server, "") + &influx(&url, &keys);
        let said = |worker: &Worker, log: &str| {
            publish(&server);
            log.contains("admin listener") && worker.status()["stages"][3]["last_error"].is_object()
        };
        let shown = worker(&format!("{config}[run]\ndrain = \"200ms\"\n"), said);
        assert_hidden(&format!("a worker with {url} and {keys}"), &shown);
    }
}

/// One line, by the protocol itself.
fn publish(server: &Nats) {
    use std::io::{Read as _, Write as _};
    let mut socket = std::net::TcpStream::connect(server.address()).unwrap();
    socket
        .write_all(b"CONNECT {\"verbose\":false}\r\nPUB telemetry.app.a.b 5\r\nm f=1\r\nPING\r\n")
        .unwrap();
    let mut said = [0; 4096];
    while let Ok(read) = socket.read(&mut said) {
        if read == 0 || said[..read].windows(4).any(|part| part == b"PONG") {
            break;
        }
    }
}

#[test]
fn what_a_panic_could_print_has_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    let text = sink(&format!("url = \"http://h\"\ntoken = \"{MARK}\"")).replace(
        "[sink]",
        &format!("user = \"joe\"\npassword = \"{MARK}\"\n[sink]"),
    );
    fs::write(&file, text).unwrap();
    let loaded = load(&[file], &Environment::of([("X", MARK)])).unwrap();
    assert_hidden("Debug", &format!("{loaded:?}"));
    let in_url = folder.path().join("u.toml");
    let text = format!("nats.url = \"nats://joe:{MARK}@h:4222\"\n");
    fs::write(&in_url, text).unwrap();
    let loaded = load(&[Path::new(&in_url).to_owned()], &Environment::default()).unwrap();
    assert_hidden("Debug", &format!("{loaded:?}"));
}
