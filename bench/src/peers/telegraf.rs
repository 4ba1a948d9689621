//! Telegraf: parses each line into an object and prints it again, so a line may come out in other bytes for the same point.

use super::Way;
use crate::program::{Api, Setting};

pub(super) const STARTED: &str = "Started the NATS consumer service";

const AGENT: &str = include_str!("../../peers/telegraf/agent.conf");
const CORE: &str = include_str!("../../peers/telegraf/core.conf");
const JETSTREAM: &str = include_str!("../../peers/telegraf/jetstream.conf");
const V1: &str = include_str!("../../peers/telegraf/influxdb.conf");
const V2: &str = include_str!("../../peers/telegraf/influxdb_v2.conf");

pub(super) fn config(setting: &Setting, way: Way) -> String {
    let input = match way {
        Way::Core => CORE,
        Way::JetStream => JETSTREAM,
    };
    let output = match setting.store.api {
        Api::V1 => V1,
        Api::V2 => V2,
    };
    [AGENT, input, output].concat()
}
