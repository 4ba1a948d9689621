//! The options of each verb, checked as they are read.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::HeaderValue;
use clap::{Args, ValueEnum};
use flightline_contract::class::Class;
use flightline_contract::filter::Filter;
use flightline_contract::token::{Prefix, Token};
use flightline_contract::topic::Topic;

use super::play::publishable;
use crate::config::units;

/// The options of `flightline dead`.
pub mod dead;

/// `flightline check`
#[derive(Debug, Clone, Args)]
pub struct Check {
    /// Print every key with its default and meaning (Markdown), and check nothing
    #[arg(long)]
    pub keys: bool,
}

/// `flightline doctor`
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags as they are typed; each becomes an enum at once"
)]
pub struct Doctor {
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
    /// Let warnings decide the exit code, too: 78 where a setting is to be changed, 69 where a server is
    #[arg(long)]
    pub strict: bool,
    /// Write one point (measurement flightline_doctor) to each InfluxDB, and leave it there
    #[arg(long)]
    pub probe: bool,
}

/// `flightline ready`
#[derive(Debug, Clone, Args)]
pub struct Ready {
    /// Ask whether the process is sound (/healthz) instead of whether it should get work (/readyz)
    #[arg(long)]
    pub live: bool,
    /// A client certificate (PEM) for a listener with admin.tls.client_ca_file; without it the listener's own is shown
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
}

/// `flightline setup`
#[derive(Debug, Clone, Args)]
pub struct Setup {
    /// How long new buckets keep data, such as 30d; for ever if absent. Existing buckets stay as they are
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub retention: Option<Duration>,
}

/// `flightline completions`
#[derive(Debug, Clone, Args)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `flightline run`
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// Take writes over HTTP, too: InfluxDB's write APIs on this address; overrides ingest.listen
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:8186")]
    pub ingest: Option<SocketAddr>,
}

/// `flightline replay`
#[derive(Debug, Clone, Args)]
pub struct Replay {
    /// A recorded stream (NDJSON) or line protocol (`.lp`); `.zst` is unpacked
    pub file: PathBuf,
    /// How fast: realtime, max, or a factor such as x10
    #[arg(long, default_value = "realtime", value_parser = speed)]
    pub speed: Speed,
    /// Where to: the NATS server of the configuration, or straight through decode and batch into its sinks
    #[arg(long, value_enum, default_value_t = Target::Nats)]
    pub to: Target,
    /// The subject of messages from a line-protocol file
    #[arg(
        long,
        value_name = "SUBJECT",
        default_value_t = replayed()
    )]
    pub subject: String,
    /// How many times the file is played
    #[arg(long, value_name = "N", default_value = "1")]
    pub repeat: NonZeroU64,
}

/// The subject of application data from a file, under the prefix that holds unless configured.
fn replayed() -> String {
    let token = |text| Token::new(text).expect("a constant token");
    let prefix = Prefix::new(Prefix::DEFAULT).expect("a constant prefix");
    Topic::new(&prefix, Class::App, &token("replay"), &token("file")).into_string()
}

/// Where replayed messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Published to the subjects of the recording.
    Nats,
    /// Through decode and batch into the configured sinks, without NATS.
    Path,
}

/// How fast a recording is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As recorded, times this factor; finite and positive.
    Times(f64),
    /// As fast as possible.
    Max,
}

impl Speed {
    /// When a message is due that was recorded at `offset`; at once for [`Speed::Max`].
    pub fn due(self, offset: Duration) -> Duration {
        match self {
            Self::Times(factor) => {
                Duration::try_from_secs_f64(offset.as_secs_f64() / factor).unwrap_or(Duration::MAX)
            }
            Self::Max => Duration::ZERO,
        }
    }
}

/// `flightline publish`
#[derive(Debug, Clone, Args)]
pub struct Publish {
    /// The subject of every message
    #[arg(value_parser = topic)]
    pub subject: String,
    /// The Content-Type header of every message, such as application/json; without it none is sent
    #[arg(long, value_name = "TYPE", value_parser = content_type)]
    pub content_type: Option<String>,
}

/// `flightline record`
#[derive(Debug, Clone, Args)]
pub struct Record {
    /// Subject pattern; may be repeated. Without one, everything that `run` would read
    #[arg(long = "subject", value_name = "PATTERN", value_parser = filter)]
    pub subjects: Vec<String>,
    /// The file to write; packed if its name ends in `.zst`
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Stop after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub length: Option<Duration>,
    /// Stop after this many messages
    #[arg(long, value_name = "N")]
    pub count: Option<NonZeroU64>,
}

/// `flightline demo`
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Stop after this time; without it, on Ctrl-C
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub length: Option<Duration>,
    /// Messages per second
    #[arg(long, value_name = "N", default_value = "2000")]
    pub rate: NonZeroU64,
    /// Where the line-protocol files go
    #[arg(long, default_value = "flightline-demo")]
    pub dir: PathBuf,
}

fn duration(text: &str) -> Result<Duration, String> {
    units::duration(text).map_err(|error| format!("it {error}; {}", units::DURATION_EXAMPLE))
}

fn filter(text: &str) -> Result<String, String> {
    match Filter::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn topic(text: &str) -> Result<String, String> {
    match publishable(text.to_owned()) {
        Ok(subject) => Ok(subject.into_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn content_type(text: &str) -> Result<String, String> {
    match text.parse::<HeaderValue>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("a header cannot carry it".to_owned()),
    }
}

fn speed(text: &str) -> Result<Speed, String> {
    let factor = match text {
        "realtime" => return Ok(Speed::Times(1.0)),
        "max" => return Ok(Speed::Max),
        factor => factor
            .strip_prefix('x')
            .and_then(|factor| factor.parse().ok()),
    };
    factor
        .filter(|factor: &f64| factor.is_finite() && *factor > 0.0)
        .map(Speed::Times)
        .ok_or_else(|| "write realtime, max, or a factor such as x10 or x0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    enum Verbs {
        Run(Run),
        Replay(Replay),
        Record(Record),
        Demo(Demo),
    }

    fn parse(line: &str) -> Result<Verbs, String> {
        let words = ["flightline"].into_iter().chain(line.split(' '));
        Verbs::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn speeds_are_realtime_max_or_a_factor() {
        for (text, expected) in [
            ("realtime", Speed::Times(1.0)),
            ("max", Speed::Max),
            ("x10", Speed::Times(10.0)),
            ("x0.5", Speed::Times(0.5)),
        ] {
            assert_eq!(speed(text), Ok(expected), "{text}");
        }
        for text in ["", "fast", "10", "x", "x0", "x-1", "xinf", "xNaN"] {
            assert!(speed(text).is_err(), "{text}");
        }
        assert_eq!(
            Speed::Times(2.0).due(Duration::from_secs(4)),
            Duration::from_secs(2)
        );
        assert_eq!(Speed::Max.due(Duration::from_secs(4)), Duration::ZERO);
    }

    #[test]
    fn the_options_of_every_verb_are_read() {
        let Ok(Verbs::Replay(replay)) =
            parse("replay f.ndjson.zst --speed x2 --to path --repeat 3")
        else {
            panic!("replay");
        };
        assert_eq!(
            (replay.speed, replay.to, replay.repeat.get()),
            (Speed::Times(2.0), Target::Path, 3)
        );
        let Ok(Verbs::Record(record)) =
            parse("record --subject a.* --subject b --out x --for 1m --count 5")
        else {
            panic!("record");
        };
        assert_eq!(record.subjects, ["a.*", "b"]);
        assert_eq!(record.length, Some(Duration::from_secs(60)));
        let Ok(Verbs::Demo(demo)) = parse("demo --for 10s") else {
            panic!("demo");
        };
        assert_eq!(demo.length, Some(Duration::from_secs(10)));
        assert!(matches!(parse("run"), Ok(Verbs::Run(_))));
    }

    #[test]
    fn wrong_options_say_what_would_be_right() {
        assert!(
            parse("demo --for 10")
                .unwrap_err()
                .contains("a number without a unit")
        );
        assert!(
            parse("record --out x --subject a..b")
                .unwrap_err()
                .contains("empty")
        );
    }
}
