//! How a connection is protected.

use std::path::PathBuf;

/// How a connection is protected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// Whether a server without TLS is refused.
    pub require: TlsRequire,
    /// Own certificate authorities (PEM) instead of the system's.
    pub ca: Option<PathBuf>,
    /// Client certificate and key (PEM).
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Whether a server without TLS is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsRequire {
    /// TLS where the URL or the server asks for it.
    #[default]
    WhenOffered,
    /// Always.
    Always,
}
