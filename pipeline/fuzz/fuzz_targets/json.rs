//! Any bytes as JSON of any class: what is written is line protocol that the scanner takes, as many lines as were counted and not much more
//! bytes than came in; what is refused is a piece of the message; and the same bytes give the same lines.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use flightline::batch::Body;
use flightline::config::environment::Environment;
use flightline::config::load::load;
use flightline::deadletter::Letter;
use flightline::decode::Decoder;
use flightline::decode::observe::Nobody;
use flightline::decode::route::Router;
use flightline::decode::scan::Scanner;
use flightline::delivery::{Ack, Attempt, Declared, Delivery, Stamp};
use flightline_contract::encoding::Encoding;
use flightline_fuzz::Scratch;
use libfuzzer_sys::fuzz_target;

const SUBJECTS: [&str; 5] = [
    "telemetry.metric.shop.one",
    "telemetry.health.shop.one",
    "telemetry.app.shop.one",
    "telemetry.lifecycle.shop.one",
    "humidity",
];

/// A foreign subject that uses all that a mapping can do, beside the contract's own.
const CONFIG: &[u8] = br#"
[[mapping]]
subjects = ["humidity"]
service = "sensors"
measurement = "sensor"
tags = { type = "$.type", room = "$.at.room" }
fields = ["value"]
time = "$.time"
time_unit = "ms"
"#;

/// The most letters of one message.
const LETTERS: usize = 100;
/// When every message came.
const TIME: i64 = 1_700_000_000_000_000_000;
/// The least that an element of a message takes, and the most that a line adds to its element: names of the subject, a time stamp.
const ELEMENT: usize = 2;
const ADDED: usize = 120;

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    let file = Scratch::named("flightline.toml");
    let loaded = load(&[file.holding(CONFIG).to_owned()], &Environment::default());
    let config = loaded.unwrap_or_else(|report| panic!("{report}")).config;
    Router::new(&config).expect("the mapping can be routed")
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, payload)) = input.split_first() else {
        return;
    };
    let subject = SUBJECTS[usize::from(*choice) % SUBJECTS.len()];
    let (text, lines, letters) = decode(subject, payload);
    assert_eq!(decode(subject, payload).0, text);
    assert!(letters.len() <= LETTERS);
    for letter in &letters {
        let inside = letter.payload.is_empty()
            || payload
                .windows(letter.payload.len())
                .any(|piece| piece == letter.payload);
        assert!(inside && !letter.detail.is_empty(), "{letter:?}");
    }
    let room = payload.len() * 6 + (payload.len() / ELEMENT + 1) * ADDED;
    assert!(
        text.len() <= room,
        "{} bytes of {}",
        text.len(),
        payload.len()
    );
    let route = ROUTER.route(subject).expect("it is routed");
    let mut scanner = Scanner::new(ROUTER.destinations()[route.destination].rules);
    let (mut at, mut good) = (0, 0);
    while let Some(scanned) = scanner.next(&text, at) {
        let line = scanned.line.expect("what was written is line protocol");
        assert!(line.timestamp.is_some());
        (at, good) = (scanned.next, good + 1);
    }
    assert_eq!(good, lines);
});

fn decode(subject: &str, payload: &[u8]) -> (Vec<u8>, u32, Vec<Letter>) {
    let delivery = Delivery {
        subject: subject.into(),
        payload: Bytes::copy_from_slice(payload),
        declared: Declared::Known(Encoding::Json),
        stamp: Stamp {
            time: TIME,
            sequence: None,
            attempt: Attempt::First,
        },
        ack: Ack::none(),
    };
    let route = ROUTER.route(subject).expect("it is routed");
    let (mut body, mut letters) = (Body::default(), Vec::new());
    let lines =
        Decoder::new(&ROUTER).decode(&delivery, &route, &mut body, &mut Nobody, &mut letters);
    assert_eq!(u32::try_from(body.lines()), Ok(lines));
    (body.buffer().to_vec(), lines, letters)
}
