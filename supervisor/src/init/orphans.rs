//! The end of a subreaper: whoever is left of its descendants comes in as its child, and is killed and reaped, as the kernel does
//! when a PID 1 ends. They were all left behind by jobs that have been stopped; to leave them to the host would mean that nobody ever
//! stops them.

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};

/// How often the children of those who were killed are looked for: deeper families than this are left alone.
const ROUNDS: usize = 64;

/// Kills and reaps every child, and theirs, which become children when their parents die.
pub(super) fn end() {
    for _ in 0..ROUNDS {
        let children = children(getpid());
        for child in &children {
            // It is not reaped yet, so the number is its own.
            kill(*child, Signal::SIGKILL).ok();
        }
        for child in &children {
            waitpid(*child, None).ok();
        }
        let more = waitpid(None, Some(WaitPidFlag::WNOHANG));
        if more == Err(Errno::ECHILD) || (children.is_empty() && more == Ok(WaitStatus::StillAlive))
        {
            return;
        }
    }
}

fn children(parent: Pid) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pids = numbers.map(Pid::from_raw);
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_parent(&stat).map(Pid::from_raw)
}

/// The fourth field; the second may hold blanks and brackets of its own.
fn parse_parent(stat: &str) -> Option<i32> {
    let (_, after) = stat.rsplit_once(") ")?;
    after.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_hides_no_parent() {
        assert_eq!(parse_parent("7 (a) S 9 (b) S 3 7 7 0"), Some(3));
        assert_eq!(parse_parent("7 (sh) S 3 7 7 0"), Some(3));
        assert_eq!(parse_parent("7 (sh)"), None);
    }
}
