//! Lines come in, as they reached the store; what became of all that was published comes out. With `Check::Account` each line is
//! known by its timestamp and compared with what was published there, so that loss, doubles and alterations are exact: about
//! 50 ns a line. With `Check::Count` lines and bytes are added up only.

use bytes::Bytes;
use hdrhistogram::Histogram;

use super::figures::{Alteration, Figures};
use super::tail::{Mark, Tail};
use crate::payload::clock::{DIGITS, Place, read};
use crate::payload::{Payloads, Traffic, checksum, newlines};
use crate::record::{Check, Latency};

/// What was published, and what of it has come.
#[derive(Debug)]
pub struct Account {
    payloads: Payloads,
    check: Check,
    /// A bit for each line that can be published.
    seen: Vec<u64>,
    most_lines: u64,
    /// Latencies of lines from this timestamp on.
    latency_from: Option<u64>,
    latencies: Histogram<u64>,
    figures: Figures,
    tail: Tail,
    first_altered: Option<Alteration>,
    carry: Vec<u8>,
}

impl Account {
    /// Of `traffic`; latencies are noted of lines with timestamps from `latency_from` on, and the last `tail` lines may be late.
    pub fn new(traffic: Traffic, check: Check, latency_from: Option<u64>, tail: u64) -> Self {
        let most_lines = traffic.most_lines();
        let words = match check {
            Check::Account => (traffic.messages * most_lines).div_ceil(64),
            Check::Count | Check::Store => 0,
        };
        Self {
            payloads: Payloads::new(traffic),
            check,
            seen: vec![0; usize::try_from(words).expect("memory has room for a bit a line")],
            most_lines,
            latency_from,
            latencies: Latency::histogram(),
            figures: Figures::default(),
            tail: Tail::new(tail),
            first_altered: None,
            carry: Vec::new(),
        }
    }

    /// A whole body, in `frames`, of which the last byte came at `now` (nanoseconds since the Unix epoch).
    pub fn body(&mut self, frames: &[Bytes], now: u64) {
        self.figures.bodies += 1;
        self.figures.bytes += frames.iter().map(|frame| frame.len() as u64).sum::<u64>();
        let before = self.figures.lines;
        match self.check {
            Check::Account => self.lines(frames, now),
            Check::Count | Check::Store => self.count(frames),
        }
        let lines = self.figures.lines - before;
        if self.figures.first == 0 && lines > 0 {
            self.figures.first = now;
            self.figures.first_lines = lines;
        }
        if lines > 0 {
            self.figures.last = now;
            self.tail.push(Mark {
                lines: self.figures.lines,
                at: now,
            });
        }
    }

    fn count(&mut self, frames: &[Bytes]) {
        for frame in frames {
            self.figures.lines += newlines(frame);
            self.figures.checksum += checksum(frame);
        }
        let last = frames.iter().rev().find_map(|frame| frame.last());
        if last.is_some_and(|byte| *byte != b'\n') {
            self.figures.lines += 1;
        }
        self.figures.stored = self.figures.lines;
    }

    fn lines(&mut self, frames: &[Bytes], now: u64) {
        let mut carry = std::mem::take(&mut self.carry);
        for frame in frames {
            let mut rest: &[u8] = frame;
            while let Some(end) = memchr::memchr(b'\n', rest) {
                if carry.is_empty() {
                    self.line(&rest[..end], now);
                } else {
                    carry.extend_from_slice(&rest[..end]);
                    self.line(&carry, now);
                    carry.clear();
                }
                rest = &rest[end + 1..];
            }
            carry.extend_from_slice(rest);
        }
        if !carry.is_empty() {
            self.line(&carry, now);
            carry.clear();
        }
        self.carry = carry;
    }

    fn line(&mut self, line: &[u8], now: u64) {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return;
        }
        // The floor passes JSON on as it is: one "line" for all that come of it.
        if line.first() == Some(&b'{') {
            return self.object(line, now);
        }
        self.figures.lines += 1;
        match self.place(line) {
            Some((place, time)) => {
                let as_published = self.payloads.is_as_published(place, line);
                // Each copy: a repeat in other bytes is another point to a store, or overwrites the one that was right.
                if !as_published {
                    self.alter(place, line);
                }
                if self.note(place) {
                    self.note_latency(time, now);
                }
            }
            None => self.figures.strange += 1,
        }
    }

    fn alter(&mut self, place: Place, line: &[u8]) {
        self.figures.altered += 1;
        if self.first_altered.is_some() {
            return;
        }
        let mut message = Vec::new();
        self.payloads.payload(place.message, &mut message);
        let text = String::from_utf8_lossy(&message);
        let sent = text.lines().nth(index(place.line)).unwrap_or_default();
        self.first_altered = Some(Alteration {
            sent: sent.to_owned(),
            stored: String::from_utf8_lossy(line).into_owned(),
        });
    }

    fn object(&mut self, object: &[u8], now: u64) {
        let end = object
            .iter()
            .rposition(|byte| !matches!(byte, b'}' | b']'))
            .map_or(0, |last| last + 1);
        let Some((place, time)) = self.place(&object[..end]) else {
            self.figures.lines += 1;
            self.figures.strange += 1;
            return;
        };
        for line in 0..self.payloads.lines(place.message) {
            self.figures.lines += 1;
            if self.note(Place { line, ..place }) {
                self.note_latency(time, now);
            }
        }
    }

    /// Where the line with that timestamp at its end was published, if it was.
    fn place(&self, line: &[u8]) -> Option<(Place, u64)> {
        let time = read(line.get(line.len().checked_sub(DIGITS)?..)?)?;
        let place = self.payloads.traffic().clock.place(time)?;
        (place.line < self.payloads.lines(place.message)).then_some((place, time))
    }

    /// Whether it is the first time.
    fn note(&mut self, place: Place) -> bool {
        let slot = place.message * self.most_lines + place.line;
        let word = usize::try_from(slot / 64).expect("the map has a bit for each line");
        let bit = 1 << (slot % 64);
        let first = self.seen[word] & bit == 0;
        self.seen[word] |= bit;
        if first {
            self.figures.stored += 1;
        } else {
            self.figures.doubled += 1;
        }
        first
    }

    fn note_latency(&mut self, time: u64, now: u64) {
        if self.latency_from.is_some_and(|from| time >= from) {
            self.latencies
                .saturating_record(now.saturating_sub(time) / 1_000);
        }
    }

    /// The first line that came in other bytes than it was published in.
    pub fn first_altered(&self) -> Option<&Alteration> {
        self.first_altered.as_ref()
    }

    /// What has come so far.
    pub fn figures(&self) -> Figures {
        let mut figures = self.figures;
        if let Some(full) = self.tail.begins() {
            (figures.full, figures.full_lines) = (full.at, full.lines);
        }
        figures.latency = Latency::of(&self.latencies);
        figures
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("a line's number in its message is small")
}

#[cfg(test)]
mod tests;
