//! Processes as the loop sees them, with real ones: how they end, what they print, as whom they run, and that they say they are ready.

#[path = "process/ends.rs"]
mod ends;
#[path = "process/groups.rs"]
mod groups;
#[path = "process/launched.rs"]
mod launched;
#[path = "process/notify.rs"]
mod notify;
#[path = "process/output.rs"]
mod output;
#[path = "process/rig.rs"]
mod rig;
#[path = "process/surroundings.rs"]
mod surroundings;
