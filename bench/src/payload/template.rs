//! One message as it is published, but for its timestamps: their places are known, and nothing else differs from message to
//! message. So a message is one copy and some digits, and a line is compared as a whole.

use std::fmt::Write as _;
use std::ops::Range;

use super::clock::{self, DIGITS};
use crate::scenario::Shape;

/// Bytes of a single line.
pub const LINE: usize = 150;
/// Bytes of a sensor object.
pub const SENSOR: usize = 116;
/// Lines of a large message.
pub const LINES: u32 = 50;
/// Samples of a metric set.
const SAMPLES: u32 = 4;
/// What stands for a timestamp.
const TIME: &str = "0000000000000000000";

/// See the module.
#[derive(Debug)]
pub struct Template {
    /// Whose shape it has; never [`Shape::Mix`].
    pub shape: Shape,
    /// The payload.
    pub bytes: Vec<u8>,
    /// Where its timestamps begin; one for each line that comes of it.
    pub times: Vec<usize>,
}

impl Template {
    /// Message `variant` of `shape`.
    pub fn new(shape: Shape, variant: u32) -> Self {
        let text = match shape {
            Shape::Line | Shape::Mix => line(variant),
            Shape::Lines50 => (0..LINES)
                .map(|number| line(variant * LINES + number) + "\n")
                .collect(),
            Shape::Sensor => sensor(variant),
            Shape::Metrics => metrics(variant),
            Shape::Sample => sample(variant),
        };
        let times = text.match_indices(TIME).map(|(at, _)| at).collect();
        Self {
            shape,
            bytes: text.into_bytes(),
            times,
        }
    }

    /// Appends the payload, with `time` in its first line and a nanosecond more in each further one.
    pub fn write(&self, time: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        for (time, at) in (time..).zip(&self.times) {
            clock::write(time, &mut out[start + at..start + at + DIGITS]);
        }
    }

    /// Where line `number` stands, without its end, in a shape that passes byte for byte; `None` for JSON.
    pub fn line(&self, number: usize) -> Option<Range<usize>> {
        match self.shape {
            Shape::Line | Shape::Lines50 | Shape::Sample | Shape::Mix => {}
            Shape::Sensor | Shape::Metrics => return None,
        }
        let start = match number.checked_sub(1) {
            Some(before) => self.times.get(before)? + DIGITS + 1,
            None => 0,
        };
        Some(start..self.times.get(number)? + DIGITS)
    }
}

/// How many lines come of a message of `shape`, at most.
pub fn most_lines(shape: Shape) -> u32 {
    match shape {
        Shape::Line | Shape::Sensor | Shape::Sample => 1,
        Shape::Metrics => SAMPLES,
        Shape::Lines50 | Shape::Mix => LINES,
    }
}

/// Four tags, five fields of four types, `LINE` bytes.
fn line(variant: u32) -> String {
    let host = variant % 1_000;
    let mut line = format!(
        "cpu,host=node-{host:04},rack=r{:02},region=eu-west-1,service=billing usage_user={}.{:02},usage_system={}.5,procs={}i,up=true,note=\"",
        host % 40,
        variant % 90 + 10,
        variant % 100,
        variant % 9 + 1,
        variant % 900 + 100,
    );
    let end = format!("\" {TIME}");
    while line.len() + end.len() < LINE {
        line.push('n');
    }
    line + &end
}

/// One field of one of as many series as there are variants.
fn sample(variant: u32) -> String {
    format!(
        "node_load,host=node-{variant:06},rack=r{:02},region=eu-west-1 value={}.{:02} {TIME}",
        variant % 40,
        variant % 9 + 1,
        variant % 100,
    )
}

/// One object of a foreign shape, `SENSOR` bytes.
fn sensor(variant: u32) -> String {
    let mut object = format!(
        r#"{{"type":"humidity","device":"dev-{variant:05}","value":{}.{:02},"battery":{},"state":""#,
        variant % 80 + 10,
        variant % 100,
        variant % 90 + 10,
    );
    let end = format!(r#"","time":{TIME}}}"#);
    while object.len() + end.len() < SENSOR {
        object.push('k');
    }
    object + &end
}

/// Samples of one instance: two counters, two gauges. Numbers of fixed width, so that every set has the same length.
fn metrics(variant: u32) -> String {
    let mut set = r#"{"samples":["#.to_owned();
    for number in 0..SAMPLES {
        let kind = if number % 2 == 0 {
            r#""counter","temporality":"cumulative""#
        } else {
            r#""gauge""#
        };
        write!(
            set,
            r#"{{"name":"http_{number}","kind":{kind},"labels":{{"code":"200","path":"/v{variant:06}"}},"value":{},"time":{TIME}}},"#,
            1_000_000 + variant + number,
        )
        .expect("writing to a String does not fail");
    }
    set.pop();
    set + "]}"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_objects_have_the_length_that_figures_are_told_for() {
        for variant in [0, 7, 99_999] {
            assert_eq!(line(variant).len(), LINE);
            assert_eq!(sensor(variant).len(), SENSOR);
        }
    }

    #[test]
    fn each_line_that_comes_of_a_message_has_a_timestamp_in_it() {
        for shape in Shape::ALL {
            let lines = match shape {
                Shape::Mix => 1,
                other => most_lines(other),
            };
            assert_eq!(
                Template::new(shape, 3).times.len(),
                lines as usize,
                "{shape}"
            );
        }
    }

    #[test]
    fn the_lines_of_a_large_message_follow_each_other() {
        let template = Template::new(Shape::Lines50, 1);
        for number in 0..50 {
            let range = template.line(number).unwrap();
            assert_eq!(range.len(), LINE);
            assert_eq!(template.bytes[range.end], b'\n');
        }
        assert_eq!(template.line(50), None);
    }
}
