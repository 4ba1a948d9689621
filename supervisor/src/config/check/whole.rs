//! The whole file: its top level, and what must fit together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flightline_contract::token::Token;

use crate::config::check::job::{self, OURSELVES, Placed, Registry};
use crate::config::check::section::Section;
use crate::config::check::{Checker, consul, logging, nats, sources, telemetry};
use crate::config::jobs::Role;
use crate::config::problem::quoted;
use crate::config::reference::jobs::FILE;
use crate::config::tree::{Node, Span};
use crate::config::{Config, ExitWhen, Identity};

/// As ContainerPilot has it.
const DEFAULT_STOP: Duration = Duration::from_secs(5);
/// A day: more is a misprint.
const LONGEST_STOP: i64 = 86_400;
/// What publishes where there is no job.
const NOBODY: &str = "supervisor";

/// Opens the file.
pub(crate) fn open<'c>(check: &'c Checker<'c>, root: &'c Node) -> Option<Section<'c>> {
    let start = root.at.start;
    let at = Span {
        start,
        end: start + 1,
    };
    Section::open(check, &FILE, "", at, root)
}

/// Checks all of it. `None` and whatever else goes out is of no use once something was wrong.
pub(crate) fn check<'c>(check: &'c Checker<'c>, root: &'c Node) -> Option<Config> {
    let file = open(check, root)?;
    // For editors alone; it has to be text nevertheless.
    file.filled("$schema");
    let consul = consul::check(&file);
    let registry = if consul.is_some() {
        Registry::Consul
    } else {
        Registry::None
    };
    let sections = file.sections("jobs");
    let jobs: Vec<_> = sections
        .iter()
        .filter_map(|section| job::check(section, registry))
        .collect();
    let watches = telemetry::watches(&file);
    if consul.is_none()
        && file.item("consul").is_none_or(|item| item.is_off())
        && !watches.is_empty()
    {
        let cure = "write `consul: 'localhost:8500'`, or remove `watches`";
        file.wrong("watches", "need Consul, and there is none", cure);
    }
    let telemetry = telemetry::check(&file);
    if jobs.len() == sections.len() {
        sources::check(check, &jobs, &watches);
    }
    names(check, &jobs, telemetry.is_some().then_some(OURSELVES));
    main_job(check, &jobs);
    let nats = nats::check(&file, service(&jobs));
    let identity = Identity {
        service: nats
            .as_ref()
            .map_or_else(|| Token::lossy(service(&jobs)), |nats| nats.service.clone()),
        instance: nats
            .as_ref()
            .map_or_else(|| Token::lossy(&check.host), |nats| nats.instance.clone()),
    };
    let addresses = jobs.iter().filter_map(|placed| {
        let name = Arc::clone(&placed.job.name);
        Some((name, placed.address?))
    });
    let config = Config {
        addresses: addresses.collect(),
        nats,
        identity,
        consul,
        watches,
        telemetry,
        control: logging::socket(&file),
        logging: logging::check(&file),
        stop_timeout: stop_timeout(&file),
        exit_when: match file.choice("exitWhen") {
            Some("idle") => ExitWhen::Idle,
            _ => ExitWhen::Complete,
        },
        jobs: jobs
            .into_iter()
            .map(|placed| Arc::new(placed.job))
            .collect(),
    };
    Some(config)
}

fn stop_timeout(file: &Section<'_>) -> Duration {
    match file.number::<i64>("stopTimeout", i64::MIN..=LONGEST_STOP) {
        None | Some(0) => DEFAULT_STOP,
        Some(seconds) => u64::try_from(seconds).map_or(Duration::ZERO, Duration::from_secs),
    }
}

/// Says which names are there twice: the events of both come from one source. `taken` is a name that is in use already.
fn names(check: &Checker<'_>, jobs: &[Placed], taken: Option<&str>) {
    let mut seen: BTreeMap<&str, ()> = taken.into_iter().map(|name| (name, ())).collect();
    for placed in jobs {
        let name = &*placed.job.name;
        if seen.insert(name, ()).is_some() {
            let what = format!(
                "another is called {}, too: their events cannot be told apart",
                quoted(name)
            );
            check.note(placed.name_at, what, "give each its own name");
        }
    }
}

fn main_job(check: &Checker<'_>, jobs: &[Placed]) {
    let main = jobs.iter().filter(|placed| placed.job.role == Role::Main);
    for placed in main.skip(1) {
        let what = "only one job can be the main one, and one above is";
        check.wrong(placed.main_at, what, "keep one `main: true`");
    }
}

/// The job that the whole container is there for, as far as can be told.
fn service(jobs: &[Placed]) -> &str {
    let find = |is: fn(&Placed) -> bool| jobs.iter().find(|placed| is(placed));
    let main = find(|placed| placed.job.role == Role::Main);
    let with_port = || find(|placed| placed.port.is_some());
    let job = main.or_else(with_port).or_else(|| jobs.first());
    job.map_or(NOBODY, |placed| &placed.job.name)
}
