//! Recorded messages become exactly the golden lines and letters beside them (`fixtures/data/wire`).

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows the test below, but not its helpers"
)]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use flightline::batch::Body;
use flightline::config::{
    Compression, JsonPath, LineFile, Mapping, Pick, Sink, SinkKind, TimeUnit,
};
use flightline::decode::Decoder;
use flightline::decode::observe::Nobody;
use flightline::decode::route::Router;
use flightline::delivery::{Ack, Attempt, Declared, Delivery, Stamp};
use flightline_contract::class::Class;
use flightline_contract::encoding::Encoding;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/wire")
}

/// The file of that name, empty if there is none.
fn golden(path: &Path, extension: &str) -> String {
    let bytes = fs::read(path.with_extension(extension)).unwrap_or_default();
    String::from_utf8(bytes).unwrap()
}

fn delivery(path: &Path) -> Delivery {
    let bytes = fs::read(path).unwrap();
    let head = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap();
    let (mut subject, mut time, mut declared) = (None, None, Declared::Nothing);
    for line in std::str::from_utf8(&bytes[..head]).unwrap().lines() {
        match line.split_once(": ").unwrap() {
            ("subject", value) => subject = Some(value),
            ("time", value) => time = Some(value.parse().unwrap()),
            ("content-type", value) => {
                let known = Encoding::from_content_type(value);
                declared = known.map_or(Declared::Unknown, Declared::Known);
            }
            (name, _) => panic!("unknown header {name} in {}", path.display()),
        }
    }
    Delivery {
        subject: subject.unwrap().into(),
        payload: Bytes::copy_from_slice(&bytes[head + 2..]),
        declared,
        stamp: Stamp {
            time: time.unwrap(),
            sequence: None,
            attempt: Attempt::First,
        },
        ack: Ack::none(),
    }
}

fn router() -> Router {
    let path = |key: &str| JsonPath(vec![key.to_owned()]);
    let sensors = Mapping {
        subjects: ["humidity", "motion", "temperature"]
            .map(str::to_owned)
            .to_vec(),
        class: Class::App,
        service: "sensors".to_owned(),
        encoding: None,
        measurement: Pick::Json(path("type")),
        tags: Vec::new(),
        fields: Vec::new(),
        time: Some((path("time"), TimeUnit::Millis)),
    };
    let files = Sink {
        name: "files".to_owned(),
        classes: Class::ALL.to_vec(),
        kind: SinkKind::File(LineFile {
            dir: PathBuf::from("lines"),
            max_bytes: 1,
            max_age: Duration::from_secs(1),
            keep_bytes: None,
            compression: Compression::None,
        }),
    };
    Router::of("telemetry", &[sensors], &[files]).unwrap()
}

#[test]
fn recorded_messages_become_the_golden_lines() {
    let router = router();
    let mut decoder = Decoder::new(&router);
    let entries = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let inputs: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "in"))
        .collect();
    assert!(!inputs.is_empty());
    for input in inputs {
        let delivery = delivery(&input);
        let route = router.route(&delivery.subject).unwrap();
        let (mut body, mut letters) = (Body::default(), Vec::new());
        decoder.decode(&delivery, &route, &mut body, &mut Nobody, &mut letters);
        let text = String::from_utf8(body.buffer().to_vec()).unwrap();
        assert_eq!(text, golden(&input, "lp"), "{}", input.display());
        let mut dead = String::new();
        for letter in letters {
            let line = letter
                .line
                .map_or("message".to_owned(), |line| line.to_string());
            let payload = letter.payload.escape_ascii();
            writeln!(dead, "{} {line} \"{payload}\"", letter.reason).unwrap();
        }
        assert_eq!(dead, golden(&input, "dead"), "{}", input.display());
    }
}
