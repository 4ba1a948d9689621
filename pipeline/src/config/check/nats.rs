//! The connection to NATS: servers, one way to say who we are, and protection.

use std::path::PathBuf;

use flightline_contract::token::Token;
use flightline_link::nats::{Nats, NatsAuth};
use flightline_link::tls::{Tls, TlsRequire};

use crate::config::check::{Checker, Section, at};
use crate::config::origin::Origin;
use crate::config::raw;
use crate::config::spot::Key;

/// Checks `[nats]`.
pub(crate) fn check(check: &mut Checker, raw: Key<raw::Nats>) -> Nats {
    let (section, raw) = Checker::open(raw, "nats");
    let listed = check.list(&section, "url", &raw.url);
    if listed.is_empty() && raw.url.as_ref().is_some_and(|spot| spot.value.is_some()) {
        check.say(
            at(&raw.url),
            "`nats.url` names no server",
            "write nats://host:port",
        );
    }
    let mut urls = Vec::new();
    let mut login_in_url = None;
    for (at, text) in listed {
        match server(&text) {
            Ok(url) => {
                if !url.username().is_empty() || url.password().is_some() {
                    login_in_url = login_in_url.or(at);
                }
                urls.push(url.into());
            }
            // The text is not quoted: a URL may carry a password, and the excerpt masks it.
            Err(error) => check.say(
                at,
                format!("`nats.url` {error}"),
                "write nats://host:port or tls://host:port",
            ),
        }
    }
    let auth = auth(check, &section, &raw, login_in_url);
    let name = check.text(&section, "name", &raw.name).unwrap_or_default();
    let inbox_prefix = check.parsed(
        &section,
        "inbox_prefix",
        &raw.inbox_prefix,
        "write one token: _INBOX_worker",
        |text| Token::new(text).map_err(|error| format!("cannot be used: {error}")),
    );
    let (tls_section, raw) = Checker::open(raw.tls, "nats.tls");
    let require = match &raw.require {
        Some(spot) if spot.value == Some(true) => TlsRequire::Always,
        _ => TlsRequire::WhenOffered,
    };
    let mut tls = tls(
        check,
        &tls_section,
        [&raw.ca_file, &raw.cert_file, &raw.key_file],
    );
    tls.require = require;
    Nats {
        urls,
        auth,
        tls,
        name,
        inbox_prefix: inbox_prefix.map_or_else(String::new, |token| token.to_string()),
    }
}

fn server(text: &str) -> Result<url::Url, &'static str> {
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("nats://{text}")
    };
    let url = url::Url::parse(&full).map_err(|_| "holds a text that is no URL")?;
    if !matches!(url.scheme(), "nats" | "tls") {
        return Err("has a scheme that is neither nats nor tls");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("names no host");
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("has something after the port");
    }
    Ok(url)
}

fn auth(
    check: &mut Checker,
    section: &Section,
    raw: &raw::Nats,
    login_in_url: Option<Origin>,
) -> NatsAuth {
    let password = check.secret(section, "password", &raw.password, &raw.password_file);
    let user = check.text(section, "user", &raw.user);
    let token = check.secret(section, "token", &raw.token, &raw.token_file);
    let nkey = check.secret(section, "nkey", &raw.nkey, &raw.nkey_file);
    let creds = check.file(section, "creds_file", &raw.creds_file);
    let mut ways = Vec::new();
    let password_at = at(&raw.password).or(at(&raw.password_file));
    match (user, password) {
        (Some(user), Some(password)) => {
            ways.push((
                "user and password",
                at(&raw.user),
                NatsAuth::Password { user, password },
            ));
        }
        (Some(_), None) => check.say(
            at(&raw.user),
            "`nats.user` has no password",
            "set nats.password or nats.password_file",
        ),
        (None, Some(_)) => check.say(password_at, "`nats.password` has no user", "set nats.user"),
        (None, None) => {}
    }
    if let Some(token) = token {
        ways.push((
            "token",
            at(&raw.token).or(at(&raw.token_file)),
            NatsAuth::Token(token),
        ));
    }
    if let Some(nkey) = nkey {
        ways.push((
            "nkey",
            at(&raw.nkey).or(at(&raw.nkey_file)),
            NatsAuth::NKey(nkey),
        ));
    }
    if let Some(creds) = creds {
        ways.push(("creds_file", at(&raw.creds_file), NatsAuth::Creds(creds)));
    }
    if login_in_url.is_some() {
        ways.push(("a user in the URL", login_in_url, NatsAuth::None));
    }
    if ways.len() > 1 {
        let names: Vec<_> = ways.iter().map(|(name, ..)| *name).collect();
        let place = ways.last().and_then(|(_, at, _)| *at);
        let what = format!(
            "`nats` says in {} ways who we are: {}",
            ways.len(),
            names.join(", ")
        );
        check.say(place, what, "keep one of them");
    }
    ways.into_iter()
        .next()
        .map_or(NatsAuth::None, |(.., auth)| auth)
}

/// Checks the files of a `tls` table: authorities, certificate, key.
pub(crate) fn tls(check: &mut Checker, section: &Section, files: [&Key<String>; 3]) -> Tls {
    let [ca, cert, key] = files;
    let ca: Option<PathBuf> = check.file(section, "ca_file", ca);
    let identity = match (
        check.file(section, "cert_file", cert),
        check.file(section, "key_file", key),
    ) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        (given, _) => {
            let (has, lacks) = if given.is_some() {
                ("cert_file", "key_file")
            } else {
                ("key_file", "cert_file")
            };
            let what = format!("`{}` has no `{lacks}` beside it", section.key(has));
            check.say(
                at(cert).or(at(key)),
                what,
                format!("set {}", section.key(lacks)),
            );
            None
        }
    };
    Tls {
        require: TlsRequire::WhenOffered,
        ca,
        identity,
    }
}
