//! What happens to a connection comes in, the lines of the log about it go out: a server that stays away is told of once and then now and
//! then, however often it is tried. Every failed try alone is at debug.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_nats::{ClientError, Event};
use tracing::{debug, info, warn};

use super::Hear;
use crate::tls::cure::advised;
use crate::trouble::{Over, Trouble, Worth};

/// Speaks of one connection, before it is made and while it lasts.
#[derive(Debug, Default)]
pub struct Voice(Mutex<Trouble>);

impl Voice {
    /// A try to connect failed.
    pub fn failed(&self, error: &dyn Display) {
        self.failed_at(error, Instant::now());
    }

    fn failed_at(&self, error: &dyn Display, now: Instant) {
        let worth = self.trouble().failed(now);
        match worth {
            Worth::First => warn!(%error, "no connection to nats yet; it is tried again"),
            Worth::Reminder(tries) => warn!(%error, tries, "still no connection to nats"),
            Worth::Nothing => debug!(%error, "no connection to nats"),
        }
    }

    fn hear_at(&self, event: &Event, now: Instant) {
        match event {
            Event::Connected => {
                let over = self.trouble().ended(now);
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
            Event::ServerError(_) | Event::ClientError(_) => warn!(%event, "nats connection"),
        }
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
