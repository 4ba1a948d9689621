//! The words of a failure come in, what to do about it goes out, where it is one of TLS. By words, because that is all that the NATS client
//! gives of a try to reconnect; a test holds them equal to those of the TLS library.

/// What stands in a failure, and what to do about it.
const CURES: [(&[&str], &str); 6] = [
    (
        &["invalid peer certificate: UnknownIssuer"],
        "name the authority that signed the server's certificate in the CA file of this connection",
    ),
    (
        &["certificate expired", "invalid peer certificate: Expired"],
        "renew the server's certificate, or correct this machine's clock",
    ),
    (
        &["certificate not valid yet"],
        "correct this machine's clock, or wait for the certificate's first day",
    ),
    (
        &["certificate not valid for name"],
        "use a host name that the server's certificate has, or have it issued for this one",
    ),
    (
        &[
            "fatal alert: CertificateRequired",
            "fatal alert: BadCertificate",
            "fatal alert: UnknownCA",
            "fatal alert: CertificateUnknown",
            "fatal alert: CertificateExpired",
        ],
        "the server wants a valid client certificate of an authority that it trusts: set certificate and key of this connection",
    ),
    (
        &["InvalidContentType", "corrupt message"],
        "the server does not speak TLS here: correct the port or the scheme",
    ),
];

/// `words`, and what to do about them, if it is known and not said already.
pub fn advised(mut words: String) -> String {
    let found = CURES
        .iter()
        .find(|(marks, _)| marks.iter().any(|mark| words.contains(mark)));
    if let Some((_, cure)) = found
        && !words.contains(cure)
    {
        words.push_str(" (");
        words.push_str(cure);
        words.push(')');
    }
    words
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

    use super::*;

    #[test]
    fn every_failure_of_a_certificate_has_a_cure() {
        let time = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let name = ServerName::try_from("example.org").unwrap();
        for (error, cure) in [
            (
                Error::InvalidCertificate(CertificateError::UnknownIssuer),
                "authority that signed",
            ),
            (
                Error::InvalidCertificate(CertificateError::ExpiredContext {
                    time: time(2),
                    not_after: time(1),
                }),
                "renew",
            ),
            (
                Error::InvalidCertificate(CertificateError::NotValidYetContext {
                    time: time(1),
                    not_before: time(2),
                }),
                "first day",
            ),
            (
                Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                    expected: name.to_owned(),
                    presented: Vec::new(),
                }),
                "host name",
            ),
            (
                Error::AlertReceived(AlertDescription::CertificateRequired),
                "client certificate",
            ),
            (
                Error::AlertReceived(AlertDescription::UnknownCA),
                "client certificate",
            ),
            (
                Error::InvalidMessage(InvalidMessage::InvalidContentType),
                "does not speak TLS",
            ),
        ] {
            let words = advised(error.to_string());
            assert!(words.contains(cure), "{words}");
            assert_eq!(advised(words.clone()), words, "said twice");
        }
        assert_eq!(advised("refused".to_owned()), "refused");
    }
}
