//! TLS for a question to a listener of this machine, asked at loopback: the name in its certificate is the one by which others reach it, and
//! who has signed it is theirs to judge. So neither is looked at, nor its times; only that the listener holds the key of what it shows. It is
//! no way to send anything secret, or to believe an answer that matters elsewhere.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::{TlsError, begin, identified, provider};

/// The asker's part; it shows `identity` (certificate and key, PEM) to a listener that wants one.
///
/// # Errors
/// When a file is missing or wrong.
pub fn client_config(identity: Option<&(PathBuf, PathBuf)>) -> Result<ClientConfig, TlsError> {
    let verifier = Arc::new(AnyName(provider()));
    let builder = begin()?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    identified(builder, identity)
}

/// Takes every certificate whose key the other side holds.
#[derive(Debug)]
struct AnyName(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
