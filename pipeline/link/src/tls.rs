//! Files with certificates come in, the client's part of TLS goes out: on ring, with the system's authorities unless others are named.

/// The other side: a listener's part.
pub mod server;
/// With nobody's authorities.
pub mod anybody;
/// To a listener of this machine.
pub mod local;
/// What to do when it fails.
pub mod cure;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use url::Url;

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

/// TLS is not possible as configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It is asked for by the configuration and not by the URL.
    #[error("TLS is required, but the URL does not begin with https://")]
    Plain,
    /// A file or the certificates in it.
    #[error("{file}: {reason}")]
    File {
        /// Which file.
        file: String,
        /// Why.
        reason: String,
    },
}

/// How connections to `url` are protected.
///
/// # Errors
/// When TLS is required and the URL does not ask for it, or a file is missing or wrong.
pub fn client_config(url: &Url, tls: &Tls) -> Result<ClientConfig, TlsError> {
    let plain = url.scheme() != "https";
    if plain && tls.require == TlsRequire::Always {
        return Err(TlsError::Plain);
    }
    let trusting = match &tls.ca {
        Some(ca) => begin()?.with_root_certificates(authorities([ca])?),
        // Reading the system's takes a while, and some systems have none.
        None if plain => begin()?.with_root_certificates(RootCertStore::empty()),
        None => trusting_system(begin()?)?,
    };
    identified(trusting, tls.identity.as_ref())
}

/// A configuration to be filled, on ring: the process' default may be another provider, or none.
///
/// # Errors
/// When the provider has no usable version of the protocol.
pub fn begin() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, TlsError> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(Path::new("TLS"), &error))
}

/// Who does the cryptography.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Trusts the system's authorities.
///
/// # Errors
/// When there are none.
pub fn trusting_system(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    builder
        .with_native_roots()
        .map_err(|error| refuse(Path::new("the system's certificate authorities"), &error))
}

/// Shows a certificate (PEM, with its key in a second file), if there is one to show.
///
/// # Errors
/// When a file is missing or wrong.
pub fn identified(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<&(PathBuf, PathBuf)>,
) -> Result<ClientConfig, TlsError> {
    let Some((cert, key)) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| refuse(key, &error))?;
    builder
        .with_client_auth_cert(certificates(cert)?, secret)
        .map_err(|error| refuse(cert, &error))
}

/// The authorities in `files` (PEM), at least one in each.
///
/// # Errors
/// When a file is missing or wrong.
pub fn authorities<P: AsRef<Path>>(
    files: impl IntoIterator<Item = P>,
) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for file in files {
        let file = file.as_ref();
        for certificate in certificates(file)? {
            store
                .add(certificate)
                .map_err(|error| refuse(file, &error))?;
        }
    }
    Ok(store)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| refuse(file, &error))?;
    let certificates = read
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refuse(file, &error))?;
    if certificates.is_empty() {
        return Err(refuse(file, &"there is no certificate in it"));
    }
    Ok(certificates)
}

/// A file cannot be used.
pub fn refuse(file: &Path, reason: &dyn std::fmt::Display) -> TlsError {
    TlsError::File {
        file: file.display().to_string(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(url: &str, tls: &Tls) -> String {
        let url = url.parse().unwrap();
        client_config(&url, tls).unwrap_err().to_string()
    }

    #[test]
    fn required_tls_needs_an_https_url() {
        let tls = Tls {
            require: TlsRequire::Always,
            ..Tls::default()
        };
        assert!(error("http://h", &tls).contains("https://"));
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let tls = Tls {
            ca: Some(file.path().to_owned()),
            ..Tls::default()
        };
        assert!(error("https://h", &tls).contains(&file.path().display().to_string()));
        let tls = Tls {
            ca: Some("/nowhere/ca.pem".into()),
            ..Tls::default()
        };
        assert!(error("https://h", &tls).contains("/nowhere/ca.pem"));
    }

    #[test]
    fn a_plain_url_needs_no_certificates() {
        client_config(&"http://h".parse().unwrap(), &Tls::default()).unwrap();
    }
}
