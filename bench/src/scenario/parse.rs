//! Words of the command line come in, parts of a scenario come out; a word that is none comes back with those that are.

use std::str::FromStr;

use super::{Coding, Rate, Shape, Source, Store};

/// A word that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of {known}")]
pub struct Unknown {
    word: String,
    known: &'static str,
}

fn unknown(word: &str, known: &'static str) -> Unknown {
    Unknown {
        word: word.to_owned(),
        known,
    }
}

impl FromStr for Source {
    type Err = Unknown;

    fn from_str(word: &str) -> Result<Self, Unknown> {
        let known = "core, explicit, ack-all, partitions=N, front=N, front-gzip=N";
        let error = || unknown(word, known);
        let (name, count) = match word.split_once('=') {
            Some((name, count)) => {
                let count = count.parse().ok().filter(|count| *count > 0);
                (name, Some(count.ok_or_else(error)?))
            }
            None => (word, None),
        };
        let front = |clients, coding| Ok(Self::Front { clients, coding });
        match (name, count) {
            ("core", None) => Ok(Self::Core),
            ("explicit", None) => Ok(Self::Explicit),
            ("ack-all", None) => Ok(Self::Partitions(1)),
            ("partitions", Some(count)) => Ok(Self::Partitions(count)),
            ("front", Some(clients)) => front(clients, Coding::Identity),
            ("front-gzip", Some(clients)) => front(clients, Coding::Gzip),
            _ => Err(error()),
        }
    }
}

impl FromStr for Shape {
    type Err = Unknown;

    fn from_str(word: &str) -> Result<Self, Unknown> {
        let known = Self::ALL
            .into_iter()
            .find(|shape| shape.to_string() == word);
        known.ok_or_else(|| unknown(word, "line, lines50, sensor, metrics, sample, mix"))
    }
}

impl FromStr for Store {
    type Err = Unknown;

    fn from_str(word: &str) -> Result<Self, Unknown> {
        match word {
            "discard" => Ok(Self::Discard),
            "influxdb" => Ok(Self::Influxdb),
            "victoria" => Ok(Self::Victoria),
            _ => Err(unknown(word, "discard, influxdb, victoria")),
        }
    }
}

impl FromStr for Rate {
    type Err = Unknown;

    fn from_str(word: &str) -> Result<Self, Unknown> {
        match word.parse() {
            Ok(rate) if rate > 0 => Ok(Self::PerSecond(rate)),
            _ if word == "full" => Ok(Self::Full),
            _ => Err(unknown(word, "full, or messages a second")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_names_what_is_shown_by_that_name() {
        assert_eq!("core".parse(), Ok(Source::Core));
        assert_eq!("ack-all".parse(), Ok(Source::Partitions(1)));
        assert_eq!("partitions=4".parse(), Ok(Source::Partitions(4)));
        for (word, coding) in [
            ("front=8", Coding::Identity),
            ("front-gzip=8", Coding::Gzip),
        ] {
            let front = Source::Front { clients: 8, coding };
            assert_eq!(word.parse(), Ok(front));
        }
        for shape in Shape::ALL {
            assert_eq!(shape.to_string().parse(), Ok(shape));
        }
        assert_eq!("250000".parse(), Ok(Rate::PerSecond(250_000)));
        assert_eq!("full".parse(), Ok(Rate::Full));
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_right_ones() {
        for wrong in [
            "partitions=0",
            "partitions",
            "core=2",
            "front",
            "front=0",
            "front=x",
        ] {
            let said = wrong.parse::<Source>().unwrap_err().to_string();
            assert!(said.contains("ack-all"), "{said}");
        }
        assert!("0".parse::<Rate>().is_err());
        assert!("influx".parse::<Store>().is_err());
    }
}
