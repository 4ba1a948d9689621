//! `flightline check`: a configuration that loads is explained, with every default that holds; one that does not is refused with
//! everything that is wrong with it. Nothing is connected to.

use std::fmt::Write as _;

use flightline_contract::class::Class;
use flightline_link::nats::{Nats, NatsAuth};
use flightline_link::secret::without_users;

use crate::cli::{Exit, Failure, out};
use crate::config::load::Loaded;
use crate::config::reference;
use crate::config::units::{show_duration, show_size};
use crate::config::{
    Config, DeadLetters, InfluxApi, InfluxAuth, Ingest, LogFormat, Observe, Partitions, Sink,
    SinkKind, Source,
};

use crate::source::plan;

/// Prints what would run.
///
/// # Errors
/// When stdout cannot be written to.
pub fn run(loaded: &Loaded) -> Result<Exit, Failure> {
    out::say(&explain(loaded))?;
    Ok(Exit::Ok)
}

/// Prints every key with its default and meaning.
///
/// # Errors
/// When stdout cannot be written to.
pub fn keys() -> Result<Exit, Failure> {
    out::say(&reference::markdown())?;
    Ok(Exit::Ok)
}

/// What would run, for a person.
pub fn explain(loaded: &Loaded) -> String {
    let mut lines = Vec::new();
    let Loaded {
        config,
        files,
        defaults,
        notes,
        ..
    } = loaded;
    let files: Vec<_> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    lines.push(match files.as_slice() {
        [] => "configuration is valid: no file, defaults and environment only".to_owned(),
        files => format!("configuration is valid: {}", files.join(", ")),
    });
    lines.push(String::new());
    path(config, &mut lines);
    if !notes.is_empty() {
        lines.push(String::new());
        lines.extend(notes.iter().map(|note| format!("note: {note}")));
    }
    if !defaults.is_empty() {
        lines.push(String::new());
        lines.push(format!("defaults that hold ({}):", defaults.len()));
        let shown = defaults
            .iter()
            .map(|taken| format!("  {} = {}", taken.key, value(taken)));
        lines.extend(shown);
    }
    lines.join("\n")
}

fn value(taken: &crate::config::check::Taken) -> String {
    match taken.value {
        "" => "[]".to_owned(),
        value if matches!(value, "true" | "false") || value.parse::<i64>().is_ok() => {
            value.to_owned()
        }
        value => format!("\"{value}\""),
    }
}

fn path(config: &Config, lines: &mut Vec<String>) {
    let mut say = |name: &str, text: String| lines.push(format!("  {name:<11}{text}"));
    let urls: Vec<_> = config
        .nats
        .urls
        .iter()
        .map(|url| without_users(url))
        .collect();
    say(
        "nats",
        format!("{} ({})", urls.join(", "), nats_auth(&config.nats.auth)),
    );
    say("source", source(&config.source));
    say("subjects", format!("{}.>", config.prefix));
    for mapping in &config.mappings {
        let (subjects, class, service) =
            (mapping.subjects.join(", "), mapping.class, &mapping.service);
        say("mapping", format!("{subjects} → {class} of {service}"));
    }
    let batch = &config.batch;
    say(
        "batch",
        format!(
            "cut at {} lines, {} or {}",
            batch.lines,
            show_size(wide(batch.bytes)),
            show_duration(batch.age)
        ),
    );
    for target in &config.sinks {
        say("sink", sink(target));
    }
    say("letters", dead_letters(&config.deadletter));
    let exporter = &config.exporter;
    say(
        "exporter",
        if exporter.classes.is_empty() {
            "own metrics only".to_owned()
        } else {
            let limit = show_size(wide(exporter.max_bytes));
            format!(
                "{}, at most {} series or {limit}",
                classes(&exporter.classes),
                exporter.max_series
            )
        },
    );
    let high = show_size(wide(config.admin.high_water));
    let scheme = match &config.admin.tls {
        None => "http",
        Some(_) => "https",
    };
    say(
        "admin",
        format!("{scheme}://{}, not ready over {high}", config.admin.listen),
    );
    if let Some(front) = &config.ingest {
        say("ingest", ingest(config, front));
    }
    if let Some(observed) = &config.observe {
        say("observe", observe(observed));
    }
    say("drain", format!("at most {}", show_duration(config.drain)));
    let format = match config.log.format {
        LogFormat::Auto => "text on a terminal, JSON otherwise",
        LogFormat::Text => "text",
        LogFormat::Json => "JSON",
    };
    say("log", format!("{}, {format}", config.log.level));
}

fn ingest(config: &Config, front: &Ingest) -> String {
    let Ingest {
        listen,
        class,
        service,
        ..
    } = front;
    let who = match &front.token_file {
        Some(_) => "with a token",
        None => "whoever reaches it",
    };
    let (body, pending) = (
        show_size(wide(front.max_body)),
        show_size(wide(front.max_pending)),
    );
    let scheme = match &front.tls {
        Some(_) => "https",
        None => "http",
    };
    format!(
        "{scheme}://{listen} → {}.{class}.{service}.<database or bucket>, {who}, {body} a body, {pending} under way",
        config.prefix
    )
}

fn observe(observe: &Observe) -> String {
    let Observe {
        interval,
        max_streams,
        max_consumers,
        account,
        system,
    } = observe;
    let login = |what: &str, login: &Nats| {
        let urls: Vec<_> = login.urls.iter().map(|url| without_users(url)).collect();
        format!("{what} of {} ({})", urls.join(", "), nats_auth(&login.auth))
    };
    let servers = system.iter().map(|system| login("servers", system));
    let streams = account.iter().map(|account| {
        let most = format!("at most {max_streams} streams and {max_consumers} durable consumers");
        login(&most, account)
    });
    let asked: Vec<_> = servers.chain(streams).collect();
    format!("every {}: {}", show_duration(*interval), asked.join("; "))
}

fn source(source: &Source) -> String {
    match source {
        Source::JetStream(js) => format!(
            "stream {}, {}, at least once (ack within {}, at most {} un-acked)",
            js.stream,
            match &js.partitions {
                None => format!("durable consumer {}", js.consumer),
                Some(Partitions::Hashed(1)) => {
                    format!(
                        "durable consumer {}-{} with one owner",
                        js.consumer,
                        plan::WHOLE
                    )
                }
                Some(Partitions::Hashed(count)) => format!(
                    "{count} partitions and the {} with one owner each (durable consumers {}-…)",
                    plan::REST,
                    js.consumer
                ),
                Some(Partitions::Filters(filters)) => format!(
                    "one owner for each of {} (durable consumers {}-…)",
                    filters.join(", "),
                    js.consumer
                ),
            },
            show_duration(js.ack_wait),
            js.max_ack_pending
        ),
        Source::Core(core) => format!(
            "core NATS, queue group {}, at most once (holds {})",
            core.queue_group,
            show_size(wide(core.buffer))
        ),
    }
}

fn nats_auth(auth: &NatsAuth) -> String {
    match auth {
        NatsAuth::None => "no login, or that of the URL".to_owned(),
        NatsAuth::Password { user, .. } => format!("user {user}"),
        NatsAuth::Token(_) => "token".to_owned(),
        NatsAuth::NKey(_) => "nkey".to_owned(),
        NatsAuth::Creds(path) => format!("creds {}", path.display()),
    }
}

fn sink(sink: &Sink) -> String {
    let mut text = format!("{}: {} → ", sink.name, classes(&sink.classes));
    let written = match &sink.kind {
        SinkKind::File(file) => write!(
            text,
            "files in {} ({} or {} each)",
            file.dir.display(),
            show_size(file.max_bytes),
            show_duration(file.max_age)
        ),
        SinkKind::Influx(influx) => {
            let place = match &influx.api {
                InfluxApi::V1 { db, rp: None } => format!("v1, database {db}"),
                InfluxApi::V1 { db, rp: Some(rp) } => {
                    format!("v1, database {db}, retention policy {rp}")
                }
                InfluxApi::V2 { org, bucket } => format!("v2, organisation {org}, bucket {bucket}"),
                InfluxApi::V3 { db } => format!("v3, database {db}"),
            };
            let auth = match &influx.auth {
                InfluxAuth::None => "no login".to_owned(),
                InfluxAuth::Basic { user, .. } => format!("user {user}"),
                InfluxAuth::Token(_) => "token".to_owned(),
            };
            write!(text, "{} ({place}, {auth})", influx.url)
        }
    };
    written.expect("writing to a String cannot fail");
    text
}

fn dead_letters(letters: &DeadLetters) -> String {
    match letters {
        DeadLetters::JetStream {
            stream,
            max_age,
            max_bytes,
            ..
        } => {
            let size = show_size(u64::try_from(*max_bytes).unwrap_or(0));
            format!(
                "stream {stream}, kept for {} up to {size}",
                show_duration(*max_age)
            )
        }
        DeadLetters::File { path } => format!("file {}", path.display()),
    }
}

fn classes(classes: &[Class]) -> String {
    if classes.len() == Class::ALL.len() {
        return "all classes".to_owned();
    }
    let names: Vec<_> = classes.iter().map(|class| class.as_str()).collect();
    names.join(", ")
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
