//! What the agent is told of a service goes out as JSON, what it says of instances comes in. Both hold for every version since 0.7.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::config::{InitialStatus, Service};

/// What is kept of a check's output: Consul's own limit.
const OUTPUT_LIMIT: usize = 4096;

/// What a service's check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// It is well.
    Passing,
    /// It may not be.
    Warning,
    /// It is not.
    Critical,
}

impl From<InitialStatus> for CheckStatus {
    fn from(status: InitialStatus) -> Self {
        match status {
            InitialStatus::Passing => Self::Passing,
            InitialStatus::Warning => Self::Warning,
            InitialStatus::Critical => Self::Critical,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Registration<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "is_zero")]
    port: u16,
    address: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    enable_tag_override: bool,
    check: Check<'a>,
    // Agents of every age have seen it from ContainerPilot, so it stays.
    checks: (),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Check<'a> {
    #[serde(rename = "TTL")]
    ttl: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<CheckStatus>,
    notes: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deregister_critical_service_after: Option<&'a str>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
const fn is_zero(port: &u16) -> bool {
    *port == 0
}

/// The body that registers `service`, with its check in `status`; without one, the agent takes it for critical.
pub fn registration(service: &Service, status: Option<CheckStatus>) -> Bytes {
    json(&Registration {
        id: &service.id,
        name: &service.name,
        tags: &service.tags,
        port: service.port,
        address: service.address.to_string(),
        enable_tag_override: service.enable_tag_override,
        check: Check {
            ttl: duration(service.ttl),
            status,
            notes: format!("{} is checked by its supervisor", service.name),
            deregister_critical_service_after: service.deregister_critical_after.as_deref(),
        },
        checks: (),
    })
}

/// The body that says what a check found, with as much of its output as Consul keeps.
pub fn update(status: CheckStatus, output: &str) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Update<'a> {
        status: CheckStatus,
        output: &'a str,
    }
    let output = match output {
        "" => "ok",
        text => beginning(text),
    };
    json(&Update { status, output })
}

fn beginning(text: &str) -> &str {
    let end = text.floor_char_boundary(OUTPUT_LIMIT);
    text.get(..end).unwrap_or(text)
}

fn json(value: &impl Serialize) -> Bytes {
    let bytes = serde_json::to_vec(value).expect("texts, numbers and enums are JSON");
    Bytes::from(bytes)
}

/// As Go's durations are typed.
pub fn duration(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}

/// One instance of a watched service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// The service's id at its agent.
    pub id: String,
    /// The service's own address; empty if it has none.
    pub address: String,
    /// The service's port.
    pub port: i64,
    /// The service's tags, in their order.
    pub tags: Vec<String>,
    /// The address of its node, where it is if it has none of its own.
    pub node: String,
}

/// The instances in an answer to a query for a service's health.
///
/// # Errors
/// When it is not such an answer.
pub fn instances(body: &[u8]) -> Result<Vec<Instance>, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Entry {
        service: Found,
        #[serde(default)]
        node: Node,
    }
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "PascalCase")]
    struct Node {
        #[serde(default)]
        address: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Found {
        #[serde(rename = "ID")]
        id: String,
        #[serde(default)]
        address: String,
        #[serde(default)]
        port: i64,
        // Older agents write `null` for none.
        tags: Option<Vec<String>>,
    }
    let entries: Option<Vec<Entry>> = serde_json::from_slice(body)?;
    let found = entries.unwrap_or_default().into_iter();
    let instances = found.map(|Entry { service, node }| Instance {
        id: service.id,
        address: service.address,
        port: service.port,
        tags: service.tags.unwrap_or_default(),
        node: node.address,
    });
    Ok(instances.collect())
}

/// The index of the last change of the one KV entry in an answer.
///
/// # Errors
/// When it is not such an answer.
pub fn modify_index(body: &[u8]) -> Result<u64, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Entry {
        modify_index: u64,
    }
    let [entry]: [Entry; 1] = serde_json::from_slice(body)?;
    Ok(entry.modify_index)
}

#[cfg(test)]
mod tests;
