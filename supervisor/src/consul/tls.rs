//! Consul's certificates come in as files and folders, the client's part of TLS goes out: on ring, with the system's authorities
//! unless others are named, and with nobody checked only where the configuration says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::error::OpenError;
use crate::config::{ConsulTls, Verify};

/// Files in a folder of authorities that are looked at; a system's own folder has some hundred.
const CA_FILES: usize = 1000;

/// How connections to the agent are protected.
///
/// # Errors
/// When a file is missing or wrong.
pub fn client_config(tls: &ConsulTls) -> Result<ClientConfig, OpenError> {
    // The provider is named: the process' default may be another one, or none.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(Path::new("protocol versions"), &error))?;
    let builder = match (tls.verify, authorities(tls)?) {
        (Verify::Nobody, _) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider))),
        (Verify::Peer, Some(store)) => builder.with_root_certificates(store),
        (Verify::Peer, None) => builder
            .with_native_roots()
            .map_err(|error| refuse(Path::new("the system's certificate authorities"), &error))?,
    };
    match &tls.identity {
        None => Ok(builder.with_no_client_auth()),
        Some((cert, key)) => {
            let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| refuse(key, &error))?;
            builder
                .with_client_auth_cert(certificates(cert)?, secret)
                .map_err(|error| refuse(cert, &error))
        }
    }
}

/// The name that the agent's certificate must have.
///
/// # Errors
/// When it is no name.
pub fn server_name(name: &str) -> Result<ServerName<'static>, OpenError> {
    ServerName::try_from(name.to_owned()).map_err(|error| OpenError::Tls {
        file: format!("server name {name:?}"),
        reason: error.to_string(),
    })
}

/// The authorities that are named, if any are.
fn authorities(tls: &ConsulTls) -> Result<Option<RootCertStore>, OpenError> {
    let mut files: Vec<PathBuf> = tls.ca_file.iter().cloned().collect();
    if let Some(folder) = &tls.ca_path {
        files.extend(files_in(folder)?);
    }
    if files.is_empty() {
        return Ok(None);
    }
    let mut store = RootCertStore::empty();
    for file in files {
        for certificate in certificates(&file)? {
            store
                .add(certificate)
                .map_err(|error| refuse(&file, &error))?;
        }
    }
    Ok(Some(store))
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let entries = fs::read_dir(folder).map_err(|error| refuse(folder, &error))?;
    let mut files = Vec::new();
    for entry in entries.take(CA_FILES) {
        let path = entry.map_err(|error| refuse(folder, &error))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(refuse(folder, &"there is no file in it"));
    }
    files.sort();
    Ok(files)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, OpenError> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| refuse(file, &error))?;
    let certificates = read
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| refuse(file, &error))?;
    if certificates.is_empty() {
        return Err(refuse(file, &"there is no certificate in it"));
    }
    Ok(certificates)
}

fn refuse(file: &Path, reason: &dyn std::fmt::Display) -> OpenError {
    OpenError::Tls {
        file: file.display().to_string(),
        reason: reason.to_string(),
    }
}

/// Takes any certificate for the agent's: `verify: false`. That the peer has the certificate's key is still checked.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_or_folder_without_a_certificate_is_named() {
        let empty = tempfile::tempdir().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let missing = PathBuf::from("/nowhere/ca.pem");
        let cases = [
            (Some(missing.clone()), None, &*missing),
            (Some(file.path().to_owned()), None, file.path()),
            (None, Some(empty.path().to_owned()), empty.path()),
        ];
        for (ca_file, ca_path, named) in cases {
            let tls = ConsulTls {
                ca_file,
                ca_path,
                ..ConsulTls::default()
            };
            let said = client_config(&tls).unwrap_err().to_string();
            assert!(said.contains(&named.display().to_string()), "{said}");
        }
    }
}
