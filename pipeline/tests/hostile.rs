//! Promise: no text becomes a part of a subject that it was not asked for: what is published has exactly the tokens of its kind.

use flightline_contract::class::Class;
use flightline_contract::token::{Prefix, Token};
use flightline_contract::topic::Topic;
use flightline_fixtures::hostile::texts;
use proptest::prelude::*;

/// The tokens of `topic`, each of them one.
fn tokens(topic: &Topic) -> usize {
    let subject = topic.as_str();
    assert!(!subject.contains(char::is_whitespace), "{subject:?}");
    assert!(!subject.contains(char::is_control), "{subject:?}");
    for token in subject.split('.') {
        assert!(
            !token.is_empty() && !token.contains(['*', '>']),
            "{subject:?}"
        );
    }
    subject.split('.').count()
}

fn assert_safe(text: &str) {
    let shop = "shop".parse::<Token>().expect("a token");
    if let Ok(token) = Token::new(text) {
        let prefix = Prefix::default();
        for topic in [
            Topic::new(&prefix, Class::App, &token, &shop),
            Topic::new(&prefix, Class::App, &shop, &token),
        ] {
            assert_eq!(tokens(&topic), 4);
            assert_eq!(
                topic
                    .as_str()
                    .split('.')
                    .filter(|part| *part == text)
                    .count(),
                1,
                "{text:?}"
            );
        }
    }
    if let Ok(prefix) = Prefix::new(text) {
        assert_eq!(tokens(&Topic::new(&prefix, Class::App, &shop, &shop)), 4);
        assert!(!text.starts_with(['$', '_']), "{text:?} is the server's");
    }
    for topic in [
        Topic::dead_letter(Some(Class::App), text, text),
        Topic::dead_letter(None, text, "x"),
        Topic::stray(text),
    ] {
        assert_eq!(tokens(&topic), 4);
        assert!(topic.as_str().starts_with("deadletter."), "{topic}");
    }
}

#[test]
fn a_hostile_text_is_one_token_or_none() {
    for text in texts() {
        assert_safe(&text);
    }
}

proptest! {
    #[test]
    fn any_text_is_one_token_or_none(text in any::<String>(), near in "[a.*>$_ \r\n\u{0}\u{2028}]{0,8}") {
        assert_safe(&text);
        assert_safe(&near);
    }
}
