//! The passing instances of a service come in, whether they are others than before goes out. Pure.

use crate::consul::payload::Instance;

/// The instances that were seen last: at first none.
#[derive(Debug, Default)]
pub struct Memory {
    places: Vec<(String, i64)>,
}

/// Whether there is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Their number, an address or a port is another.
    Changed,
    /// None of these.
    Same,
}

impl Memory {
    /// Compares addresses and ports in the order of ids, and remembers them. Ids, tags and nodes are no news by themselves.
    pub fn look(&mut self, mut instances: Vec<Instance>) -> Difference {
        // By address and port, too: ids are unique only at their agents, and answers have no order.
        instances.sort_unstable();
        let place = |instance: Instance| (instance.address, instance.port);
        let places: Vec<_> = instances.into_iter().map(place).collect();
        if places == self.places {
            return Difference::Same;
        }
        self.places = places;
        Difference::Changed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Difference::{Changed, Same};
    use super::*;

    fn instance(id: &str, address: &str, port: i64) -> Instance {
        Instance {
            id: id.to_owned(),
            address: address.to_owned(),
            port,
            tags: Vec::new(),
            node: String::new(),
        }
    }

    #[test]
    fn none_two_none_two_one_are_four_changes() {
        let (a, b) = (instance("a", "10.0.0.1", 80), instance("b", "10.0.0.2", 80));
        let two = vec![a.clone(), b.clone()];
        let looks = [vec![], two.clone(), vec![], two.clone(), two, vec![a]];
        let mut memory = Memory::default();
        let seen = looks.map(|look| memory.look(look));
        assert_eq!(seen, [Same, Changed, Changed, Changed, Same, Changed]);
    }

    #[test]
    fn an_address_and_a_port_are_news_and_an_id_is_not() {
        let mut memory = Memory::default();
        let mut look = |id, address, port| memory.look(vec![instance(id, address, port)]);
        assert_eq!(look("a", "10.0.0.1", 80), Changed);
        assert_eq!(look("b", "10.0.0.1", 80), Same);
        assert_eq!(look("b", "10.0.0.1", 81), Changed);
        assert_eq!(look("b", "10.0.0.2", 81), Changed);
    }

    proptest! {
        #[test]
        fn the_order_of_an_answer_is_no_news(ports in prop::collection::vec((0..4_i64, 0..4_i64), 0..8), seed: u64) {
            let there: Vec<_> = ports.iter().map(|(id, port)| instance(&id.to_string(), "h", *port)).collect();
            let mut shuffled = there.clone();
            fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
            let mut memory = Memory::default();
            memory.look(there);
            prop_assert_eq!(memory.look(shuffled), Same);
        }
    }
}
