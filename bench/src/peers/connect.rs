//! Redpanda Connect: passes messages on as they are, and acknowledges each when the store has answered.

use super::Way;

pub(super) const STARTED_CORE: &str = "Input type nats is now active";
pub(super) const STARTED_JETSTREAM: &str = "Input type nats_jetstream is now active";

const CORE: &str = include_str!("../../peers/connect/core.yaml");
const JETSTREAM: &str = include_str!("../../peers/connect/jetstream.yaml");
const STORE: &str = include_str!("../../peers/connect/store.yaml");

pub(super) fn config(way: Way) -> String {
    let input = match way {
        Way::Core => CORE,
        Way::JetStream => JETSTREAM,
    };
    [input, STORE].concat()
}
