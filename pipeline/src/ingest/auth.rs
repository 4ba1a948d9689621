//! What a client says of itself comes in, whether it may write goes out. Tokens stand in a file, one a line, so that an old and a new one
//! hold together while clients change over; the file is read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConstantTimeEq};
use tracing::{info, warn};

use crate::config::environment::read_limited;
use crate::listen::print::Print;

/// How old what is known of the file may be: one look at it a second costs nothing.
const FRESH: Duration = Duration::from_secs(1);
/// The largest file: some hundreds of tokens.
const FILE_LIMIT: u64 = 64 * 1024;

/// Who may write.
#[derive(Debug)]
pub(super) enum Guard {
    /// Everybody who reaches the listener.
    Open,
    /// Whoever has a token of this file.
    Tokens(TokenFile),
}

/// Whether a client may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// It may.
    Granted,
    /// It may not.
    Denied,
    /// The tokens are not known now: nobody may, and nobody is told that its token is wrong.
    Unknown,
}

/// A file of tokens.
pub(super) struct TokenFile {
    path: PathBuf,
    known: Mutex<Known>,
}

/// What is known of the file.
struct Known {
    looked: Option<Instant>,
    /// By which a change shows.
    print: Option<Print>,
    tokens: Vec<String>,
}

impl std::fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenFile({})", self.path.display())
    }
}

impl Guard {
    /// The tokens of `file`, or none asked for.
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        file.map_or(Self::Open, |path| {
            Self::Tokens(TokenFile {
                path,
                known: Mutex::new(Known {
                    looked: None,
                    print: None,
                    tokens: Vec::new(),
                }),
            })
        })
    }

    /// Whether a request with this `Authorization` header, and this query of InfluxDB 1, may write.
    pub(super) fn admits(
        &self,
        header: Option<&str>,
        password: Option<&str>,
        now: Instant,
    ) -> Access {
        let Self::Tokens(file) = self else {
            return Access::Granted;
        };
        let mut known = file.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.look(&file.path, now);
        if known.tokens.is_empty() {
            return Access::Unknown;
        }
        let shown = [header.and_then(shown), password.map(str::to_owned)];
        let mut granted = Choice::from(0);
        for shown in shown.iter().flatten() {
            // All are compared, so that the time tells nothing.
            for token in &known.tokens {
                granted |= shown.as_bytes().ct_eq(token.as_bytes());
            }
        }
        if bool::from(granted) {
            Access::Granted
        } else {
            Access::Denied
        }
    }
}

/// The token in a header: `Token …` (InfluxDB 2), `Bearer …` (3), or the password of `Basic …`; users are not told apart.
fn shown(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let login = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    login
        .split_once(':')
        .map(|(_, password)| password.to_owned())
}

impl Known {
    /// Brings the tokens up to date, at most once in [`FRESH`]. A file that cannot be read has none.
    fn look(&mut self, path: &Path, now: Instant) {
        if self
            .looked
            .is_some_and(|looked| now.duration_since(looked) < FRESH)
        {
            return;
        }
        self.looked = Some(now);
        let print = match Print::of(path) {
            Ok(print) => print,
            Err(error) => return self.lost(path, &error),
        };
        if self.print == Some(print) {
            return;
        }
        match read_limited(path, FILE_LIMIT) {
            Ok(text) => self.found(path, print, &text),
            Err(error) => self.lost(path, &error),
        }
    }

    fn found(&mut self, path: &Path, print: Print, text: &str) {
        self.print = Some(print);
        let tokens = text.lines().map(str::trim).filter(|line| !line.is_empty());
        self.tokens = tokens.map(str::to_owned).collect();
        let file = path.display();
        match self.tokens.len() {
            0 => warn!(%file, "there is no token in ingest.token_file: nobody may write"),
            tokens => info!(%file, tokens, "read the tokens of ingest"),
        }
    }

    fn lost(&mut self, path: &Path, error: &std::io::Error) {
        self.print = None;
        self.tokens.clear();
        warn!(file = %path.display(), %error, "cannot read the tokens of ingest: nobody may write");
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use flightline_fixtures::wait;

    use super::*;

    fn file(text: &str) -> (tempfile::NamedTempFile, Guard) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let guard = Guard::new(Some(file.path().to_owned()));
        (file, guard)
    }

    #[test]
    fn every_api_has_its_way_to_show_a_token() {
        let (_file, guard) = file("one\n\n two \n");
        let now = Instant::now();
        let basic = |login: &str| format!("Basic {}", STANDARD.encode(login));
        for (header, password, access) in [
            (Some("Token one".to_owned()), None, Access::Granted),
            (Some("token  two".to_owned()), None, Access::Granted),
            (Some("Bearer one".to_owned()), None, Access::Granted),
            (Some(basic("anybody:one")), None, Access::Granted),
            (None, Some("two"), Access::Granted),
            (Some(basic("one:")), None, Access::Denied),
            (Some(basic("one")), None, Access::Denied),
            (Some("Basic !".to_owned()), None, Access::Denied),
            (Some("Token".to_owned()), None, Access::Denied),
            (Some("Digest one".to_owned()), None, Access::Denied),
            (Some("Token on".to_owned()), None, Access::Denied),
            (Some("Token onee".to_owned()), None, Access::Denied),
            (Some("Token one\ntwo".to_owned()), None, Access::Denied),
            (None, Some(""), Access::Denied),
            (None, None, Access::Denied),
        ] {
            assert_eq!(
                guard.admits(header.as_deref(), password, now),
                access,
                "{header:?} {password:?}"
            );
        }
        assert_eq!(Guard::new(None).admits(None, None, now), Access::Granted);
        assert!(!format!("{guard:?}").contains("one"));
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_lost_one_lets_nobody_in() {
        let (file, guard) = file("one");
        let now = Instant::now();
        let with =
            |token: &str, after| guard.admits(Some(&format!("Token {token}")), None, now + after);
        assert_eq!(with("one", Duration::ZERO), Access::Granted);
        std::fs::write(file.path(), "second\none").unwrap();
        assert_eq!(with("second", FRESH / 2), Access::Denied);
        assert_eq!(with("second", FRESH), Access::Granted);
        // Of the same length, with the time of the one before; the clock of a file system has steps of some milliseconds.
        let written = std::fs::metadata(file.path()).unwrap().modified().unwrap();
        let mut later = FRESH;
        let seen = wait::until(Duration::from_secs(5), || {
            later += FRESH;
            std::fs::write(file.path(), "newest\ntwo").unwrap();
            file.as_file().set_modified(written).unwrap();
            with("newest", later) == Access::Granted
        });
        assert!(seen.is_ok());
        std::fs::remove_file(file.path()).unwrap();
        assert_eq!(with("newest", later + FRESH), Access::Unknown);
        std::fs::write(file.path(), "third").unwrap();
        assert_eq!(with("third", later + FRESH * 2), Access::Granted);
        assert_eq!(with("newest", later + FRESH * 2), Access::Denied);
    }

    #[test]
    fn a_pipe_in_place_of_the_file_lets_nobody_in_and_nobody_wait() {
        let (file, guard) = file("one");
        let now = Instant::now();
        assert_eq!(guard.admits(Some("Token one"), None, now), Access::Granted);
        std::fs::remove_file(file.path()).unwrap();
        let made = Command::new("mkfifo").arg(file.path()).status().unwrap();
        assert!(made.success());
        let after = guard.admits(Some("Token one"), None, now + FRESH);
        assert_eq!(after, Access::Unknown);
    }

    #[test]
    fn an_empty_file_lets_nobody_in() {
        let (_file, guard) = file(" \n");
        assert_eq!(
            guard.admits(Some("Token "), Some(""), Instant::now()),
            Access::Unknown
        );
    }
}
