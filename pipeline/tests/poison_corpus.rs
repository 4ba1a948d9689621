//! Promise: poison of every kind costs only itself. The corpus of `fixtures/data/poison`, and lines broken at random, through a worker into
//! real stores: all neighbours are stored and nothing else, each bad piece is a dead letter once, and nothing is delivered again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "rig/support.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::SystemTime;

use async_nats::HeaderMap;
use flightline_contract::deadletter::{LINE, REASON, SEQUENCE, STREAM, SUBJECT};
use flightline_contract::encoding::CONTENT_TYPE;
use flightline_fixtures::generator::LINE_PROTOCOL;
use flightline_fixtures::http;
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::points::victoria::Samples;
use flightline_fixtures::points::{Point, Points, Time, Value};
use flightline_fixtures::poison::{self, Store};
use flightline_fixtures::victoria::Victoria;
use flightline_fixtures::worker::Worker;
use support::{BINARY, Publisher, config};

/// Of the first good point; each is a millisecond after the one before it, which is as exact as VictoriaMetrics is.
const BEGIN: i64 = 1_700_000_001_000_000_000;
/// The good element of an array in the corpus.
const ELEMENT: i64 = 1_700_000_000_500_000_000;

/// A message, and the letter that must come of it.
#[derive(Debug)]
struct Case {
    subject: String,
    content_type: Option<String>,
    payload: Vec<u8>,
    /// Reason, line and bytes.
    letter: Option<(String, Option<u32>, Vec<u8>)>,
    why: String,
}

/// Messages, and the points of what is good about them.
#[derive(Default)]
struct Story {
    cases: Vec<Case>,
    points: Points,
    good: i64,
}

impl Story {
    fn good_line(&mut self) -> String {
        let time = BEGIN + self.good * 1_000_000;
        self.good += 1;
        let point = Point::new("good", Time::At(time)).field("v", Value::Float(1.5));
        self.points.add(point);
        format!("good v=1.5 {time}")
    }

    fn lines(
        &mut self,
        payload: Vec<u8>,
        letter: Option<(String, Option<u32>, Vec<u8>)>,
        why: &str,
    ) {
        self.cases.push(Case {
            subject: "telemetry.app.s.t".to_owned(),
            content_type: Some(LINE_PROTOCOL.to_owned()),
            payload,
            letter,
            why: why.to_owned(),
        });
    }

    /// A line between two good ones.
    fn between(&mut self, bad: &[u8]) -> Vec<u8> {
        let (before, behind) = (self.good_line(), self.good_line());
        [before.as_bytes(), b"\n", bad, b"\n", behind.as_bytes()].concat()
    }

    /// The corpus, with good messages between.
    fn of_corpus(store: Store) -> Self {
        let mut story = Self::default();
        for bad in poison::lines(store) {
            let payload = story.between(&bad.bytes);
            let letter = (bad.reason, Some(2), bad.bytes);
            story.lines(payload, Some(letter), &bad.why);
        }
        for bad in poison::messages(store) {
            let good = story.good_line().into_bytes();
            story.lines(good, None, "good");
            let piece = match bad.line {
                Some(2) => b"{\"fields\":3}".to_vec(),
                Some(_) if bad.payload.starts_with(b"{\"samples") => {
                    let inner = bad.payload.strip_prefix(b"{\"samples\":[").unwrap();
                    inner.strip_suffix(b"]}").unwrap().to_vec()
                }
                Some(_) | None => bad.payload.clone(),
            };
            story.cases.push(Case {
                subject: bad.subject,
                content_type: bad.content_type,
                payload: bad.payload,
                letter: Some((bad.reason, bad.line, piece)),
                why: bad.why,
            });
        }
        let element = Point::new("good", Time::At(ELEMENT)).tag("service", "s");
        story.points.add(element.field("v", Value::Float(1.0)));
        let good = story.good_line().into_bytes();
        story.lines(good, None, "good");
        story
    }

    async fn publish(&self, publisher: &Publisher) {
        for case in &self.cases {
            let mut headers = HeaderMap::new();
            if let Some(content_type) = &case.content_type {
                headers.insert(CONTENT_TYPE, content_type.as_str());
            }
            let (subject, payload) = (case.subject.as_str().into(), case.payload.clone().into());
            let stored = publisher.bus.store(subject, headers, payload).await;
            stored.unwrap().wait().await.unwrap();
        }
    }
}

/// A letter as the stream has it.
#[derive(Debug)]
struct Letter {
    reason: String,
    line: Option<u32>,
    payload: Vec<u8>,
    subject: String,
}

/// Publishes `story`, and waits until the worker is done with it; the letters by the number of their message.
async fn told(nats: &Nats, story: &Story, sink: &str) -> BTreeMap<u64, Vec<Letter>> {
    let publisher = Publisher::new(nats).await;
    let mut worker = Worker::start(BINARY, &config(nats, sink));
    story.publish(&publisher).await;
    publisher.wait_all_acked(|| worker.log()).await;
    publisher.wait_acks_worked_off().await;
    let again = worker.metric("flightline_redelivered_messages_total");
    assert_eq!(again, 0.0, "{}", worker.log());
    assert_eq!(worker.stop().code(), Some(0), "{}", worker.log());
    let mut letters: BTreeMap<u64, Vec<Letter>> = BTreeMap::new();
    let reading = publisher.bus.read("DEADLETTER", None).await.unwrap();
    let mut reading = reading.expect("the dead-letter stream is there");
    while let Some(kept) = reading.next().await.unwrap() {
        let header = |name: &str| {
            kept.headers
                .get(name)
                .map(|value| value.as_str().to_owned())
        };
        assert_eq!(header(STREAM).as_deref(), Some("TELEMETRY"));
        let sequence = header(SEQUENCE).unwrap().parse().unwrap();
        letters.entry(sequence).or_default().push(Letter {
            reason: header(REASON).unwrap(),
            line: header(LINE).map(|line| line.parse().unwrap()),
            payload: kept.payload.to_vec(),
            subject: header(SUBJECT).unwrap(),
        });
    }
    letters
}

/// What of the letters is not as the story says.
fn wrong(story: &Story, mut letters: BTreeMap<u64, Vec<Letter>>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (sequence, case) in (1..).zip(&story.cases) {
        let found = letters.remove(&sequence).unwrap_or_default();
        let found: Vec<_> = found
            .into_iter()
            .map(|letter| {
                assert_eq!(letter.subject, case.subject);
                (letter.reason, letter.line, letter.payload)
            })
            .collect();
        // What is as large as the server allows is cut by its headers.
        let fits = |(reason, line, payload): &(String, Option<u32>, Vec<u8>)| {
            case.letter.as_ref().is_some_and(|(expected, at, bytes)| {
                (expected, at) == (reason, line)
                    && bytes.starts_with(payload)
                    && bytes.len() - payload.len() < 8192
            })
        };
        let right = match &case.letter {
            None => found.is_empty(),
            Some(_) => found.len() == 1 && found.iter().all(fits),
        };
        if !right {
            let short = |bytes: &[u8]| bytes[..bytes.len().min(60)].escape_ascii().to_string();
            let found: Vec<_> = found
                .iter()
                .map(|(reason, line, payload)| format!("{reason} {line:?} {}", short(payload)))
                .collect();
            let expected = case.letter.as_ref().map(|(reason, line, _)| (reason, line));
            wrong.push(format!(
                "{}: {}: {expected:?}, and not {found:?}",
                case.why,
                short(&case.payload)
            ));
        }
    }
    wrong.extend(
        letters
            .keys()
            .map(|sequence| format!("a letter of no message: {sequence}")),
    );
    wrong
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An InfluxDB in which the fields of `conflict` have types.
fn influx() -> (Influxd, String) {
    let influx = Influxd::start();
    influx.create_database("flight");
    let typed = influx.write("flight", "conflict f=1.5,i=1i,s=\"x\",b=true 1");
    assert_eq!(typed.status, 204);
    let sink = format!(
        "[batch]\nage = \"200ms\"\n[sink]\nkind = \"influxdb\"\napi = \"v1\"\nurl = \"{}\"\ndb = \"flight\"\n",
        influx.url()
    );
    (influx, sink)
}

fn with_types(mut points: Points) -> Points {
    let point = Point::new("conflict", Time::At(1));
    points.add(
        point
            .field("f", Value::Float(1.5))
            .field("i", Value::Integer(1))
            .field("s", Value::Text("x".to_owned()))
            .field("b", Value::Boolean(true)),
    );
    points
}

#[tokio::test(flavor = "multi_thread")]
async fn the_corpus_costs_only_itself_on_influxdb_1() {
    let (nats, (influx, sink)) = (Nats::start(), influx());
    let story = Story::of_corpus(Store::V1);
    none(&wrong(&story, told(&nats, &story, &sink).await));
    let expected = with_types(story.points);
    assert_eq!(expected.difference(&influx.points("flight")), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_corpus_costs_only_itself_on_victoria_metrics() {
    let (nats, store) = (Nats::start(), Victoria::start());
    let sink = format!(
        "[batch]\nage = \"200ms\"\n[sink]\nkind = \"influxdb\"\napi = \"v2\"\nurl = \"{}\"\norg = \"o\"\nbucket = \"b\"\n",
        store.url()
    );
    let story = Story::of_corpus(Store::V2);
    none(&wrong(&story, told(&nats, &story, &sink).await));
    assert_eq!(
        Samples::of(&story.points).difference(&store.samples()),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn points_beyond_the_retention_cost_only_themselves() {
    let (nats, (influx, sink)) = (Nats::start(), influx());
    let statement = "CREATE RETENTION POLICY short ON flight DURATION 1h REPLICATION 1";
    let url = format!("{}/query?q={}", influx.url(), http::encode(statement));
    assert_eq!(http::post(&url, &[]).unwrap().status, 200);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = i64::try_from(now.unwrap().as_nanos()).unwrap();
    let mut story = Story::default();
    for number in 0..50_i64 {
        let old = format!("old v=1 {number}");
        let (before, behind) = (now + 2 * number, now + 2 * number + 1);
        let payload = format!("new v=1 {before}\n{old}\nnew v=1 {behind}");
        let letter = ("refused".to_owned(), Some(2), old.into_bytes());
        story.lines(payload.into_bytes(), Some(letter), "beyond the retention");
        for time in [before, behind] {
            story
                .points
                .add(Point::new("new", Time::At(time)).field("v", Value::Float(1.0)));
        }
    }
    let letters = told(&nats, &story, &format!("{sink}rp = \"short\"\n")).await;
    none(&wrong(&story, letters));
    let answer = influx.query("flight", "SELECT count(v) FROM short.\"new\"");
    assert_eq!(
        answer.pointer("/results/0/series/0/values/0/1").unwrap(),
        100,
        "{answer}"
    );
}

/// Bytes that mean something to some parser on the way.
const MEANING: &[u8] = b" ,=\"\\\n\r\t\0#{}[]:i0e-.\x1b\x7f\x80\xff";

/// `line` with a few bytes changed, put in or taken out.
fn broken(random: &mut fastrand::Rng, line: &str) -> Vec<u8> {
    let mut bytes = line.as_bytes().to_vec();
    for _ in 0..random.usize(1..5) {
        let at = random.usize(..bytes.len());
        let new = MEANING[random.usize(..MEANING.len())];
        match random.u8(..3) {
            0 => bytes[at] = new,
            1 => bytes.insert(at, new),
            _ if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => {}
        }
    }
    // A backslash takes the line's end with it, for every InfluxDB: the next line is a part of this one.
    while bytes.ends_with(b"\\") {
        bytes.pop();
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::print_stdout,
    reason = "so that a seed that fails can be run again"
)]
async fn lines_broken_at_random_cost_no_neighbour() {
    let seed = std::env::var("FLIGHTLINE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("FLIGHTLINE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (nats, (influx, sink)) = (Nats::start(), influx());
    let mut story = Story::default();
    for _ in 0..400 {
        let bad = broken(
            &mut random,
            "bad,tag=value f=1.5,i=3i,s=\"text\" 1700000000000000000",
        );
        let payload = story.between(&bad);
        story.lines(payload, None, "broken at random");
    }
    let letters = told(&nats, &story, &sink).await;
    for (sequence, letters) in letters {
        let case = &story.cases[usize::try_from(sequence).unwrap() - 1];
        for letter in letters {
            let mut windows = case.payload.windows(letter.payload.len().max(1));
            assert!(
                windows.any(|window| window == letter.payload),
                "{letter:?} is not of {case:?}"
            );
            assert!(
                !letter.payload.windows(5).any(|window| window == b"good "),
                "{letter:?}"
            );
        }
    }
    let good = influx.query("flight", "SELECT count(v) FROM good WHERE v = 1.5");
    let good = good
        .pointer("/results/0/series/0/values/0/1")
        .unwrap()
        .clone();
    assert_eq!(good, story.good, "seed {seed}");
}
