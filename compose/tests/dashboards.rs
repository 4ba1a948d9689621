//! Promise: a dashboard that is empty means that nothing is there. Each panel says what it shows, and each name, label and value in its questions, and
//! in those of the alerts, is one that a real program answers with.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/boards.rs"]
mod boards;
#[path = "rig/shipped.rs"]
mod shipped;
#[path = "rig/world.rs"]
mod world;

use std::collections::BTreeSet;

use boards::{Board, Query, labels_of};
use flightline_compose::promql::{Asked, Matcher, Selector, asked};
use flightline_fixtures::http;
use flightline_fixtures::prometheus::Prometheus;
use serde_json::Value;
use shipped::Rules;
use world::World;

/// Names that no program shows here, each with the one that does. Short: what stands here is held by nothing.
const ELSEWHERE: [(&str, &str); 3] = [
    ("http_api_requests_total", INFLUXDB_2),
    ("storage_shard_disk_size", INFLUXDB_2),
    ("storage_shard_series", INFLUXDB_2),
];
const INFLUXDB_2: &str = "InfluxDB 2, of which Debian has no package";

/// What Grafana puts in the place of its variables.
const VARIABLES: [(&str, &str); 4] = [
    ("$__rate_interval", "1m"),
    ("$__interval", "10s"),
    ("$__range", "5m"),
    ("$timeFilter", "time > now() - 1h"),
];

#[test]
fn each_panel_says_what_it_shows_in_which_unit_and_from_where() {
    let sources = boards::sources();
    for board in Board::shipped() {
        let name = &board.name;
        assert_eq!(board.json["uid"], format!("flightline-{name}"));
        assert!(board.json["schemaVersion"].as_u64() >= Some(39), "{name}");
        for left in ["__inputs", "__requires", "id", "version", "gnetId"] {
            assert!(board.json.get(left).is_none(), "{name}: {left}");
        }
        for panel in board.panels().iter().filter(|panel| panel["type"] != "row") {
            let title = panel["title"].as_str().unwrap_or_default();
            let said = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
            assert!(said(&panel["title"]), "{name}: {panel}");
            assert!(said(&panel["description"]), "{name}: {title}");
            assert!(
                said(&panel["fieldConfig"]["defaults"]["unit"]),
                "{name}: {title}"
            );
        }
        for query in board.queries() {
            assert!(
                sources.contains(&query.source),
                "{}: {}",
                query.place,
                query.source
            );
            assert!(!query.text.is_empty(), "{}", query.place);
        }
    }
}

#[test]
fn no_panel_covers_another() {
    for board in Board::shipped() {
        let mut cells = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in board.panels() {
            let title = &panel["title"];
            assert!(
                ids.insert(panel["id"].as_u64().unwrap()),
                "{}: {title}",
                board.name
            );
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(
                at("w") > 0 && at("h") > 0 && at("x") + at("w") <= 24,
                "{title}"
            );
            for (x, y) in (at("x")..at("x") + at("w"))
                .flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
            {
                assert!(
                    cells.insert((x, y)),
                    "{}: {title} covers another",
                    board.name
                );
            }
        }
    }
}

#[test]
fn each_alert_that_a_panel_names_is_there() {
    let rules = Rules::shipped();
    let known: BTreeSet<&str> = rules.alerts().map(|rule| rule.name()).collect();
    let mut named = 0;
    for board in Board::shipped() {
        for panel in board.panels() {
            let text = panel["description"].as_str().unwrap_or_default();
            let words = text.split(|c: char| !c.is_alphanumeric());
            let has_hump = |word: &&str| {
                let mut capitals = word.chars().filter(|c| c.is_uppercase());
                word.starts_with(char::is_uppercase) && capitals.nth(1).is_some()
            };
            let words = words.filter(has_hump).filter(|word| {
                // Products, and abbreviations.
                !["InfluxDB", "VictoriaMetrics", "JetStream"].contains(word)
                    && word.chars().any(char::is_lowercase)
            });
            for word in words {
                assert!(
                    known.contains(word),
                    "{}: {}: {word}",
                    board.name,
                    panel["title"]
                );
                named += 1;
            }
        }
    }
    assert!(named > 20, "{named}");
}

#[test]
fn each_question_is_one_that_the_real_programs_answer() {
    let world = World::start();
    let mut wrong = Vec::new();
    let mut elsewhere = BTreeSet::new();
    for query in questions() {
        let said = match query.source.as_str() {
            "prometheus" => asks_what_is_there(&world.prometheus, &query, &mut elsewhere),
            "influxdb" => finds_points(&world, &query),
            "victoria" => finds_samples(&world, &query),
            other => Err(format!("nobody here is {other}")),
        };
        if let Err(said) = said {
            wrong.push(format!("{}: {}: {said}", query.place, query.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let listed: BTreeSet<&str> = ELSEWHERE.iter().map(|(name, _)| *name).collect();
    assert_eq!(elsewhere, listed, "names that nothing asks for any more");
}

/// All of dashboards and rules, with variables replaced.
fn questions() -> Vec<Query> {
    let rules = Rules::shipped();
    let of_rules = rules.all().map(|rule| Query {
        place: rule.name().to_owned(),
        source: "prometheus".to_owned(),
        text: rule.expr.clone(),
        legend: String::new(),
    });
    let of_boards = Board::shipped().into_iter().flat_map(|board| {
        let variables = board.variables();
        let replace = move |mut query: Query| {
            for (variable, value) in VARIABLES {
                query.text = query.text.replace(variable, value);
            }
            for variable in &variables {
                query.text = query.text.replace(&format!("\"${variable}\""), "\".*\"");
            }
            query
        };
        board.queries().into_iter().map(replace)
    });
    let mut all: Vec<Query> = of_rules.chain(of_boards).collect();
    for query in &mut all {
        // A variable asks for the values that a label has: as if it grouped by it.
        let inside = query.text.strip_prefix("label_values(");
        if let Some(inside) = inside.and_then(|inside| inside.strip_suffix(')')) {
            let (selector, label) = inside.rsplit_once(',').unwrap();
            query.text = format!("group by ({}) ({selector})", label.trim());
        }
    }
    all
}

/// Prometheus takes the expression, has series for each selector and for each value that one names, and those have the labels that it groups by and
/// calls them by.
fn asks_what_is_there(
    prometheus: &Prometheus,
    query: &Query,
    elsewhere: &mut BTreeSet<&str>,
) -> Result<(), String> {
    prometheus.try_query(&query.text)?;
    let Asked { selectors, labels } = asked(&query.text);
    let mut known = BTreeSet::new();
    for selector in &selectors {
        let listed = ELSEWHERE.iter().find(|(name, _)| *name == selector.name);
        if let Some((name, _)) = listed {
            elsewhere.insert(name);
            return Ok(());
        }
        for selector in each_value(selector) {
            let series = prometheus.query(&format!("last_over_time({selector}[10m])"));
            if series.is_empty() {
                return Err(format!("nobody shows {selector}"));
            }
            let metrics = series.iter().filter_map(|one| one["metric"].as_object());
            known.extend(metrics.flat_map(|metric| metric.keys().cloned()));
        }
    }
    let wanted = labels.into_iter().chain(labels_of(&query.legend));
    match wanted.into_iter().find(|label| !known.contains(label)) {
        Some(label) => Err(format!("none of these has the label {label}")),
        None => Ok(()),
    }
}

/// The selector once for each value that it names: `x{a=~"b|c"}` is two.
fn each_value(selector: &Selector) -> Vec<String> {
    let mut written = vec![String::new()];
    for Matcher {
        label,
        operator,
        value,
    } in &selector.matchers
    {
        let values: Vec<&str> = match operator.as_str() {
            "=~" => value.split('|').collect(),
            _ => vec![value],
        };
        let with = |before: &String| {
            let one = |value: &&str| format!("{before}{label}{operator}\"{value}\",");
            values.iter().map(one).collect::<Vec<_>>()
        };
        written = written.iter().flat_map(with).collect();
    }
    let name = &selector.name;
    let whole = |inside: String| format!("{name}{{{inside}}}");
    written.into_iter().map(whole).collect()
}

/// InfluxDB takes the query and has points for it.
fn finds_points(world: &World, query: &Query) -> Result<(), String> {
    let answer = world.influx.query(world::BUCKET, &query.text);
    let series = answer.pointer("/results/0/series/0").is_some();
    series.then_some(()).ok_or_else(|| answer.to_string())
}

/// VictoriaMetrics takes the query and has samples for it.
fn finds_samples(world: &World, query: &Query) -> Result<(), String> {
    let url = format!(
        "{}/api/v1/query_range?step=10s&start=-5m&query={}",
        world.victoria.url(),
        http::encode(&query.text)
    );
    let answer = http::get(&url).unwrap();
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    let series = answer.pointer("/data/result/0").is_some();
    series.then_some(()).ok_or_else(|| answer.to_string())
}
