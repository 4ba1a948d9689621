//! TLS for a question to a listener of this machine, asked at loopback: the name in its certificate is the one by which others reach it, and
//! who has signed it is theirs to judge. So neither is looked at, nor its times; only that the listener holds the key of what it shows. It is
//! no way to send anything secret, or to believe an answer that matters elsewhere.

use std::path::PathBuf;

use rustls::ClientConfig;

use super::{TlsError, anybody, begin, identified};

/// The asker's part; it shows `identity` (certificate and key, PEM) to a listener that wants one.
///
/// # Errors
/// When a file is missing or wrong.
pub fn client_config(identity: Option<&(PathBuf, PathBuf)>) -> Result<ClientConfig, TlsError> {
    identified(anybody::trusting(begin()?), identity)
}
