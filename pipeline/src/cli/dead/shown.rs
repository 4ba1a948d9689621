//! A letter comes in, text for a terminal goes out. Everything that somebody else wrote is escaped to ASCII without control characters,
//! so that nothing in it can drive the terminal, forge a line or hide: `\n` is two characters, and so is each byte beyond ASCII four.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::filed::Filed;

/// Bytes of the payload in a list.
const HEAD: usize = 60;
/// What stands for something that a letter does not tell.
const UNTOLD: &str = "-";

/// One line of a list.
pub(super) struct Row<'f>(pub(super) &'f Filed);

/// What the columns are.
pub(super) const COLUMNS: &str =
    "number\tfiled\treason\tsubject\tsequence\tline\tbytes\tfirst bytes";

impl Display for Row<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(letter) = self;
        let sequence = letter.origin().map(|(_, sequence)| sequence);
        write!(
            f,
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            letter.number,
            told(letter.time.map(moment)),
            told(letter.reason().map(text)),
            told(letter.subject().map(text)),
            told(sequence),
            told(letter.line()),
            Size(letter),
            head(letter),
        )
    }
}

/// How many bytes there are, and of how many.
struct Size<'f>(&'f Filed);

impl Display for Size<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bytes = self.0.payload.len();
        match self.0.cut() {
            Some(whole) => write!(f, "{bytes} of {whole}"),
            None => write!(f, "{bytes}"),
        }
    }
}

/// A letter with all its headers and, escaped, all its bytes.
pub(super) struct Whole<'f>(pub(super) &'f Filed);

impl Display for Whole<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(letter) = self;
        writeln!(f, "number: {}", letter.number)?;
        writeln!(f, "filed: {}", told(letter.time.map(moment)))?;
        writeln!(f, "entered: {}", told(letter.entered().map(moment)))?;
        for (name, value) in &letter.headers {
            writeln!(f, "{}: {}", text(name), text(value))?;
        }
        for missing in missing(letter) {
            writeln!(f, "({missing})")?;
        }
        writeln!(f, "\n{}", letter.payload.escape_ascii())
    }
}

/// What the letter lacks, for a person.
pub(super) fn missing(letter: &Filed) -> Vec<String> {
    let mut missing = Vec::new();
    if letter.subject().is_none() {
        missing.push("it does not tell the subject of its message: not one of Flightline's, and not to be replayed".to_owned());
    }
    if let Some(whole) = letter.cut() {
        let here = letter.payload.len();
        missing.push(format!("only the first {here} of {whole} bytes are here: to replay it, give all of them with --from"));
    }
    missing
}

/// As an object of JSON.
#[derive(Debug, Serialize)]
pub(super) struct Object {
    number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    filed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_from: Option<u64>,
    first_bytes: String,
}

impl From<&Filed> for Object {
    fn from(letter: &Filed) -> Self {
        let owned = |told: Option<&str>| told.map(text);
        let origin = letter.origin();
        Self {
            number: letter.number,
            filed: letter.time.map(moment),
            reason: owned(letter.reason()),
            detail: owned(letter.detail()),
            subject: owned(letter.subject()),
            stream: owned(origin.map(|(stream, _)| stream)),
            sequence: origin.map(|(_, sequence)| sequence),
            line: letter.line(),
            bytes: letter.payload.len(),
            cut_from: letter.cut(),
            first_bytes: head(letter),
        }
    }
}

fn head(letter: &Filed) -> String {
    let head = letter.payload.get(..HEAD).unwrap_or(&letter.payload);
    head.escape_ascii().to_string()
}

/// Text from outside, escaped.
pub(super) fn text(outside: &str) -> String {
    outside.as_bytes().escape_ascii().to_string()
}

fn told(value: Option<impl Display>) -> String {
    value.map_or_else(|| UNTOLD.to_owned(), |value| value.to_string())
}

/// Nanoseconds since the Unix epoch, for a person, to the second.
fn moment(nanos: i64) -> String {
    OffsetDateTime::from_unix_timestamp(nanos.div_euclid(1_000_000_000))
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| nanos.to_string())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use flightline_contract::deadletter::{CUT, REASON, SUBJECT};
    use proptest::prelude::*;

    use super::*;

    fn filed(payload: Vec<u8>, value: &str) -> Filed {
        Filed {
            number: 3,
            time: Some(1_700_000_000_000_000_000),
            headers: [REASON, SUBJECT, CUT, "Other\u{1b}[2J"]
                .map(|name| (name.to_owned(), value.to_owned()))
                .to_vec(),
            payload: Bytes::from(payload),
        }
    }

    fn harmless(text: &str) -> bool {
        text.bytes()
            .all(|byte| byte == b'\n' || byte == b'\t' || (0x20..0x7f).contains(&byte))
    }

    #[test]
    fn a_row_tells_what_is_known_in_columns() {
        let mut letter = filed(b"m v=\x1b[31m".to_vec(), "7");
        assert_eq!(
            Row(&letter).to_string(),
            "3\t2023-11-14T22:13:20Z\t7\t7\t-\t-\t9 of 7\tm v=\\x1b[31m"
        );
        letter.headers.clear();
        letter.time = None;
        assert_eq!(
            Row(&letter).to_string(),
            "3\t-\t-\t-\t-\t-\t9\tm v=\\x1b[31m"
        );
        let columns = COLUMNS.split('\t').count();
        assert_eq!(Row(&letter).to_string().split('\t').count(), columns);
    }

    proptest! {
        #[test]
        fn nothing_that_a_letter_holds_reaches_a_terminal(
            payload in proptest::collection::vec(any::<u8>(), 0..100), value in any::<String>(),
        ) {
            let letter = filed(payload, &value);
            let row = Row(&letter).to_string();
            prop_assert!(harmless(&row) && !row.contains('\n'));
            prop_assert_eq!(row.matches('\t').count(), 7);
            let whole = Whole(&letter).to_string();
            prop_assert!(harmless(&whole));
            prop_assert_eq!(whole.lines().count(), 3 + 4 + 1 + 1 + 1);
            let object = serde_json::to_string(&Object::from(&letter)).unwrap();
            prop_assert!(harmless(&object) && !object.contains('\n'));
        }
    }
}
