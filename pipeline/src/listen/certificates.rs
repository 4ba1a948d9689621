//! Files with a listener's certificate come in, what it shows to the next client goes out: what is in the files now, or, if that is wrong,
//! what was right last. Connections that are open keep what they began with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flightline_link::tls::TlsError;
use flightline_link::tls::server::{ServerTls, server_config};
use prometheus::IntCounter;
use rustls::ServerConfig;

use crate::listen::print::Print;

/// Between two looks at the files: a look is one `stat` each, and a certificate is renewed weeks before its end.
const LOOK: Duration = Duration::from_secs(1);

/// A listener's certificate.
#[derive(Debug)]
pub(crate) struct Certificates {
    tls: ServerTls,
    refused: IntCounter,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    config: Arc<ServerConfig>,
    looked: Instant,
    rotation: Rotation,
}

impl Certificates {
    /// Reads the files. `refused` counts what was found later and could not be used.
    ///
    /// # Errors
    /// When they cannot be used.
    pub(crate) fn read(
        tls: ServerTls,
        refused: IntCounter,
        now: Instant,
    ) -> Result<Self, TlsError> {
        // Before the files are read: a change in between is seen at the next look.
        let rotation = Rotation::begin(Prints::of(&tls));
        let held = Held {
            config: Arc::new(server_config(&tls)?),
            looked: now,
            rotation,
        };
        Ok(Self {
            tls,
            refused,
            held: Mutex::new(held),
        })
    }

    /// What the next client is shown.
    pub(crate) fn now(&self, now: Instant) -> Arc<ServerConfig> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(held.looked) >= LOOK {
            held.looked = now;
            self.look(&mut held);
        }
        Arc::clone(&held.config)
    }

    fn look(&self, held: &mut Held) {
        let prints = Prints::of(&self.tls);
        if !held.rotation.is_news(&prints) {
            return;
        }
        match server_config(&self.tls) {
            Ok(config) => {
                held.rotation = Rotation::begin(prints);
                held.config = Arc::new(config);
                tracing::info!(cert = %self.tls.cert.display(), "the listener has a new certificate");
            }
            Err(error) if held.rotation.failed(prints) == Worth::Saying => {
                self.refused.inc();
                tracing::error!(%error, "the new certificate of the listener cannot be used; the old one stays");
            }
            Err(_) => {}
        }
    }
}

/// What tells one state of the files from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Prints(Vec<Option<Print>>);

impl Prints {
    fn of(tls: &ServerTls) -> Self {
        Self(tls.files().map(|file| Print::of(file).ok()).collect())
    }
}

/// Where a change of the files stands. Certificate and key are seldom written at once, so a pair that does not fit together is wrong only
/// if it is still there at the next look.
#[derive(Debug)]
struct Rotation {
    used: Prints,
    wrong: Option<(Prints, Said)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    NotYet,
    Once,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    Saying,
    Nothing,
}

impl Rotation {
    fn begin(used: Prints) -> Self {
        Self { used, wrong: None }
    }

    /// Whether the files are worth a try.
    fn is_news(&self, prints: &Prints) -> bool {
        let known_wrong = matches!(&self.wrong, Some((wrong, Said::Once)) if wrong == prints);
        self.used != *prints && !known_wrong
    }

    /// They were tried, and cannot be used.
    fn failed(&mut self, prints: Prints) -> Worth {
        let settled = matches!(&self.wrong, Some((wrong, _)) if *wrong == prints);
        let (said, worth) = if settled {
            (Said::Once, Worth::Saying)
        } else {
            (Said::NotYet, Worth::Nothing)
        };
        self.wrong = Some((prints, said));
        worth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many files, of which nothing is known.
    fn prints(files: usize) -> Prints {
        Prints(vec![None; files])
    }

    #[test]
    fn a_pair_that_stays_wrong_is_said_once() {
        let mut rotation = Rotation::begin(prints(1));
        assert!(!rotation.is_news(&prints(1)));
        assert!(rotation.is_news(&prints(2)));
        assert_eq!(rotation.failed(prints(2)), Worth::Nothing);
        assert!(rotation.is_news(&prints(2)));
        assert_eq!(rotation.failed(prints(2)), Worth::Saying);
        assert!(!rotation.is_news(&prints(2)));
        assert!(rotation.is_news(&prints(3)));
    }

    #[test]
    fn a_pair_that_is_written_one_after_the_other_is_not_told_of() {
        let mut rotation = Rotation::begin(prints(1));
        assert_eq!(rotation.failed(prints(2)), Worth::Nothing);
        assert!(rotation.is_news(&prints(3)));
        rotation = Rotation::begin(prints(3));
        assert!(!rotation.is_news(&prints(3)));
        assert_eq!(rotation.failed(prints(4)), Worth::Nothing);
        assert_eq!(rotation.failed(prints(5)), Worth::Nothing);
    }
}
