//! A subject comes in; class, service, destination and the way to decode its payloads come out, without an allocation. A subject
//! that belongs to no class and no mapping is a stray: its messages are dead letters.

use flightline_contract::class::Class;
use flightline_contract::deadletter::Reason;
use flightline_contract::encoding::Encoding;
use flightline_contract::filter::FilterError;
use flightline_contract::token::{Prefix, PrefixError};
use flightline_contract::topic::Topic;

use crate::config::{self, Config, SinkKind};
use crate::deadletter::Letter;
use crate::decode::dialect::{Dialect, Rules};
use crate::decode::mapping::Mapping;
use crate::delivery::Delivery;

mod address;
#[cfg(test)]
pub(crate) mod tests;

/// Where the subjects of one configuration lead.
#[derive(Debug)]
pub struct Router {
    prefix: Prefix,
    mappings: Vec<Mapping>,
    destinations: Vec<Destination>,
    by_class: [usize; Class::ALL.len()],
    strays: usize,
}

/// The sinks that take the same classes: what goes there goes to all of them in one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Indexes into [`Config::sinks`], rising; none for classes that are only exported and acked.
    pub sinks: Vec<usize>,
    /// What a line must keep so that all of them take it.
    pub rules: Rules,
}

/// Where one subject leads.
#[derive(Debug, Clone, Copy)]
pub struct Route<'r> {
    /// The class of its data.
    pub class: Class,
    /// The service that published it, or that its mapping names.
    pub service: &'r str,
    /// The instance, or the stream of application data; of a foreign subject its last token.
    pub token: &'r str,
    /// The mapping of a foreign subject.
    pub mapping: Option<&'r Mapping>,
    /// Index into [`Router::destinations`].
    pub destination: usize,
}

impl Route<'_> {
    /// How payloads are written unless their headers say.
    pub fn encoding(&self) -> Option<Encoding> {
        self.mapping.and_then(Mapping::encoding)
    }
}

/// Why a configuration has no router. A checked one always has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouterError {
    /// The prefix is none.
    #[error("prefix `{prefix}`: {error}")]
    Prefix {
        /// As configured.
        prefix: String,
        /// What is wrong with it.
        error: PrefixError,
    },
    /// The subject of a mapping is no pattern.
    #[error("subject `{subject}` of a mapping: {error}")]
    Subject {
        /// As configured.
        subject: String,
        /// What is wrong with it.
        error: FilterError,
    },
}

impl Router {
    /// The router of a configuration.
    ///
    /// # Errors
    /// When its prefix or a mapping's subject is not what it should be.
    pub fn new(config: &Config) -> Result<Self, RouterError> {
        Self::of(&config.prefix, &config.mappings, &config.sinks)
    }

    /// The router of those parts of a configuration that say where subjects lead.
    ///
    /// # Errors
    /// When the prefix or a mapping's subject is not what it should be.
    pub fn of(
        prefix: &str,
        mappings: &[config::Mapping],
        sinks: &[config::Sink],
    ) -> Result<Self, RouterError> {
        let prefix = Prefix::new(prefix).map_err(|error| RouterError::Prefix {
            prefix: prefix.to_owned(),
            error,
        })?;
        let mappings = mappings
            .iter()
            .map(Mapping::new)
            .collect::<Result<_, _>>()?;
        let mut destinations = Vec::new();
        let by_class = Class::ALL.map(|class| {
            let takes = |(_, sink): &(usize, &config::Sink)| sink.classes.contains(&class);
            let takers = sinks.iter().enumerate().filter(takes);
            let takers = takers.map(|(index, _)| index).collect();
            place(&mut destinations, takers, sinks)
        });
        let strays = place(&mut destinations, Vec::new(), sinks);
        Ok(Self {
            prefix,
            mappings,
            destinations,
            by_class,
            strays,
        })
    }

    /// Every destination that a class can lead to, and the one of [`Router::strays`].
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }

    /// The destination, without sinks, of messages that belong to no class: their dead letters have to be kept and acked too.
    pub fn strays(&self) -> usize {
        self.strays
    }

    /// Where messages on `subject` lead: the contract's own subjects first, then mappings in the order of the configuration.
    /// `None` for a stray.
    pub fn route<'r>(&'r self, subject: &'r str) -> Option<Route<'r>> {
        if let Some(address) = address::parse(&self.prefix, subject) {
            return Some(Route {
                class: address.class,
                service: address.service,
                token: address.token,
                mapping: None,
                destination: self.by_class[slot(address.class)],
            });
        }
        let mapping = self
            .mappings
            .iter()
            .find(|mapping| mapping.takes(subject))?;
        Some(Route {
            class: mapping.class(),
            service: mapping.service(),
            token: last_token(subject),
            mapping: Some(mapping),
            destination: self.by_class[slot(mapping.class())],
        })
    }

    /// The dead letter of a stray.
    pub fn stray(&self, delivery: &Delivery) -> Letter {
        let detail = format!(
            "the subject is not {}.<class>.<service>.<token> with a class of metric, health, app or lifecycle, and no mapping takes it",
            self.prefix
        );
        Letter::message(delivery, Reason::Subject, detail)
    }

    /// Where the dead letters of messages on `subject` go.
    pub fn dead_letter_topic(&self, subject: &str) -> Topic {
        match self.route(subject) {
            Some(route) => Topic::dead_letter(Some(route.class), route.service, route.token),
            None => Topic::stray(subject),
        }
    }
}

fn last_token(subject: &str) -> &str {
    let after = subject.bytes().rposition(|byte| byte == b'.');
    let after = after.map_or(0, |dot| dot + 1);
    subject.get(after..).unwrap_or(subject)
}

fn slot(class: Class) -> usize {
    match class {
        Class::Metric => 0,
        Class::Health => 1,
        Class::App => 2,
        Class::Lifecycle => 3,
    }
}

/// The index of the destination with these takers, which is made if there is none.
fn place(destinations: &mut Vec<Destination>, takers: Vec<usize>, sinks: &[config::Sink]) -> usize {
    let known = |destination: &Destination| destination.sinks == takers;
    if let Some(index) = destinations.iter().position(known) {
        return index;
    }
    let rules = Rules::of(takers.iter().map(|&taker| match &sinks[taker].kind {
        SinkKind::Influx(influx) => influx.api.dialect(),
        // What stands in files is to be replayed anywhere; v2 is the common middle.
        SinkKind::File(_) => Dialect::V2,
    }));
    destinations.push(Destination {
        sinks: takers,
        rules,
    });
    destinations.len() - 1
}
