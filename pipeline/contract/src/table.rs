//! The subjects of the contract in one table: streams, the golden file and the table in README are held to it.

use crate::class::Class;
use crate::encoding::Encoding;
use crate::filter::Filter;
use crate::token::Prefix;

/// What a subject carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// Data of a class.
    Class(Class),
    /// What could not be stored.
    DeadLetters,
}

/// The streams of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Everything under the prefix.
    Telemetry,
    /// What could not be stored.
    DeadLetter,
}

impl Stream {
    /// Both streams.
    pub const ALL: [Self; 2] = [Self::Telemetry, Self::DeadLetter];

    /// Its name unless configured.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Telemetry => "TELEMETRY",
            Self::DeadLetter => "DEADLETTER",
        }
    }

    /// What it captures.
    pub fn subjects(self, prefix: &Prefix) -> Filter {
        match self {
            Self::Telemetry => Filter::all(prefix),
            Self::DeadLetter => Filter::dead_letters(),
        }
    }
}

/// One subject of the contract.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// What it carries.
    pub content: Content,
    /// The subject; `<…>` stands for one token.
    pub pattern: &'static str,
    /// The type of its JSON payload.
    pub payload: &'static str,
    /// How payloads may be written; empty where they come as they are.
    pub encodings: &'static [Encoding],
    /// The stream that captures it.
    pub stream: Stream,
}

/// Every subject of the contract; those of classes first, in the order of [`Class::ALL`].
pub static SUBJECTS: [Row; 5] = [
    Row {
        content: Content::Class(Class::Metric),
        pattern: "<prefix>.metric.<service>.<instance>",
        payload: "MetricSet",
        encodings: &[Encoding::Json, Encoding::LineProtocol],
        stream: Stream::Telemetry,
    },
    Row {
        content: Content::Class(Class::Health),
        pattern: "<prefix>.health.<service>.<instance>",
        payload: "Health",
        encodings: &[Encoding::Json],
        stream: Stream::Telemetry,
    },
    Row {
        content: Content::Class(Class::App),
        pattern: "<prefix>.app.<service>.<stream>",
        payload: "Point",
        encodings: &[Encoding::Json, Encoding::LineProtocol],
        stream: Stream::Telemetry,
    },
    Row {
        content: Content::Class(Class::Lifecycle),
        pattern: "<prefix>.lifecycle.<service>.<instance>",
        payload: "LifecycleChange",
        encodings: &[Encoding::Json],
        stream: Stream::Telemetry,
    },
    Row {
        content: Content::DeadLetters,
        pattern: "deadletter.<class>.<service>.<token>",
        payload: "the original bytes",
        encodings: &[],
        stream: Stream::DeadLetter,
    },
];

impl Row {
    /// How payloads may be written, in words.
    pub fn encodings_text(&self) -> String {
        match self.encodings {
            [] => "as it came".to_owned(),
            encodings => {
                let words: Vec<&str> = encodings
                    .iter()
                    .map(|encoding| match encoding {
                        Encoding::Json => "JSON",
                        Encoding::LineProtocol => "line protocol",
                    })
                    .collect();
                words.join(", ")
            }
        }
    }
}

/// How payloads of `class` may be written.
pub fn encodings(class: Class) -> &'static [Encoding] {
    // Asked of each message: by its place, not by a search.
    SUBJECTS[class as usize].encodings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Token;
    use crate::topic::{Address, Topic};

    #[test]
    fn classes_stand_in_their_order() {
        for (class, row) in Class::ALL.into_iter().zip(&SUBJECTS) {
            assert_eq!(row.content, Content::Class(class));
            assert_eq!(encodings(class), row.encodings);
        }
    }

    #[test]
    fn every_row_is_a_topic_that_its_stream_captures() {
        let prefix = Prefix::default();
        let (service, token) = (Token::new("shop").unwrap(), Token::new("one").unwrap());
        for row in &SUBJECTS {
            let subject = row
                .pattern
                .replace("<prefix>", prefix.as_str())
                .replace("<class>", "app")
                .replace("<service>", "shop")
                .replace("<instance>", "one")
                .replace("<stream>", "one")
                .replace("<token>", "one");
            let topic = match row.content {
                Content::Class(class) => Topic::new(&prefix, class, &service, &token),
                Content::DeadLetters => Topic::dead_letter(Some(Class::App), "shop", "one"),
            };
            assert_eq!(topic.as_str(), subject);
            assert!(row.stream.subjects(&prefix).matches(&subject), "{subject}");
            let class =
                Address::parse(&prefix, &subject).map(|address| Content::Class(address.class));
            assert_eq!(class.unwrap_or(Content::DeadLetters), row.content);
        }
    }

    #[test]
    fn every_class_has_a_row_and_no_two_streams_capture_the_same_subject() {
        for class in Class::ALL {
            assert!(!encodings(class).is_empty(), "{class}");
        }
        let [telemetry, dead] = Stream::ALL.map(|stream| stream.subjects(&Prefix::default()));
        assert!(!telemetry.overlaps(&dead));
    }
}
