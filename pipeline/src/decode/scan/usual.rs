//! The short way through a line, which most lines can go: the start of a line comes in, the places of its parts come out. What is
//! unusual about a line (an escape, blanks in a row, a fault) is not decided here: it goes the whole way, [`Scanner::next`], which
//! agrees with this one on everything that is accepted here.
//!
//! Why two ways: the whole one has to know at each step what to say of a fault, and that alone keeps so much in hand that it costs
//! as much again as the step.

#[cfg(doc)]
use super::Scanner;
use super::block::STRETCH;
use super::twice::{self, Seen};
use super::{KEY_LIMIT, LineEnd, value};
use crate::decode::dialect::Rules;
use crate::decode::line::FieldType;

/// The most pairs of a usual line. Their places are kept in an array: a vector would ask at each whether it has to grow.
pub(super) const PAIRS: usize = 64;

/// Where the equals sign and the end of each pair stand: tags first, then fields.
#[derive(Debug)]
pub(super) struct Pairs {
    pub(super) places: [[u32; 2]; PAIRS],
    /// The types of the fields.
    pub(super) kinds: [FieldType; PAIRS],
}

impl Default for Pairs {
    fn default() -> Self {
        Self {
            places: [[0; 2]; PAIRS],
            kinds: [FieldType::Float; PAIRS],
        }
    }
}

/// Why a line does not end the short way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has to go the whole way.
    Unusual,
    /// The window ends before it does.
    WindowEnds,
}

/// Where the parts of a usual line end, from its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usual {
    pub(super) measurement: usize,
    pub(super) series: usize,
    /// How many there are in [`Pairs`].
    pub(super) tags: usize,
    /// Tags and fields.
    pub(super) pairs: usize,
    pub(super) fields: usize,
    /// The same as its fields' if it has no timestamp.
    pub(super) end: usize,
    /// Where the next line starts.
    pub(super) next: usize,
    pub(super) line_end: LineEnd,
}

/// The marks that have not been taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead<'w> {
    pub(super) masks: &'w [u64],
    /// Which of them is the present one.
    pub(super) slot: usize,
    /// What is left of it.
    pub(super) mask: u64,
    /// The place its lowest bit stands for, from the start of the line; below it is negative, and wraps.
    pub(super) base: usize,
}

impl Ahead<'_> {
    /// Takes the next mark.
    #[inline(always)]
    fn next(&mut self) -> Result<usize, Turn> {
        while self.mask == 0 {
            self.slot += 1;
            self.base = self.base.wrapping_add(STRETCH);
            self.mask = *self.masks.get(self.slot).ok_or(Turn::WindowEnds)?;
        }
        let at = self.base.wrapping_add(self.mask.trailing_zeros() as usize);
        self.mask &= self.mask - 1;
        Ok(at)
    }

    /// Drops the marks before `at`.
    #[inline(always)]
    pub(super) fn seek(&mut self, at: usize) -> Result<(), Turn> {
        let ahead = at.wrapping_sub(self.base);
        let stretches = ahead / STRETCH;
        if stretches > 0 {
            self.slot += stretches;
            self.base = self.base.wrapping_add(stretches * STRETCH);
            self.mask = *self.masks.get(self.slot).ok_or(Turn::WindowEnds)?;
        }
        self.mask &= u64::MAX << (ahead % STRETCH);
        Ok(())
    }
}

/// The line that starts with `text`.
#[inline(always)]
pub(super) fn walk(
    text: &[u8],
    ahead: &mut Ahead<'_>,
    found: &mut Pairs,
    rules: Rules,
) -> Result<Usual, Turn> {
    let measurement = ahead.next()?;
    let mut seen = Seen::default();
    let (series, tags) = walk_tags(text, ahead, found, &mut seen, measurement)?;
    if measurement == 0 || stands(text, series) != Some(b' ') {
        return Err(Turn::Unusual);
    }
    // Where fields may be named as tags are, they are compared among themselves.
    let mut compared = (measurement, 0);
    if rules.tag_named_as_field() {
        seen = Seen::default();
        compared = (series, tags);
    }
    let (fields, pairs) = walk_fields(text, ahead, found, &mut seen, (series, tags), rules)?;
    if seen.in_doubt() && twice::among(text, compared.0, &found.places[compared.1..pairs]) {
        return Err(Turn::Unusual);
    }
    let mut end = fields;
    if stands(text, fields) == Some(b' ') {
        end = ahead.next()?;
        let digits = text.get(fields + 1..end);
        if !digits.is_some_and(value::is_usual_time) {
            return Err(Turn::Unusual);
        }
    }
    let (next, line_end) = match stands(text, end) {
        None => (end, LineEnd::EndOfInput),
        Some(b'\n') => (end + 1, LineEnd::Lf),
        Some(_) => return Err(Turn::Unusual),
    };
    if end > KEY_LIMIT {
        return Err(Turn::Unusual);
    }
    Ok(Usual {
        measurement,
        series,
        tags,
        pairs,
        fields,
        end,
        next,
        line_end,
    })
}

/// The tags behind the mark at `at`: where they end, and how many there are.
#[inline(always)]
fn walk_tags(
    text: &[u8],
    ahead: &mut Ahead<'_>,
    found: &mut Pairs,
    seen: &mut Seen,
    measurement: usize,
) -> Result<(usize, usize), Turn> {
    let (mut at, mut tags) = (measurement, 0);
    while stands(text, at) == Some(b',') {
        let equals = ahead.next()?;
        let end = ahead.next()?;
        if stands(text, equals) != Some(b'=') || end < equals + 2 || tags == PAIRS {
            return Err(Turn::Unusual);
        }
        seen.add(key(text, at, equals)?);
        found.places[tags] = [equals as u32, end as u32];
        tags += 1;
        at = end;
    }
    if seen.in_doubt() && twice::among(text, measurement, &found.places[..tags]) {
        return Err(Turn::Unusual);
    }
    Ok((at, tags))
}

/// The fields behind the mark at `at`, of which `pairs` were found before: where they end, and how many pairs there are then.
#[inline(always)]
fn walk_fields(
    text: &[u8],
    ahead: &mut Ahead<'_>,
    found: &mut Pairs,
    seen: &mut Seen,
    (mut at, mut pairs): (usize, usize),
    rules: Rules,
) -> Result<(usize, usize), Turn> {
    loop {
        let equals = ahead.next()?;
        if stands(text, equals) != Some(b'=') || pairs == PAIRS {
            return Err(Turn::Unusual);
        }
        let (end, kind) = walk_value(text, ahead, equals + 1, rules)?;
        seen.add(key(text, at, equals)?);
        found.places[pairs] = [equals as u32, end as u32];
        found.kinds[pairs] = kind;
        pairs += 1;
        at = end;
        if stands(text, at) != Some(b',') {
            return Ok((at, pairs));
        }
    }
}

/// The byte at `at`; `None` behind the input's end.
#[inline(always)]
fn stands(text: &[u8], at: usize) -> Option<u8> {
    text.get(at).copied()
}

/// The key between the delimiter at `start` and the equals sign.
#[inline(always)]
fn key(text: &[u8], start: usize, equals: usize) -> Result<&[u8], Turn> {
    match text.get(start + 1..equals) {
        None | Some([] | b"time") => Err(Turn::Unusual),
        Some(key) => Ok(key),
    }
}

/// The value at `start`: its end, the mark of which is taken, and its type.
#[inline(always)]
fn walk_value(
    text: &[u8],
    ahead: &mut Ahead<'_>,
    start: usize,
    rules: Rules,
) -> Result<(usize, FieldType), Turn> {
    let end = ahead.next()?;
    if end == start && stands(text, end) == Some(b'"') {
        let end = value::string(text, start).map_err(|_| Turn::Unusual)?;
        ahead.seek(end)?;
        return if ahead.next()? == end {
            Ok((end, FieldType::String))
        } else {
            Err(Turn::Unusual)
        };
    }
    match value::short(text, start, end).or_else(|| value::long(text, start, end, rules)) {
        Some(kind) => Ok((end, kind)),
        None => Err(Turn::Unusual),
    }
}
