//! What every payload type is written with: the buffer, the spans and scratch that are kept from line to line, and the route.

use bytes::BytesMut;

use crate::decode::dialect::Rules;
use crate::decode::json::Entry;
use crate::decode::mapping::Collected;
use crate::decode::route::Route;
use crate::decode::write::{LineWriter, Spans, WriteError};

/// Buffers that grow once and are kept from message to message.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) spans: Spans,
    /// A field key that is put together.
    pub(super) key: String,
    /// Those of the object at hand.
    pub(super) entries: Vec<Entry>,
    /// Where the values of a mapping stand.
    pub(super) collected: Collected,
}

/// Writes lines of one message.
#[derive(Debug)]
pub(super) struct Pen<'p> {
    pub(super) out: &'p mut BytesMut,
    pub(super) spans: &'p mut Spans,
    pub(super) rules: Rules,
    pub(super) route: &'p Route<'p>,
}

impl<'p> Pen<'p> {
    /// The same for a shorter while.
    pub(super) fn reborrow(&mut self) -> Pen<'_> {
        Pen {
            out: self.out,
            spans: self.spans,
            rules: self.rules,
            route: self.route,
        }
    }

    /// A line of `measurement`.
    pub(super) fn line(self, measurement: &str) -> Result<LineWriter<'p>, WriteError> {
        LineWriter::start(self.out, self.spans, self.rules, measurement)
    }

    /// A line of `measurement` with the tags `service` and `instance` of its subject.
    pub(super) fn line_of_instance(self, measurement: &str) -> Result<LineWriter<'p>, WriteError> {
        let route = self.route;
        let mut line = self.line(measurement)?;
        line.tag("service", route.service)?;
        line.tag("instance", route.token)?;
        Ok(line)
    }
}
