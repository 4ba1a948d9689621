//! An error comes in, its words and those of all that caused it go out, with the cure where it is one of TLS.

use std::error::Error;

use crate::tls::cure::advised;

/// The whole chain of causes, the outermost first: it alone often says only that it did not work. Words that stand already are not repeated.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    advised(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Link {
        words: &'static str,
        source: Option<Box<Link>>,
    }

    #[test]
    fn causes_follow_each_other_and_none_stands_twice() {
        let link = |words, source: Option<Link>| Link {
            words,
            source: source.map(Box::new),
        };
        let error = link("send", Some(link("send", Some(link("refused", None)))));
        assert_eq!(chain(&error), "send: refused");
    }
}
