//! A scenario comes in, its messages come out, one by number: the same in the publisher and in the store's account, which neither
//! asks the other. No randomness: message `i` is message `i` in every run.

use serde::{Deserialize, Serialize};

use crate::scenario::Shape;
use clock::{Clock, DIGITS, Place};
use template::{Template, most_lines};

/// Lines and their timestamps.
pub mod clock;
/// Messages but for their timestamps.
pub mod template;

/// The first token of subjects as the contract has them: the bench's own, so that on a server that others use none of theirs is
/// met. As long as the product's default.
pub const PREFIX: &str = "benchmark";
/// The first token of foreign subjects.
pub const FOREIGN: &str = "benches";
/// The most distinct subjects: their numbers have six digits, so that subjects are of one length.
pub const MOST_SUBJECTS: u32 = 1_000_000;
/// The most lines in a trial: the store that accounts keeps a bit for each, which is 125 MB for so many, and nobody waits for the
/// hour that they take.
pub const MOST_LINES: u64 = 1_000_000_000;

/// Different messages of a shape: as many hosts, so that tags differ from line to line.
const VARIANTS: u32 = 256;
/// Different series of single-field samples.
const SERIES: u32 = 1_000;
/// One mixed message after another.
const MIX: [Shape; 8] = [
    Shape::Line,
    Shape::Sample,
    Shape::Sensor,
    Shape::Line,
    Shape::Metrics,
    Shape::Sample,
    Shape::Line,
    Shape::Lines50,
];

/// What is published in a trial: enough to make each message, and to know each line again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// What a message holds.
    pub shape: Shape,
    /// Distinct subjects, used in turn.
    pub subjects: u32,
    /// How many messages.
    pub messages: u64,
    /// Their timestamps.
    pub clock: Clock,
}

/// The messages of a trial.
#[derive(Debug)]
pub struct Payloads {
    traffic: Traffic,
    cycle: &'static [Shape],
    templates: Vec<Vec<Template>>,
}

/// What all messages hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sum {
    /// Lines that come of them.
    pub lines: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// All bytes added up, line ends left out.
    pub checksum: u64,
}

impl Traffic {
    /// The most lines in a message.
    pub fn most_lines(&self) -> u64 {
        u64::from(most_lines(self.shape))
    }

    /// The patterns that match all its subjects, none twice.
    pub fn patterns(shape: Shape) -> Vec<String> {
        let first: &[&str] = match shape {
            Shape::Line | Shape::Lines50 | Shape::Metrics | Shape::Sample => &[PREFIX],
            Shape::Sensor => &[FOREIGN],
            Shape::Mix => &[PREFIX, FOREIGN],
        };
        first.iter().map(|token| format!("{token}.>")).collect()
    }
}

impl Payloads {
    /// The messages of `traffic`.
    pub fn new(traffic: Traffic) -> Self {
        let cycle = cycle(traffic.shape);
        let of = |shape: &Shape| {
            let variants = match shape {
                Shape::Sample => SERIES,
                // 50 lines each: fewer of them differ as much.
                Shape::Lines50 => VARIANTS / 16,
                _ => VARIANTS,
            };
            (0..variants)
                .map(|variant| Template::new(*shape, variant))
                .collect()
        };
        Self {
            traffic,
            cycle,
            templates: cycle.iter().map(of).collect(),
        }
    }

    /// What they are made of.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    fn template(&self, message: u64) -> &Template {
        let turn = self.cycle.len() as u64;
        let variants = &self.templates[index(message % turn)];
        &variants[index(message / turn % variants.len() as u64)]
    }

    /// Appends the subject of message `message`.
    pub fn subject(&self, message: u64, out: &mut Vec<u8>) {
        let (first, rest) = match self.template(message).shape {
            Shape::Line | Shape::Lines50 | Shape::Mix => (PREFIX, ".app.bench.s"),
            Shape::Sample | Shape::Metrics => (PREFIX, ".metric.bench.i"),
            Shape::Sensor => (FOREIGN, ".d"),
        };
        out.extend_from_slice(first.as_bytes());
        out.extend_from_slice(rest.as_bytes());
        // Turns of a mix share a subject, so that each shape is on every one.
        let mut number = message / self.cycle.len() as u64 % u64::from(self.traffic.subjects);
        let at = out.len();
        out.extend_from_slice(b"000000");
        for digit in out[at..].iter_mut().rev() {
            *digit += u8::try_from(number % 10).expect("a digit is below 10");
            number /= 10;
        }
    }

    /// How long message `message` is.
    pub fn len(&self, message: u64) -> usize {
        self.template(message).bytes.len()
    }

    /// Whether there is nothing to publish.
    pub fn is_empty(&self) -> bool {
        self.traffic.messages == 0
    }

    /// Appends message `message`.
    pub fn payload(&self, message: u64, out: &mut Vec<u8>) {
        self.template(message)
            .write(self.traffic.clock.time(message), out);
    }

    /// How many lines come of message `message`; 0 if there is no such message.
    pub fn lines(&self, message: u64) -> u64 {
        if message < self.traffic.messages {
            self.template(message).times.len() as u64
        } else {
            0
        }
    }

    /// Whether `line`, which has the timestamp of `place`, is what was published there; of lines that programs write
    /// themselves, from JSON, nothing can be said, and they are not altered.
    pub fn is_as_published(&self, place: Place, line: &[u8]) -> bool {
        let template = self.template(place.message);
        let Some(range) = template.line(index(place.line)) else {
            return true;
        };
        // The last digits are the place itself.
        line.len() == range.len()
            && line[..line.len() - DIGITS] == template.bytes[range.start..range.end - DIGITS]
    }

    /// What all messages hold together.
    pub fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        let mut payload = Vec::new();
        for message in 0..self.traffic.messages {
            payload.clear();
            self.payload(message, &mut payload);
            sum.lines += self.lines(message);
            sum.bytes += payload.len() as u64;
            sum.checksum += checksum(&payload);
        }
        sum
    }
}

/// The first subject of messages of `shape`.
///
/// # Panics
/// Never: subjects are text.
pub fn subject(shape: Shape) -> String {
    let payloads = Payloads::new(Traffic {
        shape,
        subjects: 1,
        messages: 1,
        clock: Clock::unpaced(1),
    });
    let mut subject = Vec::new();
    payloads.subject(0, &mut subject);
    String::from_utf8(subject).expect("subjects are text")
}

fn cycle(shape: Shape) -> &'static [Shape] {
    match shape {
        Shape::Line => &[Shape::Line],
        Shape::Lines50 => &[Shape::Lines50],
        Shape::Sensor => &[Shape::Sensor],
        Shape::Metrics => &[Shape::Metrics],
        Shape::Sample => &[Shape::Sample],
        Shape::Mix => &MIX,
    }
}

/// All bytes added up, line ends left out: the same whatever the order of lines, and whether the last has an end.
pub fn checksum(bytes: &[u8]) -> u64 {
    let all: u64 = bytes
        .chunks(1 << 16)
        .map(|chunk| u64::from(chunk.iter().map(|byte| u32::from(*byte)).sum::<u32>()))
        .sum();
    all - newlines(bytes) * u64::from(b'\n')
}

/// How many line ends.
pub fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("it is below the length of a vector")
}

#[cfg(test)]
mod tests;
