//! How a stream is divided among owners, as typed and as it fits the rest.

use flightline_contract::class::Class;
use flightline_contract::filter::{Filter, covers};

use crate::config::check::{Checker, Section, quoted, sink};
use crate::config::origin::Origin;
use crate::config::raw;
use crate::config::spot::{Key, Spot};
use crate::config::{Config, JetStream, Partitions, SinkKind, Source};
use crate::source::plan::{self, overlap};

/// The most consumers a stream is divided into: each costs the server a look at every message that is stored.
const MOST: u32 = 64;

/// The value of the key, if it is there.
pub(super) fn divided(
    check: &mut Checker,
    section: &Section,
    raw: Key<raw::Partitions>,
) -> Option<Partitions> {
    let Spot { at, value } = raw?;
    let path = section.key("partitions");
    match value? {
        raw::Partitions::Count(number) => {
            let count = u32::try_from(number).ok();
            let count = count.filter(|count| (1..=MOST).contains(count));
            if count.is_none() {
                let shown = quoted(&number.to_string(), at);
                let cure = format!("write a number between 1 and {MOST}");
                check.say(Some(at), format!("`{path}`: {shown} is out of range"), cure);
            }
            count.map(Partitions::Hashed)
        }
        raw::Partitions::Filters(list) => {
            let value = Some(list);
            let typed = check.list(section, "partitions", &Some(Spot { at, value }));
            if typed.is_empty() || u32::try_from(typed.len()).is_ok_and(|count| count > MOST) {
                let cure = format!("name between 1 and {MOST} subjects");
                check.say(
                    Some(at),
                    format!("`{path}` divides into nothing, or too finely"),
                    cure,
                );
            }
            for (at, text) in &typed {
                if let Err(error) = Filter::parse(text) {
                    let shown = at.map_or_else(|| "a value".to_owned(), |at| quoted(text, at));
                    let cure = "write a subject with `*` and `>` as NATS knows them";
                    check.say(
                        *at,
                        format!("`{path}`: {shown} is no pattern: {error}"),
                        cure,
                    );
                }
            }
            let filters = typed.into_iter().map(|(_, text)| text).collect();
            Some(Partitions::Filters(filters))
        }
    }
}

/// What must fit together: the parts, what is read, and the names that are made of it.
pub(super) fn fit(check: &mut Checker, config: &Config, at: Option<Origin>) {
    let Source::JetStream(source) = &config.source else {
        return;
    };
    not_mapped(check, config, at);
    let Some(partitions) = &source.partitions else {
        return;
    };
    for (key, name) in [("stream", &source.stream), ("consumer", &source.consumer)] {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !name.chars().all(plain) {
            let what = format!(
                "`source.{key}` names the bucket of the leases and has characters that it cannot have"
            );
            check.say(at, what, "use letters, digits, `-` and `_`");
        }
    }
    if *partitions != Partitions::Hashed(1) {
        check.notes.push(
            "source.partitions divides the stream: that keeps order across workers, but a backlog with many subjects is read slowly"
                .to_owned(),
        );
    }
    check.notes.extend(out_of_order(config));
    let mapped = config.mappings.iter().flat_map(|mapping| &mapping.subjects);
    match partitions {
        Partitions::Hashed(_) => {}
        Partitions::Filters(filters) => {
            let classes = Class::ALL.map(|class| format!("{}.{class}.>", config.prefix));
            for read in classes.iter().chain(mapped) {
                if !filters.iter().any(|filter| covers(filter, read)) {
                    let what =
                        format!("`source.partitions` leaves out `{read}`: nobody would read it");
                    check.say(at, what, "add a subject that takes all of it");
                }
            }
            for (number, filter) in filters.iter().enumerate() {
                let before = filters.iter().take(number);
                for other in before.filter(|other| overlap(filter, other)) {
                    let what = format!(
                        "`source.partitions`: `{other}` and `{filter}` overlap: messages would be stored twice"
                    );
                    check.say(at, what, "make them different, or keep one");
                }
            }
        }
    }
}

/// That sinks write batches side by side although the stream is read in order, with the keys to be changed.
pub(crate) fn out_of_order(config: &Config) -> Option<String> {
    let Source::JetStream(JetStream {
        partitions: Some(_),
        ..
    }) = &config.source
    else {
        return None;
    };
    let side_by_side = config.sinks.iter().filter_map(|sink| match &sink.kind {
        SinkKind::Influx(influx) if influx.in_flight > 1 => Some(match sink.name.as_str() {
            sink::MAIN => "sink.in_flight = 1".to_owned(),
            name => format!("sinks.{name}.in_flight = 1"),
        }),
        SinkKind::Influx(_) | SinkKind::File(_) => None,
    });
    let keys: Vec<_> = side_by_side.collect();
    (!keys.is_empty()).then(|| {
        format!(
            "source.partitions reads the stream in order, but several batches in flight may be stored in another one: {} keeps it",
            keys.join(", ")
        )
    })
}

/// The number of a partition is taken off a stored subject, whether the stream is divided now or was once.
fn not_mapped(check: &mut Checker, config: &Config, at: Option<Origin>) {
    let stored = plan::stored(&config.prefix);
    let mapped = config.mappings.iter().flat_map(|mapping| &mapping.subjects);
    for subject in mapped {
        let first = subject.split('.').next().unwrap_or_default();
        if first.bytes().all(|byte| byte.is_ascii_digit()) && overlap(subject, &stored) {
            let what = format!(
                "the mapping of `{subject}` catches the subjects `{stored}` that partitions are stored under"
            );
            check.say(
                at,
                what,
                "publish on a subject that does not begin with a number",
            );
        }
    }
}
