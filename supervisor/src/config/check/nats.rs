//! `nats` comes in; servers, one way to say who we are, protection, and the tokens of our subjects go out.

use std::path::PathBuf;
use std::time::Duration;

use flightline_contract::token::{Prefix, Token};
use flightline_link::nats::{INBOX_PREFIX, Nats as Server, NatsAuth};
use flightline_link::secret::Secret;
use flightline_link::tls::{Tls, TlsRequire};

use crate::config::check::machine;
use crate::config::check::section::Section;
use crate::config::servers::{Nats, PublishMetrics};
use crate::config::tree::Span;

/// As in the pipeline.
const DEFAULT_URL: &str = "nats://127.0.0.1:4222";
/// How servers are typed.
const SERVERS: &str = "write 'nats://host:port' or 'tls://host:port'; several are an array, as in ['nats://a:4222', 'nats://b:4222']";
const DEFAULT_NAME: &str = "flightline-supervisor";
const DEFAULT_BEAT: Duration = Duration::from_secs(30);
const DEFAULT_RING: usize = 4096;
/// Changes of a few hundred bytes each: some tens of megabytes.
const LARGEST_RING: i64 = 65_536;

/// Checks `nats`; `service` is its service token unless it says another.
pub(super) fn check(file: &Section<'_>, service: &str) -> Option<Nats> {
    let section = file.section("nats")?;
    for key in ["passwordFile", "tokenFile", "nkeyFile", "credsFile"] {
        machine::file(&section, key);
    }
    let (urls, login_in_url) = urls(&section);
    let server = Server {
        urls,
        auth: auth(&section, login_in_url),
        tls: tls(&section),
        name: section
            .filled("name")
            .unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        inbox_prefix: token(&section, "inboxPrefix", INBOX_PREFIX).to_string(),
    };
    let prefix = section.filled("prefix").map(|text| Prefix::new(&text));
    let prefix = match prefix {
        None => Prefix::default(),
        Some(Ok(prefix)) => prefix,
        Some(Err(error)) => {
            section.wrong(
                "prefix",
                &format!("cannot be used: {error}"),
                "write `prefix: 'telemetry'`",
            );
            Prefix::default()
        }
    };
    let beat = section
        .duration("beat")
        .map(crate::config::duration::Nanoseconds::above_zero);
    if beat == Some(None) {
        section.wrong("beat", "must be more than nothing", "write `beat: '30s'`");
    }
    Some(Nats {
        server,
        prefix,
        service: token(&section, "service", service),
        instance: token(&section, "instance", &section.check.host),
        beat: beat.flatten().unwrap_or(DEFAULT_BEAT),
        ring: section
            .number("ring", 1..=LARGEST_RING)
            .unwrap_or(DEFAULT_RING),
        metrics: match section.flag("metrics") {
            Some(true) => PublishMetrics::Published,
            _ => PublishMetrics::Local,
        },
    })
}

/// A token as typed; what nobody typed is made one.
fn token(section: &Section<'_>, name: &'static str, default: &str) -> Token {
    let typed = section.filled(name);
    match typed.as_deref().map(Token::new) {
        Some(Ok(token)) => token,
        Some(Err(error)) => {
            section.wrong(
                name,
                &format!("cannot be used: {error}"),
                "write letters, digits, `-` or `_`",
            );
            Token::lossy(default)
        }
        None => Token::lossy(default),
    }
}

/// The servers, and where one of them says who we are.
fn urls(section: &Section<'_>) -> (Vec<String>, Option<Span>) {
    let mut login = None;
    let mut urls = Vec::new();
    for key in ["url", "urls"] {
        let texts = section.texts(key);
        // Several in one text, as one variable of the environment holds them.
        for text in texts.iter().flat_map(|text| text.split(',')) {
            match server(text.trim()) {
                Ok(url) => {
                    if !url.username().is_empty() || url.password().is_some() {
                        login = login.or(Some(section.at(key)));
                    }
                    urls.push(url.into());
                }
                // The text is not quoted: it may hold a password.
                Err(error) => section.wrong(key, error, SERVERS),
            }
        }
        if section.item(key).is_some() && urls.is_empty() {
            section.wrong(key, "names no server", SERVERS);
        }
    }
    if urls.is_empty() {
        urls.push(DEFAULT_URL.to_owned());
    }
    (urls, login)
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

fn secret(section: &Section<'_>, value: &'static str, file: &'static str) -> Option<Secret> {
    match (section.filled(value), section.path(file)) {
        (Some(_), Some(_)) => {
            let what = format!("stands beside `{}`", section.path_of(file));
            section.wrong(value, &what, "keep one of them");
            None
        }
        (Some(value), None) => Some(Secret::Value(value)),
        (None, Some(path)) => Some(Secret::File(path)),
        (None, None) => None,
    }
}

fn auth(section: &Section<'_>, login_in_url: Option<Span>) -> NatsAuth {
    let user = section.filled("user");
    let password = secret(section, "password", "passwordFile");
    let mut ways = Vec::new();
    match (user, password) {
        (Some(user), Some(password)) => ways.push(("user", NatsAuth::Password { user, password })),
        (Some(_), None) => section.wrong(
            "user",
            "has no password",
            "write `password` or `passwordFile`",
        ),
        (None, Some(_)) => {
            let (at, what) = (section.at, "`nats.password` has no user");
            section.check.wrong(at, what, "write `user`");
        }
        (None, None) => {}
    }
    let token =
        secret(section, "token", "tokenFile").map(|token| ("token", NatsAuth::Token(token)));
    let nkey = secret(section, "nkey", "nkeyFile").map(|nkey| ("nkey", NatsAuth::NKey(nkey)));
    let creds = section
        .path("credsFile")
        .map(|path| ("credsFile", NatsAuth::Creds(path)));
    ways.extend(token);
    ways.extend(nkey);
    ways.extend(creds);
    ways.extend(login_in_url.map(|_| ("a user in the URL", NatsAuth::None)));
    if ways.len() > 1 {
        let names: Vec<_> = ways.iter().map(|(name, _)| *name).collect();
        let count = names.len();
        let what = format!(
            "`nats` says in {count} ways who we are: {}",
            names.join(", ")
        );
        section.check.wrong(section.at, what, "keep one of them");
    }
    ways.into_iter()
        .next()
        .map_or(NatsAuth::None, |(_, auth)| auth)
}

fn tls(section: &Section<'_>) -> Tls {
    let Some(section) = section.section("tls") else {
        return Tls::default();
    };
    for key in ["caFile", "certFile", "keyFile"] {
        machine::file(&section, key);
    }
    let identity: Option<(PathBuf, PathBuf)> =
        match (section.path("certFile"), section.path("keyFile")) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => {
                let what = "`nats.tls` needs `certFile` and `keyFile` together";
                section.check.wrong(section.at, what, "write both");
                None
            }
        };
    Tls {
        require: match section.flag("require") {
            Some(true) => TlsRequire::Always,
            _ => TlsRequire::WhenOffered,
        },
        ca: section.path("caFile"),
        identity,
    }
}
