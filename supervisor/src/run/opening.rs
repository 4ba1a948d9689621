//! A configuration comes in, a loop that runs comes out; or the end, when the supervisor is told to end before anything was started.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tracing::debug;

use super::parts::Parts;
use super::prepare::Prepared;
use super::signals::Signals;
use super::{MAILBOX, Supervisor};
use crate::action::End;
use crate::cli::{Exit, Failure};
use crate::event::{Received, Wake};
use crate::init;
use crate::log::Log;
use crate::process::Spawner;

/// Opens everything, runs the jobs to their end, closes everything.
///
/// # Errors
/// When something that is needed cannot be opened; nothing was started then.
pub async fn supervise(prepared: Prepared, log: Log, file: PathBuf) -> Result<End, Failure> {
    let unavailable =
        |error: &dyn std::error::Error| Failure::new(Exit::Unavailable, error.to_string());
    let (wakes, mut mailbox) = mpsc::channel(MAILBOX);
    // Before anything else takes time: a signal that comes now is the first wake.
    let signals = Signals::install().map_err(|error| unavailable(&error))?;
    init::unblock();
    let forwarding = tokio::spawn(signals.forward(wakes.clone()));
    let names: Vec<&str> = prepared.config.jobs.iter().map(|job| &*job.name).collect();
    debug!(
        "loaded config: {} with the jobs {}",
        file.display(),
        names.join(", ")
    );
    prepared.say_findings();
    let host = nix::unistd::gethostname().map_err(|error| unavailable(&error))?;
    let host = host.to_string_lossy().into_owned();
    let spawner = Spawner::new(Arc::new(log.clone()), wakes.clone());
    let mut early = Vec::new();
    let parts = tokio::select! {
        parts = Parts::start(prepared, log, host, wakes.clone()) => parts.map_err(|error| unavailable(&error))?,
        () = terminated(&mut mailbox, &mut early) => return Ok(End::before_the_start(Instant::now())),
    };
    let end = Supervisor::new(parts, spawner, file, wakes)
        .run(early, mailbox)
        .await;
    forwarding.abort();
    Ok(end)
}

/// Returns when the supervisor is told to end. No job runs yet that anything else could be for.
/// What else comes is kept in `early`: at most what signals and a few clients say in the seconds of a start.
async fn terminated(mailbox: &mut mpsc::Receiver<Wake>, early: &mut Vec<Wake>) {
    while let Some(wake) = mailbox.recv().await {
        if matches!(wake, Wake::Signal(Received::Terminate)) {
            return;
        }
        if early.len() < MAILBOX {
            early.push(wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::SignalEvent;

    #[tokio::test]
    async fn what_comes_during_the_start_is_kept_in_its_order_until_an_end_is_wanted() {
        let (wakes, mut mailbox) = mpsc::channel(MAILBOX);
        let signals = [
            Received::Event(SignalEvent::Hangup),
            Received::Reopen,
            Received::Event(SignalEvent::User2),
            Received::Terminate,
            Received::Reopen,
        ];
        for signal in signals {
            wakes.send(Wake::Signal(signal)).await.unwrap();
        }
        let mut early = Vec::new();
        terminated(&mut mailbox, &mut early).await;
        let kept: Vec<Received> = early
            .iter()
            .map(|wake| match wake {
                Wake::Signal(signal) => *signal,
                other => panic!("{other:?} was never sent"),
            })
            .collect();
        assert_eq!(kept, signals[..3]);
    }
}
