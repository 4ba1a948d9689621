//! What a server says beside answers comes in; what it does not let us do, and whether that is worth a line, goes out. A client is told
//! of a refusal in no other way: who asked waits for an answer that never comes. Pure: time is handed in.

use std::time::{Duration, Instant};

use crate::trouble::REMINDER;

/// Subjects told of in one interval. A refused ack or reply has a subject of its own each time.
const LINES: usize = 8;

/// Subjects that are kept as refused: a program that has this many subscriptions is told of the first.
const KEPT: usize = 64;
/// For a refusal to come when a subscription was asked for again: until then the last one stands.
const GRACE: Duration = Duration::from_secs(1);

/// What we may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Publish, which is also how JetStream is asked for something.
    Publish,
    /// Subscribe, which is also how answers are heard.
    Subscribe,
}

impl Act {
    /// Its verb.
    pub fn as_str(self) -> &'static str {
        match self {
            Act::Publish => "publish",
            Act::Subscribe => "subscribe",
        }
    }
}

/// Something we may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied<'w> {
    /// What.
    pub act: Act,
    /// On which subject, as the server quotes it.
    pub subject: &'w str,
}

impl<'w> Denied<'w> {
    /// What the server's `words` refuse, if they do: `Permissions Violation for Publish to "a.b"`.
    pub fn read(words: &'w str) -> Option<Self> {
        let (before, quoted) = words.split_once('"')?;
        let (subject, _) = quoted.split_once('"')?;
        let before = before.to_ascii_lowercase();
        let what = before
            .trim_start_matches('\'')
            .strip_prefix("permissions violation for ")?;
        let act = match what.trim_end() {
            "publish to" => Act::Publish,
            "subscription to" => Act::Subscribe,
            _ => return None,
        };
        Some(Self { act, subject })
    }

    /// What there is to be done, in the words of the server's configuration.
    pub fn cure(self) -> &'static str {
        match self.act {
            Act::Publish => "allow it in the permissions of this user: publish",
            Act::Subscribe => {
                "allow it in the permissions of this user: subscribe; for answers, use the inbox prefix that the user is allowed"
            }
        }
    }
}

/// Which refusals are worth a line: a subject once in an interval, and not too many of them.
#[derive(Debug, Default)]
pub struct Denials {
    since: Option<Instant>,
    told: Vec<String>,
    untold: u64,
}

impl Denials {
    /// It was refused. If that is worth a line, how many others were not since the last.
    pub fn worth(&mut self, denied: Denied<'_>, now: Instant) -> Option<u64> {
        let over = |since| now.duration_since(since) >= REMINDER;
        if self.since.is_none_or(over) {
            self.since = Some(now);
            self.told.clear();
        }
        let known = self.told.iter().any(|told| told == denied.subject);
        if known || self.told.len() == LINES {
            self.untold += 1;
            return None;
        }
        self.told.push(denied.subject.to_owned());
        Some(std::mem::take(&mut self.untold))
    }
}

/// The subscriptions that a server refuses.
#[derive(Debug, Default)]
pub struct Deaf(Vec<Refusal>);

#[derive(Debug)]
struct Refusal {
    subject: String,
    /// When it was asked for again since.
    again: Option<Instant>,
}

impl Deaf {
    /// The subscription was refused.
    pub fn refused(&mut self, subject: &str) {
        if let Some(known) = self.0.iter_mut().find(|known| known.subject == subject) {
            known.again = None;
        } else if self.0.len() < KEPT {
            self.0.push(Refusal {
                subject: subject.to_owned(),
                again: None,
            });
        }
    }

    /// The subscriptions for which `is_meant` holds are asked for again now.
    pub fn asked_again(&mut self, now: Instant, is_meant: impl Fn(&str) -> bool) {
        self.0.retain(|refusal| refusal.stands(now));
        for refusal in self.0.iter_mut().filter(|known| is_meant(&known.subject)) {
            refusal.again = Some(now);
        }
    }

    /// A subscription that hears nothing.
    pub fn first(&self, now: Instant) -> Option<&str> {
        let stands = self.0.iter().find(|refusal| refusal.stands(now));
        stands.map(|refusal| &*refusal.subject)
    }

    /// Whether a subscription to `subject` hears nothing.
    pub fn is_deaf_to(&self, subject: &str, now: Instant) -> bool {
        let mut all = self.0.iter();
        all.any(|refusal| refusal.subject == subject && refusal.stands(now))
    }
}

impl Refusal {
    fn stands(&self, now: Instant) -> bool {
        self.again
            .is_none_or(|again| now.duration_since(again) < GRACE)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_refusal_is_told_from_other_words_of_the_server() {
        let read = |words| Denied::read(words).map(|denied| (denied.act, denied.subject));
        let publish = r#"Permissions Violation for Publish to "telemetry.app.shop.one""#;
        assert_eq!(
            read(publish),
            Some((Act::Publish, "telemetry.app.shop.one"))
        );
        let quoted = r#"'permissions violation for subscription to "_INBOX.x.*" using queue "q"'"#;
        assert_eq!(read(quoted), Some((Act::Subscribe, "_INBOX.x.*")));
        for other in [
            "",
            "stale connection",
            "maximum \"payload\" exceeded",
            "permissions violation for \"a\"",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_refusal_stands_until_nothing_is_said_when_it_is_asked_for_again() {
        let start = Instant::now();
        let mut deaf = Deaf::default();
        assert!(!deaf.is_deaf_to("a", start));
        deaf.refused("a");
        deaf.refused("b");
        assert!(deaf.is_deaf_to("a", start + 10 * GRACE));
        deaf.asked_again(start, |subject| subject == "a");
        assert!(deaf.is_deaf_to("a", start), "the answer is on its way");
        deaf.refused("a");
        assert!(deaf.is_deaf_to("a", start + GRACE), "refused again");
        assert_eq!(deaf.first(start + GRACE), Some("a"));
        deaf.asked_again(start, |_| true);
        assert!(!deaf.is_deaf_to("a", start + GRACE));
        assert!(!deaf.is_deaf_to("b", start + GRACE));
        assert_eq!(deaf.first(start + GRACE), None);
    }

    #[test]
    fn each_subject_is_told_twice_a_minute_and_many_are_not_all_told() {
        let start = Instant::now();
        let mut denials = Denials::default();
        let mut worth = |subject: &str, second| {
            let denied = Denied {
                act: Act::Publish,
                subject,
            };
            denials.worth(denied, start + Duration::from_secs(second))
        };
        assert_eq!(worth("a", 0), Some(0));
        assert_eq!(worth("a", 29), None);
        assert_eq!(worth("b", 29), Some(1));
        assert_eq!(worth("a", 30), Some(0));
        let told = (0..100).filter(|number| worth(&number.to_string(), 31).is_some());
        assert_eq!(told.count(), LINES - 1);
        assert_eq!(worth("a", 61), Some(100 - (LINES as u64 - 1)));
    }
}
