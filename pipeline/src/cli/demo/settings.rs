//! The configuration of a demo: what was configured, with the recording's foreign subjects, and with the servers that the
//! environment names in place of files and of this process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use flightline_contract::class::Class;
use flightline_contract::token::Prefix;
use flightline_link::secret::{Secret, without_users};
use flightline_link::tls::Tls;

use super::run_folder;
use crate::cli::args::Demo;
use crate::cli::run::unavailable;
use crate::cli::{Exit, Failure, setup};
use crate::config::{
    Compression, Config, DeadLetters, Influx, InfluxApi, InfluxAuth, JetStream, JsonPath, LineFile,
    Mapping, Pick, Remember, Sink, SinkKind, Source, TimeUnit,
};

/// Half a second: a demo is looked at.
const AGE: Duration = Duration::from_millis(500);

/// On a server a demo has everything of its own: what others publish there is not taken from them, and what is played is not
/// taken for theirs.
pub(super) const STREAM: &str = "FLIGHTLINE_DEMO";
/// Its durable consumer.
pub(super) const CONSUMER: &str = "flightline-demo";
/// In place of the contract's prefix.
pub(super) const PREFIX: &str = "telemetry-demo";
/// Before the subjects outside the contract.
pub(super) const FOREIGN: &str = "sensors-demo";

/// The servers that the environment names.
#[derive(Debug)]
pub(super) struct Servers {
    /// `NATS_URL`
    pub(super) nats: Option<String>,
    /// `INFLUX_URL`, with `INFLUX_BUCKET`, `INFLUX_ORG` and `INFLUX_TOKEN` for version 2, else `INFLUX_DB`.
    pub(super) influx: Option<String>,
}

impl Servers {
    /// From the process's environment.
    pub(super) fn of_environment() -> Self {
        Self {
            nats: variable("NATS_URL"),
            influx: variable("INFLUX_URL"),
        }
    }

    /// Where lines go, for a person.
    pub(super) fn sink(&self, folder: &Path) -> String {
        match &self.influx {
            Some(url) => without_users(url),
            None => folder.display().to_string(),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Makes `config` that of a demo; returns the folder of this run's files.
pub(super) async fn fit(
    config: &mut Config,
    args: &Demo,
    servers: &Servers,
) -> Result<PathBuf, Failure> {
    let folder = run_folder(args);
    config.batch.age = config.batch.age.min(AGE);
    config.ingest = None;
    if let Some(nats) = &servers.nats {
        config.nats.urls = vec![nats.clone()];
        config.prefix = PREFIX.to_owned();
        config.mappings = vec![sensors(|subject| format!("{FOREIGN}.{subject}"))];
        config.source = Source::JetStream(JetStream {
            stream: STREAM.to_owned(),
            consumer: CONSUMER.to_owned(),
            ack_wait: Duration::from_secs(30),
            max_ack_pending: 100_000,
            prefetch_bytes: 8 << 20,
            partitions: None,
            remember: Remember::Nowhere,
            replicas: 1,
        });
    } else {
        config.prefix = Prefix::DEFAULT.to_owned();
        config.mappings = vec![sensors(str::to_owned)];
        config.deadletter = DeadLetters::File {
            path: folder.join(super::summary::LETTERS),
        };
    }
    let kind = match &servers.influx {
        Some(url) => {
            let influx = influx(url)?;
            setup::set_up(&influx, None).await?;
            SinkKind::Influx(influx)
        }
        None => SinkKind::File(LineFile {
            dir: folder.clone(),
            max_bytes: 64 << 20,
            max_age: Duration::from_secs(3600),
            keep_bytes: None,
            compression: Compression::None,
        }),
    };
    config.sinks = vec![Sink {
        name: "main".to_owned(),
        classes: Class::ALL.to_vec(),
        kind,
    }];
    Ok(folder)
}

/// The first customers' three subjects, as README shows them.
fn sensors(subject: impl Fn(&str) -> String) -> Mapping {
    let path = |key: &str| JsonPath(vec![key.to_owned()]);
    Mapping {
        subjects: ["humidity", "motion", "temperature"].map(subject).to_vec(),
        class: Class::App,
        service: "sensors".to_owned(),
        encoding: None,
        measurement: Pick::Literal("sensor".to_owned()),
        tags: vec![("type".to_owned(), Pick::Json(path("type")))],
        fields: Vec::new(),
        time: Some((path("time"), TimeUnit::Millis)),
    }
}

fn influx(url: &str) -> Result<Influx, Failure> {
    let api = match variable("INFLUX_BUCKET") {
        Some(bucket) => InfluxApi::V2 {
            org: variable("INFLUX_ORG").unwrap_or_default(),
            bucket,
        },
        None => InfluxApi::V1 {
            db: variable("INFLUX_DB").unwrap_or_else(|| "flightline".to_owned()),
            rp: None,
        },
    };
    let url: url::Url = url
        .parse()
        .map_err(|error| unavailable(format!("INFLUX_URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        // Where it is shown, a URL would show the password too.
        let cure =
            "INFLUX_URL: leave user and password out; use INFLUX_TOKEN, or a configuration file";
        return Err(Failure::new(Exit::Config, cure));
    }
    Ok(Influx {
        url,
        api,
        auth: variable("INFLUX_TOKEN").map_or(InfluxAuth::None, |token| {
            InfluxAuth::Token(Secret::Value(token))
        }),
        tls: Tls::default(),
        compression: Compression::None,
        in_flight: 2,
        timeout: Duration::from_secs(10),
        max_backoff: Duration::from_secs(5),
        line_patience: Duration::from_secs(60),
    })
}
