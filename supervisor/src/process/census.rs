//! Who is in a group besides zombies: `/proc` comes in, at most once in `FRESH` however many ask; what is in one group goes out.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use nix::unistd::Pid;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

/// How long one look at all processes serves everybody: on a host with thousands it takes tens of ms.
const FRESH: Duration = Duration::from_millis(200);

/// What a group holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Members {
    /// Somebody lives, or it cannot be seen.
    Living,
    /// Only processes that are dead and that nobody has reaped.
    Zombies,
}

/// The last look. That it is old does no harm: who was dead stays dead, and a group without a leader grows only by forks of those
/// who live.
#[derive(Debug, Default)]
pub(super) struct Census {
    last: Mutex<Option<Look>>,
}

#[derive(Debug)]
struct Look {
    at: Instant,
    groups: BTreeMap<i32, Members>,
}

impl Census {
    /// What a group without a leader holds, of which the system says that it has members.
    pub(super) async fn members(&self, group: Pid) -> Members {
        let mut last = self.last.lock().await;
        let look = match last.take().filter(|look| look.at.elapsed() < FRESH) {
            Some(look) => look,
            None => Look {
                at: Instant::now(),
                // Where it cannot be had, nobody is taken for dead.
                groups: spawn_blocking(take).await.unwrap_or_default(),
            },
        };
        let members = look.groups.get(&group.as_raw()).copied();
        *last = Some(look);
        members.unwrap_or(Members::Living)
    }
}

fn take() -> BTreeMap<i32, Members> {
    let mut groups = BTreeMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        if name
            .to_str()
            .is_none_or(|name| name.parse::<u32>().is_err())
        {
            continue;
        }
        let stat = fs::read(entry.path().join("stat")).unwrap_or_default();
        if let Some((group, member)) = parse(&String::from_utf8_lossy(&stat)) {
            let members = groups.entry(group).or_insert(member);
            if member == Members::Living {
                *members = member;
            }
        }
    }
    groups
}

/// State, group and number of threads: the fields 3, 5 and 20; the second may hold blanks and brackets of its own. A process whose
/// first thread has ended looks like a zombie while others run.
fn parse(stat: &str) -> Option<(i32, Members)> {
    let (_, after) = stat.rsplit_once(") ")?;
    let mut fields = after.split(' ');
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    let threads: u32 = fields.nth(14)?.parse().ok()?;
    let is_dead = matches!(state, "Z" | "X") && threads <= 1;
    let members = if is_dead {
        Members::Zombies
    } else {
        Members::Living
    };
    Some((group, members))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "3 0 -1 4228 0 0 0 0 1 2 3 4 20 0";

    #[test]
    fn a_zombie_is_known_whatever_its_name() {
        let stat = format!("9 (a) S 1 (b) Z 1 7 {REST} 1 0 99");
        assert_eq!(parse(&stat), Some((7, Members::Zombies)));
        let stat = format!("9 (Z) S 1 7 {REST} 1 0 99");
        assert_eq!(parse(&stat), Some((7, Members::Living)));
        for broken in ["", "9 (sh)", "9 (sh) Z 1", "9 (sh) Z 1 7 0"] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_process_lives_as_long_as_one_of_its_threads() {
        let stat = format!("9 (app) Z 1 7 {REST} 2 0 99");
        assert_eq!(parse(&stat), Some((7, Members::Living)));
    }

    #[tokio::test]
    async fn a_group_that_cannot_be_seen_is_not_taken_for_dead() {
        let census = Census::default();
        let own = nix::unistd::getpgrp();
        assert_eq!(census.members(own).await, Members::Living);
        let nobodys = Pid::from_raw(i32::MAX);
        assert_eq!(census.members(nobodys).await, Members::Living);
    }
}
