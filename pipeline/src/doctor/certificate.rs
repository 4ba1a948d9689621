//! A certificate in a PEM file comes in, the moment until which it holds goes out. Only the way to that moment is read; nothing is
//! verified, which is for whoever uses the certificate.

use std::path::Path;
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which may be left out.
const VERSION: u8 = 0xa0;

/// The end of the certificates of `file` that ends first.
///
/// # Errors
/// In words, when the file cannot be read, or is none.
pub(super) fn ends(file: &Path) -> Result<SystemTime, String> {
    let all = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    let mut first = None;
    for certificate in all {
        let certificate = certificate.map_err(|error| error.to_string())?;
        let end = end(&certificate).ok_or("a certificate whose end cannot be read")?;
        first = first.into_iter().chain([end]).min();
    }
    first.ok_or_else(|| "no certificate is in it".to_owned())
}

/// Certificate → what is signed → [version], serial, algorithm, issuer, validity → the later one of its two times.
fn end(der: &[u8]) -> Option<SystemTime> {
    let (_, certificate, _) = piece(der)?;
    let (_, signed, _) = piece(certificate)?;
    let (tag, _, after) = piece(signed)?;
    let mut rest = if tag == VERSION { after } else { signed };
    for _ in 0..3 {
        (_, _, rest) = piece(rest)?;
    }
    let (SEQUENCE, validity, _) = piece(rest)? else {
        return None;
    };
    let (_, _, after) = piece(validity)?;
    let (tag, text, _) = piece(after)?;
    let text = std::str::from_utf8(text).ok()?;
    let text = match tag {
        GENERALIZED_TIME => text.to_owned(),
        // Two digits of a year: RFC 5280, 4.1.2.5.1.
        UTC_TIME if text.get(..2)?.parse::<u32>().ok()? < 50 => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        _ => return None,
    };
    // 20260102030405Z
    let part = |range| text.get(range);
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let (hour, minute, second) = (part(8..10)?, part(10..12)?, text.get(12..)?);
    let time = format!("{year}-{month}-{day}T{hour}:{minute}:{second}");
    Some(OffsetDateTime::parse(&time, &Rfc3339).ok()?.into())
}

/// The first piece of DER: its tag, what is in it, and what comes after.
fn piece(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        // More than four bytes of length is no certificate.
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(short - 0x80))?;
            let length = bytes
                .iter()
                .fold(0, |all, byte| all << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (inside, rest) = rest.split_at_checked(length)?;
    Some((tag, inside, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_stop_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            end(&bytes);
        }
    }
}
