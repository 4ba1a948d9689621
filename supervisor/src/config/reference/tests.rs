//! The table, the checks and the schema know the same keys, and mean the same by them.

use std::collections::BTreeSet;

use super::jobs::FILE;
use super::*;
use crate::config::Config;
use crate::config::testing::{config, load_text, report};

/// Objects, how a file looks that holds one with `KEY` in it, and keys that then stand there already.
const AROUND: [(&str, &str, &[&str]); 23] = [
    ("file", "{KEY}", &[]),
    (
        "job",
        "{consul: 'c', jobs: [{name: 'a1', exec: 'a', port: 1, health: {interval: 1, ttl: 2}, KEY}]}",
        &["name", "exec", "port", "health"],
    ),
    (
        "when",
        "{jobs: [{name: 'db', when: {source: 'SIGHUP', KEY}}]}",
        &["source", "once", "each"],
    ),
    (
        "trigger",
        "{jobs: [{name: 'a', when: {all: [{source: 'db', once: 'healthy', KEY}]}}]}",
        &["source", "once"],
    ),
    (
        "health",
        "{jobs: [{name: 'a', exec: 'a', health: {interval: 1, ttl: 2, KEY}}]}",
        &["interval", "ttl"],
    ),
    (
        "http",
        "{jobs: [{name: 'a', health: {interval: 1, ttl: 2, http: {url: 'http://a', KEY}}}]}",
        &["url"],
    ),
    ("output", "{jobs: [{name: 'a', logging: {KEY}}]}", &[]),
    (
        "service",
        "{consul: 'c', jobs: [{name: 'a1', port: 1, health: {interval: 1, ttl: 2}, consul: {KEY}}]}",
        &[],
    ),
    ("backoff", "{jobs: [{name: 'a', backoff: {KEY}}]}", &[]),
    ("rlimits", "{jobs: [{name: 'a', rlimits: {KEY}}]}", &[]),
    (
        "limit",
        "{jobs: [{name: 'a', rlimits: {core: {soft: 1, hard: 4096, KEY}}}]}",
        &["soft", "hard"],
    ),
    ("consul", "{consul: {KEY}}", &[]),
    (
        "consul_tls",
        "{consul: {tls: {KEY}}}",
        &["clientcert", "clientkey"],
    ),
    (
        "watch",
        "{consul: 'c', watches: [{name: 'db', interval: 3, KEY}]}",
        &["name", "interval"],
    ),
    (
        "render",
        "{consul: 'c', watches: [{name: 'db', interval: 3, render: [{template: 'a', to: 'b', KEY}]}]}",
        &["template", "to"],
    ),
    ("telemetry", "{telemetry: {KEY}}", &[]),
    (
        "metric",
        "{telemetry: {metrics: [{name: 'm', help: 'h', type: 'counter', KEY}]}}",
        &["name", "help", "type"],
    ),
    ("control", "{control: {KEY}}", &[]),
    ("logging", "{logging: {KEY}}", &[]),
    (
        "nats",
        "{nats: {KEY}}",
        &["user", "password", "passwordFile"],
    ),
    ("nats_tls", "{nats: {tls: {KEY}}}", &["certFile", "keyFile"]),
    // Two that are only right together with others.
    (
        "consul_tls",
        "{consul: {tls: {clientcert: 'c', clientkey: 'k', KEY}}}",
        &["clientcert", "clientkey"],
    ),
    (
        "nats",
        "{nats: {user: 'u', password: 'p', KEY}}",
        &[
            "user",
            "password",
            "passwordFile",
            "token",
            "tokenFile",
            "nkey",
            "nkeyFile",
            "credsFile",
        ],
    ),
];

/// Each key that can be tried alone, with the file around it.
fn alone() -> Vec<(&'static Object, &'static Key, &'static str)> {
    let objects = FILE.all();
    let mut found = Vec::new();
    for (name, around, taken) in AROUND {
        let object = objects.iter().find(|object| object.name == name);
        let object = object.unwrap_or_else(|| panic!("{name} is in the table"));
        for key in object.keys {
            if !taken.contains(&key.name) {
                found.push((*object, key, around));
            }
        }
    }
    found
}

fn with(around: &str, key: &str, value: &str) -> String {
    let text = around.replace("KEY", &format!("{key}: {value}"));
    match key {
        // Watches need it, and it is what they are tried with.
        "watches" => text.replacen('{', "{consul: 'c', ", 1),
        _ => text,
    }
}

#[test]
fn every_object_is_tried() {
    let tried: BTreeSet<_> = AROUND.iter().map(|(name, ..)| *name).collect();
    let all: BTreeSet<_> = FILE.all().iter().map(|object| object.name).collect();
    assert_eq!(tried, all);
}

#[test]
fn the_example_of_every_key_is_accepted() {
    for (object, key, around) in alone() {
        let text = with(around, key.name, key.example);
        if let Err(error) = load_text(&text) {
            panic!("{}.{}: {text}\n{error}", object.name, key.name);
        }
    }
}

#[test]
fn every_key_has_an_effect() {
    for (object, key, around) in alone() {
        // `port` of telemetry and the like are told by their effect alone; those that only name a default are not.
        let typed = config(&with(around, key.name, key.example));
        let absent = config(&with(around, key.name, "null"));
        let defaults = matches!(key.default, Default::Given(value) if value == key.example);
        let same = typed == absent;
        let for_editors = key.name == "$schema";
        assert!(
            !same || defaults || for_editors,
            "{}.{} has no effect",
            object.name,
            key.name
        );
    }
}

#[test]
fn every_default_is_what_holds_without_the_key() {
    for (object, key, around) in alone() {
        if let Default::Given(value) = key.default {
            let typed: Config = config(&with(around, key.name, value));
            let absent = config(&with(around, key.name, "null"));
            assert_eq!(typed, absent, "{}.{}", object.name, key.name);
        }
    }
}

#[test]
fn every_needed_key_is_missed() {
    for (name, around, taken) in AROUND {
        let object = *FILE
            .all()
            .iter()
            .find(|object| object.name == name)
            .unwrap();
        for key in object
            .keys
            .iter()
            .filter(|key| key.default == Default::Needed)
        {
            assert!(
                taken.contains(&key.name),
                "{name}.{} stands in the file around",
                key.name
            );
            let said = report(&with(around, key.name, "null"));
            assert!(said.contains(&format!("has no `{}`", key.name)), "{said}");
        }
    }
}

#[test]
fn names_are_unique_in_their_object() {
    for object in FILE.all() {
        let names: BTreeSet<_> = object
            .keys
            .iter()
            .map(|key| key.name.to_ascii_lowercase())
            .collect();
        assert_eq!(names.len(), object.keys.len(), "{}", object.name);
    }
}

#[test]
fn the_nearest_key_is_found_and_strangers_are_not() {
    let known = ["url", "tokenFile", "inFlight"];
    assert_eq!(nearest("ulr", known), Some("url"));
    assert_eq!(nearest("tokenfile", known), Some("tokenFile"));
    assert_eq!(nearest("frobnicate", known), None);
}
