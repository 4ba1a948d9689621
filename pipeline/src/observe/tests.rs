//! Answers that servers of several versions have given, and what is read from them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::roll::MOST;
use super::servers;
use super::streams::{self, Asked, Durables, Limits, List, Listed, More};

const LIMITS: Limits = Limits {
    streams: 16,
    consumers: 16,
};

fn file(name: &str) -> PathBuf {
    let data = "../fixtures/data/observe";
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(data)
        .join(name)
}

fn list(page: Value, listed: Listed) -> List {
    let mut list = List::default();
    assert_eq!(list.add(page, listed), Some(More::No));
    list
}

/// What the streams part asks, from a recording.
fn asked(recorded: &Value) -> Asked {
    let consumers = recorded["consumers"].as_object().unwrap().iter();
    Asked {
        account: recorded["account"].clone(),
        streams: list(recorded["streams"].clone(), Listed::Streams),
        consumers: consumers
            .map(|(name, page)| (name.clone(), list(page.clone(), Listed::Consumers)))
            .collect(),
    }
}

#[test]
fn what_servers_of_each_version_answer_is_read() {
    for name in [
        "lone-2.9",
        "lone-2.10",
        "lone-2.15",
        "cluster-2.9",
        "bereft-2.9",
    ] {
        let recorded = fs::read(file(&format!("{name}.json"))).unwrap();
        let recorded: Value = serde_json::from_slice(&recorded).unwrap();
        let array = |part: &str| recorded[part].as_array().unwrap().clone();
        let servers = servers::read(&array("varz"), &array("jsz"), &BTreeSet::new());
        let streams = streams::read(&asked(&recorded), LIMITS, &Durables::new());
        let mut lines = servers.figures.lines();
        lines.extend(streams.figures.lines());
        let expected = fs::read_to_string(file(&format!("{name}.txt"))).unwrap_or_default();
        let found = lines.join("\n") + "\n";
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn only_the_leader_of_the_meta_group_tells_of_its_peers() {
    let answer = |name: &str, current: bool| {
        let peers = json!([{ "name": "c", "current": current }, { "name": name }]);
        let meta = json!({ "name": "x", "leader": "a", "replicas": peers });
        json!({ "server": { "name": name }, "data": { "meta_cluster": meta } })
    };
    let told = servers::read(
        &[],
        &[answer("b", false), answer("a", true)],
        &BTreeSet::new(),
    );
    let lines = told.figures.lines();
    let has = |line: &str| lines.iter().any(|found| found == line);
    assert!(
        has("nats_jetstream_meta_peer_current{cluster=x,peer=c} 1"),
        "{lines:?}"
    );
    assert!(has("nats_jetstream_meta_leader{server=b} 0"), "{lines:?}");
    assert!(
        !lines.iter().any(|line| line.contains("peer=b")),
        "{lines:?}"
    );
}

fn stream(name: &str) -> Value {
    json!({ "config": { "name": name }, "state": { "consumer_count": 5 } })
}

fn consumer(durable: &str) -> Value {
    json!({ "name": durable, "config": { "durable_name": durable } })
}

#[test]
fn what_nobody_answers_for_is_down_if_it_was_known() {
    let streams = json!({ "total": 2, "offset": 0, "missing": ["B"], "streams": [stream("A")] });
    let consumers = json!({ "total": 3, "offset": 0, "missing": ["gone", "ephemeral"], "consumers": [consumer("here")] });
    let asked = Asked {
        account: Value::Null,
        streams: list(streams, Listed::Streams),
        consumers: BTreeMap::from([("A".to_owned(), list(consumers, Listed::Consumers))]),
    };
    let known = [
        ("A", "gone"),
        ("A", "deleted"),
        ("B", "reader"),
        ("C", "other"),
    ];
    let known: Durables = known
        .map(|(stream, name)| (stream.to_owned(), name.to_owned()))
        .into();
    let told = streams::read(&asked, LIMITS, &known);
    let lines = told.figures.lines();
    let up: Vec<_> = lines.iter().filter(|line| line.contains("_up{")).collect();
    let expected = [
        "nats_consumer_up{stream=A,consumer=gone} 0",
        "nats_consumer_up{stream=A,consumer=here} 1",
        "nats_consumer_up{stream=B,consumer=reader} 0",
        "nats_stream_up{stream=A} 1",
        "nats_stream_up{stream=B} 0",
    ];
    assert_eq!(up, expected.iter().collect::<Vec<_>>());
    assert_eq!((told.streams_left_out, told.consumers_left_out), (0, 0));
    assert_eq!(told.durables.len(), 3);
}

#[test]
fn pages_are_followed_and_what_was_not_looked_at_is_counted() {
    let mut streams = List::default();
    let page = json!({ "total": 5, "offset": 0, "streams": [stream("A"), stream("B")] });
    assert_eq!(streams.add(page, Listed::Streams), Some(More::From(2)));
    let page = json!({ "total": 5, "offset": 2, "missing": ["C"], "streams": [] });
    assert_eq!(streams.add(page, Listed::Streams), Some(More::From(3)));
    // A server that says there is more and gives nothing is not asked for ever.
    let page = json!({ "total": 5, "offset": 3, "streams": null });
    assert_eq!(streams.add(page, Listed::Streams), Some(More::No));
    let mut asked = Asked {
        streams,
        ..Asked::default()
    };
    let ephemeral = json!({ "config": { "name": "e" } });
    let page = json!({ "total": 9, "offset": 0, "consumers": [consumer("x"), ephemeral] });
    let mut consumers = List::default();
    assert_eq!(consumers.add(page, Listed::Consumers), Some(More::From(2)));
    assert_eq!(consumers.items.len(), 1);
    asked.consumers.insert("A".to_owned(), consumers);
    let told = streams::read(&asked, LIMITS, &Durables::new());
    assert_eq!(told.streams_left_out, 2);
    // Seven of A were not looked at, and the five of B not asked for.
    assert_eq!(told.consumers_left_out, 12);
}

#[test]
fn what_is_no_page_is_not_taken_for_an_empty_one() {
    for odd in [
        json!([]),
        json!({}),
        json!({ "total": 1, "offset": 0, "streams": 7 }),
        json!("x"),
    ] {
        assert_eq!(List::default().add(odd, Listed::Streams), None);
    }
}

#[test]
fn two_servers_of_one_name_are_one() {
    let answer =
        |version: &str| json!({ "server": { "name": "a", "ver": version }, "data": { "mem": 7 } });
    let nameless = json!({ "data": {} });
    let told = servers::read(&[answer("1"), answer("2"), nameless], &[], &BTreeSet::new());
    assert_eq!((told.names.len(), told.left_out), (1, 1));
    let expected = [
        "nats_server_info{server=a,version=1,cluster=} 1",
        "nats_server_memory_bytes{server=a} 7",
    ];
    assert_eq!(told.figures.lines(), expected);
}

#[test]
fn too_many_servers_are_the_same_ones_each_round() {
    let answer = |number: usize| json!({ "server": { "name": format!("n{number:03}") }, "data": { "mem": 7 } });
    let mut answers: Vec<_> = (0..MOST + 3).map(answer).collect();
    let known: BTreeSet<_> = (3..MOST + 3)
        .map(|number| format!("n{number:03}"))
        .collect();
    for _ in 0..2 {
        let told = servers::read(&answers, &answers, &known);
        assert_eq!((&told.names, told.left_out), (&known, 3));
        let lines = told.figures.lines();
        assert!(!lines.iter().any(|line| line.contains("n002")), "{lines:?}");
        answers.reverse();
    }
}
