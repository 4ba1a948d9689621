//! A subject comes in, its parts come out, as [`Address::parse`] finds them: quicker for subjects of ASCII, which nearly all are.

use flightline_contract::token::{Prefix, TOKEN_LIMIT};
use flightline_contract::topic::Address;

/// Bytes that are a character of a token each: ASCII that can be seen, without what means something to NATS.
const IN_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        table[byte as usize] = !matches!(byte, b'.' | b'*' | b'>');
        byte += 1;
    }
    table
};

/// The parts of `subject` if it is `<prefix>.<class>.<service>.<token>`, each a valid token.
pub(super) fn parse<'s>(prefix: &Prefix, subject: &'s str) -> Option<Address<'s>> {
    let rest = subject.strip_prefix(prefix.as_str())?.strip_prefix('.')?;
    match parts(rest) {
        Some(address) => Some(address),
        None => Address::parse(prefix, subject),
    }
}

fn parts(rest: &str) -> Option<Address<'_>> {
    let (class, rest) = token(rest)?;
    let (service, rest) = token(rest.strip_prefix('.')?)?;
    let (token, rest) = token(rest.strip_prefix('.')?)?;
    if !rest.is_empty() {
        return None;
    }
    Some(Address {
        class: class.parse().ok()?,
        service,
        token,
    })
}

/// The token that `text` starts with, and what follows it.
fn token(text: &str) -> Option<(&str, &str)> {
    let other = |byte: &u8| !IN_TOKEN[usize::from(*byte)];
    let length = text.as_bytes().iter().position(other);
    let length = length.unwrap_or(text.len());
    if (1..=TOKEN_LIMIT).contains(&length) {
        text.split_at_checked(length)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn agree(subject: &str) -> Result<(), TestCaseError> {
        let prefix = Prefix::default();
        prop_assert_eq!(parse(&prefix, subject), Address::parse(&prefix, subject));
        Ok(())
    }

    proptest! {
        #[test]
        fn it_finds_what_the_contract_finds(
            class in "metric|health|app|lifecycle|other|", service in "[a-z.*> é\u{7f}\u{a0}]{0,4}", token in ".{0,4}",
        ) {
            agree(&format!("telemetry.{class}.{service}.{token}"))?;
            agree(&format!("telemetry.{class}.{service}"))?;
            agree(&token)?;
        }

        #[test]
        fn a_token_has_its_limit(length in 250_usize..260) {
            agree(&format!("telemetry.app.{}.x", "s".repeat(length)))?;
            agree(&format!("telemetry.app.x.{}", "s".repeat(length)))?;
        }
    }
}
