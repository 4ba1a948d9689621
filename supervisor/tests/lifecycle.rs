//! Promise: every change in the life of a job is published, once, numbered and in order, to a stream of NATS, and kept in Consul, also when
//! one of them is away for a while; what is away disturbs neither the job nor its checks.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "lifecycle/record.rs"]
mod record;
#[path = "lifecycle/story.rs"]
mod story;

use story::{Away, play};

#[test]
fn a_life_is_published_and_kept() {
    play(Away::Nobody);
}

#[test]
fn a_life_is_published_and_kept_though_nats_was_away() {
    play(Away::Nats);
}

#[test]
fn a_life_is_published_and_kept_though_consul_was_away() {
    play(Away::Consul);
}

#[test]
fn a_life_is_published_and_kept_though_nats_stood_still() {
    play(Away::SilentNats);
}

#[test]
fn a_life_is_published_and_kept_though_consul_stood_still() {
    play(Away::SilentConsul);
}
