//! The path of a request comes in, what it addresses goes out, with the methods that it takes and the label it is counted under.

use hyper::Method;
use percent_encoding::percent_decode_str;

/// What a request can address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/v3/environ`, and the manual's name for it.
    Environ(Environ),
    /// `/v3/reload`
    Reload,
    /// `/v3/metric`
    Metric,
    /// `/v3/maintenance/enable`
    MaintenanceEnable,
    /// `/v3/maintenance/disable`
    MaintenanceDisable,
    /// `/v3/ping`
    Ping,
    /// `/v4/jobs`
    Jobs,
    /// `/v4/jobs/{name}`
    Job(String),
    /// `/v4/jobs/{name}/{verb}`
    Act(String, Verb),
    /// Nothing.
    Unknown,
}

/// The two spellings of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Environ {
    /// As ContainerPilot has it.
    Environ,
    /// As its manual has it.
    Env,
}

/// What is done to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Start,
    Stop,
    Restart,
    Signal,
}

impl Route {
    /// What `path` addresses. The name of a job may hold anything, percent-encoded.
    pub(super) fn of(path: &str) -> Self {
        match path {
            "/v3/environ" => Self::Environ(Environ::Environ),
            "/v3/env" => Self::Environ(Environ::Env),
            "/v3/reload" => Self::Reload,
            "/v3/metric" => Self::Metric,
            "/v3/maintenance/enable" => Self::MaintenanceEnable,
            "/v3/maintenance/disable" => Self::MaintenanceDisable,
            "/v3/ping" => Self::Ping,
            "/v4/jobs" => Self::Jobs,
            path => path
                .strip_prefix("/v4/jobs/")
                .map_or(Self::Unknown, Self::below_jobs),
        }
    }

    fn below_jobs(rest: &str) -> Self {
        let (name, verb) = match rest.split_once('/') {
            None => (rest, None),
            Some((name, verb)) => (name, Some(verb)),
        };
        let Ok(name) = percent_decode_str(name).decode_utf8() else {
            return Self::Unknown;
        };
        if name.is_empty() {
            return Self::Unknown;
        }
        let name = name.into_owned();
        match verb {
            None => Self::Job(name),
            Some("start") => Self::Act(name, Verb::Start),
            Some("stop") => Self::Act(name, Verb::Stop),
            Some("restart") => Self::Act(name, Verb::Restart),
            Some("signal") => Self::Act(name, Verb::Signal),
            Some(_) => Self::Unknown,
        }
    }

    /// The one method that it takes; `None` if it takes any.
    pub(super) const fn method(&self) -> Option<Method> {
        match self {
            Self::Environ(_)
            | Self::Reload
            | Self::Metric
            | Self::MaintenanceEnable
            | Self::MaintenanceDisable
            | Self::Act(..) => Some(Method::POST),
            Self::Jobs | Self::Job(_) => Some(Method::GET),
            Self::Ping | Self::Unknown => None,
        }
    }

    /// The path it is counted under: one of a closed set, whatever is asked for.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Environ(Environ::Environ) => "/v3/environ",
            Self::Environ(Environ::Env) => "/v3/env",
            Self::Reload => "/v3/reload",
            Self::Metric => "/v3/metric",
            Self::MaintenanceEnable => "/v3/maintenance/enable",
            Self::MaintenanceDisable => "/v3/maintenance/disable",
            Self::Ping => "/v3/ping",
            Self::Jobs => "/v4/jobs",
            Self::Job(_) => "/v4/jobs/{name}",
            Self::Act(_, Verb::Start) => "/v4/jobs/{name}/start",
            Self::Act(_, Verb::Stop) => "/v4/jobs/{name}/stop",
            Self::Act(_, Verb::Restart) => "/v4/jobs/{name}/restart",
            Self::Act(_, Verb::Signal) => "/v4/jobs/{name}/signal",
            Self::Unknown => "other",
        }
    }

    /// How answers are written.
    pub(super) const fn voice(&self) -> Voice {
        match self {
            Self::Jobs | Self::Job(_) | Self::Act(..) => Voice::Json,
            _ => Voice::Plain,
        }
    }
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// As ContainerPilot writes them: text.
    Plain,
    /// One JSON object.
    Json,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

    #[test]
    fn paths_are_exact() {
        for path in [
            "/",
            "",
            "/v3",
            "/v3/ping/",
            "/v3/PING",
            "/v4/jobs/",
            "/v4/jobs//stop",
            "/v4/jobs/a/",
            "/v4/jobs/a/stop/",
        ] {
            assert_eq!(Route::of(path), Route::Unknown, "{path}");
        }
        assert_eq!(Route::of("/v3/env").label(), "/v3/env");
        assert_eq!(Route::of("/v4/jobs/a"), Route::Job("a".to_owned()));
        assert_eq!(Route::of("/v4/jobs/%ff"), Route::Unknown);
    }

    proptest! {
        #[test]
        fn every_name_of_a_job_has_a_path(name in "\\PC+") {
            let path = format!("/v4/jobs/{}/stop", utf8_percent_encode(&name, NON_ALPHANUMERIC));
            prop_assert_eq!(Route::of(&path), Route::Act(name, Verb::Stop));
        }

        #[test]
        fn any_path_has_a_route(path in "\\PC*") {
            prop_assert!(!Route::of(&path).label().is_empty());
        }
    }
}
