//! The passing instances of a service come in as Consul tells of them, those that a file may name go out, and why the others may not.
//! Anybody who may register something chooses these texts, so none of them may be syntax of any file. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::consul::payload;
use crate::template::Instance;

/// Instances in a file; those behind them in the order of ids are left out.
pub const MOST_INSTANCES: usize = 1000;
/// Tags of one instance; those behind them are left out.
pub const MOST_TAGS: usize = 32;
/// Bytes of an id or an address: those of the longest name of a host.
pub const LONGEST_NAME: usize = 253;
/// Bytes of a tag.
pub const LONGEST_TAG: usize = 255;

/// Why an instance is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Its id is more than letters, digits and `._:-`, or too long.
    Id,
    /// Its address is that of no host.
    Address,
    /// Its port is none, so that nobody can connect to it.
    Port,
    /// Another has its id, at another agent.
    Twice,
    /// There are too many.
    Many,
}

impl Reason {
    /// For the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "its id is more than letters, digits and ._:- make, or too long",
            Self::Address => "its address is that of no host",
            Self::Port => "its port is none",
            Self::Twice => "another has its id",
            Self::Many => "there are too many",
        }
    }
}

/// An instance that is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Its id, which may be anything.
    pub id: String,
    /// Why.
    pub reason: Reason,
}

/// Instances, each in one of two places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sorted {
    /// Those that a file may name, in the order of ids, which are all different.
    pub named: Vec<Instance>,
    /// The others, in the same order.
    pub left_out: Vec<LeftOut>,
}

/// Divides what Consul tells of, in whatever order it does.
pub fn sort(instances: &[payload::Instance]) -> Sorted {
    let mut instances: Vec<_> = instances.iter().collect();
    instances.sort_unstable();
    let mut sorted = Sorted::default();
    let mut ids = BTreeSet::new();
    for instance in instances {
        let named = named(instance).and_then(|named| match sorted.named.len() {
            _ if ids.contains(&instance.id) => Err(Reason::Twice),
            MOST_INSTANCES.. => Err(Reason::Many),
            _ => Ok(named),
        });
        match named {
            Ok(named) => {
                ids.insert(&instance.id);
                sorted.named.push(named);
            }
            Err(reason) => sorted.left_out.push(LeftOut {
                id: instance.id.clone(),
                reason,
            }),
        }
    }
    sorted
}

fn named(instance: &payload::Instance) -> Result<Instance, Reason> {
    if !is_name(&instance.id) {
        return Err(Reason::Id);
    }
    let address = match instance.address.as_str() {
        "" => &instance.node,
        address => address,
    };
    let tags = instance.tags.iter().filter(|tag| is_tag(tag));
    Ok(Instance {
        id: instance.id.clone(),
        address: host(address).ok_or(Reason::Address)?,
        port: u16::try_from(instance.port)
            .ok()
            .filter(|port| *port > 0)
            .ok_or(Reason::Port)?,
        tags: tags.take(MOST_TAGS).cloned().collect(),
    })
}

/// What HAProxy takes for the name of a server, but nothing that could be an option.
fn is_name(text: &str) -> bool {
    is_word(text, "._:-") && text.len() <= LONGEST_NAME
}

/// A word, a key and a value, or a path.
fn is_tag(text: &str) -> bool {
    is_word(text, "._:-=/") && text.len() <= LONGEST_TAG && !text.contains("//")
}

fn is_word(text: &str, besides: &str) -> bool {
    let begins = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.starts_with(begins)
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || besides.contains(c))
}

/// An address as it stands before a port, if it is an IP or the name of a host.
fn host(address: &str) -> Option<String> {
    match address.parse() {
        Ok(IpAddr::V4(address)) => Some(address.to_string()),
        Ok(IpAddr::V6(address)) => Some(format!("[{address}]")),
        Err(_) => {
            (is_word(address, "._-") && address.len() <= LONGEST_NAME).then(|| address.to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
