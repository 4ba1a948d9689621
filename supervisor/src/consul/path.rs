//! Names of any kind come in, a request's path and query come out, in which each name is one part, whatever characters it has.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand as it is both in a path and in a query. The colon is in `service:<id>`, and older proxies know it only plain.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':');

/// A path and a query, growing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    text: String,
    query: Query,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Query {
    None,
    Begun,
}

impl Target {
    /// Begins with a path as it stands.
    pub fn new(path: &'static str) -> Self {
        Self {
            text: path.to_owned(),
            query: Query::None,
        }
    }

    /// Adds one part of the path.
    #[must_use]
    pub fn part(mut self, name: &str) -> Self {
        self.text.push('/');
        self.text.extend(utf8_percent_encode(name, ESCAPED));
        self
    }

    /// Adds the parts of a path, which are parted by `/`.
    #[must_use]
    pub fn parts(self, path: &str) -> Self {
        path.split('/').fold(self, |target, name| target.part(name))
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        let mark = match self.query {
            Query::None => '?',
            Query::Begun => '&',
        };
        self.query = Query::Begun;
        let value = utf8_percent_encode(value, ESCAPED);
        write!(self.text, "{mark}{name}={value}").expect("a string takes everything");
        self
    }

    /// As a request has it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use http::Uri;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        let target = Target::new("/v1/agent/check/update").part("service:app-host_1.local~x");
        let target = target.with("note", "ok").with("dc", "dc1");
        let expected = "/v1/agent/check/update/service:app-host_1.local~x?note=ok&dc=dc1";
        assert_eq!(target.as_str(), expected);
    }

    proptest! {
        #[test]
        fn any_name_is_one_part_and_any_value_one_parameter(name in ".*", other in ".*", value in ".*") {
            let target = Target::new("/v1/kv").part(&name).part(&other).with("tag", &value);
            let uri: Uri = target.as_str().parse().unwrap();
            let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
            let parts: Vec<String> = uri.path().split('/').skip(3).map(decode).collect();
            prop_assert_eq!(parts, vec![name, other]);
            let (key, found) = uri.query().unwrap().split_once('=').unwrap();
            prop_assert_eq!(key, "tag");
            prop_assert_eq!(decode(found), value);
        }

        #[test]
        fn a_path_keeps_its_parts(path in "[a-z ä/%?#]{0,20}") {
            let target = Target::new("/v1/kv").parts(&path);
            let uri: Uri = target.as_str().parse().unwrap();
            let decoded = percent_decode_str(uri.path()).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(decoded, format!("/v1/kv/{path}"));
        }
    }
}
