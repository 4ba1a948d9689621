//! Who answered in, who is up and who was lately out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::figures::Figures;
use crate::metrics::nats::SERVER_UP;

/// The most servers: a super-cluster has a few dozen, and each has about fifty series.
pub(super) const MOST: usize = 64;
/// For how long a server that is gone is said to be down: long enough for an alert to be seen, short enough to forget who will not come back.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// The servers that answered within [`REMEMBERED`].
#[derive(Debug, Default)]
pub(super) struct Roll {
    last: Option<Instant>,
    seen: BTreeMap<String, Instant>,
}

impl Roll {
    /// At `now` these have answered, and no others.
    pub(super) fn call(&mut self, names: &BTreeSet<String>, now: Instant) {
        self.last = Some(now);
        self.seen
            .retain(|_, seen| now.duration_since(*seen) < REMEMBERED);
        for name in names {
            if self.seen.len() >= MOST && !self.seen.contains_key(name) {
                let oldest = self.seen.iter().min_by_key(|(_, seen)| **seen);
                let Some(oldest) = oldest.filter(|(_, seen)| **seen < now) else {
                    break;
                };
                let oldest = oldest.0.clone();
                self.seen.remove(&oldest);
            }
            self.seen.insert(name.clone(), now);
        }
    }

    /// Who is remembered, up or not.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.seen.keys().cloned().collect()
    }

    /// How many are remembered, up or not.
    pub(super) fn known(&self) -> usize {
        self.seen.len()
    }

    /// Who is up, who is not.
    pub(super) fn figures(&self) -> Figures {
        let mut figures = self.down();
        for name in self.names_of(|seen| seen == self.last) {
            figures.put(SERVER_UP, &[name], 1.0);
        }
        figures
    }

    /// Who is not up.
    pub(super) fn down(&self) -> Figures {
        let mut figures = Figures::default();
        for name in self.names_of(|seen| seen != self.last) {
            figures.put(SERVER_UP, &[name], 0.0);
        }
        figures
    }

    fn names_of(&self, is_meant: impl Fn(Option<Instant>) -> bool) -> impl Iterator<Item = &str> {
        let meant = self
            .seen
            .iter()
            .filter(move |(_, seen)| is_meant(Some(**seen)));
        meant.map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn up(roll: &Roll) -> usize {
        let lines = roll.figures().lines();
        lines.iter().filter(|line| line.ends_with(" 1")).count()
    }

    #[test]
    fn who_is_gone_is_down_for_an_hour_and_then_forgotten() {
        let (mut roll, start) = (Roll::default(), Instant::now());
        roll.call(&names(&["a", "b"]), start);
        roll.call(&names(&["a"]), start + Duration::from_secs(10));
        let expected = ["nats_server_up{server=a} 1", "nats_server_up{server=b} 0"];
        assert_eq!(
            (roll.known(), roll.figures().lines()),
            (2, expected.map(str::to_owned).to_vec())
        );
        roll.call(&names(&[]), start + Duration::from_secs(20));
        assert_eq!(up(&roll), 0);
        roll.call(&names(&["a"]), start + REMEMBERED);
        assert_eq!(roll.known(), 1);
        assert_eq!(roll.figures().lines(), ["nats_server_up{server=a} 1"]);
    }

    #[test]
    fn servers_with_a_new_name_at_each_start_do_not_fill_the_roll() {
        let (mut roll, start) = (Roll::default(), Instant::now());
        for round in 0..200_u32 {
            roll.call(
                &names(&[&format!("s{round}")]),
                start + Duration::from_secs(round.into()),
            );
        }
        assert_eq!((roll.figures().len(), up(&roll)), (MOST, 1));
        let many: Vec<_> = (0..2 * MOST).map(|number| format!("n{number}")).collect();
        roll.call(
            &many.into_iter().collect(),
            start + Duration::from_secs(300),
        );
        assert_eq!((roll.figures().len(), up(&roll)), (MOST, MOST));
    }
}
