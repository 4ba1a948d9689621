//! What happens to a connection comes in, the lines of the log about it go out: a server that stays away is told of once and then now and
//! then, however often it is tried. Every failed try alone is at debug. What we may not do is said with its subject and its cure.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_nats::{ClientError, Event, ServerError};
use tracing::{debug, error, info, warn};

use super::Hear;
use super::denied::{Act, Deaf, Denials, Denied};
use crate::tls::cure::advised;
use crate::trouble::{Over, Trouble, Worth};

/// Speaks of one connection, before it is made and while it lasts.
#[derive(Debug, Default)]
pub struct Voice {
    trouble: Mutex<Trouble>,
    denials: Mutex<Denials>,
    deaf: Mutex<Deaf>,
    /// The subject on which a publish was refused last.
    mute: Mutex<Option<String>>,
}

impl Voice {
    /// A try to connect failed.
    pub fn failed(&self, error: &dyn Display) {
        self.failed_at(error, Instant::now());
    }

    fn failed_at(&self, error: &dyn Display, now: Instant) {
        let worth = locked(&self.trouble).failed(now);
        match worth {
            Worth::First => warn!(%error, "no connection to nats yet; it is tried again"),
            Worth::Reminder(tries) => warn!(%error, tries, "still no connection to nats"),
            Worth::Nothing => debug!(%error, "no connection to nats"),
        }
    }

    /// Whether the server refuses a subscription to `subject`.
    pub fn is_deaf_to(&self, subject: &str) -> bool {
        locked(&self.deaf).is_deaf_to(subject, Instant::now())
    }

    /// A subscription that the server refuses. For who has one only, of answers: its subject is the client's own.
    pub fn deaf_to(&self) -> Option<String> {
        let deaf = locked(&self.deaf);
        deaf.first(Instant::now()).map(str::to_owned)
    }

    /// Whether what the server refused last to take was published on `subject`. For who publishes on one subject.
    pub fn is_mute_on(&self, subject: &str) -> bool {
        locked(&self.mute).as_deref() == Some(subject)
    }

    /// A subscription to `subject` is asked for again now.
    pub fn asked_again(&self, subject: &str) {
        locked(&self.deaf).asked_again(Instant::now(), |known| known == subject);
    }

    fn hear_at(&self, event: &Event, now: Instant) {
        match event {
            Event::Connected => {
                // The client subscribes again by itself.
                locked(&self.deaf).asked_again(now, |_| true);
                let over = locked(&self.trouble).ended(now);
                match over {
                    None => info!("connected to nats"),
                    Some(Over { failures, lasted }) => {
                        let lasted = lasted.as_secs_f64();
                        info!("connected to nats after {failures} failed tries in {lasted:.1} s");
                    }
                }
            }
            Event::Disconnected => warn!("disconnected from nats; reconnecting"),
            Event::LameDuckMode => warn!("the nats server is going down soon"),
            Event::Draining | Event::Closed => debug!(%event, "nats connection"),
            // Who subscribes counts what it loses and says so once per interval; one event per message would flood the log.
            Event::SlowConsumer(_) => {}
            // A try to reconnect.
            Event::ClientError(ClientError::Other(words)) => {
                self.failed_at(&advised(words.clone()), now);
            }
            Event::ServerError(ServerError::Other(words)) => match Denied::read(words) {
                Some(denied) => self.denied_at(denied, now),
                None => warn!(%event, "nats connection"),
            },
            Event::ServerError(_) | Event::ClientError(_) => warn!(%event, "nats connection"),
        }
    }

    fn denied_at(&self, denied: Denied<'_>, now: Instant) {
        match denied.act {
            Act::Subscribe => locked(&self.deaf).refused(denied.subject),
            Act::Publish => *locked(&self.mute) = Some(denied.subject.to_owned()),
        }
        let Some(others) = locked(&self.denials).worth(denied, now) else {
            debug!(subject = denied.subject, "nats refuses");
            return;
        };
        let (subject, cure) = (denied.subject, denied.cure());
        let what = denied.act.as_str();
        error!(subject, cure, others, "nats does not let us {what}");
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hear for Voice {
    fn hear(&self, event: &Event) {
        self.hear_at(event, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged at info and above, line by line.
    fn lines(act: impl FnOnce()) -> Vec<String> {
        let page = Page::default();
        let written = page.clone();
        let log = tracing_subscriber::fmt()
            .without_time()
            .with_target(false)
            .with_ansi(false)
            .with_writer(move || page.clone())
            .finish();
        tracing::subscriber::with_default(log, act);
        let bytes = written.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn a_server_that_stays_away_is_told_of_twice_a_minute_and_when_it_is_back() {
        let start = Instant::now();
        let voice = Voice::default();
        let refused = Event::ClientError(ClientError::Other("refused".to_owned()));
        let said = lines(|| {
            voice.hear_at(&Event::Disconnected, start);
            for second in 1..=70 {
                voice.hear_at(&refused, start + Duration::from_secs(second));
            }
            voice.hear_at(&Event::Connected, start + Duration::from_secs(71));
            voice.hear_at(&Event::Disconnected, start + Duration::from_secs(72));
            voice.hear_at(&Event::Connected, start + Duration::from_secs(72));
        });
        let expected = [
            "WARN disconnected from nats; reconnecting",
            "WARN no connection to nats yet; it is tried again error=refused",
            "WARN still no connection to nats error=refused tries=31",
            "WARN still no connection to nats error=refused tries=61",
            "INFO connected to nats after 70 failed tries in 70.0 s",
            "WARN disconnected from nats; reconnecting",
            "INFO connected to nats",
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn what_we_may_not_do_is_said_with_its_subject_and_its_cure() {
        let start = Instant::now();
        let voice = Voice::default();
        let words = "Permissions Violation for Publish to \"telemetry.app.shop.one\"";
        let refused = Event::ServerError(ServerError::Other(words.to_owned()));
        let said = lines(|| {
            for _ in 0..3 {
                voice.hear_at(&refused, start);
            }
        });
        assert!(voice.is_mute_on("telemetry.app.shop.one"));
        assert!(!voice.is_mute_on("telemetry.app.shop.two"));
        let [line] = said.as_slice() else {
            panic!("{said:?}");
        };
        assert!(
            line.starts_with(
                "ERROR nats does not let us publish subject=\"telemetry.app.shop.one\""
            ),
            "{line}"
        );
        assert!(line.contains("permissions of this user"), "{line}");
    }

    #[test]
    fn a_server_that_is_away_at_the_start_is_told_of_alike() {
        let start = Instant::now();
        let voice = Voice::default();
        let said = lines(|| {
            for second in 0..=31 {
                voice.failed_at(&"refused", start + Duration::from_secs(second));
            }
            voice.hear_at(&Event::Connected, start + Duration::from_secs(32));
        });
        assert_eq!(said.len(), 3, "{said:?}");
    }
}
