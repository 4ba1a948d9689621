//! What `/status` tells: in ContainerPilot's words, its capitals, and its `null` for an empty list.

use serde::{Serialize, Serializer};

/// How the supervisor stands. The loop makes it, and another one at each change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatusReport {
    /// The program's version.
    pub version: String,
    /// Jobs that are not registered, in the order of the file.
    #[serde(serialize_with = "null_if_empty")]
    pub jobs: Vec<JobStatus>,
    /// Jobs that are, in the order of the file; the telemetry server itself is the last.
    #[serde(serialize_with = "null_if_empty")]
    pub services: Vec<ServiceStatus>,
    /// Names of watched services.
    #[serde(serialize_with = "null_if_empty")]
    pub watches: Vec<String>,
}

/// A job that is not registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct JobStatus {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub status: Standing,
}

/// A job that is registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// Where it answers.
    pub address: String,
    /// Where it answers.
    pub port: u16,
    /// How it stands.
    pub status: Standing,
}

/// How a job stands, in ContainerPilot's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It does not run, or was not checked since it started.
    #[default]
    Unknown,
    /// Its last check passed.
    Healthy,
    /// Its last check failed.
    Unhealthy,
    /// It is taken out on purpose.
    Maintenance,
}

fn null_if_empty<T: Serialize, S: Serializer>(
    list: &Vec<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if list.is_empty() {
        serializer.serialize_none()
    } else {
        list.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_is_null_and_capitals_are_those_of_containerpilot() {
        let report = StatusReport {
            version: "3.8.0".to_owned(),
            jobs: Vec::new(),
            services: vec![ServiceStatus {
                name: "app".to_owned(),
                address: "10.0.0.5".to_owned(),
                port: 8000,
                status: Standing::Healthy,
            }],
            watches: vec!["db".to_owned()],
        };
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"Version":"3.8.0","Jobs":null,"Services":[{"Name":"app","Address":"10.0.0.5","Port":8000,"Status":"healthy"}],"Watches":["db"]}"#
        );
        let empty = serde_json::to_string(&StatusReport::default()).unwrap();
        assert_eq!(
            empty,
            r#"{"Version":"","Jobs":null,"Services":null,"Watches":null}"#
        );
    }
}
