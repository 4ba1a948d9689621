//! `flightline ready`: asks the worker of a configuration, on its own machine, whether it should get work. For the health check of a container
//! and for scripts: one thread, one connection, one line.

use std::time::Duration;

use http::StatusCode;

use super::{Exit, Failure, args, out};
use crate::admin::ask::{Unanswered, ask};
use crate::config::Config;

/// For the whole exchange: shorter than the health checks of containers usually wait.
const PATIENCE: Duration = Duration::from_secs(3);
/// Characters of the answer that are printed: who answers may be no worker.
const SAID: usize = 256;

/// Prints what the worker says.
///
/// # Errors
/// When none answers, or the configuration does not say where to ask.
pub async fn run(config: &Config, args: &args::Ready) -> Result<Exit, Failure> {
    let path = if args.live { "/healthz" } else { "/readyz" };
    let identity = args.cert.clone().zip(args.key.clone());
    let asked = ask(&config.admin, path, identity, PATIENCE).await;
    let (status, said) = asked.map_err(|error| {
        let exit = match error {
            Unanswered::AnyPort | Unanswered::Tls(_) => Exit::Config,
            Unanswered::Io { .. } | Unanswered::Late { .. } => Exit::Unavailable,
        };
        Failure::new(exit, error.to_string())
    })?;
    let said = String::from_utf8_lossy(&said);
    let said = said.lines().next();
    let said = said.map(|line| line.chars().take(SAID).collect::<String>());
    match (status, said) {
        (StatusCode::OK, Some(said)) => {
            out::say(&said)?;
            Ok(Exit::Ok)
        }
        (StatusCode::SERVICE_UNAVAILABLE, Some(said)) => {
            out::say(&said)?;
            Ok(Exit::Unavailable)
        }
        (status, said) => {
            let said = said.as_deref().unwrap_or("nothing");
            let at = config.admin.listen;
            let text =
                format!("what answers at {at} (admin.listen) is no worker: {status}, {said}");
            Err(Failure::new(Exit::Unavailable, text))
        }
    }
}
