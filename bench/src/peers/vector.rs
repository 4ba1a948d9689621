//! Vector: passes messages on as they are, and acknowledges them when they have left the source.

use super::Way;

pub(super) const STARTED: &str = "Vector has started";

const CORE: &str = include_str!("../../peers/vector/core.yaml");
const JETSTREAM: &str = include_str!("../../peers/vector/jetstream.yaml");
const STORE: &str = include_str!("../../peers/vector/store.yaml");

pub(super) fn config(way: Way) -> String {
    let source = match way {
        Way::Core => CORE,
        Way::JetStream => JETSTREAM,
    };
    [source, STORE].concat()
}
