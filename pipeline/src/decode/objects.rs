//! JSON messages come in, lines go out, one element at a time. A broken message is one letter and leaves no line; a bad element of
//! an array, or a bad sample of a set, is a letter with its own bytes and leaves its neighbours alone.

use flightline_contract::class::Class;

use crate::batch::Body;
use crate::decode::dialect::Rules;
use crate::decode::foreign::{self, Buffers};
use crate::decode::json::{self, Object, Place};
use crate::decode::observe::Observer;
use crate::decode::pen::{Pen, Scratch};
use crate::decode::refusal::Refusal;
use crate::decode::refused::Refused;
use crate::decode::route::Route;
use crate::decode::{points, samples, states};
use crate::delivery::Delivery;

/// One message on its way.
pub(super) struct Objects<'d, 'l, O> {
    pub(super) delivery: &'d Delivery,
    pub(super) route: &'d Route<'d>,
    /// The payload, if all of it is UTF-8: looked at once for all the texts in it.
    pub(super) utf8: Option<&'d str>,
    pub(super) rules: Rules,
    pub(super) body: &'d mut Body,
    pub(super) scratch: &'d mut Scratch,
    pub(super) observer: &'d mut O,
    pub(super) refused: &'d mut Refused<'l>,
    pub(super) tally: Tally,
}

/// How far a message is.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Lines written.
    lines: u32,
    /// Items seen, good or bad: samples of metric sets, elements of everything else.
    items: u32,
}

/// What an item is a part of: says whether a letter is about the whole message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Message,
    Part,
}

impl<O: Observer> Objects<'_, '_, O> {
    /// Writes the message and returns how many lines it has.
    ///
    /// An element without a time gets the message's own plus its index in the array, in nanoseconds; the samples of a set were
    /// taken together and share theirs.
    pub(super) fn decode(mut self) -> u32 {
        let text = &self.delivery.payload;
        let root = match json::check(text, &mut self.scratch.entries) {
            Ok(root) => root,
            Err(error) => {
                self.refused.message(self.delivery, error.into());
                return 0;
            }
        };
        let mut time = self.delivery.stamp.time;
        if text[root.start] != b'[' {
            self.element(Whole::Message, root, time);
            return self.tally.lines;
        }
        let mut elements = json::elements(text, root);
        while let Some(place) = elements.next_with(&mut self.scratch.entries) {
            self.element(Whole::Part, place, time);
            time = time.saturating_add(1);
        }
        self.tally.lines
    }

    /// An element, the entries of which are in the scratch.
    fn element(&mut self, whole: Whole, place: Place, time: i64) {
        if self.route.class != Class::Metric {
            self.item(whole, place, time);
            return;
        }
        let text = &self.delivery.payload;
        let set = if text[place.start] == b'{' {
            samples::set(Object {
                text,
                utf8: self.utf8,
                place,
                entries: &self.scratch.entries,
            })
        } else {
            Err(Refusal::shape("a metric set must be an object"))
        };
        match set {
            Ok(set) => {
                let time = set.time.map_or(time, |time| time.0);
                let mut samples = json::elements(text, set.samples);
                while let Some(sample) = samples.next_with(&mut self.scratch.entries) {
                    self.item(Whole::Part, sample, time);
                }
            }
            Err(refusal) => {
                self.tally.items += 1;
                self.refuse(whole, place, refusal);
            }
        }
    }

    /// One item, which is one line.
    fn item(&mut self, whole: Whole, place: Place, time: i64) {
        self.tally.items += 1;
        let mark = self.body.mark();
        match self.write(place, time) {
            Ok(()) => {
                self.body.count(1);
                self.tally.lines += 1;
            }
            Err(refusal) => {
                self.body.rollback(mark);
                self.refuse(whole, place, refusal);
            }
        }
    }

    fn write(&mut self, place: Place, time: i64) -> Result<(), Refusal> {
        let text = &self.delivery.payload;
        if text[place.start] != b'{' {
            return Err(Refusal::shape("an element must be an object"));
        }
        let Scratch {
            spans,
            key,
            entries,
            collected,
        } = &mut *self.scratch;
        let object = Object {
            text,
            utf8: self.utf8,
            place,
            entries,
        };
        let pen = Pen {
            out: self.body.buffer(),
            spans,
            rules: self.rules,
            route: self.route,
        };
        let observer = &mut *self.observer;
        match (self.route.class, self.route.mapping) {
            (Class::Metric, _) => samples::write(pen, key, object, time, observer),
            (Class::Health, _) => states::health(pen, object, time, observer),
            (Class::Lifecycle, _) => states::transition(pen, object, time, observer),
            (Class::App, None) => points::write(pen, object, time, observer),
            (Class::App, Some(mapping)) => {
                let (subject, points) = (&self.delivery.subject, &mapping.points);
                let buffers = Buffers { key, collected };
                foreign::write(pen, buffers, points, subject, &object, time, observer)
            }
        }
    }

    fn refuse(&mut self, whole: Whole, place: Place, refusal: Refusal) {
        match whole {
            Whole::Message => self.refused.message(self.delivery, refusal),
            Whole::Part => {
                let range = place.start..place.end;
                self.refused
                    .piece(self.delivery, self.tally.items, range, || refusal);
            }
        }
    }
}
