//! One line: from its first byte to its end, part by part.

use super::fault::Fault;
use super::marks::{Marks, Tab};
use super::twice::{self, Seen};
use super::{KEY_LIMIT, LINE_LIMIT, LineEnd, Scanner, line_ends, value};
use crate::decode::line::{FieldSpan, FieldType, Span, TagSpan};

/// A fault and its place.
pub(super) type At = (usize, Fault);

/// The parts of a good line that are no list.
pub(super) struct Parts {
    pub(super) measurement: usize,
    pub(super) series: usize,
    pub(super) timestamp: Option<i64>,
    /// One past the last byte that is not blank.
    pub(super) end: usize,
    /// Where the next line starts.
    pub(super) next: usize,
    pub(super) line_end: LineEnd,
}

impl Scanner {
    #[inline(always)]
    pub(super) fn walk(&mut self, text: &[u8]) -> Result<Parts, At> {
        self.tags.clear();
        self.fields.clear();
        let tab = if self.rules.tab_in_names() {
            Tab::Allowed
        } else {
            Tab::Refused
        };
        let mut marks = Marks::new(text, tab);
        let mut seen = Seen::default();
        let (measurement, stop) = measurement(&mut marks)?;
        let series = match stop {
            b',' => self.walk_tags(&mut marks, &mut seen, measurement + 1)?,
            b' ' => measurement,
            _ => return Err((measurement, Fault::Fields)),
        };
        if self.rules.tag_named_as_field() {
            seen = Seen::default();
        }
        let end = self.walk_fields(&mut marks, &mut seen, series)?;
        let (end, timestamp, last) = stamp(&mut marks, end)?;
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
        if marks.beyond_ascii != 0 || !self.rules.any_bytes() {
            self.check_bytes(&text[..end], measurement)?;
        }
        Ok(Parts {
            measurement,
            series,
            timestamp,
            end,
            next,
            line_end,
        })
    }

    /// The tags from `at` on; the end of the series key.
    #[inline(always)]
    fn walk_tags(
        &mut self,
        marks: &mut Marks<'_>,
        seen: &mut Seen,
        mut at: usize,
    ) -> Result<usize, At> {
        let text = marks.text;
        let end = loop {
            let (equals, stop) = marks.name()?;
            if stop != b'=' || equals == at {
                return Err(if equals == at {
                    (at, Fault::TagKey)
                } else {
                    (equals, Fault::TagValue)
                });
            }
            let (end, stop) = marks.name()?;
            if end == equals + 1 {
                return Err((end, Fault::TagValue));
            }
            let key = &text[at..equals];
            if key == b"time" {
                return Err((at, Fault::Time));
            }
            seen.add(key);
            self.tags.push(TagSpan {
                key: span(at, equals),
                value: span(equals + 1, end),
            });
            match stop {
                b',' => at = end + 1,
                b' ' => break end,
                b'=' => return Err((end, Fault::TagEquals)),
                _ => return Err((end, Fault::Fields)),
            }
        };
        if seen.in_doubt() {
            twice::tags(text, &self.tags, &mut self.order)?;
        }
        Ok(end)
    }

    /// The fields after the blanks at `at`; where the last one ends. The mark there has been taken.
    #[inline(always)]
    fn walk_fields(
        &mut self,
        marks: &mut Marks<'_>,
        seen: &mut Seen,
        at: usize,
    ) -> Result<usize, At> {
        let text = marks.text;
        let mut at = blanks(marks, at + 1);
        let end = loop {
            let (equals, stop) = marks.name()?;
            if stop != b'=' || equals == at || text[at] == b'\t' {
                return Err(no_field(text, at, equals, stop));
            }
            let (end, stop, kind) = self.value(marks, equals + 1)?;
            let key = &text[at..equals];
            if key == b"time" {
                return Err((at, Fault::Time));
            }
            seen.add(key);
            self.fields.push(FieldSpan {
                key: span(at, equals),
                value: span(equals + 1, end),
                kind,
            });
            match stop {
                b',' => at = end + 1,
                b' ' | b'\n' => break end,
                b'\r' if line_ends(text, end) => break end,
                _ if kind == FieldType::String => return Err((end, Fault::AfterString)),
                _ => return Err((equals + 1, Fault::Value)),
            }
        };
        if seen.in_doubt() {
            twice::fields(text, &self.fields, &mut self.order)?;
            if !self.rules.tag_named_as_field() {
                twice::both(text, &self.tags, &self.fields, &mut self.order)?;
            }
        }
        Ok(end)
    }

    /// The value at `start`: its end, the byte there, whose mark is taken, and its type.
    #[inline(always)]
    fn value(&self, marks: &mut Marks<'_>, start: usize) -> Result<(usize, u8, FieldType), At> {
        let text = marks.text;
        let (mut end, mut stop) = marks.next();
        if stop == b'"' && end == start {
            let end = value::string(text, start).map_err(|fault| (start, fault))?;
            marks.seek(end);
            return Ok(match marks.next() {
                (at, stop) if at == end => (end, stop, FieldType::String),
                // Something that is no mark follows the string.
                _ => (end, b'"', FieldType::String),
            });
        }
        // The only mark within a number.
        if stop == b'+' {
            (end, stop) = marks.next();
        }
        let kind = value::plain(text, start, end, self.rules).map_err(|fault| (start, fault))?;
        Ok((end, stop, kind))
    }

    #[cold]
    fn check_lengths(&self, series: usize, end: usize) -> Result<(), At> {
        if end > LINE_LIMIT {
            return Err((end, Fault::LineTooLong));
        }
        let long =
            |field: &&FieldSpan| series + (field.key.end - field.key.start) as usize > KEY_LIMIT;
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
        self.fields
            .iter()
            .try_for_each(|field| check(field.key.start as usize, field.key.end as usize))
    }
}

/// The end of the measurement, in which `=` is a byte like others.
#[inline(always)]
fn measurement(marks: &mut Marks<'_>) -> Result<(usize, u8), At> {
    loop {
        let (end, stop) = marks.name()?;
        if stop != b'=' {
            return if end == 0 {
                Err((0, Fault::Measurement))
            } else {
                Ok((end, stop))
            };
        }
    }
}

/// Why there is no field at `at`, where a name ended at `end` because of `stop`.
#[cold]
fn no_field(text: &[u8], at: usize, end: usize, stop: u8) -> At {
    match (stop, text.get(at)) {
        // InfluxDB 1 skips it as a blank.
        (_, Some(b'\t')) => (at, Fault::Blank),
        (b'\n', None | Some(b'\n' | b'\r')) => {
            let behind_comma = text[..at].ends_with(b",");
            (
                at,
                if behind_comma {
                    Fault::FieldKey
                } else {
                    Fault::Fields
                },
            )
        }
        _ if end == at => (at, Fault::FieldKey),
        _ => (end, Fault::FieldValue),
    }
}

/// What follows the fields, which end at `fields`: the end of the line's last part, the timestamp, and where the line end is.
#[inline(always)]
fn stamp(marks: &mut Marks<'_>, fields: usize) -> Result<(usize, Option<i64>, usize), At> {
    let text = marks.text;
    if text.get(fields) != Some(&b' ') {
        return Ok((fields, None, fields));
    }
    let start = blanks(marks, fields + 1);
    if line_ends(text, start) {
        return Ok((fields, None, start));
    }
    let (end, _) = marks.next();
    let time = value::timestamp(&text[start..end]).map_err(|fault| (start, fault))?;
    let last = if text.get(end) == Some(&b' ') {
        blanks(marks, end + 1)
    } else {
        end
    };
    if line_ends(text, last) {
        Ok((end, Some(time), last))
    } else if last == end {
        Err((last, Fault::Timestamp))
    } else {
        Err((last, Fault::AfterTimestamp))
    }
}

/// The first byte from `at` on that is not a space; takes the marks before it.
#[inline(always)]
fn blanks(marks: &mut Marks<'_>, at: usize) -> usize {
    if marks.text.get(at) != Some(&b' ') {
        return at;
    }
    let end = more_blanks(marks.text, at);
    marks.seek(end);
    end
}

#[cold]
fn more_blanks(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take_while(|byte| **byte == b' ').count()
}

#[inline(always)]
pub(super) fn span(start: usize, end: usize) -> Span {
    // Exact: no place is beyond WINDOW.
    Span {
        start: start as u32,
        end: end as u32,
    }
}
