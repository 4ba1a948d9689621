//! The write front: `[ingest]`.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use flightline_contract::class::Class;

use crate::config::check::parts::{bytes, items, token};
use crate::config::check::{Checker, at, listener};
use crate::config::origin::Origin;
use crate::config::raw;
use crate::config::spot::Key;
use crate::config::{Config, Ingest, Source};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// A body larger than that is a file to be replayed.
const BODY: RangeInclusive<u64> = KIB..=256 * MIB;

/// Checks `[ingest]`; without an address there is no front.
pub(crate) fn check(check: &mut Checker, raw: Key<raw::Ingest>) -> Option<Ingest> {
    let (section, raw) = Checker::open(raw, "ingest");
    if raw.listen.is_none() {
        if section.at.is_some() {
            let what = "`ingest.listen` is missing: there is no write front";
            check.say(
                section.at,
                what,
                "write an address and a port, such as \"127.0.0.1:8186\"",
            );
        }
        return None;
    }
    let cure = "write an address and a port, such as \"127.0.0.1:8186\" or \"[::]:8186\"";
    let listen = check.parsed(&section, "listen", &raw.listen, cure, |text| {
        text.parse::<SocketAddr>()
            .map_err(|_| "is not an IP address with a port".to_owned())
    });
    let classes = [("app", Class::App), ("metric", Class::Metric)];
    let patience = Duration::from_millis(100)..=Duration::from_secs(3600);
    let ingest = Ingest {
        listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
        tls: listener::tls(check, &section, raw.tls),
        class: check.choice(&section, "class", &raw.class, &classes),
        service: token(check, &section, "service", &raw.service),
        token_file: check.file(&section, "token_file", &raw.token_file),
        max_body: bytes(check.size(&section, "max_body", &raw.max_body, &BODY)),
        max_pending: bytes(check.size(
            &section,
            "max_pending",
            &raw.max_pending,
            &(KIB..=16 * GIB),
        )),
        max_requests: items(check.count(
            &section,
            "max_requests",
            &raw.max_requests,
            &(1..=65_536),
        )),
        max_connections: items(check.count(
            &section,
            "max_connections",
            &raw.max_connections,
            &(1..=65_536),
        )),
        timeout: check.duration(&section, "timeout", &raw.timeout, &patience),
        idle: check.duration(&section, "idle", &raw.idle, &patience),
    };
    if ingest.max_body > ingest.max_pending {
        let place = at(&raw.max_body).or(at(&raw.max_pending));
        let what = "`ingest.max_body` is larger than `ingest.max_pending`: the largest bodies would never find room";
        check.say(
            place,
            what,
            "make ingest.max_pending larger or ingest.max_body smaller",
        );
    }
    Some(ingest)
}

/// What must fit together with other sections.
pub(crate) fn fit(check: &mut Checker, config: &Config, place: Option<Origin>) {
    let Some(ingest) = &config.ingest else {
        return;
    };
    if let Source::Core(_) = config.source {
        check.say(
            place,
            "`ingest.listen` needs a stream, and `source.kind = \"core\"` has none: nothing could be answered truthfully",
            "set source.kind = \"jetstream\", or remove ingest.listen",
        );
    }
    if ingest.max_body > config.admin.high_water {
        check.say(
            place,
            "`ingest.max_body` is over `admin.high_water`: the largest bodies would make the worker turn everybody away",
            "make admin.high_water larger or ingest.max_body smaller",
        );
    }
    if !ingest.listen.ip().is_loopback() && ingest.token_file.is_none() {
        check.notes.push(format!(
            "ingest listens on {} without ingest.token_file: whoever reaches it may write",
            ingest.listen
        ));
    }
}
