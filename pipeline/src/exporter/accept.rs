//! What a scraper's headers ask for: the format and the coding of the answer.

/// The formats of `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The `Content-Type` of the answer.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The better of the two for that `Accept` header. Who names neither gets the text: a refusal would help nobody.
    pub fn accepted(accept: &str) -> Self {
        let (mut text, mut open) = (0, 0);
        for range in accept.split(',') {
            let (kind, quality, version) = parse(range);
            let best = match (kind.as_str(), version) {
                ("application/openmetrics-text", None | Some("1.0.0")) => &mut open,
                ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", None) => &mut text,
                _ => continue,
            };
            *best = quality.max(*best);
        }
        if open > 0 && open >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }
}

/// How the answer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Not.
    Identity,
    /// gzip level 1: the higher ones cost more than the wire saves.
    Gzip,
}

impl Coding {
    /// gzip if that `Accept-Encoding` header names it or everything, with a quality above zero.
    pub fn accepted(accept: &str) -> Self {
        let mut gzip = None;
        for range in accept.split(',') {
            let (coding, quality, _) = parse(range);
            match coding.as_str() {
                "gzip" | "x-gzip" => gzip = Some(quality),
                "*" => gzip = gzip.or(Some(quality)),
                _ => {}
            }
        }
        if gzip > Some(0) {
            Self::Gzip
        } else {
            Self::Identity
        }
    }
}

/// Name, quality in thousandths and `version` of one element of an accept header.
fn parse(range: &str) -> (String, u16, Option<&str>) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let (mut quality, mut version) = (1000, None);
    for part in parts {
        match part
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
        {
            Some(("q" | "Q", value)) => quality = thousandths(value),
            Some(("version", value)) => version = Some(value.trim_matches('"')),
            _ => {}
        }
    }
    (name, quality, version)
}

/// `0.5` as 500; what is no number is no wish.
fn thousandths(value: &str) -> u16 {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let fraction = digits.fold(0, |sum, digit| {
        sum * 10 + u16::from(digit.wrapping_sub(b'0').min(9))
    });
    match whole {
        "0" => fraction,
        "1" => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scraper_gets_the_format_it_prefers() {
        for (accept, format) in [
            // Prometheus 2.42
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            // Prometheus 3
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                 application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
                 text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            ("*/*", Format::Text),
            ("", Format::Text),
            ("application/json", Format::Text),
            ("text/plain;version=0.0.4", Format::Text),
            ("application/openmetrics-text; version=0.0.1", Format::Text),
            ("application/openmetrics-text; q=0", Format::Text),
            (
                "application/openmetrics-text;q=0.4, text/plain",
                Format::Text,
            ),
            (
                "Application/OpenMetrics-Text; version=\"1.0.0\"",
                Format::OpenMetrics,
            ),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept}");
        }
    }

    #[test]
    fn gzip_is_for_those_who_ask() {
        for (accept, coding) in [
            ("gzip", Coding::Gzip),
            ("deflate, gzip;q=0.5", Coding::Gzip),
            ("*", Coding::Gzip),
            ("*, gzip;q=0", Coding::Identity),
            ("identity", Coding::Identity),
            ("gzip;q=0.0", Coding::Identity),
            ("", Coding::Identity),
        ] {
            assert_eq!(Coding::accepted(accept), coding, "{accept}");
        }
    }
}
