//! The NATS server: whether it takes us, whether it stores, what its version is known to lose, whether it syncs, what its clock says;
//! then the streams and consumers on it.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::timeout;

use super::finding::{Code, Finding};
use super::settings::jetstream;
use super::{clock, consumer, late, letters, stream};
use crate::bus::{Bus, EnsureError, SUBSCRIPTION_CAPACITY, Stores, StreamFacts};
use crate::config::units::{show_duration, show_size};
use crate::config::{Config, Partitions};

/// For the connection, with all its servers, and for each group of questions after it.
const PATIENCE: Duration = Duration::from_secs(15);
/// A line protocol message of this size is usual; the server's own default is twice that.
const PAYLOAD: usize = 512 * 1024;
/// The first that does not forget a stream that was created before a kill -9 (nats-server #6888).
const SOUND: (i64, i64, i64) = (2, 10, 23);

/// Looks at the server and what is on it.
pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let about = "nats";
    let connected = Bus::connect(&config.nats, SUBSCRIPTION_CAPACITY);
    let bus = match timeout(PATIENCE, connected).await {
        Ok(Ok(bus)) => bus,
        Ok(Err(error)) => {
            return vec![
                Finding::error(Code::NatsUnreachable, about)
                    .found(error.to_string())
                    .means("nothing is read; a worker tries again until a server takes it")
                    .cure("start nats-server, or correct nats.url and the login under [nats]"),
            ];
        }
        Err(_) => return vec![late(about, PATIENCE)],
    };
    let mut findings = server(&bus, config);
    let Some(source) = jetstream(config) else {
        return findings;
    };
    match bus.stores().await {
        Stores::Yes => {}
        Stores::No(error) => {
            findings.push(
                Finding::error(Code::JetStreamMissing, about)
                    .found(error.to_string())
                    .means("nothing is kept while no worker reads, and this source needs a stream")
                    .cure("add `jetstream {}` to the server's configuration, enable it for this account, or set source.kind = \"core\"")
                    .by_settings(),
            );
            return findings;
        }
        // What else is asked may be answered.
        Stores::Unsaid(error) => findings.push(
            Finding::warning(Code::JetStreamUnseen, about)
                .found(error.to_string())
                .means("whether the server stores anything is not known: it does not answer, or does not let this user ask or hear the answer")
                .cure("let this user publish $JS.API.INFO and subscribe below its nats.inbox_prefix, or look why the server does not answer")
                .by_settings(),
        ),
    }
    let before = SystemTime::now();
    let facts = match bus.stream_facts(&source.stream).await {
        Ok(facts) => facts,
        Err(error) => {
            findings.push(unseen(&format!("stream {}", source.stream), &error));
            return findings;
        }
    };
    if let Some(facts) = &facts {
        findings.extend(skew(facts, (before, SystemTime::now())));
        // That 2.9 cannot sync at once is said by its version.
        if bus.divides().is_ok() {
            let settings = bus.server_settings().await;
            findings.extend(sync(facts, settings.as_ref()));
        }
    }
    let groups = async {
        findings.extend(stream::examine(&bus, config, source, facts.as_ref()).await);
        findings.extend(consumer::examine(&bus, config, source).await);
        findings.extend(letters::examine(&bus, config).await);
    };
    if timeout(PATIENCE * 2, groups).await.is_err() {
        findings.push(late(about, PATIENCE * 2));
    }
    findings
}

/// A question without an answer.
pub(super) fn unseen(about: &str, error: &EnsureError) -> Finding {
    Finding::error(Code::Unanswered, about)
        .found(error.to_string())
        .means("nothing is known of it")
        .cure("let this user ask $JS.API.STREAM.INFO, .NAMES and $JS.API.CONSUMER.INFO, or look why the server does not answer")
}

fn server(bus: &Bus, config: &Config) -> Vec<Finding> {
    let about = "nats";
    let version = bus.version();
    let mut findings = vec![
        Finding::ok(Code::Server, about).found(format!("nats-server {version} takes this login")),
    ];
    if bus.divides().is_err() {
        findings.push(old(config, &version));
    } else if !bus.is_at_least(SOUND) {
        findings.push(
            Finding::warning(Code::ServerOld, about)
                .found(format!("nats-server {version}"))
                .means(
                    "before 2.10.23 a server that was killed may forget a stream with all it holds",
                )
                .cure("update nats-server to 2.10.23 or newer"),
        );
    }
    let payload = bus.max_payload();
    if payload < PAYLOAD {
        findings.push(
            Finding::warning(Code::MaxPayload, about)
                .found(format!("the server takes messages of at most {}", show_size(payload as u64)))
                .means("publishers of many lines a message are refused, and so is a dead letter whose headers make it larger")
                .cure("max_payload: 1MB in the server's configuration")
                .by_settings(),
        );
    }
    findings
}

fn old(config: &Config, version: &str) -> Finding {
    let numbered = jetstream(config)
        .is_some_and(|source| matches!(source.partitions, Some(Partitions::Hashed(2..))));
    let finding = if numbered {
        Finding::error(Code::ServerOld, "nats").by_settings()
    } else {
        Finding::warning(Code::ServerOld, "nats")
    };
    finding
        .found(format!("nats-server {version}"))
        .means(
            "2.9 is not maintained: no division of a stream by a number (source.partitions = 2 and more), no sync_interval, so that a \
             power failure loses up to two minutes of acknowledged messages, and counts that are wrong after a purge of one subject",
        )
        .cure("update nats-server to 2.10.23 or newer")
}

fn skew(facts: &StreamFacts, asked: (SystemTime, SystemTime)) -> Option<Finding> {
    let theirs = OffsetDateTime::parse(facts.ts.as_deref()?, &Rfc3339).ok()?;
    clock::judge("nats", theirs.into(), asked)
}

/// Whether an acknowledged message is on a disk.
fn sync(facts: &StreamFacts, settings: Option<&Value>) -> Option<Finding> {
    let about = format!("stream {}", facts.config.name);
    let replicas = facts.config.num_replicas;
    if facts.config.storage == "memory" || replicas > 2 {
        return None;
    }
    let means = "a power failure or a crash of the system loses messages that were acknowledged to their publishers";
    let cure = "jetstream { sync_interval: always } in the server's configuration, or three replicas: nats stream edit --replicas 3";
    let Some(settings) = settings.and_then(|settings| settings["jetstream"].get("config")) else {
        return Some(
            Finding::note(Code::SyncUnseen, &about)
                .found(format!("{replicas} replica(s); the server's sync_interval cannot be seen from this account"))
                .means(format!("unless it is `always`, {means}"))
                .cure(format!("ask who runs the server for {cure}"))
                .by_settings(),
        );
    };
    if settings["sync_always"] == true {
        return None;
    }
    let interval = Duration::from_nanos(settings["sync_interval"].as_u64().unwrap_or_default());
    Some(
        Finding::warning(Code::SyncInterval, &about)
            .found(format!(
                "{replicas} replica(s), and the server syncs every {}",
                show_duration(interval)
            ))
            .means(means)
            .cure(cure)
            .by_settings(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stream_that_is_not_synced_is_told_where_it_can_be_seen() {
        let facts = |replicas, storage: &str| {
            let config = json!({ "name": "T", "num_replicas": replicas, "storage": storage });
            serde_json::from_value::<StreamFacts>(json!({ "config": config })).unwrap()
        };
        let lazy = json!({ "jetstream": { "config": { "sync_interval": 120_000_000_000_u64 } } });
        let always = json!({ "jetstream": { "config": { "sync_always": true } } });
        let code = |facts: &StreamFacts, settings: Option<&Value>| {
            sync(facts, settings).map(|finding| finding.code)
        };
        assert_eq!(code(&facts(1, "file"), None), Some(Code::SyncUnseen));
        assert_eq!(
            code(&facts(1, "file"), Some(&lazy)),
            Some(Code::SyncInterval)
        );
        assert_eq!(code(&facts(1, "file"), Some(&always)), None);
        assert_eq!(code(&facts(3, "file"), Some(&lazy)), None);
        assert_eq!(code(&facts(1, "memory"), Some(&lazy)), None);
    }
}
