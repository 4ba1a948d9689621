//! A letter comes in, the headers that tell its story go out. What does not fit into one line of bounded length is escaped and cut.

use async_nats::HeaderMap;
use flightline_contract::deadletter::{
    DETAIL, DETAIL_LIMIT, LINE, REASON, SEQUENCE, STREAM, SUBJECT, TIME,
};
use flightline_contract::encoding::CONTENT_TYPE;

use super::Letter;
use crate::delivery::Declared;

/// Stands for a type that nothing here decodes: what it was is not kept, and to leave it out would declare another.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// What the headers of `letter` say; `origin` is the stream that its message came from, if it came from one.
pub(super) fn headers(letter: &Letter, origin: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(REASON, letter.reason.as_str());
    headers.insert(DETAIL, one_line(&letter.detail).as_str());
    // The protocol has no subject with a line end in it; a header with one would be a panic of the client library.
    let subject = letter.subject.replace(['\r', '\n'], "_");
    headers.insert(SUBJECT, subject.as_str());
    headers.insert(TIME, letter.stamp.time.to_string().as_str());
    match letter.declared {
        Declared::Nothing => {}
        Declared::Known(encoding) => headers.insert(CONTENT_TYPE, encoding.content_type()),
        Declared::Unknown => headers.insert(CONTENT_TYPE, UNKNOWN_TYPE),
    }
    if let Some(line) = letter.line {
        headers.insert(LINE, line.to_string().as_str());
    }
    if let (Some(origin), Some(sequence)) = (origin, letter.stamp.sequence) {
        headers.insert(STREAM, origin);
        headers.insert(SEQUENCE, sequence.to_string().as_str());
    }
    headers
}

/// Bytes of `headers` on the wire, which the server counts as a part of the payload.
pub(super) fn wire_length(headers: &HeaderMap) -> usize {
    const FRAME: usize = "NATS/1.0\r\n\r\n".len();
    const EACH: usize = ": \r\n".len();
    let lines = headers.iter().flat_map(|(name, values)| {
        let name = AsRef::<str>::as_ref(name).len();
        values
            .iter()
            .map(move |value| name + value.as_str().len() + EACH)
    });
    FRAME + lines.sum::<usize>()
}

/// Text from outside as one line of bounded length: control characters and what is not ASCII are escaped.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(DETAIL_LIMIT)
        .flat_map(char::escape_default)
        .collect();
    // Escaping leaves ASCII, so every index is a boundary.
    line.truncate(DETAIL_LIMIT);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_cannot_break_out_of_its_header() {
        assert_eq!(one_line("bad\r\nInjected: yes"), "bad\\r\\nInjected: yes");
        assert_eq!(one_line(&"é".repeat(1000)).len(), 512);
    }

    #[test]
    fn no_hostile_text_ends_a_header() {
        for text in flightline_fixtures::hostile::texts() {
            let letter = Letter {
                reason: flightline_contract::deadletter::Reason::Value,
                detail: text.clone(),
                subject: text.as_str().into(),
                stamp: crate::delivery::Stamp {
                    time: 0,
                    sequence: None,
                    attempt: crate::delivery::Attempt::First,
                },
                declared: Declared::Nothing,
                line: Some(1),
                payload: bytes::Bytes::new(),
            };
            for (name, values) in headers(&letter, None).iter() {
                for value in values {
                    assert!(
                        !value.as_str().contains(['\r', '\n']),
                        "{name:?}: {value:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_wire_length_is_that_of_the_header_block() {
        let mut headers = HeaderMap::new();
        headers.insert("A", "1");
        headers.append("A", "22");
        let block = "NATS/1.0\r\nA: 1\r\nA: 22\r\n\r\n";
        assert_eq!(wire_length(&headers), block.len());
    }
}
