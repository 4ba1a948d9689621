//! Line protocol comes in and goes out byte for byte. Added is only what a line lacks: a timestamp, the newline at the end.
//! Refused lines become letters; comments, blank lines and blanks around a line are left out.

use crate::batch::Body;
use crate::decode::line::Line;
use crate::decode::observe::Observer;
use crate::decode::refusal::Refusal;
use crate::decode::refused::Refused;
use crate::decode::scan::{LineEnd, Scanner};
use crate::delivery::Delivery;

/// Good lines that stand side by side and go out as they came, in one piece.
struct Run {
    start: usize,
    end: usize,
}

impl Run {
    fn flush(&mut self, delivery: &Delivery, body: &mut Body) {
        if self.start < self.end {
            body.put(&delivery.payload, self.start..self.end);
        }
        self.start = self.end;
    }
}

/// Writes the lines of `delivery` into `body` and returns how many.
///
/// A line without a timestamp gets the message's own time plus its number in the message, from 0, in nanoseconds. Every line
/// counts, good or bad, so that a redelivery gives the same; comments and blank lines are no lines.
pub(super) fn decode<O: Observer>(
    scanner: &mut Scanner,
    delivery: &Delivery,
    body: &mut Body,
    observer: &mut O,
    refused: &mut Refused<'_>,
) -> u32 {
    let payload = &delivery.payload;
    let mut run = Run { start: 0, end: 0 };
    let (mut number, mut written) = (0_u32, 0_usize);
    let mut pass = scanner.pass(payload, 0);
    while let Some(scanned) = pass.next() {
        let time = || delivery.stamp.time.saturating_add(i64::from(number));
        match scanned.line {
            Ok(line) => {
                let is_stamped = line.is_stamped;
                if is_stamped && scanned.end == LineEnd::Lf {
                    if run.end != scanned.range.start {
                        run.flush(delivery, body);
                        run.start = scanned.range.start;
                    }
                    run.end = scanned.next;
                } else {
                    run.flush(delivery, body);
                    body.put(payload, scanned.range);
                    let out = body.buffer();
                    if !is_stamped {
                        out.extend_from_slice(b" ");
                        out.extend_from_slice(itoa::Buffer::new().format(time()).as_bytes());
                    }
                    out.extend_from_slice(b"\n");
                }
                written += 1;
                if O::LOOKS {
                    let line = pass.line(&line);
                    observer.line(&Line {
                        timestamp: Some(line.timestamp.unwrap_or_else(time)),
                        ..line
                    });
                }
            }
            Err(error) => {
                refused.piece(delivery, number + 1, scanned.range, || Refusal {
                    reason: error.reason(),
                    detail: error.to_string(),
                });
            }
        }
        number += 1;
    }
    run.flush(delivery, body);
    body.count(written);
    u32::try_from(written)
        .expect("a payload of NATS has at most 64 MiB, and a line at least a byte")
}
