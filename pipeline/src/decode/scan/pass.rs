//! One pass over a payload: its lines come out one after the other, each by the short way if it can go that.

use std::ops::Range;

use super::fault::LineError;
use super::usual::{self, Ahead, Turn, Usual};
use super::walk::span;
use super::window::{FIRST, MORE};
use super::{LineEnd, Scanned, Scanner, skip, value};
use crate::decode::line::{FieldSpan, Line, TagSpan};

/// See [`Scanner::pass`].
#[derive(Debug)]
pub struct Pass<'s, 'p> {
    scanner: &'s mut Scanner,
    payload: &'p [u8],
    /// Where the next line may start.
    at: usize,
    /// The present mask of the window: its number, what is left of it, and the place of its lowest bit.
    slot: usize,
    mask: u64,
    base: usize,
}

/// Where a line was found.
#[derive(Debug)]
pub struct Found {
    /// Its place in the payload, without blanks around it and without its end.
    pub range: Range<usize>,
    /// Where to go on.
    pub next: usize,
    /// How it ended.
    pub end: LineEnd,
    /// What [`Pass::line`] needs, or what is wrong with it.
    pub line: Result<Good, LineError>,
}

/// A line that keeps the grammar. Most callers pass it on and want no more than this, so its parts cost nothing until asked for.
#[derive(Debug, Clone)]
pub struct Good {
    /// Whether it has a timestamp.
    pub is_stamped: bool,
    range: Range<usize>,
    measurement: usize,
    series: usize,
    way: Way,
}

/// How a good line was found, and what that left behind.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Its pairs in [`Scanner`], and the end of its fields.
    Short {
        tags: usize,
        pairs: usize,
        fields: usize,
    },
    /// Its tags and fields in [`Scanner`].
    Whole { timestamp: Option<i64> },
}

impl<'s, 'p> Pass<'s, 'p> {
    #[inline]
    pub(super) fn new(scanner: &'s mut Scanner, payload: &'p [u8], at: usize) -> Self {
        let rest = payload.get(at..).unwrap_or_default();
        scanner.window.fill(rest, FIRST);
        Self {
            at,
            slot: 0,
            mask: scanner.window.mask(0),
            base: at,
            scanner,
            payload,
        }
    }

    /// The next line; `None` if only comments and blank lines are left.
    #[inline(always)]
    #[expect(
        clippy::should_implement_trait,
        reason = "no iterator: a line's parts are asked for between two steps"
    )]
    pub fn next(&mut self) -> Option<Found> {
        let start = skip(self.payload, self.at)?;
        if start != self.at {
            self.seek(start);
        }
        let text = &self.payload[start..];
        for attempt in [FIRST, MORE] {
            let Scanner {
                window,
                pairs,
                rules,
                ..
            } = &mut *self.scanner;
            let mut ahead = Ahead {
                masks: &window.masks,
                slot: self.slot,
                mask: self.mask,
                base: self.base.wrapping_sub(start),
            };
            match usual::walk(text, &mut ahead, pairs, *rules) {
                Ok(found) if !window.beyond_ascii || is_utf8(&text[..found.end]) => {
                    self.slot = ahead.slot;
                    self.mask = ahead.mask;
                    self.base = ahead.base.wrapping_add(start);
                    self.at = start + found.next;
                    return Some(short(start, &found));
                }
                Err(Turn::WindowEnds) if attempt == FIRST => self.refill(start),
                _ => break,
            }
        }
        self.whole(start)
    }

    /// The parts of the line that was found last.
    #[inline]
    pub fn line(&mut self, good: &Good) -> Line<'_> {
        self.scanner.line(self.payload, good)
    }

    /// Looks at what follows `start`.
    #[cold]
    #[inline(never)]
    fn refill(&mut self, start: usize) {
        self.scanner.window.fill(&self.payload[start..], MORE);
        self.slot = 0;
        self.base = start;
        self.mask = self.scanner.window.mask(0);
    }

    /// Drops the marks before `to`.
    #[cold]
    #[inline(never)]
    fn seek(&mut self, to: usize) {
        let mut ahead = Ahead {
            masks: &self.scanner.window.masks,
            slot: self.slot,
            mask: self.mask,
            base: self.base,
        };
        if ahead.seek(to).is_ok() {
            self.slot = ahead.slot;
            self.mask = ahead.mask;
            self.base = ahead.base;
        } else {
            self.refill(to);
        }
    }

    /// The line at `start`, by the whole way.
    #[cold]
    #[inline(never)]
    fn whole(&mut self, start: usize) -> Option<Found> {
        let Scanned {
            range,
            next,
            end,
            line,
        } = self.scanner.next(self.payload, start)?;
        let line = line.map(|line| Good {
            is_stamped: line.timestamp.is_some(),
            range: range.clone(),
            measurement: line.measurement.end as usize,
            series: line.series.end as usize,
            way: Way::Whole {
                timestamp: line.timestamp,
            },
        });
        self.at = next;
        self.seek(next);
        Some(Found {
            range,
            next,
            end,
            line,
        })
    }
}

#[inline(always)]
fn short(start: usize, usual: &Usual) -> Found {
    let range = start..start + usual.end;
    Found {
        range: range.clone(),
        next: start + usual.next,
        end: usual.line_end,
        line: Ok(Good {
            is_stamped: usual.fields != usual.end,
            range,
            measurement: usual.measurement,
            series: usual.series,
            way: Way::Short {
                tags: usual.tags,
                pairs: usual.pairs,
                fields: usual.fields,
            },
        }),
    }
}

#[cold]
fn is_utf8(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok()
}

impl Scanner {
    #[inline]
    fn line<'a>(&'a mut self, payload: &'a [u8], good: &Good) -> Line<'a> {
        let text = &payload[good.range.clone()];
        let timestamp = match good.way {
            Way::Whole { timestamp } => timestamp,
            Way::Short {
                tags,
                pairs,
                fields,
            } => {
                self.spread(good.measurement, tags, pairs);
                text.get(fields + 1..)
                    .and_then(|digits| value::timestamp(digits).ok())
            }
        };
        Line {
            text,
            measurement: span(0, good.measurement),
            series: span(0, good.series),
            tags: &self.tags,
            fields: &self.fields,
            timestamp,
        }
    }

    /// Makes spans of pairs.
    #[inline]
    fn spread(&mut self, measurement: usize, tags: usize, pairs: usize) {
        let Self {
            tags: tag_spans,
            fields: field_spans,
            pairs: found,
            ..
        } = self;
        let mut at = measurement;
        let mut next = |[equals, end]: [u32; 2]| {
            let (equals, end) = (equals as usize, end as usize);
            let key = span(at + 1, equals);
            at = end;
            (key, span(equals + 1, end))
        };
        tag_spans.clear();
        tag_spans.extend(found.places[..tags].iter().map(|&pair| {
            let (key, value) = next(pair);
            TagSpan { key, value }
        }));
        field_spans.clear();
        let kinds = &found.kinds[tags..pairs];
        field_spans.extend(
            found.places[tags..pairs]
                .iter()
                .zip(kinds)
                .map(|(&pair, &kind)| {
                    let (key, value) = next(pair);
                    FieldSpan { key, value, kind }
                }),
        );
    }
}

#[cfg(test)]
mod tests;
