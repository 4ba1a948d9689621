//! Port, tags, interfaces and `consul` of a job come in, what is registered goes out.

use std::net::IpAddr;

use crate::config::check::job::{Registry, is_service_name};
use crate::config::check::section::Section;
use crate::config::duration;
use crate::config::interfaces::{self, Wish};
use crate::config::jobs::{Health, InitialStatus, Service};

/// Keys of a job that mean nothing unless it is registered.
const OF_SERVICES: [&str; 4] = ["initial_status", "interfaces", "tags", "consul"];

/// What others may know of a job.
#[derive(Debug, Default)]
pub(super) struct Advertised {
    /// Where it is found: only with a port, and without a registry only if there is such an address.
    pub(super) address: Option<IpAddr>,
    /// What is registered: nothing without a port, or without a registry.
    pub(super) service: Option<Service>,
}

/// Checks what others may know of a job.
pub(super) fn check(
    section: &Section<'_>,
    name: Option<&str>,
    port: Option<u16>,
    health: Option<&Health>,
    registry: Registry,
) -> Advertised {
    let tags = section.list("tags");
    let extras = Extras::check(section);
    let Some(port) = port else {
        for name in OF_SERVICES
            .iter()
            .filter(|name| section.item(name).is_some())
        {
            section.note(
                name,
                "has no effect without a port",
                "write `port`, or remove it",
            );
        }
        return Advertised::default();
    };
    if name.is_some_and(|name| !is_service_name(name)) {
        let what = "cannot be registered: with a port, a name is two or more letters, digits and `-`, and begins with a small letter";
        section.wrong("name", what, "write for example `name: 'app-1'`");
    }
    let initial_status = section.choice("initial_status");
    let wishes = wishes(section);
    if registry == Registry::None {
        let cure = "write `consul: 'localhost:8500'`, or remove `port`";
        section.note("port", "is registered nowhere: there is no Consul", cure);
        return Advertised {
            address: wishes.and_then(|wishes| section.check.addresses.choose(&wishes)),
            service: None,
        };
    }
    let address = wishes.and_then(|wishes| address(section, &wishes));
    let service = |(name, health, address): (&str, &Health, IpAddr)| Service {
        id: format!("{name}-{}", section.check.host),
        name: name.to_owned(),
        tags,
        port,
        address,
        ttl: health.ttl,
        initial_status: initial_status.map(|status| match status {
            "passing" => InitialStatus::Passing,
            "warning" => InitialStatus::Warning,
            _ => InitialStatus::Critical,
        }),
        enable_tag_override: extras.enable_tag_override,
        deregister_critical_after: extras.deregister_critical_after,
    };
    let all = name.zip(health).zip(address);
    Advertised {
        address,
        service: all.map(|((name, health), address)| service((name, health, address))),
    }
}

/// `consul` of a job.
#[derive(Debug, Default)]
struct Extras {
    enable_tag_override: bool,
    deregister_critical_after: Option<String>,
}

impl Extras {
    fn check(section: &Section<'_>) -> Self {
        let Some(section) = section.section("consul") else {
            return Self::default();
        };
        let after = section.filled("deregisterCriticalServiceAfter");
        if let Some(Err(error)) = after.as_deref().map(duration::go) {
            let cure = "write a number with a unit, such as '10m'";
            section.wrong("deregisterCriticalServiceAfter", &error.to_string(), cure);
        }
        Self {
            enable_tag_override: section.flag("enableTagOverride") == Some(true),
            deregister_critical_after: after,
        }
    }
}

/// What `interfaces` asks for. One text that cannot be read spoils all of them, also when another is met first.
pub(super) fn wishes(section: &Section<'_>) -> Option<Vec<Wish>> {
    let mut typed = section.texts("interfaces");
    if typed.is_empty() {
        typed = interfaces::DEFAULT.map(str::to_owned).to_vec();
    }
    let wish = |text: &String| match text.parse() {
        Ok(wish) => Some(wish),
        Err(error) => {
            let what = format!("{} {error}", crate::config::problem::quoted(text));
            section
                .check
                .wrong(section.at("interfaces"), what, "correct or remove it");
            None
        }
    };
    let wishes: Vec<_> = typed.iter().map(wish).collect();
    wishes.into_iter().collect()
}

/// The address that is found first.
pub(super) fn address(section: &Section<'_>, wishes: &[Wish]) -> Option<IpAddr> {
    let found = section.check.addresses.choose(wishes);
    if found.is_none() {
        let typed = section.texts("interfaces");
        let typed = match typed.as_slice() {
            [] => interfaces::DEFAULT.join(", "),
            typed => typed.join(", "),
        };
        let what = format!(
            "`{}`: no address for {typed}",
            section.path_of("interfaces")
        );
        let cure = format!("addresses here: {}", section.check.addresses);
        section.check.wrong(section.at("interfaces"), what, cure);
    }
    found
}
