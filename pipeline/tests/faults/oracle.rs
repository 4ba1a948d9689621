//! A seed comes in, numbered messages go out to the stream at a steady rate, each with the points that must be stored because of
//! it and the parts that must be dead-lettered. The same seed and place in the row give the same bytes, whenever they are sent.
//!
//! Every point holds its number, and a text that follows from the number, so that the judge finds what is lost, doubled or
//! altered point by point.

use std::ops::Range;

use fastrand::Rng;
use flightline_fixtures::generator::{JSON, LINE_PROTOCOL, Message, Refused};
use flightline_fixtures::points::{Point, Time, Value};

/// The field that says which point it is.
pub(crate) const NUMBER: &str = "number";
/// A measurement in which a field is of another type than in a part of what is sent: the store refuses that part.
pub(crate) const DISPUTED: &str = "disputed";
/// What settles the type: written to the store before anything else, in the same week, as the store knows types by shard.
pub(crate) const SETTLING: &str = "disputed number=-1i 1699999999999999999";
/// Its time.
pub(crate) const SETTLED: i64 = START - 1;

/// The measurements whose points have the time of their message.
const UNSTAMPED: &str = "unstamped";
const TIMELESS: &str = "timeless";
/// Why the store's refusals are dead letters.
const REFUSED: &str = "refused";
/// Numbers of one message: more than it has points.
const PER_MESSAGE: u64 = 32;
/// The time of the first point, in nanoseconds.
const START: i64 = 1_700_000_000_000_000_000;
/// Between the times of two points.
const STEP: i64 = 1_000;
/// What texts are made of: each has to survive some escape.
const LETTERS: [&str; 16] = [
    "a",
    "B",
    "7",
    " ",
    ",",
    "=",
    "\"",
    "\\",
    "ü",
    "\u{1F6F0}",
    "'",
    "#",
    "\t",
    "<",
    "{",
    ".",
];

/// A message of a point each, or of many lines, or with poison in it.
#[derive(Debug, Clone)]
pub(crate) struct Oracle {
    seed: u64,
}

/// Whether a point tells its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stamp {
    /// In nanoseconds.
    Told,
    /// Not at all: stored twice at two times, it would be two points.
    Left,
}

impl Oracle {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The place of the message that a dead letter is of.
    pub(crate) fn place_of(letter: &[u8]) -> Option<u64> {
        let text = std::str::from_utf8(letter).ok()?;
        let (_, rest) = text.split_once(NUMBER)?;
        let digits = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
        let number = digits.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(number.parse::<u64>().ok()? / PER_MESSAGE)
    }

    /// What holds in the store of the points in `measurement` of these messages, and of no others.
    pub(crate) fn condition(measurement: &str, places: &Range<u64>) -> String {
        let (from, to) = (places.start * PER_MESSAGE, places.end * PER_MESSAGE);
        if [UNSTAMPED, TIMELESS].contains(&measurement) {
            format!("{NUMBER} >= {from} AND {NUMBER} < {to}")
        } else {
            format!("time >= {} AND time < {}", time(from), time(to))
        }
    }

    /// The message at `place`, where no field has a type: a disputed line is a line like any other.
    pub(crate) fn undisputed(&self, place: u64) -> Message {
        let mut message = self.message(place);
        if message
            .refused
            .iter()
            .any(|letter| letter.reason == REFUSED)
        {
            let number = place * PER_MESSAGE;
            let point = Point::new(DISPUTED, Time::At(time(number)));
            message.points = vec![point.field(NUMBER, Value::Text(number.to_string()))];
            message.refused.clear();
        }
        message
    }

    /// The message at `place` in the row.
    pub(crate) fn message(&self, place: u64) -> Message {
        let mut random = Rng::with_seed(self.seed.rotate_left(32) ^ place);
        let first = place * PER_MESSAGE;
        match random.u32(..100) {
            0..45 => lines(first..first + 1, Stamp::Told),
            45..60 => lines(first..first + random.u64(2..=20), Stamp::Told),
            60..70 => lines(first..first + random.u64(1..=3), Stamp::Left),
            70..82 => objects(first..first + 1, Stamp::Told),
            82..88 => objects(first..first + random.u64(2..=9), Stamp::Told),
            88..94 => objects(first..first + 1, Stamp::Left),
            94..97 => bad_line(first, &mut random),
            97..99 => bad_object(first),
            _ => disputed(first),
        }
    }
}

/// Line protocol, a point a line.
fn lines(numbers: Range<u64>, stamp: Stamp) -> Message {
    let (texts, points): (Vec<_>, Vec<_>) = numbers.map(|number| line(number, stamp)).unzip();
    Message {
        subject: "telemetry.app.oracle.lines".to_owned(),
        content_type: Some(LINE_PROTOCOL),
        payload: texts.join("\n").into_bytes(),
        points,
        refused: Vec::new(),
    }
}

fn line(number: u64, stamp: Stamp) -> (String, Point) {
    let proof = proof(number);
    let written = proof.replace('\\', "\\\\").replace('"', "\\\"");
    let (series, signed, even) = (number % 8, signed(number), number.is_multiple_of(2));
    let fields = format!("number={number}i,proof=\"{written}\",half={signed}.5,even={even}");
    #[expect(clippy::cast_precision_loss, reason = "numbers are far below 2^52")]
    let half = signed as f64 + 0.5;
    let (text, point) = match stamp {
        Stamp::Told => {
            let time = time(number);
            let text = format!("readings,series=s{series},a\\ place=h\\,{series} {fields} {time}");
            let point = Point::new("readings", Time::At(time))
                .tag("series", &format!("s{series}"))
                .tag("a place", &format!("h,{series}"));
            (text, point)
        }
        Stamp::Left => {
            let text = format!("unstamped,id={number} {fields}");
            let point = Point::new(UNSTAMPED, Time::OfMessage).tag("id", &number.to_string());
            (text, point)
        }
    };
    let point = point
        .field(NUMBER, Value::Integer(signed))
        .field("proof", Value::Text(proof))
        .field("half", Value::Float(half))
        .field("even", Value::Boolean(even));
    (text, point)
}

/// JSON: an object, or an array of some.
fn objects(numbers: Range<u64>, stamp: Stamp) -> Message {
    let (mut texts, points): (Vec<_>, Vec<_>) = numbers.map(|number| object(number, stamp)).unzip();
    let payload = if texts.len() == 1 {
        texts.remove(0)
    } else {
        serde_json::Value::Array(texts)
    };
    Message {
        subject: "telemetry.app.oracle.objects".to_owned(),
        content_type: Some(JSON),
        payload: payload.to_string().into_bytes(),
        points,
        refused: Vec::new(),
    }
}

fn object(number: u64, stamp: Stamp) -> (serde_json::Value, Point) {
    let proof = proof(number);
    let mut object = serde_json::json!({"fields": {NUMBER: number, "proof": proof}});
    let point = match stamp {
        Stamp::Told => {
            let (series, time) = (format!("s{}", number % 8), time(number));
            object["measurement"] = "objects".into();
            object["tags"] = serde_json::json!({"series": series});
            object["time"] = time.into();
            Point::new("objects", Time::At(time)).tag("series", &series)
        }
        Stamp::Left => {
            object["measurement"] = "timeless".into();
            object["tags"] = serde_json::json!({"id": number.to_string()});
            Point::new(TIMELESS, Time::OfMessage).tag("id", &number.to_string())
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "numbers are far below 2^52")]
    let float = number as f64;
    let point = point
        .tag("service", "oracle")
        .field(NUMBER, Value::Float(float))
        .field("proof", Value::Text(proof));
    (object, point)
}

/// Good lines with one among them that is none.
fn bad_line(first: u64, random: &mut Rng) -> Message {
    let count = random.u64(1..=8);
    let bad = random.u64(..count);
    let mut texts = Vec::new();
    let mut points = Vec::new();
    for index in 0..count {
        let number = first + index;
        if index == bad {
            texts.push(format!("broken,number={number} v=1.2.3 {START}"));
        } else {
            let (text, point) = line(number, Stamp::Told);
            texts.push(text);
            points.push(point);
        }
    }
    let place = usize::try_from(bad).expect("one of a few");
    let refused = Refused {
        reason: "line_syntax",
        line: Some(u32::try_from(bad + 1).expect("one of a few")),
        payload: texts[place].clone().into_bytes(),
    };
    Message {
        subject: "telemetry.app.oracle.lines".to_owned(),
        content_type: Some(LINE_PROTOCOL),
        payload: texts.join("\n").into_bytes(),
        points,
        refused: vec![refused],
    }
}

/// JSON that breaks off.
fn bad_object(number: u64) -> Message {
    let payload = format!("{{\"fields\":{{\"number\":{number}").into_bytes();
    refused(
        "telemetry.app.oracle.objects",
        JSON,
        "json_shape",
        None,
        payload,
    )
}

/// Good line protocol that the store refuses: a field has another type there.
fn disputed(number: u64) -> Message {
    let time = time(number);
    let payload = format!("{DISPUTED} number=\"{number}\" {time}").into_bytes();
    refused(
        "telemetry.app.oracle.lines",
        LINE_PROTOCOL,
        REFUSED,
        Some(1),
        payload,
    )
}

fn refused(
    subject: &str,
    content_type: &'static str,
    reason: &'static str,
    line: Option<u32>,
    payload: Vec<u8>,
) -> Message {
    Message {
        subject: subject.to_owned(),
        content_type: Some(content_type),
        payload: payload.clone(),
        points: Vec::new(),
        refused: vec![Refused {
            reason,
            line,
            payload,
        }],
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("numbers are far below 2^52")
}

fn time(number: u64) -> i64 {
    START + signed(number) * STEP
}

/// A text that no other number has.
fn proof(number: u64) -> String {
    let mut random = Rng::with_seed(number);
    let length = random.usize(4..40);
    let letters = (0..length).map(|_| LETTERS[random.usize(..LETTERS.len())]);
    format!("{number}:{}", letters.collect::<String>())
}
