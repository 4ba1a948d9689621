//! All sections together, and what must fit together across them.

use flightline_contract::class::Class;
use flightline_contract::token::Prefix;

use crate::config::check::{
    Checker, Section, at, ingest, mapping, nats, observe, partitions, parts, sink,
};
use crate::config::origin::Origin;
use crate::config::raw::{self, Raw};
use crate::config::spot::Spot;
use crate::config::{Config, DeadLetters, Source};

/// A batch must be stored and acked well before its messages come again: its age may take a third of the wait.
const AGE_SHARE: u32 = 3;
/// One batch on its way to the stores and one being filled.
const BATCHES: usize = 2;

/// What the raw structs mean, with placeholders where there are problems.
pub(crate) fn check(check: &mut Checker, raw: Raw) -> Config {
    let root = Section {
        path: String::new(),
        at: None,
    };
    let cure = "use letters, digits, `-` and `_`";
    let prefix = check.parsed(&root, "prefix", &raw.prefix, cure, |text| {
        Prefix::new(text).map_err(|error| format!("cannot be a prefix: {error}"))
    });
    let prefix = prefix.unwrap_or_else(|| Prefix::new(Prefix::DEFAULT).expect("a constant prefix"));
    let source_at = raw.source.as_ref().map(|spot| spot.at);
    let partitions_at = raw.source.as_ref().and_then(partitions_at);
    let admin_at = raw.admin.as_ref().map(|spot| spot.at);
    let ingest_at = raw.ingest.as_ref().map(|spot| spot.at);
    let dead_letters_at = raw.deadletter.as_ref().map(|spot| spot.at);
    let nats_at = at(&raw.nats);
    let nats = nats::check(check, raw.nats);
    let observe = observe::check(check, raw.observe, nats_at.map(|_| &nats), &nats);
    let source = parts::source(check, raw.source);
    let mappings = mapping::check(check, &prefix, &source, raw.mapping);
    let (batch_section, batch) = parts::batch(check, raw.batch);
    let config = Config {
        prefix: prefix.as_str().to_owned(),
        nats,
        source,
        mappings,
        batch,
        sinks: sink::check(check, raw.sink, raw.sinks),
        deadletter: parts::dead_letters(check, raw.deadletter),
        exporter: parts::exporter(check, raw.exporter),
        admin: parts::admin(check, raw.admin),
        ingest: ingest::check(check, raw.ingest),
        observe,
        drain: parts::drain(check, raw.run),
        log: parts::log(check, raw.log),
    };
    // Values that are placeholders would only give problems that are none.
    if check.problems.is_empty() {
        batch_fits(
            check,
            &config,
            batch_section.at.or(source_at),
            source_at.or(batch_section.at),
            admin_at,
        );
        partitions::fit(check, &config, partitions_at.or(source_at));
        streams_differ(check, &config, dead_letters_at.or(source_at));
        ingest::fit(check, &config, ingest_at);
        say_unstored(check, &config);
    }
    config
}

fn partitions_at(source: &Spot<raw::Source>) -> Option<Origin> {
    at(&source.value.as_ref()?.partitions)
}

fn batch_fits(
    check: &mut Checker,
    config: &Config,
    batch_at: Option<Origin>,
    source_at: Option<Origin>,
    admin_at: Option<Origin>,
) {
    if let Source::JetStream(source) = &config.source {
        if config.batch.age >= source.ack_wait / AGE_SHARE {
            check.say(
                batch_at,
                "`batch.age` is not less than a third of `source.ack_wait`: messages would come again before they are stored",
                "make batch.age shorter or source.ack_wait longer",
            );
        }
        let needed = i64::try_from(config.batch.lines.saturating_mul(BATCHES)).unwrap_or(i64::MAX);
        if source.max_ack_pending < needed {
            check.say(
                source_at,
                format!("`source.max_ack_pending` is less than two batches ({needed} messages): batches would never fill"),
                "make source.max_ack_pending larger or batch.lines smaller",
            );
        }
    }
    if config.batch.bytes.saturating_mul(BATCHES) > config.admin.high_water {
        check.say(
            batch_at.or(admin_at),
            "two batches of `batch.bytes` are over `admin.high_water`: the worker would never be ready",
            "make batch.bytes smaller or admin.high_water larger",
        );
    }
}

fn streams_differ(check: &mut Checker, config: &Config, at: Option<Origin>) {
    if let (Source::JetStream(source), DeadLetters::JetStream { stream, .. }) =
        (&config.source, &config.deadletter)
        && source.stream == *stream
    {
        let what = "`deadletter.stream` is the stream that is read: dead letters would be read again for ever";
        check.say(at, what, "choose another stream for dead letters");
    }
}

/// A class that no sink takes is allowed, but nobody should find out by missing data.
fn say_unstored(check: &mut Checker, config: &Config) {
    for class in Class::ALL {
        if config
            .sinks
            .iter()
            .any(|sink| sink.classes.contains(&class))
        {
            continue;
        }
        let exported = config.exporter.classes.contains(&class);
        let fate = if exported {
            "only exported"
        } else {
            "thrown away"
        };
        check.notes.push(format!(
            "no sink takes the class {class}: its messages are acked and {fate}"
        ));
    }
}
