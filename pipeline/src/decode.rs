//! Bytes come in, line protocol goes out, straight into the open batch; what is wrong goes into letters. Pure: no clock, no I/O,
//! so a redelivered message gives the same lines. In the steady state nothing is allocated but for what is refused and for JSON
//! text with escapes in it.
//!
//! How a payload is written is told by its `Content-Type`, without that by its subject's mapping, without that by its first
//! byte. A payload of nothing but white space has no lines: it is acked, and no letter is written.

use flightline_contract::encoding::Encoding;
use flightline_contract::table;

use crate::batch::Body;
use crate::deadletter::Letter;
use crate::decode::objects::{Objects, Tally};
use crate::decode::observe::Observer;
use crate::decode::pen::Scratch;
use crate::decode::refusal::Refusal;
use crate::decode::refused::Refused;
use crate::decode::route::{Route, Router};
use crate::decode::scan::Scanner;
use crate::delivery::{Declared, Delivery};

/// One line as spans.
pub mod line;
/// Where the line protocols of InfluxDB 1, 2 and 3 differ.
pub mod dialect;
/// Which lines keep the grammar, and where they end.
pub mod scan;
/// Who looks on.
pub mod observe;
/// Where a subject leads.
pub mod route;
/// What becomes of a foreign subject's values.
pub mod mapping;
/// One line, written.
pub mod write;
mod lines;
mod objects;
mod json;
mod pen;
mod refusal;
mod refused;
mod samples;
mod states;
mod points;
mod foreign;
mod time;

#[cfg(test)]
mod tests;

/// Decodes messages; keeps its buffers from message to message.
#[derive(Debug)]
pub struct Decoder {
    /// One for each destination, in their order.
    scanners: Vec<Scanner>,
    rules: Vec<dialect::Rules>,
    scratch: Scratch,
}

impl Decoder {
    /// A decoder for what `router` routes.
    pub fn new(router: &Router) -> Self {
        let rules: Vec<_> = router
            .destinations()
            .iter()
            .map(|destination| destination.rules)
            .collect();
        Self {
            scanners: rules.iter().map(|&rules| Scanner::new(rules)).collect(),
            rules,
            scratch: Scratch::default(),
        }
    }

    /// Writes the lines of `delivery` into `body`, which is the open batch of `route.destination`, and counts them there; shows
    /// them to `observer`; puts what is refused into `letters`, of which one message gets a few at most. Returns how many lines were
    /// written.
    pub fn decode<O: Observer>(
        &mut self,
        delivery: &Delivery,
        route: &Route<'_>,
        body: &mut Body,
        observer: &mut O,
        letters: &mut Vec<Letter>,
    ) -> u32 {
        if delivery.payload.iter().all(u8::is_ascii_whitespace) {
            return 0;
        }
        let mut refused = Refused::new(letters);
        let lines = match encoding(delivery, route) {
            Ok(Encoding::LineProtocol) => {
                let scanner = &mut self.scanners[route.destination];
                lines::decode(scanner, delivery, body, observer, &mut refused)
            }
            Ok(Encoding::Json) => Objects {
                delivery,
                route,
                utf8: std::str::from_utf8(&delivery.payload).ok(),
                rules: self.rules[route.destination],
                body,
                scratch: &mut self.scratch,
                observer,
                refused: &mut refused,
                tally: Tally::default(),
            }
            .decode(),
            Err(refusal) => {
                refused.message(delivery, refusal);
                0
            }
        };
        refused.finish(delivery);
        lines
    }
}

/// How the payload is written, if its class may be written so.
#[inline]
fn encoding(delivery: &Delivery, route: &Route<'_>) -> Result<Encoding, Refusal> {
    let encoding = match delivery.declared {
        Declared::Known(encoding) => encoding,
        Declared::Unknown => {
            return Err(Refusal::encoding(
                "its Content-Type names neither JSON nor line protocol",
            ));
        }
        Declared::Nothing => route
            .encoding()
            .unwrap_or_else(|| Encoding::sniff(&delivery.payload)),
    };
    if table::encodings(route.class).contains(&encoding) {
        Ok(encoding)
    } else {
        let (class, encoding) = (route.class, encoding.content_type());
        Err(Refusal::encoding(format!(
            "payloads of class {class} are JSON, and this one is {encoding}"
        )))
    }
}
