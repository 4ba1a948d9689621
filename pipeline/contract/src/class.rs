//! What a message is about.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The four classes of telemetry, the second token of every subject of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// A set of samples ([`crate::metric::MetricSet`]).
    Metric,
    /// The result of one check ([`crate::health::Health`]).
    Health,
    /// Application data, any points ([`crate::app::Point`]).
    App,
    /// One transition of a supervised job ([`crate::lifecycle::LifecycleChange`]).
    Lifecycle,
}

impl Class {
    /// Every class, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Metric, Self::Health, Self::App, Self::Lifecycle];

    /// The subject token and label value of this class.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metric => "metric",
            Self::Health => "health",
            Self::App => "app",
            Self::Lifecycle => "lifecycle",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The token names no class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a class of telemetry (metric, health, app, lifecycle)")]
pub struct UnknownClass;

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or(UnknownClass)
    }
}
