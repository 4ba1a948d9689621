//! The stores: whether they answer, take this login, have the database or bucket, and how long that takes. An empty write tells it
//! and stores nothing; a point is written only where it is asked for.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::DATE;
use http::{HeaderMap, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::finding::{Code, Finding};
use super::settings::jetstream;
use super::{Probe, clock};
use crate::config::units::show_duration;
use crate::config::{Config, Influx, InfluxApi, Sink, SinkKind};
use crate::sink::client::{Answer, Client, Coding};

/// What `--probe` leaves behind.
const POINT: &[u8] = b"flightline_doctor probe=1i\n";
/// So many writes, as they are now, must fit into the wait for an ack.
const TRIES: u32 = 2;
/// Under which header the servers tell their version.
const VERSIONS: [&str; 2] = ["x-influxdb-version", "x-influxdb-build"];

/// Looks at one of them; files are the machine's.
pub(super) async fn examine(config: &Config, sink: &Sink, probe: Probe) -> Vec<Finding> {
    let SinkKind::Influx(influx) = &sink.kind else {
        return Vec::new();
    };
    let about = format!("sink {}", sink.name);
    let client = match Client::open(influx) {
        Ok(client) => client,
        Err(error) => {
            return vec![
                Finding::error(Code::SinkMisconfigured, &about)
                    .found(error.to_string())
                    .means("no worker with this sink starts")
                    .cure("correct the sink's url or tls keys")
                    .by_settings(),
            ];
        }
    };
    let body = match probe {
        Probe::Empty => Vec::new(),
        Probe::Point => vec![Bytes::from_static(POINT)],
    };
    let (before, start) = (SystemTime::now(), Instant::now());
    match client.post(body, Coding::Plain).await {
        Ok(answer) => {
            let took = start.elapsed();
            let date = answered_at(&answer.headers);
            let skew =
                date.and_then(|date| clock::judge(&about, date, (before, SystemTime::now())));
            let mut findings = vec![judge(&answer, influx, &about, took)];
            findings.extend(skew);
            findings.extend(slow(config, &about, took));
            findings
        }
        Err(failure) => vec![
            Finding::error(Code::SinkUnreachable, &about)
                .found(failure.detail)
                .means("nothing is stored there; what comes waits in the stream, un-acked")
                .cure("start the store, or correct sink.url"),
        ],
    }
}

fn answered_at(headers: &HeaderMap) -> Option<SystemTime> {
    let date = headers.get(DATE)?.to_str().ok()?;
    Some(OffsetDateTime::parse(date, &Rfc2822).ok()?.into())
}

/// What the answer to a write without lines, or with one, means.
fn judge(answer: &Answer, influx: &Influx, about: &str, took: Duration) -> Finding {
    let status = answer.status;
    let said = || {
        let text = String::from_utf8_lossy(&answer.body);
        let short: String = text.trim().chars().take(200).collect();
        format!("{status} {short}")
    };
    let place = match &influx.api {
        InfluxApi::V1 { db, .. } | InfluxApi::V3 { db } => format!("database {db}"),
        InfluxApi::V2 { org, bucket } => format!("bucket {bucket} of {org}"),
    };
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Finding::error(Code::SinkRefused, about)
            .found(said())
            .means(format!("this login may not write to {place}: nothing is stored, what comes waits un-acked"))
            .cure("give the login the right to write, or correct sink.token_file, or sink.user and its password")
            .by_settings(),
        StatusCode::NOT_FOUND => Finding::error(Code::SinkMissing, about)
            .found(said())
            .means(format!("{place} is not there, or the API is another one: nothing is stored, what comes waits un-acked"))
            .cure("flightline setup, or correct sink.db, sink.bucket, sink.org or sink.api")
            .by_settings(),
        // 400 is how some say that there was nothing to write: they have looked at the login and the place before that.
        StatusCode::BAD_REQUEST => ok(answer, about, &place, took),
        status if status.is_success() => ok(answer, about, &place, took),
        _ => Finding::error(Code::SinkFailing, about)
            .found(said())
            .means("it answers, and cannot store now; what comes waits in the stream, un-acked")
            .cure("look at the store's log"),
    }
}

fn ok(answer: &Answer, about: &str, place: &str, took: Duration) -> Finding {
    let version = VERSIONS
        .iter()
        .find_map(|name| answer.headers.get(*name)?.to_str().ok());
    let version = version.map_or_else(String::new, |version| format!(", version {version}"));
    let took = took.as_millis();
    Finding::ok(Code::Sink, about).found(format!("{place} takes writes ({took} ms{version})"))
}

fn slow(config: &Config, about: &str, took: Duration) -> Option<Finding> {
    let ack_wait = jetstream(config)?.ack_wait;
    (took * TRIES > ack_wait).then(|| {
        let wait = show_duration(ack_wait);
        Finding::warning(Code::SinkSlow, about)
            .found(format!(
                "a write took {} ms, and source.ack_wait is {wait}",
                took.as_millis()
            ))
            .means("when a worker is killed, its messages come again before the write has ended")
            .cure("make source.ack_wait longer, or the store faster")
    })
}
