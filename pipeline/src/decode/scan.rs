//! Bytes come in, lines go out as spans: one pass that finds a line's end and checks its grammar, without an allocation.
//!
//! Nothing is lost here: comments and blank lines are skipped, and a line that breaks the rules comes out as an error with its
//! place, so that the caller can keep its bytes. What is accepted is accepted by every store the [`Rules`] stand for.
//!
//! **Where a line ends.** At the first newline outside of a quoted string. In a bad line, too, a string counts that has a closing
//! quote with a comma, a blank or the line's end behind it: text within a string never becomes a line of its own. Any other
//! quote does not count: a publisher who forgot one has swallowed the lines that follow, and they are to survive.
//!
//! **What must not be passed on.** Bytes between two lines: a comment with a quote in it makes InfluxDB 1 swallow the lines
//! that follow, and it takes no carriage return. A run of lines can go out as it came as long as each starts where the one
//! before it said [`Scanned::next`], and ends with [`LineEnd::Lf`].

use std::ops::Range;

use crate::decode::dialect::Rules;
use crate::decode::line::{FieldSpan, Line, Span, TagSpan};
use fault::{Fault, LineError};
use name::{Names, Stop, Tab};
use twice::{Doubt, Seen};

/// What can be wrong with a line.
pub mod fault;
mod word;
mod name;
mod value;
mod twice;
mod resume;

/// The longest line: as large as a message of NATS is by default, and as the longest string that InfluxDB 1.8 and 2 take.
pub const LINE_LIMIT: usize = 1024 * 1024;

/// The longest series key together with a field key: InfluxDB 1 and 2 keep both in one key of 65,535 bytes with four between.
pub const KEY_LIMIT: usize = 65_535 - 4;

/// What is looked at from a line's start: spans are 32 bits wide. No line within the limit is cut off by it.
const WINDOW: usize = u32::MAX as usize;

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineEnd {
    /// `\n` directly behind the line: both can be passed on together.
    Lf,
    /// `\n` behind blanks or a carriage return: pass on the line without it, and a `\n` of your own.
    Padded,
    /// None: the payload ended.
    EndOfInput,
}

/// One line of a payload.
#[derive(Debug)]
pub struct Scanned<'a> {
    /// Its place in the payload, without blanks around it and without its end.
    pub range: Range<usize>,
    /// Where to go on.
    pub next: usize,
    /// How it ended.
    pub end: LineEnd,
    /// Its parts, or what is wrong with it.
    pub line: Result<Line<'a>, LineError>,
}

/// Finds and checks lines; keeps its buffers from line to line.
#[derive(Debug)]
pub struct Scanner {
    rules: Rules,
    tags: Vec<TagSpan>,
    fields: Vec<FieldSpan>,
    order: Vec<Span>,
}

/// A fault and its place.
type At = (usize, Fault);

/// The parts of a good line that are no list.
struct Parts {
    measurement: usize,
    series: usize,
    timestamp: Option<i64>,
    /// One past the last byte that is not blank.
    end: usize,
    /// Where the next line starts.
    next: usize,
    line_end: LineEnd,
}

impl Scanner {
    /// A scanner for lines that all of `rules` must take.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            tags: Vec::with_capacity(16),
            fields: Vec::with_capacity(16),
            order: Vec::new(),
        }
    }

    /// The first line at or after `at`, where a line must start; `None` if only comments and blank lines are left.
    #[inline]
    pub fn next<'a>(&'a mut self, payload: &'a [u8], at: usize) -> Option<Scanned<'a>> {
        let start = skip(payload, at)?;
        let text = &payload[start..];
        let line = match self.walk(&text[..text.len().min(WINDOW)]) {
            Ok(parts) => parts,
            Err(error) => return Some(refused(text, start, error)),
        };
        let text = &text[..line.end];
        Some(Scanned {
            range: start..start + line.end,
            next: start + line.next,
            end: line.line_end,
            line: Ok(Line {
                text,
                measurement: span(0, line.measurement),
                series: span(0, line.series),
                tags: &self.tags,
                fields: &self.fields,
                timestamp: line.timestamp,
            }),
        })
    }

    #[inline(always)]
    fn walk(&mut self, text: &[u8]) -> Result<Parts, At> {
        self.tags.clear();
        self.fields.clear();
        let mut names = Names {
            text,
            tab: if self.rules.tab_in_names() { Tab::Allowed } else { Tab::Refused },
            seen: 0,
        };
        let mut seen = Seen::default();
        let (measurement, stop) = measurement(&mut names)?;
        let series = match stop {
            Stop::Comma => self.walk_tags(&mut names, &mut seen, measurement + 1)?,
            Stop::Space => measurement,
            Stop::Equals | Stop::End => return Err((measurement, Fault::Fields)),
        };
        if self.rules.tag_named_as_field() {
            seen = Seen::default();
        }
        let end = self.walk_fields(&mut names, &mut seen, series)?;
        let (end, timestamp, last) = stamp(text, end)?;
        let (next, line_end) = match text.get(last) {
            None => (last, LineEnd::EndOfInput),
            Some(b'\n') if last == end => (last + 1, LineEnd::Lf),
            Some(b'\n') => (last + 1, LineEnd::Padded),
            // A carriage return: `stamp` stops at nothing else.
            Some(_) if last + 1 == text.len() => (last + 1, LineEnd::EndOfInput),
            Some(_) => (last + 2, LineEnd::Padded),
        };
        if end > KEY_LIMIT {
            self.check_lengths(series, end)?;
        }
        if word::beyond_ascii(names.seen) || !self.rules.any_bytes() {
            self.check_bytes(&text[..end], measurement)?;
        }
        Ok(Parts { measurement, series, timestamp, end, next, line_end })
    }

    /// The tags from `at` on; the end of the series key.
    #[inline(always)]
    fn walk_tags(&mut self, names: &mut Names<'_>, seen: &mut Seen, mut at: usize) -> Result<usize, At> {
        let mut doubt = Doubt::None;
        let end = loop {
            let (equals, stop) = names.end(at)?;
            if equals == at {
                return Err((at, Fault::TagKey));
            }
            if stop != Stop::Equals {
                return Err((equals, Fault::TagValue));
            }
            let (end, stop) = names.end(equals + 1)?;
            if end == equals + 1 {
                return Err((end, Fault::TagValue));
            }
            let key = &names.text[at..equals];
            if key == b"time" {
                return Err((at, Fault::Time));
            }
            if seen.add(key) == Doubt::Some {
                doubt = Doubt::Some;
            }
            self.tags.push(TagSpan { key: span(at, equals), value: span(equals + 1, end) });
            match stop {
                Stop::Comma => at = end + 1,
                Stop::Space => break end,
                Stop::Equals => return Err((end, Fault::TagEquals)),
                Stop::End => return Err((end, Fault::Fields)),
            }
        };
        if doubt == Doubt::Some {
            twice::tags(names.text, &self.tags, &mut self.order)?;
        }
        Ok(end)
    }

    /// The fields after the blanks at `at`; where the last one ends.
    #[inline(always)]
    fn walk_fields(&mut self, names: &mut Names<'_>, seen: &mut Seen, at: usize) -> Result<usize, At> {
        let text = names.text;
        let mut doubt = Doubt::None;
        let mut at = blanks(text, at);
        let end = loop {
            let (equals, stop) = names.end(at)?;
            if stop != Stop::Equals || equals == at || text[at] == b'\t' {
                return Err(no_field(text, at, equals, stop));
            }
            let (end, kind) = value::value(text, equals + 1, self.rules)?;
            let key = &text[at..equals];
            if key == b"time" {
                return Err((at, Fault::Time));
            }
            if seen.add(key) == Doubt::Some {
                doubt = Doubt::Some;
            }
            self.fields.push(FieldSpan { key: span(at, equals), value: span(equals + 1, end), kind });
            match text.get(end) {
                Some(b',') => at = end + 1,
                Some(b' ' | b'\n') | None => break end,
                Some(b'\r') if line_ends(text, end) => break end,
                Some(_) if text[end - 1] == b'"' => return Err((end, Fault::AfterString)),
                Some(_) => return Err((equals + 1, Fault::Value)),
            }
        };
        if doubt == Doubt::Some {
            twice::fields(text, &self.fields, &mut self.order)?;
            if !self.rules.tag_named_as_field() {
                twice::both(text, &self.tags, &self.fields, &mut self.order)?;
            }
        }
        Ok(end)
    }

    #[cold]
    fn check_lengths(&self, series: usize, end: usize) -> Result<(), At> {
        if end > LINE_LIMIT {
            return Err((end, Fault::LineTooLong));
        }
        let long = |field: &&FieldSpan| series + (field.key.end - field.key.start) as usize > KEY_LIMIT;
        match self.fields.iter().find(long) {
            Some(field) => Err((field.key.start as usize, Fault::KeyTooLong)),
            None => Ok(()),
        }
    }

    /// UTF-8: all of the line where a store needs that, else where no store does without. InfluxDB 1 answers a measurement or
    /// field key that is not UTF-8 with 500, as if another attempt could help; tags and strings it keeps as they are.
    fn check_bytes(&self, text: &[u8], measurement: usize) -> Result<(), At> {
        let check = |start: usize, end: usize| match std::str::from_utf8(&text[start..end]) {
            Ok(_) => Ok(()),
            Err(error) => Err((start + error.valid_up_to(), Fault::Utf8)),
        };
        if !self.rules.any_bytes() {
            return check(0, text.len());
        }
        check(0, measurement)?;
        self.fields.iter().try_for_each(|field| check(field.key.start as usize, field.key.end as usize))
    }
}

/// The end of the measurement, in which `=` is a byte like others.
#[inline(always)]
fn measurement(names: &mut Names<'_>) -> Result<(usize, Stop), At> {
    let mut at = 0;
    loop {
        let (end, stop) = names.end(at)?;
        if stop != Stop::Equals {
            return if end == 0 { Err((0, Fault::Measurement)) } else { Ok((end, stop)) };
        }
        at = end + 1;
    }
}

/// Why there is no field at `at`, where a name ended at `end` because of `stop`.
#[cold]
fn no_field(text: &[u8], at: usize, end: usize, stop: Stop) -> At {
    match (stop, text.get(at)) {
        // InfluxDB 1 skips it as a blank.
        (_, Some(b'\t')) => (at, Fault::Blank),
        (Stop::End, None | Some(b'\n' | b'\r')) => (at, Fault::Fields),
        _ if end == at => (at, Fault::FieldKey),
        _ => (end, Fault::FieldValue),
    }
}

/// What follows the fields, which end at `fields`: the end of the line's last part, the timestamp, and where the line end is.
#[inline(always)]
fn stamp(text: &[u8], fields: usize) -> Result<(usize, Option<i64>, usize), At> {
    let at = blanks(text, fields);
    if line_ends(text, at) {
        return Ok((fields, None, at));
    }
    let (end, time) = value::timestamp(text, at)?;
    let last = blanks(text, end);
    if line_ends(text, last) {
        Ok((end, Some(time), last))
    } else if last == end {
        Err((last, Fault::Timestamp))
    } else {
        Err((last, Fault::AfterTimestamp))
    }
}

/// Whether a line ends at `at`: at `\n`, `\r\n`, or the last byte.
#[inline(always)]
fn line_ends(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        None | Some(b'\n') => true,
        Some(b'\r') => matches!(text.get(at + 1), None | Some(b'\n')),
        Some(_) => false,
    }
}

/// The first byte from `at` on that is not a space.
#[inline(always)]
fn blanks(text: &[u8], mut at: usize) -> usize {
    while text.get(at) == Some(&b' ') {
        at += 1;
    }
    at
}

/// The start of the first line at or after `at` that is neither blank nor a comment.
#[inline(always)]
fn skip(payload: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match payload.get(at)? {
            b' ' | b'\t' | b'\n' => at += 1,
            b'\r' if line_ends(payload, at) => at += 1,
            // Stores differ in where a comment with a quote in it ends; here it is the next newline.
            b'#' => at += memchr::memchr(b'\n', &payload[at..])?,
            _ => return Some(at),
        }
    }
}

/// The bad line that starts at `start` of a payload, of which `text` is the rest.
#[cold]
fn refused(text: &[u8], start: usize, (at, fault): At) -> Scanned<'_> {
    let newline = resume::newline(text);
    let mut end = newline.unwrap_or(text.len());
    let mut line_end = if newline.is_some() { LineEnd::Lf } else { LineEnd::EndOfInput };
    if end > 0 && text[end - 1] == b'\r' {
        end -= 1;
        if newline.is_some() {
            line_end = LineEnd::Padded;
        }
    }
    Scanned {
        range: start..start + end,
        next: start + newline.map_or(text.len(), |newline| newline + 1),
        end: line_end,
        line: Err(LineError { fault, column: at + 1 }),
    }
}

#[inline(always)]
fn span(start: usize, end: usize) -> Span {
    // Exact: no place is beyond WINDOW.
    Span { start: start as u32, end: end as u32 }
}
