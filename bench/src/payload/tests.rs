//! What holds of every shape's messages.

use super::*;

fn payloads(shape: Shape) -> Payloads {
    let lines = u64::from(most_lines(shape));
    Payloads::new(Traffic {
        shape,
        subjects: 7,
        messages: 5_000,
        clock: Clock::unpaced(lines),
    })
}

fn payload(payloads: &Payloads, message: u64) -> Vec<u8> {
    let mut out = Vec::new();
    payloads.payload(message, &mut out);
    out
}

#[test]
fn every_published_line_is_known_again_and_as_published() {
    for shape in [Shape::Line, Shape::Lines50, Shape::Sample] {
        let payloads = payloads(shape);
        for message in 0..500 {
            let text = payload(&payloads, message);
            for (number, line) in (0..).zip(text.split(|byte| *byte == b'\n')) {
                if line.is_empty() {
                    continue;
                }
                let time = clock::read(&line[line.len() - DIGITS..]).unwrap();
                let place = payloads.traffic.clock.place(time).unwrap();
                assert_eq!((place.message, place.line), (message, number), "{shape}");
                assert!(payloads.is_as_published(place, line));
                let mut other = line.to_vec();
                other[3] ^= 1;
                assert!(!payloads.is_as_published(place, &other));
                assert!(!payloads.is_as_published(place, &line[1..]));
            }
        }
    }
}

#[test]
fn json_shapes_are_json_with_times_that_differ() {
    for shape in [Shape::Sensor, Shape::Metrics] {
        let payloads = payloads(shape);
        for message in [0, 1, 255, 256, 4_999] {
            let value: serde_json::Value =
                serde_json::from_slice(&payload(&payloads, message)).unwrap();
            let time = match shape {
                Shape::Sensor => &value["time"],
                _ => &value["samples"][0]["time"],
            };
            assert_eq!(time.as_u64(), Some(payloads.traffic.clock.time(message)));
        }
    }
}

#[test]
fn the_sum_is_that_of_the_messages() {
    let payloads = payloads(Shape::Mix);
    let sum = payloads.sum();
    let lines: u64 = (0..5_000).map(|message| payloads.lines(message)).sum();
    assert_eq!(sum.lines, lines);
    assert_eq!(sum.lines, 5_000 / 8 * (6 + 4 + 50));
    let mut all = Vec::new();
    (0..5_000).for_each(|message| payloads.payload(message, &mut all));
    assert_eq!(
        (sum.bytes, sum.checksum),
        (all.len() as u64, checksum(&all))
    );
}

#[test]
fn subjects_are_used_in_turn() {
    let payloads = payloads(Shape::Sensor);
    let subject = |message| {
        let mut out = Vec::new();
        payloads.subject(message, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(subject(0), "benches.d000000");
    assert_eq!(subject(6), "benches.d000006");
    assert_eq!(subject(7), "benches.d000000");
}
