//! The body of a refusal comes in, the lines it names go out. A line is taken as refused only if the store quotes it byte for byte or
//! says that it dropped as many as were sent; whatever else is said makes suspects, which are tried again alone.

use std::collections::HashMap;

use flightline_contract::deadletter::DETAIL_LIMIT;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::lines::Lines;
use super::work::Part;

/// Words with which InfluxDB 1, 2, 3 and VictoriaMetrics speak of lines, and never of the request: seen in answers and sources.
const ABOUT_LINES: &[&str] = &[
    "unable to parse",
    "cannot parse",
    "partial write",
    "field type conflict",
    "points beyond retention policy",
    "parsing failed for write_lp endpoint",
];

/// How InfluxDB 1 and 2 begin the quotation of a line, which ends with [`QUOTED_TO`].
const QUOTED_FROM: &str = "unable to parse '";
const QUOTED_TO: &str = "': ";
/// How many ends of a quotation are tried: a line may itself contain [`QUOTED_TO`].
const QUOTE_ENDS: usize = 8;

/// What a store says about a refusal.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    message: String,
    listed: Vec<Listed>,
}

/// One line as the store lists it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Listed {
    /// From 1, in the body that was sent.
    #[serde(alias = "line")]
    line_number: Option<usize>,
    original_line: Option<String>,
    #[serde(default, alias = "message")]
    error_message: String,
}

/// The shapes of InfluxDB 1 (`error`), 2 (`message`, `line`) and 3 (`error`, `data`).
#[derive(Deserialize)]
struct Shape {
    error: Option<String>,
    message: Option<String>,
    line: Option<usize>,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Data {
    Many(Vec<Listed>),
    One(Listed),
    Other(IgnoredAny),
}

/// Who is to blame for a refusal. Numbers are lines of the batch, ascending.
#[derive(Debug, PartialEq, Eq)]
pub enum Blame {
    /// These lines, with the store's words for each.
    Named(Vec<(usize, String)>),
    /// Every line that was sent.
    All,
    /// Perhaps these.
    Suspects(Vec<usize>),
    /// The store does not say.
    Unknown,
}

impl Complaint {
    /// Reads the body of an answer; any text will do.
    pub fn read(body: &[u8]) -> Self {
        let Ok(shape) = serde_json::from_slice::<Shape>(body) else {
            return Self {
                message: String::from_utf8_lossy(body).trim().to_owned(),
                listed: Vec::new(),
            };
        };
        let mut listed = match shape.data {
            Some(Data::Many(many)) => many,
            Some(Data::One(one)) => vec![one],
            Some(Data::Other(_)) | None => Vec::new(),
        };
        if shape.line.is_some() {
            listed.push(Listed {
                line_number: shape.line,
                original_line: None,
                error_message: String::new(),
            });
        }
        let message = [shape.error, shape.message].into_iter().flatten();
        Self {
            message: message.collect::<Vec<_>>().join(": "),
            listed,
        }
    }

    /// Whether it is certainly about lines. If not, an empty body shows it.
    pub fn is_about_lines(&self) -> bool {
        self.names_lines() || ABOUT_LINES.iter().any(|words| self.message.contains(words))
    }

    /// Whether it lists lines.
    pub fn names_lines(&self) -> bool {
        !self.listed.is_empty()
    }

    /// The store's words, fit for a header or a log line.
    pub fn detail(&self) -> String {
        let listed = self.listed.first().map_or("", |first| &first.error_message);
        match (self.message.as_str(), listed) {
            (message, "") => tidy(message),
            (_, listed) => tidy(listed),
        }
    }

    /// Who of `part` is to blame.
    pub fn blame(&self, part: &Part, lines: &Lines) -> Blame {
        let mut named = self.quoted(part, lines);
        let mut suspects = Vec::new();
        for listed in &self.listed {
            let place = listed
                .line_number
                .and_then(|number| part.nth(number.checked_sub(1)?));
            match (place, &listed.original_line) {
                (Some(line), Some(original)) if lines.text(line) == original.as_bytes() => {
                    named.push((line, tidy(&listed.error_message)));
                }
                (Some(line), _) => suspects.push(line),
                (None, _) => {}
            }
        }
        if !named.is_empty() {
            named.sort();
            named.dedup_by_key(|(line, _)| *line);
            return Blame::Named(named);
        }
        if self.dropped() == Some(part.len()) {
            return Blame::All;
        }
        suspects.sort_unstable();
        suspects.dedup();
        if suspects.is_empty() {
            Blame::Unknown
        } else {
            Blame::Suspects(suspects)
        }
    }

    /// The lines that are quoted in the message, as InfluxDB 1 and 2 do: all of them where there are several alike.
    fn quoted(&self, part: &Part, lines: &Lines) -> Vec<(usize, String)> {
        let quotations: Vec<_> = self.message.match_indices(QUOTED_FROM).collect();
        if quotations.is_empty() {
            return Vec::new();
        }
        let mut by_text: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for line in part.iter() {
            by_text.entry(lines.text(line)).or_default().push(line);
        }
        let mut named = Vec::new();
        for (start, from) in quotations {
            let (_, rest) = self.message.split_at(start + from.len());
            let hit = rest
                .match_indices(QUOTED_TO)
                .take(QUOTE_ENDS)
                .find_map(|(end, _)| {
                    let (quoted, reason) = rest.split_at(end);
                    Some((by_text.get(quoted.as_bytes())?, reason))
                });
            if let Some((alike, reason)) = hit {
                let reason = reason.trim_start_matches(QUOTED_TO);
                let reason = reason.split('\n').next().unwrap_or(reason);
                named.extend(alike.iter().map(|line| (*line, tidy(reason))));
            }
        }
        named
    }

    /// The N of `partial write: … dropped=N`: points dropped, one for each line.
    fn dropped(&self) -> Option<usize> {
        let (words, number) = self.message.rsplit_once("dropped=")?;
        if !words.contains("partial write") {
            return None;
        }
        let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok().filter(|dropped| *dropped > 0)
    }
}

/// `text` without control characters, and not longer than a header may be.
pub fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len().min(DETAIL_LIMIT));
    for c in text.chars() {
        let before = tidied.len();
        if c.is_control() {
            tidied.extend(c.escape_default());
        } else {
            tidied.push(c);
        }
        if tidied.len() > DETAIL_LIMIT {
            tidied.truncate(before);
            break;
        }
    }
    tidied
}

#[cfg(test)]
mod tests;
