//! Files with a certificate and its key come in, a server's part of TLS goes out: on ring, TLS 1.2 or newer, HTTP/1.1 by ALPN. Where an
//! authority of clients is named, nobody gets in without a certificate of it.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;

use super::{TlsError, authorities, certificates, provider, refuse};

/// How a listener is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls {
    /// The certificate and those between it and the authority (PEM).
    pub cert: PathBuf,
    /// Its key (PEM).
    pub key: PathBuf,
    /// Whose certificates let a client in (PEM); anybody gets in without.
    pub client_ca: Option<PathBuf>,
}

impl ServerTls {
    /// Every file that it is made of.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.cert, &self.key].into_iter().chain(&self.client_ca)
    }
}

/// What a listener says of itself, from what is in the files now.
///
/// # Errors
/// When a file is missing or wrong, or the key is not the certificate's. Times are not looked at: an expired certificate is refused by the
/// client, who may have another clock.
pub fn server_config(tls: &ServerTls) -> Result<ServerConfig, TlsError> {
    for file in tls.files() {
        // They are read again while clients wait, and opening a pipe waits until somebody writes.
        let data = std::fs::metadata(file).map_err(|error| refuse(file, &error))?;
        if !data.is_file() {
            return Err(refuse(file, &"it is not a regular file"));
        }
    }
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(&tls.cert, &error))?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let trusted = Arc::new(authorities([file])?);
            let verifier = WebPkiClientVerifier::builder_with_provider(trusted, provider())
                .build()
                .map_err(|error| refuse(file, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| refuse(&tls.key, &error))?;
    let mut config = builder
        .with_single_cert(certificates(&tls.cert)?, key)
        .map_err(|error| refuse(&tls.cert, &error))?;
    // What the listeners speak; a client that insists on anything else is told so in the handshake.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
