//! Where dead letters go: that they are captured, live long enough to be looked at, and are looked at.

use std::time::Duration;

use flightline_contract::filter::covers;
use flightline_contract::table::Stream;
use flightline_contract::token::Prefix;

use super::finding::{Code, Finding};
use super::nats::unseen;
use crate::bus::{Bus, StreamFacts};
use crate::config::units::show_duration;
use crate::config::{Config, DeadLetters};

/// A week-end, and some days to mend what they are about.
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Looks at their stream.
pub(super) async fn examine(bus: &Bus, config: &Config) -> Vec<Finding> {
    let DeadLetters::JetStream { stream, .. } = &config.deadletter else {
        return Vec::new();
    };
    let Ok(prefix) = Prefix::new(&config.prefix) else {
        return Vec::new();
    };
    let subjects = Stream::DeadLetter.subjects(&prefix).to_string();
    let about = format!("dead letters ({stream})");
    match bus.stream_facts(stream).await {
        Ok(Some(facts)) => judge(&facts, &about, &subjects),
        Ok(None) => vec![
            Finding::note(Code::LettersAbsent, &about)
                .found("their stream is not there")
                .means("the worker creates it")
                .cure("nothing"),
        ],
        Err(error) => vec![unseen(&about, &error)],
    }
}

fn judge(facts: &StreamFacts, about: &str, subjects: &str) -> Vec<Finding> {
    let StreamFacts { config, state, .. } = facts;
    let name = &config.name;
    let mut findings = Vec::new();
    if !config.subjects.iter().any(|have| covers(have, subjects)) {
        findings.push(
            Finding::error(Code::LettersUncaptured, about)
                .found(format!("it does not capture {subjects} (it has {})", config.subjects.join(", ")))
                .means("a bad line can be kept nowhere, so that its message is never acked and comes again for ever")
                .cure(format!("nats stream edit {name} --subjects '{subjects}'"))
                .by_settings(),
        );
    }
    let age = Duration::from_nanos(config.max_age);
    if !age.is_zero() && age < WEEK {
        findings.push(
            Finding::warning(Code::LettersShort, about)
                .found(format!("they are kept for {}", show_duration(age)))
                .means("a letter may be gone before somebody has looked at it")
                .cure(format!("nats stream edit {name} --max-age 30d"))
                .by_settings(),
        );
    }
    if state.messages > 0 {
        findings.push(
            Finding::note(Code::LettersWait, about)
                .found(format!("{} of them wait", state.messages))
                .means("lines or messages that could not be stored, with their reasons")
                .cure("look at them: flightline dead list"),
        );
    }
    findings
}
