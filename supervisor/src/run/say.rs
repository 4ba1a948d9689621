//! What an operator should read of what the jobs do.

use tracing::{error, info, warn};

use crate::action::Remark;

/// Writes a remark to the log.
pub(super) fn say(remark: &Remark) {
    match remark {
        Remark::Failed { name, exit } => error!(job = %name, "{name} exited with {exit}"),
        Remark::BackingOff { name, pause } => {
            warn!(job = %name, "{name} ends too soon after its starts; the next one is in {pause:?}");
        }
        Remark::RestartUnhealthy { name } => {
            warn!(job = %name, "{name} failed too many checks in a row and is stopped for it");
        }
        Remark::Killing { name } => info!(job = %name, "killing {name}: it did not stop in time"),
        Remark::HooksLate { name } => {
            warn!(job = %name, "{name} does not wait any longer for its pre-stop jobs");
        }
        Remark::StartTimeout { name } => {
            warn!(job = %name, "{name} was not started in time and ends");
        }
        Remark::Abandoned { names } => {
            error!(
                "still there after the deadline and left behind: {}",
                names.join(", ")
            );
        }
    }
}
