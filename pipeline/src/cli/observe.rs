//! `flightline observe`: an exporter of NATS until a signal comes. It has nothing in hand that would have to be drained.

use super::run::{Signals, unavailable};
use super::{Exit, Failure};
use crate::config::Config;
use crate::observe;

/// Exports what NATS tells to the logins of `config`.
///
/// # Errors
/// When `config` says nothing of it, or the admin listener cannot be opened.
pub async fn run(config: &Config) -> Result<Exit, Failure> {
    let Some(observe) = &config.observe else {
        let text = "there is no [observe]: add the table, with a login of the system account in [observe.system], or with nothing in it";
        return Err(Failure::new(Exit::Config, text));
    };
    let signals = Signals::watch()?;
    let running = observe::run(config, observe, signals.stop);
    if let Some(ended) = signals.abandon.run_until_cancelled(running).await {
        ended.map_err(unavailable)?;
    }
    Ok(Exit::Ok)
}
