//! The `tls` table of a listener: a certificate, its key, and the authorities of clients.

use flightline_link::tls::server::{ServerTls, server_config};

use crate::config::check::{Checker, Section, at};
use crate::config::raw;
use crate::config::spot::Key;

/// Checks `tls` in the section of a listener. The files are read as at the start: a pair that cannot be used is a problem here, not then.
pub(crate) fn tls(
    check: &mut Checker,
    of: &Section,
    raw: Key<raw::ListenerTls>,
) -> Option<ServerTls> {
    let place = at(&raw)?;
    let (section, raw) = Checker::open(raw, &of.key("tls"));
    let found = check.problems.len();
    let tls = ServerTls {
        cert: needed(check, &section, "cert_file", &raw.cert_file),
        key: needed(check, &section, "key_file", &raw.key_file),
        client_ca: check.file(&section, "client_ca_file", &raw.client_ca_file),
    };
    if check.problems.len() > found {
        return None;
    }
    if let Err(error) = server_config(&tls) {
        check.say(
            Some(place),
            format!("`{}` cannot be used: {error}", section.path),
            "name a certificate and its own key, both PEM and the key without a passphrase, or remove the table",
        );
    }
    Some(tls)
}

fn needed(
    check: &mut Checker,
    section: &Section,
    key: &str,
    raw: &Key<String>,
) -> std::path::PathBuf {
    if raw.is_none() {
        let what = format!("`{}` is missing", section.key(key));
        check.say(
            section.at,
            what,
            "TLS needs cert_file and key_file; without the table the listener is plain",
        );
    }
    check.file(section, key, raw).unwrap_or_default()
}
