//! Foreign subjects: which they are, and how their JSON becomes points.

use flightline_contract::class::Class;
use flightline_contract::encoding::Encoding;
use flightline_contract::filter::Filter;
use flightline_contract::token::{Prefix, Token};

use crate::config::check::fields::fields;
use crate::config::check::pick::{PATH_EXAMPLE, PICK_EXAMPLE, json_path, pick};
use crate::config::check::{Checker, Section, at, quoted};
use crate::config::origin::Origin;
use crate::config::raw;
use crate::config::spot::{Key, Spot};
use crate::config::{JsonPath, Mapping, Pick, Source, TimeUnit};

/// The tag that says which service a point is about; the mapping's service is its value.
const SERVICE: &str = "service";

/// Checks every `[[mapping]]`.
pub(crate) fn check(
    check: &mut Checker,
    prefix: &Prefix,
    source: &Source,
    raw: Key<Vec<Spot<raw::Mapping>>>,
) -> Vec<Mapping> {
    let list = raw.and_then(|spot| spot.value).unwrap_or_default();
    let mut patterns: Vec<(Filter, Option<Origin>)> = Vec::new();
    let mut mappings = Vec::new();
    for (number, spot) in list.into_iter().enumerate() {
        let (section, raw) = Checker::open(Some(spot), &format!("mapping[{number}]"));
        let own = subjects(check, &section, prefix, &raw);
        for (filter, place) in &own {
            let twice = patterns.iter().find(|(other, _)| other.overlaps(filter));
            if let Some((other, _)) = twice {
                let why = match source {
                    // nats-server 2.9 and 2.10: "subject overlaps with", error 10052.
                    Source::JetStream(_) => "no server takes a stream with both",
                    Source::Core(_) => "core NATS would deliver such a message twice",
                };
                let what = format!("`{filter}` and `{other}` match the same subjects: {why}");
                check.say(*place, what, "make one of them narrower, or remove it");
            }
            patterns.push((filter.clone(), *place));
        }
        let mapping = mapping(check, &section, &own, raw);
        tokens(check, &section, &mapping, &own);
        mappings.push(mapping);
    }
    mappings
}

fn subjects(
    check: &mut Checker,
    section: &Section,
    prefix: &Prefix,
    raw: &raw::Mapping,
) -> Vec<(Filter, Option<Origin>)> {
    if raw.subjects.is_none() {
        let what = format!("`{}` is missing", section.key("subjects"));
        check.say(
            section.at,
            what,
            "list the subjects: subjects = [\"humidity\", \"motion.*\"]",
        );
    }
    let listed = check.list(section, "subjects", &raw.subjects);
    if listed.is_empty()
        && raw
            .subjects
            .as_ref()
            .is_some_and(|spot| spot.value.is_some())
    {
        let what = format!("`{}` is empty", section.key("subjects"));
        check.say(at(&raw.subjects), what, "list at least one subject");
    }
    let mut filters = Vec::new();
    for (place, text) in listed {
        let shown = place.map_or_else(|| "the subject".to_owned(), |place| quoted(&text, place));
        match Filter::parse(&text) {
            Err(error) => check.say(
                place,
                format!("{shown} is no subject pattern: {error}"),
                "write tokens with dots: \"building.*.humidity\"",
            ),
            Ok(filter) => {
                for own in [Filter::all(prefix), Filter::dead_letters()] {
                    if filter.overlaps(&own) {
                        let what =
                            format!("{shown} overlaps with `{own}`, which is Flightline's own");
                        check.say(place, what, "choose a narrower pattern");
                    }
                }
                filters.push((filter, place));
            }
        }
    }
    filters
}

fn mapping(
    check: &mut Checker,
    section: &Section,
    subjects: &[(Filter, Option<Origin>)],
    raw: raw::Mapping,
) -> Mapping {
    let classes = Class::ALL.map(|class| (class.as_str(), class));
    let class = check.choice(section, "class", &raw.class, &classes);
    if matches!(class, Class::Health | Class::Lifecycle) {
        let right = "class = \"app\" or \"metric\"";
        let points = [
            ("measurement", at(&raw.measurement)),
            ("tags", at(&raw.tags)),
            ("fields", at(&raw.fields)),
            ("time", at(&raw.time)),
            ("time_unit", at(&raw.time_unit)),
        ];
        let points = points.map(|(key, at)| (key, at, right));
        check.foreign(section, &format!("class = \"{class}\""), &points);
    }
    let encodings = [
        ("json", Encoding::Json),
        ("line-protocol", Encoding::LineProtocol),
    ];
    let encoding = check.optional_choice(section, "encoding", &raw.encoding, &encodings);
    let mut tags = tags(check, section, raw.tags);
    let service = service(check, section, &raw.service, &mut tags);
    let measurement = check
        .parsed(section, "measurement", &raw.measurement, PICK_EXAMPLE, pick)
        .unwrap_or_else(|| Pick::Literal(service.clone()));
    let time = time(check, section, &raw.time, &raw.time_unit);
    Mapping {
        subjects: subjects
            .iter()
            .map(|(filter, _)| filter.to_string())
            .collect(),
        class,
        service,
        encoding,
        measurement,
        tags,
        fields: fields(check, section, raw.fields),
        time,
    }
}

/// The service by its own key, or as a literal tag of that name.
fn service(
    check: &mut Checker,
    section: &Section,
    raw: &Key<String>,
    tags: &mut Vec<(String, Pick)>,
) -> String {
    let name = check.parsed(
        section,
        SERVICE,
        raw,
        "use letters, digits, `-` and `_`",
        |text| {
            Token::check(text)
                .map(|()| text.to_owned())
                .map_err(|error| format!("cannot be a service: {error}"))
        },
    );
    let tag = tags.iter().position(|(name, _)| name == SERVICE);
    let tag = tag.map(|at| tags.remove(at).1);
    match (name, tag) {
        (Some(name), None) => name,
        (Some(name), Some(_)) => {
            let what = format!(
                "`{}` is set, and `tags` has `service` too",
                section.key(SERVICE)
            );
            check.say(at(raw), what, "keep one of them");
            name
        }
        (None, Some(Pick::Literal(name))) => {
            if let Err(error) = Token::check(&name) {
                let what = format!(
                    "`{}` cannot be a service: {error}",
                    section.key("tags.service")
                );
                check.say(section.at, what, "use letters, digits, `-` and `_`");
            }
            name
        }
        (None, Some(Pick::Token(_) | Pick::Json(_))) => {
            let what = format!("`{}` must be a plain name", section.key("tags.service"));
            check.say(
                section.at,
                what,
                "name the service, and give what varies another tag",
            );
            String::new()
        }
        (None, None) => {
            if raw.is_none() {
                let what = format!("`{}` is missing", section.key(SERVICE));
                check.say(
                    section.at,
                    what,
                    "name the service that the messages are about: service = \"sensors\"",
                );
            }
            String::new()
        }
    }
}

fn tags(
    check: &mut Checker,
    section: &Section,
    raw: Key<std::collections::BTreeMap<String, Spot<String>>>,
) -> Vec<(String, Pick)> {
    let table = raw.and_then(|spot| spot.value).unwrap_or_default();
    let mut tags = Vec::new();
    for (name, spot) in table {
        let Some(text) = &spot.value else { continue };
        // InfluxDB refuses the tag `time`, and drops points that have it.
        if name.is_empty() || name == "time" {
            let what = format!(
                "`{}` has a tag with a name that cannot be one: \"{name}\"",
                section.key("tags")
            );
            check.say(Some(spot.at), what, "choose another name");
        }
        match pick(text) {
            Ok(pick) => tags.push((name, pick)),
            Err(error) => {
                let what = format!(
                    "`{}`: {} {error}",
                    section.key(&format!("tags.{name}")),
                    quoted(text, spot.at)
                );
                check.say(Some(spot.at), what, PICK_EXAMPLE);
            }
        }
    }
    tags
}

fn time(
    check: &mut Checker,
    section: &Section,
    raw: &Key<String>,
    unit: &Key<String>,
) -> Option<(JsonPath, TimeUnit)> {
    let units = [
        ("ms", TimeUnit::Millis),
        ("s", TimeUnit::Seconds),
        ("us", TimeUnit::Micros),
        ("ns", TimeUnit::Nanos),
        ("rfc3339", TimeUnit::Rfc3339),
    ];
    if raw.is_none() {
        if unit.is_some() {
            let what = format!("`{}` is set without `time`", section.key("time_unit"));
            check.say(
                at(unit),
                what,
                "say where the time stands: time = \"$.time\"",
            );
        }
        return None;
    }
    let path = check.parsed(section, "time", raw, PATH_EXAMPLE, json_path);
    let unit = check.choice(section, "time_unit", unit, &units);
    path.map(|path| (path, unit))
}

/// `$2` must be a token that every subject of the mapping has.
fn tokens(
    check: &mut Checker,
    section: &Section,
    mapping: &Mapping,
    filters: &[(Filter, Option<Origin>)],
) {
    let picks = mapping.tags.iter().map(|(_, pick)| pick);
    for pick in picks.chain([&mapping.measurement]) {
        let Pick::Token(number) = pick else { continue };
        for (filter, place) in filters {
            // `>` stands for one token at least.
            let sure = filter.as_str().split('.').count();
            if *number > sure {
                let what = format!(
                    "`{}` uses ${number}, but `{filter}` is sure to have {sure} tokens only",
                    section.path
                );
                check.say(
                    *place,
                    what,
                    "use a lower number, or a pattern with more tokens",
                );
            }
        }
    }
}
