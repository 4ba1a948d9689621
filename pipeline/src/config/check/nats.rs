//! A connection to NATS: servers, one way to say who we are, and protection.

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
    connection(check, raw, "nats", None)
}

/// Checks the table `path`, which leads to the servers of `base`, and protects the connection as that does, unless it says otherwise.
pub(crate) fn connection(
    check: &mut Checker,
    raw: Key<raw::Nats>,
    path: &str,
    base: Option<&Nats>,
) -> Nats {
    let (section, raw) = Checker::open(raw, path);
    let (urls, login_in_url) = match base {
        Some(base) if raw.url.is_none() => {
            (base.urls.iter().map(|url| anonymous(url)).collect(), None)
        }
        _ => servers(check, &section, &raw.url),
    };
    let auth = auth(check, &section, &raw, login_in_url);
    let name = check.text(&section, "name", &raw.name).unwrap_or_default();
    let inbox_prefix = check.parsed(
        &section,
        "inbox_prefix",
        &raw.inbox_prefix,
        "write one token: _INBOX_worker",
        |text| Token::new(text).map_err(|error| format!("cannot be used: {error}")),
    );
    let tls = match base {
        Some(base) if raw.tls.is_none() => base.tls.clone(),
        _ => protection(check, &section, raw.tls),
    };
    Nats {
        urls,
        auth,
        tls,
        name,
        inbox_prefix: inbox_prefix.map_or_else(String::new, |token| token.to_string()),
    }
}

/// The servers of `url`, and where a login stands in one of them.
fn servers(
    check: &mut Checker,
    section: &Section,
    url: &Key<raw::List>,
) -> (Vec<String>, Option<Origin>) {
    let listed = check.list(section, "url", url);
    let key = section.key("url");
    if listed.is_empty() && url.as_ref().is_some_and(|spot| spot.value.is_some()) {
        check.say(
            at(url),
            format!("`{key}` names no server"),
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
                format!("`{key}` {error}"),
                "write nats://host:port or tls://host:port",
            ),
        }
    }
    if let Some(at) = login_in_url {
        check.typed_secret(at, key, section.key("password_file"));
    }
    (urls, login_in_url)
}

/// A server without the login that stands in its URL.
fn anonymous(server: &str) -> String {
    let Ok(mut url) = url::Url::parse(server) else {
        return server.to_owned();
    };
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    cleared.map_or_else(|()| server.to_owned(), |()| url.into())
}

fn protection(check: &mut Checker, of: &Section, raw: Key<raw::NatsTls>) -> Tls {
    let (section, raw) = Checker::open(raw, &of.key("tls"));
    let require = match &raw.require {
        Some(spot) if spot.value == Some(true) => TlsRequire::Always,
        _ => TlsRequire::WhenOffered,
    };
    let files = [&raw.ca_file, &raw.cert_file, &raw.key_file];
    Tls {
        require,
        ..tls(check, &section, files)
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
            format!("`{}` has no password", section.key("user")),
            format!("set {0} or {0}_file", section.key("password")),
        ),
        (None, Some(_)) => check.say(
            password_at,
            format!("`{}` has no user", section.key("password")),
            format!("set {}", section.key("user")),
        ),
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
            "`{}` says in {} ways who we are: {}",
            section.path,
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
