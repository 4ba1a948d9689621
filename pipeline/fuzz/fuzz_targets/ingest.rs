//! Any request to the write front: a first byte that says how its body travels, its head as text, an empty line, its body. What would be
//! published are the body's good lines, in order and unaltered but for their timestamps, on one subject below the prefix; every line is
//! published or told; the answer is HTTP with JSON; without a token nothing is published. And the same request comes to the same.
#![no_main]

use std::convert::Infallible;
use std::io::Write as _;
use std::ops::Range;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use flightline::config::Config;
use flightline::config::environment::Environment;
use flightline::config::load::load;
use flightline::decode::route::Router;
use flightline::decode::scan::Scanner;
use flightline::decode::scan::lines::line_ends;
use flightline::ingest::dry::{Dry, Published, Seen};
use flightline_contract::encoding::Encoding;
use flightline_fuzz::Scratch;
use futures_util::stream;
use http::header::{AUTHORIZATION, CONTENT_ENCODING};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use http_body::Frame;
use http_body_util::StreamBody;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// Small limits, so that small inputs reach them.
const CONFIG: &[u8] =
    b"[ingest]\nlisten = \"127.0.0.1:0\"\nmax_body = \"4KiB\"\nmax_pending = \"8KiB\"\n";
/// The longest message.
const MESSAGE: usize = 256;
/// The longest answer: a hundred refused lines with their beginnings, in which each byte may become an escape or a replacement character.
const ANSWER: usize = 128 * 1024;

/// Bits of the first byte: the body is packed here, as its head says; it comes in pieces; tokens are asked for.
const PACKED: u8 = 1;
const IN_PIECES: u8 = 2;
const GUARDED: u8 = 4;

struct Rig {
    open: Dry,
    guarded: Dry,
    router: Router,
    runtime: Runtime,
    _tokens: Scratch,
}

thread_local! {
    static RIG: Rig = Rig::new();
}

fuzz_target!(|input: &[u8]| {
    let Some((how, head, body)) = read(input) else {
        return;
    };
    RIG.with(|rig| rig.judge(how, &head, body));
});

/// A request in the bytes of an input, if its head can be one.
fn read(input: &[u8]) -> Option<(u8, Parts, &[u8])> {
    let (how, rest) = input.split_first()?;
    let end = rest.windows(2).position(|pair| pair == b"\n\n")?;
    let (head, body) = (std::str::from_utf8(&rest[..end]).ok()?, &rest[end + 2..]);
    let mut lines = head.split('\n');
    let (method, uri) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(uri);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name: HeaderName = name.parse().ok()?;
        let value: HeaderValue = value.trim().parse().ok()?;
        request = request.header(name, value);
    }
    let (mut head, ()) = request.body(()).ok()?.into_parts();
    if how & PACKED != 0 {
        head.headers
            .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Some((*how, head, body))
}

impl Rig {
    fn new() -> Self {
        let file = Scratch::named("flightline.toml");
        let loaded = load(&[file.holding(CONFIG).to_owned()], &Environment::default());
        let config = loaded.unwrap_or_else(|report| panic!("{report}")).config;
        let tokens = Scratch::named("tokens");
        let runtime = Builder::new_current_thread().enable_time().build();
        let front = |config: &Config, token_file| {
            let ingest = config.ingest.clone().expect("it stands in the file");
            let ingest = flightline::config::Ingest {
                token_file,
                ..ingest
            };
            Dry::new(&ingest, config, MESSAGE).expect("it is as configured")
        };
        Self {
            open: front(&config, None),
            guarded: front(&config, Some(tokens.holding(b"tkn\n").to_owned())),
            router: Router::new(&config).expect("subjects can be routed"),
            runtime: runtime.expect("a runtime can be made"),
            _tokens: tokens,
        }
    }

    fn judge(&self, how: u8, head: &Parts, body: &[u8]) {
        let sent = if how & PACKED == 0 {
            body.to_vec()
        } else {
            gzip(body)
        };
        let seen = self.see(how, head, &sent);
        answers(&seen);
        let published = &seen.published;
        if how & GUARDED != 0 && !head.headers.contains_key(AUTHORIZATION) {
            let query = head.uri.query().unwrap_or_default();
            assert!(
                published.messages.is_empty() || !query.is_empty(),
                "{head:?}"
            );
        }
        assert!(
            published
                .messages
                .iter()
                .all(|message| message.len() <= MESSAGE)
        );
        let is_known = how & PACKED != 0 || !head.headers.contains_key(CONTENT_ENCODING);
        match published.encoding {
            Some(encoding) => {
                let mut tokens = published.subject.split('.');
                assert_eq!(tokens.next(), Some("telemetry"));
                assert_eq!(tokens.count(), 3, "{}", published.subject);
                assert!(!published.subject.contains(['*', '>', ' ', '\r', '\n']));
                match encoding {
                    Encoding::LineProtocol if is_known => self.unaltered(head, published, body),
                    Encoding::LineProtocol => {}
                    Encoding::Json => {
                        assert!(published.messages.len() <= 1);
                        assert!(!is_known || published.messages.iter().all(|whole| whole == body));
                    }
                }
            }
            None => assert!(published.messages.is_empty() && published.lines == 0),
        }
        assert_eq!(self.see(how, head, &sent), seen);
    }

    fn see(&self, how: u8, head: &Parts, body: &[u8]) -> Seen {
        let size = if how & IN_PIECES == 0 { usize::MAX } else { 7 };
        let frames = body
            .chunks(size)
            .map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::copy_from_slice(piece))));
        let body = StreamBody::new(stream::iter(frames));
        let front = if how & GUARDED == 0 {
            &self.open
        } else {
            &self.guarded
        };
        self.runtime.block_on(front.see(head, body))
    }

    /// What would be published are good lines of `body`, and all are accounted for.
    fn unaltered(&self, head: &Parts, published: &Published, body: &[u8]) {
        let route = self.router.route(&published.subject).expect("it is routed");
        let rules = self.router.destinations()[route.destination].rules;
        let mut scanner = Scanner::new(rules);
        let mut units = Units::of(head);
        let mut out = published.messages.iter().flat_map(|message| {
            line_ends(message).map(|range: Range<usize>| message[range].trim_ascii_end())
        });
        let (mut next, mut at, mut all, mut taken) = (out.next(), 0, 0, 0);
        while let Some(scanned) = scanner.next(body, at) {
            let text = &body[scanned.range];
            if let (Ok(line), Some(sent)) = (scanned.line, next)
                && units.explain(text, line.timestamp, sent)
            {
                next = out.next();
                taken += 1;
            }
            (at, all) = (scanned.next, all + 1);
        }
        assert_eq!(next, None, "a line that nobody sent");
        assert_eq!(taken, published.lines);
        assert_eq!(taken + published.refused as u64, all);
    }
}

/// By what the timestamps of a request may have been multiplied.
struct Units(Vec<i64>);

impl Units {
    const ALL: [i64; 6] = [
        1,
        1_000,
        1_000_000,
        1_000_000_000,
        60_000_000_000,
        3_600_000_000_000,
    ];

    fn of(head: &Parts) -> Self {
        let asked = head.uri.query().is_some_and(|query| query.contains("p"));
        let is_guessed = head.uri.path() == "/api/v3/write_lp";
        Self(if asked || is_guessed {
            Self::ALL.to_vec()
        } else {
            vec![1]
        })
    }

    /// Whether `sent` is `text`, the timestamp of which is `time`, in one of the units.
    fn explain(&mut self, text: &[u8], time: Option<i64>, sent: &[u8]) -> bool {
        let Some(time) = time else {
            return text == sent;
        };
        let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
        let split = text
            .iter()
            .rposition(|byte| !is_part(byte))
            .map_or(0, |at| at + 1);
        let Some(digits) = sent.strip_prefix(&text[..split]) else {
            return false;
        };
        let digits = std::str::from_utf8(digits).ok();
        let nanos = digits.and_then(|digits| digits.parse().ok());
        nanos.is_some_and(|nanos: i64| {
            self.0
                .iter()
                .any(|unit| time.checked_mul(*unit) == Some(nanos))
        })
    }
}

/// The answer is HTTP, short, and JSON if it says anything.
fn answers(seen: &Seen) {
    assert!(seen.status.as_u16() >= 200 && seen.body.len() <= ANSWER);
    for value in seen.headers.values() {
        assert!(value.to_str().is_ok(), "{value:?}");
    }
    if seen.body.is_empty() {
        assert!(seen.status.is_success());
        return;
    }
    let json: Value = serde_json::from_str(&seen.body).expect("it is JSON");
    assert_eq!(seen.body.matches('\n').count(), 1, "{}", seen.body);
    if let Some(error) = seen.headers.get("x-influxdb-error") {
        assert_eq!(
            Some(error.to_str().expect("it is text")),
            json["error"].as_str()
        );
    }
    let told = !seen.status.is_success();
    assert_eq!(
        told,
        json.get("error").is_some() || json.get("code").is_some()
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).expect("memory takes it");
    packer.finish().expect("memory takes it")
}
