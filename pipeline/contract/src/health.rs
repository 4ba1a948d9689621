//! The result of one health check: `<prefix>.health.<service>.<instance>`.

use serde::{Deserialize, Serialize};

use crate::value::{Text, Timestamp};

/// One check result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health<'a> {
    /// The check's name, unique in its instance.
    #[serde(borrow)]
    pub check: Text<'a>,
    /// What it found.
    pub status: Status,
    /// What it printed, or a short reason.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Text<'a>>,
    /// When it ended; the message's own time if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

/// Consul's four states of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All is well.
    Passing,
    /// Something needs a look.
    Warning,
    /// It does not work.
    Critical,
    /// Taken out on purpose.
    Maintenance,
}

impl Status {
    /// Every status, from best to worst; the index is the `code` field that is stored.
    pub const ALL: [Self; 4] = [
        Self::Passing,
        Self::Warning,
        Self::Critical,
        Self::Maintenance,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Maintenance => "maintenance",
        }
    }
}
