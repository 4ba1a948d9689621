//! `consul` and the variables of Consul's own tools come in, how to reach the agent goes out.

use std::path::PathBuf;

use flightline_link::secret::{Secret, without_users};

use crate::config::check::Checker;
use crate::config::check::section::{Item, Section};
use crate::config::problem::quoted;
use crate::config::servers::{Consul, ConsulAddress, ConsulTls, Verify};
use crate::config::tree::{Span, Value};
use crate::config::weak;
use crate::consul::tls::{self as certificates, Part};
use crate::consul::transport::authority;

/// Where an agent answers unless somebody says otherwise.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8500";

/// Checks `consul`: nothing if it is absent, null or `false`.
pub(super) fn check(file: &Section<'_>) -> Option<Consul> {
    let item = file.item("consul")?;
    match &item.node.value {
        Value::Bool(false) => None,
        Value::Text(text) => Some(agent(&item, text.clone(), None, None)),
        Value::Object(_) => {
            let section = item.section()?;
            let address = section.text("address").unwrap_or_default();
            let scheme = section.choice("scheme");
            Some(agent(&item, address, scheme, Some(&section)))
        }
        value => {
            let what = format!("must be an address or an object, not {}", value.kind());
            item.wrong(
                &what,
                "write `consul: 'localhost:8500'`, or `consul: false` for none",
            );
            None
        }
    }
}

fn agent(
    item: &Item<'_>,
    address: String,
    scheme: Option<&str>,
    section: Option<&Section<'_>>,
) -> Consul {
    let check = item.check();
    let at = item.node.at;
    let address = if address.is_empty() {
        check
            .variable("CONSUL_HTTP_ADDR")
            .unwrap_or(DEFAULT_ADDRESS)
            .to_owned()
    } else {
        address
    };
    // In the text form, an address without a scheme has always been plain.
    let by_default = match (scheme, section) {
        (Some("https"), _) => Scheme::Https,
        (None, Some(_)) if variable_flag(check, at, "CONSUL_HTTP_SSL") == Some(true) => {
            Scheme::Https
        }
        _ => Scheme::Http,
    };
    let address = parse_address(&address, by_default, check, at);
    let typed_token = section.and_then(|section| section.filled("token"));
    let token = check
        .variable("CONSUL_HTTP_TOKEN")
        .map(str::to_owned)
        .or(typed_token);
    let typed_tls = section.and_then(|section| section.section("tls"));
    let tls = tls(check, at, typed_tls.as_ref());
    match address {
        ConsulAddress::Https(_) => say_faults(&tls, check, at, typed_tls.as_ref()),
        ConsulAddress::Http(_) if section.is_some_and(|s| s.item("tls").is_some()) => {
            let cure = "write `scheme: 'https'`, or remove `tls`";
            check.note(at, "`consul.tls` has no effect on plain HTTP", cure);
        }
        ConsulAddress::Http(_) | ConsulAddress::Unix(_) => {}
    }
    let lifecycle_kv = section.and_then(|section| section.filled("lifecycleKv"));
    let lifecycle_kv = lifecycle_kv.map(|key| key.trim_matches('/').to_owned());
    Consul {
        address,
        token: token.map(Secret::Value),
        tls,
        lifecycle_kv: lifecycle_kv.filter(|key| !key.is_empty()),
    }
}

#[derive(Debug, Clone, Copy)]
enum Scheme {
    Http,
    Https,
}

/// One leading scheme is taken off. What else is wrong with an address fails the calls and nothing else in ContainerPilot, so it is only
/// said.
fn parse_address(text: &str, by_default: Scheme, check: &Checker<'_>, at: Span) -> ConsulAddress {
    if let Some(path) = text.strip_prefix("unix://") {
        return ConsulAddress::Unix(PathBuf::from(path));
    }
    let (scheme, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
        (Some(rest), _) => (Scheme::Http, rest),
        (_, Some(rest)) => (Scheme::Https, rest),
        (None, None) => (by_default, text),
    };
    let rest = rest.trim_end_matches('/').to_owned();
    if let Err(error) = authority(&rest) {
        let (typed, reason) = (quoted(&without_users(text)), error.reason);
        let what = format!("no agent can be reached at {typed}: {reason}");
        let cure = "write `host:port`, with http:// or https:// before it if need be";
        check.note(at, what, cure);
    }
    match scheme {
        Scheme::Http => ConsulAddress::Http(rest),
        Scheme::Https => ConsulAddress::Https(rest),
    }
}

/// As Consul's own tools, we go on without a variable that cannot be understood.
fn variable_flag(check: &Checker<'_>, at: Span, name: &str) -> Option<bool> {
    let flag = weak::flag_word(check.variable(name)?);
    if flag.is_none() {
        let what = format!("the variable {name} says neither yes nor no, and is ignored");
        check.note(at, what, "set it to 1 or 0");
    }
    flag
}

fn tls(check: &Checker<'_>, at: Span, section: Option<&Section<'_>>) -> ConsulTls {
    let text = |variable: &str, key: &'static str| {
        let typed = section.and_then(|section| section.filled(key));
        check.variable(variable).map(str::to_owned).or(typed)
    };
    let path = |variable, key| text(variable, key).map(PathBuf::from);
    let cert = path("CONSUL_CLIENT_CERT", "clientcert");
    let key = path("CONSUL_CLIENT_KEY", "clientkey");
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => Some((cert, key)),
        (None, None) => None,
        _ => {
            let what = "a client certificate for Consul needs its key, and a key its certificate: what is there of them is ignored";
            let cure = "give both, as `clientcert` and `clientkey` or as CONSUL_CLIENT_CERT and CONSUL_CLIENT_KEY";
            check.note(at, what, cure);
            None
        }
    };
    // Empty text is no word against checking who the agent is.
    let typed_verify = section
        .filter(|section| section.item("verify").is_some_and(|item| !item.is_empty()))
        .and_then(|section| section.flag("verify"));
    let verify = variable_flag(check, at, "CONSUL_HTTP_SSL_VERIFY").or(typed_verify);
    ConsulTls {
        ca_file: path("CONSUL_CACERT", "cafile"),
        ca_path: path("CONSUL_CAPATH", "capath"),
        identity,
        server_name: text("CONSUL_TLS_SERVER_NAME", "servername"),
        verify: match verify {
            Some(false) => Verify::Nobody,
            _ => Verify::Peer,
        },
    }
}

/// Says what of the certificates cannot be used, at its key or of its variable.
fn say_faults(tls: &ConsulTls, check: &Checker<'_>, at: Span, section: Option<&Section<'_>>) {
    for (part, error) in certificates::faults(tls) {
        let (variable, key) = match part {
            Part::CaFile => ("CONSUL_CACERT", "cafile"),
            Part::CaPath => ("CONSUL_CAPATH", "capath"),
            Part::Identity => ("CONSUL_CLIENT_CERT", "clientcert"),
            Part::ServerName => ("CONSUL_TLS_SERVER_NAME", "servername"),
        };
        let typed = section.filter(|_| check.variable(variable).is_none());
        let (at, named) = match typed {
            Some(section) => (section.at(key), format!("`{}`", section.path_of(key))),
            None => (at, format!("the variable {variable}")),
        };
        check.wrong(at, format!("{named}: {error}"), "correct or remove it");
    }
}
