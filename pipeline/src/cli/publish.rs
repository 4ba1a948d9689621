//! `flightline publish`: each line of standard input is one message, in order. What was read is acknowledged by a stream, or the exit code
//! and the count say that it was not. While NATS is away nothing more is read.
//!
//! A line is sent again until the stream has it, under one message id: it is stored once, unless NATS is away for longer than the stream's
//! duplicate window, two minutes by default. Lines that were on their way when a connection was lost may change places with each other.

use std::time::Duration;

use async_nats::Subject;
use flightline_contract::encoding::CONTENT_TYPE;
use flightline_link::nats::denied::{Act, Denied};
use tokio::time::sleep;

use super::play::headers;
use super::run::{Signals, unavailable};
use super::{Exit, Failure, args, out};
use crate::bus::{Bus, SUBSCRIPTION_CAPACITY};
use crate::config::Config;
use lines::{End, Input};
use store::{LOOK, Store, Stuck, Tally, Target};

/// Standard input, cut into lines.
mod lines;
/// Lines under way to a stream.
mod store;

/// What every message says of itself beside its payload: NATS counts it to the payload.
const HEADER_ROOM: usize = 256;
/// For acknowledgements that are on their way when the server refuses what came behind.
const ON_THEIR_WAY: Duration = Duration::from_secs(1);

/// Publishes until the end of the input or a signal.
///
/// # Errors
/// When not everything that was read is with the server.
pub async fn run(config: &Config, args: &args::Publish) -> Result<Exit, Failure> {
    let Signals { stop, abandon } = Signals::watch()?;
    let reach = Bus::reach(&config.nats, SUBSCRIPTION_CAPACITY, |_| {});
    let Some(bus) = stop.run_until_cancelled(reach).await else {
        out::say(&"0 messages sent")?;
        return Ok(Exit::Ok);
    };
    let content_type = args.content_type.iter();
    let named: Vec<_> = content_type
        .map(|text| (CONTENT_TYPE.to_owned(), text.clone()))
        .collect();
    let room = HEADER_ROOM + args.content_type.as_ref().map_or(0, String::len);
    let longest = bus.max_payload().saturating_sub(room);
    let target = Target {
        bus: bus.clone(),
        subject: Subject::from(args.subject.as_str()),
        headers: headers(&named).map_err(unavailable)?,
    };
    let mut store = Store::new(target);
    let mut input = Input::open(longest, &stop)?;
    let late = async {
        stop.cancelled().await;
        tokio::select! {
            () = sleep(config.drain) => {}
            () = abandon.cancelled() => {}
        }
    };
    let mut tally = Tally::default();
    let ended = tokio::select! {
        biased;
        ended = store.run(&mut input.lines, &mut tally) => ended,
        (act, subject) = denied(&bus, &args.subject) => Err(Stuck::Denied(act, subject)),
        () = late => Err(Stuck::Late),
    };
    let patience = match ended {
        Err(Stuck::Denied(Act::Publish, _)) => ON_THEIR_WAY,
        _ => Duration::ZERO,
    };
    store.settle_within(patience, &mut tally).await;
    let Tally { sent, refused } = tally;
    let account = Account {
        sent,
        refused,
        left: input.read().saturating_sub(sent + refused),
    };
    out::say(&account)?;
    account.exit(ended, &input.end(), args)
}

/// Returns when the server refuses what is published, or that its answer is heard: who waits for that is not told.
async fn denied(bus: &Bus, subject: &str) -> (Act, String) {
    loop {
        if bus.is_mute_on(subject) {
            return (Act::Publish, subject.to_owned());
        }
        if let Some(answers) = bus.deaf_to() {
            return (Act::Subscribe, answers);
        }
        sleep(LOOK).await;
    }
}

/// What became of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Account {
    sent: u64,
    refused: u64,
    /// Read, and not known to be with the server.
    left: u64,
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} messages sent", self.sent)?;
        if self.left > 0 {
            write!(f, ", {} not acknowledged", self.left)?;
        }
        if self.refused > 0 {
            write!(f, ", {} refused", self.refused)?;
        }
        Ok(())
    }
}

impl Account {
    /// What is worst decides.
    fn exit(
        self,
        ended: Result<(), Stuck>,
        end: &End,
        args: &args::Publish,
    ) -> Result<Exit, Failure> {
        match (ended, end) {
            (Err(Stuck::NoStream), _) => Err(no_stream(&args.subject)),
            (Err(Stuck::Denied(act, subject)), _) => Err(no_permission(act, &subject)),
            (Err(Stuck::Late), _) => {
                let text = "stopped before every line that was read was acknowledged";
                Err(Failure::new(Exit::Unacked, text))
            }
            (Ok(()), End::Broken(error)) => Err(unavailable(format_args!(
                "standard input cannot be read: {error}"
            ))),
            (Ok(()), End::InALine) => {
                let text = "stopped in the middle of a line: what was read of it was not sent";
                Err(Failure::new(Exit::Unacked, text))
            }
            (Ok(()), End::Whole) if self.refused > 0 => Ok(Exit::Input),
            (Ok(()), End::Whole) => Ok(Exit::Ok),
        }
    }
}

fn no_stream(subject: &str) -> Failure {
    unavailable(format_args!(
        "no stream takes {subject}: name a subject that one takes, or give a stream this one (flightline run creates that of source.stream, with \
         all that its mappings read)"
    ))
}

fn no_permission(act: Act, subject: &str) -> Failure {
    let cure = Denied { act, subject }.cure();
    let left = match act {
        Act::Publish => "",
        Act::Subscribe => "; what was sent may be stored, and would be twice if it was sent again",
    };
    let what = act.as_str();
    unavailable(format_args!(
        "nats does not let us {what} to {subject}: {cure}{left}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> args::Publish {
        args::Publish {
            subject: "a.b".to_owned(),
            content_type: None,
        }
    }

    #[test]
    fn what_is_not_acknowledged_weighs_more_than_what_was_refused() {
        let account = Account {
            sent: 3,
            refused: 1,
            left: 2,
        };
        assert_eq!(
            account.to_string(),
            "3 messages sent, 2 not acknowledged, 1 refused"
        );
        let code = |ended, end| match account.exit(ended, &end, &args()) {
            Ok(exit) => exit,
            Err(failure) => failure.exit,
        };
        assert_eq!(code(Err(Stuck::Late), End::Whole), Exit::Unacked);
        assert_eq!(code(Ok(()), End::InALine), Exit::Unacked);
        assert_eq!(code(Err(Stuck::NoStream), End::Whole), Exit::Unavailable);
        let denied = Err(Stuck::Denied(Act::Publish, "a.b".to_owned()));
        assert_eq!(code(denied, End::InALine), Exit::Unavailable);
        assert_eq!(code(Ok(()), End::Whole), Exit::Input);
    }

    #[test]
    fn all_is_well_when_nothing_is_left() {
        let account = Account {
            sent: 3,
            refused: 0,
            left: 0,
        };
        assert_eq!(account.to_string(), "3 messages sent");
        assert_eq!(
            account.exit(Ok(()), &End::Whole, &args()).unwrap(),
            Exit::Ok
        );
    }
}
