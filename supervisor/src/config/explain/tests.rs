//! What a person reads of a configuration.

use crate::config::testing::{explained, report};

#[test]
fn a_configuration_is_explained() {
    let text = "{
      consul: 'https://consul:8501',
      stopTimeout: 8,
      jobs: [
        {name: 'pre', exec: '/bin/pre --token hunter2'},
        {name: 'app', exec: 'app', main: true, restarts: 3, port: 80, tags: ['a'], interfaces: 'eth1', timeout: '1h',
         when: {source: 'pre', once: 'exitSuccess', timeout: '30s'},
         health: {http: 'http://joe:hunter2@127.0.0.1:80/health', interval: 5, ttl: 10}},
        {name: 'drain', exec: 'drain', when: {source: 'app', once: 'stopping'}},
        {name: 'clean', exec: 'clean', when: {source: 'app', once: 'stopped'}},
        {name: 'tick', exec: 'tick', when: {interval: '10s'}},
        {name: 'hup', exec: 'hup', when: {source: 'SIGHUP'}},
      ],
      watches: [{name: 'db', interval: 3}],
      telemetry: {interfaces: 'lo'},
      nats: {url: 'nats://joe:hunter2@nats:4222', instance: 'here', metrics: true},
    }";
    let said = explained(text);
    for line in [
        "configuration is valid: app.json5",
        "  pre: runs /bin/pre at the start",
        "  app: runs app once pre says exitSuccess, unless it waits longer than 30s, again 3 times, at most 1h, the main job",
        "    checked by GET from 127.0.0.1:80, every 5s",
        "  tick: runs tick at the start and then every 10s, at most 10s",
        "  hup: runs hup each time SIGHUP arrives",
        "  agent: consul:8501, over TLS",
        "  app at 10.0.0.100, port 80, TTL 10s, tags a",
        "  containerpilot at 127.0.0.1:9090",
        "  db, every 3s",
        "  servers: nats://*****@nats:4222",
        "  subjects begin with telemetry, of service app on here",
        "  SIGKILL for what is left after 8s; last words have what is left of it, or 500ms",
        "  metrics and status: http://127.0.0.1:9090",
    ] {
        assert!(said.lines().any(|found| found == line), "{line}\n{said}");
    }
    // The service's id has the name of the host.
    let service = "  drain, then app-";
    let end = said.lines().find(|line| line.starts_with(service));
    let rest = " leaves Consul, then app ends by SIGTERM, then clean";
    assert!(end.is_some_and(|line| line.ends_with(rest)), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    assert!(!said.contains("findings"), "{said}");
}

/// The lines of one part.
fn part<'s>(said: &'s str, title: &str) -> Vec<&'s str> {
    let lines = said.lines().skip_while(|line| *line != title).skip(1);
    lines.map_while(|line| line.strip_prefix("  ")).collect()
}

#[test]
fn the_end_is_explained_in_the_order_in_which_it_comes() {
    let text = "{
      consul: 'consul:8500',
      jobs: [
        {name: 'consul-agent', exec: 'consul agent'},
        {name: 'db', exec: 'db', health: {exec: 'true', interval: 1, ttl: 2}},
        {name: 'pre', exec: 'pre', when: {source: 'db', once: 'stopping'}},
        {name: 'cache', exec: 'cache', stopSignal: 'SIGINT', health: {exec: 'true', interval: 1, ttl: 2}, when: {source: 'db', once: 'healthy'}},
        {name: 'app', exec: 'app', when: {all: [{source: 'db', once: 'healthy'}, {source: 'cache', once: 'healthy'}]}},
        {name: 'both', exec: 'both', when: {all: [{source: 'db', once: 'stopped'}, {source: 'app', once: 'stopped'}]}},
        {name: 'leave', exec: 'leave', when: {source: 'consul-agent', once: 'stopping'}},
        {name: 'after', exec: 'after', when: {source: 'pre', once: 'stopped'}},
      ],
      telemetry: {interfaces: 'lo'},
    }";
    let said = explained(text);
    let expected = [
        "containerpilot leaves Consul",
        "app ends by SIGTERM",
        "after app: cache ends by SIGINT",
        "after cache and app: pre, then after, then db ends by SIGTERM",
        "after all others: leave, then consul-agent ends by SIGTERM",
        "once db says stopped and app says stopped: both",
        "SIGKILL for what is left after 5s; last words have what is left of it, or 500ms",
        "without being told: when every job has ended",
    ];
    assert_eq!(part(&said, "end:"), expected);
}

#[test]
fn hooks_of_nobody_and_jobs_that_need_each_other_are_explained_as_they_end() {
    let text = "{jobs: [
        {name: 'a', exec: 'a', health: {exec: 'true', interval: 1, ttl: 2}, when: {source: 'b', once: 'healthy'}},
        {name: 'b', exec: 'b', health: {exec: 'true', interval: 1, ttl: 2}, when: {source: 'a', once: 'healthy'}},
        {name: 'lost', exec: 'lost', when: {source: 'watch.db', once: 'stopped'}},
    ]}";
    let said = explained(text);
    let expected = [
        "a ends by SIGTERM",
        "b ends by SIGTERM",
        "lost ends without having run: nothing it waits for can come",
        "SIGKILL for what is left after 5s",
        "without being told: when every job has ended",
    ];
    assert_eq!(part(&said, "end:"), expected);
}

#[test]
fn findings_are_part_of_it() {
    let said = explained("{jobs: [{name: 'a', when: {source: 'b', once: 'healthy'}}]}");
    assert!(
        said.contains("findings (1):\napp.json5:1:27: nothing here is called")
            || said.contains("findings (1):"),
        "{said}"
    );
}

#[test]
fn a_user_and_password_of_consul_are_shown_nowhere() {
    for address in [
        "joe:hunter2@c:8500",
        "http://joe:hunter2@c:8500",
        "https://joe:hun@ter2/hunter2@c:8500",
        "joe:hunter2@no agent",
    ] {
        for consul in [format!("'{address}'"), format!("{{address: '{address}'}}")] {
            let said = explained(&format!("{{consul: {consul}}}"));
            assert!(
                said.contains("agent: ") && !said.contains("hunter2"),
                "{said}"
            );
        }
        let said = report(&format!("{{consul: '{address}', nonsense: 1}}"));
        assert!(!said.contains("hunter2"), "{said}");
    }
}
