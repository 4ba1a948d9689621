//! Subjects that can be published to. What can be subscribed to is another type: [`crate::filter::Filter`].

use std::fmt;

use crate::class::Class;
use crate::token::{Prefix, Token};

/// The first token of dead letters, whatever the prefix is.
pub const DEAD_LETTER: &str = "deadletter";

/// The class token of dead letters whose subject belongs to no class.
pub const NO_CLASS: &str = "unknown";

/// A subject to publish to. It is built from checked tokens only, so it holds no wildcard.
///
/// A filter cannot be published to:
///
/// ```compile_fail,E0308
/// use flightline_contract::{filter::Filter, token::Prefix, topic::Topic};
/// fn publish(_: &Topic) {}
/// publish(&Filter::all(&Prefix::default()));
/// ```
///
/// and a topic can:
///
/// ```
/// use flightline_contract::{class::Class, token::{Prefix, Token}, topic::Topic};
/// fn publish(_: &Topic) {}
/// let topic = Topic::new(&Prefix::default(), Class::Metric, &Token::new("shop")?, &Token::new("shop-1")?);
/// assert_eq!(topic.as_str(), "telemetry.metric.shop.shop-1");
/// publish(&topic);
/// # Ok::<(), flightline_contract::token::TokenError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic(String);

impl Topic {
    /// Where data of `class` about `service` is published; `token` is the instance, or the stream of application data.
    pub fn new(prefix: &Prefix, class: Class, service: &Token, token: &Token) -> Self {
        Self(format!("{prefix}.{class}.{service}.{token}"))
    }

    /// Where a dead letter goes. Service and token come from a subject that nobody has checked: see [`Token::lossy`].
    pub fn dead_letter(class: Option<Class>, service: &str, token: &str) -> Self {
        let class = class.map_or(NO_CLASS, Class::as_str);
        let (service, token) = (Token::lossy(service), Token::lossy(token));
        Self(format!("{DEAD_LETTER}.{class}.{service}.{token}"))
    }

    /// Where the dead letter of a message goes whose `subject` belongs to no class: its first and its last token stand
    /// for service and token.
    pub fn stray(subject: &str) -> Self {
        let first = subject.split('.').next().unwrap_or_default();
        let last = subject.rsplit('.').next().unwrap_or_default();
        Self::dead_letter(None, first, last)
    }

    /// The subject.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The subject, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A subject of the contract, taken apart without an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'s> {
    /// The class of its data.
    pub class: Class,
    /// The service that published it.
    pub service: &'s str,
    /// The instance, or the stream of application data.
    pub token: &'s str,
}

impl<'s> Address<'s> {
    /// The parts of `subject` if it is `<prefix>.<class>.<service>.<token>`, each a valid token.
    pub fn parse(prefix: &Prefix, subject: &'s str) -> Option<Self> {
        let rest = subject.strip_prefix(prefix.as_str())?.strip_prefix('.')?;
        let (class, rest) = rest.split_once('.')?;
        let (service, token) = rest.split_once('.')?;
        let class = class.parse().ok()?;
        Token::check(service).ok()?;
        Token::check(token).ok()?;
        Some(Self {
            class,
            service,
            token,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;
    use proptest::prelude::*;

    #[test]
    fn only_whole_subjects_of_the_contract_have_an_address() {
        let prefix = Prefix::default();
        for subject in [
            "",
            "telemetry",
            "telemetry.metric",
            "telemetry.metric.shop",
            "telemetry.metric.shop.",
            "telemetry.metric..shop-1",
            "telemetry.metric.shop.shop-1.x",
            "telemetry.metric.shop.*",
            "telemetry.metric.shop.>",
            "telemetry.metrics.shop.shop-1",
            "telemetry2.metric.shop.shop-1",
            "deadletter.metric.shop.shop-1",
            "humidity",
        ] {
            assert_eq!(Address::parse(&prefix, subject), None, "{subject}");
        }
    }

    #[test]
    fn a_dead_letter_topic_holds_no_syntax_of_the_subject_it_came_from() {
        assert_eq!(
            Topic::dead_letter(Some(Class::App), "shop", "a*b >").as_str(),
            "deadletter.app.shop.a_b__"
        );
        assert_eq!(
            Topic::stray("humidity").as_str(),
            "deadletter.unknown.humidity.humidity"
        );
        assert_eq!(Topic::stray("a.b.>").as_str(), "deadletter.unknown.a._");
        assert_eq!(Topic::stray("").as_str(), "deadletter.unknown._._");
    }

    proptest! {
        #[test]
        fn a_topic_parses_back_to_its_parts(
            class in prop::sample::select(&Class::ALL[..]),
            service in any::<String>().prop_map(|text| Token::lossy(&text)),
            token in any::<String>().prop_map(|text| Token::lossy(&text)),
        ) {
            let prefix = Prefix::default();
            let topic = Topic::new(&prefix, class, &service, &token);
            prop_assert_eq!(
                Address::parse(&prefix, topic.as_str()),
                Some(Address { class, service: service.as_str(), token: token.as_str() })
            );
            prop_assert!(Filter::all(&prefix).matches(topic.as_str()));
            prop_assert!(Filter::class(&prefix, class).matches(topic.as_str()));
        }

        #[test]
        fn every_dead_letter_goes_to_the_dead_letters(subject in any::<String>()) {
            let topic = Topic::stray(&subject);
            prop_assert!(Filter::dead_letters().matches(topic.as_str()));
            prop_assert_eq!(topic.as_str().split('.').count(), 4);
        }
    }
}
