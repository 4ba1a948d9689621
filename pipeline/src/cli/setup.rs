//! `flightline setup`: creates what the configured InfluxDB sinks need and leaves what is there as it is. Every sink is tried;
//! the first that fails decides the exit code.

use std::fmt::Display;
use std::time::Duration;

use crate::cli::{Exit, Failure, args, out};
use crate::config::{Config, Influx, InfluxApi, SinkKind};

/// Calls that influxdb2 does not have: a new organisation, a database of InfluxDB 1.
mod plain;
/// Organisation and bucket of InfluxDB 2, through influxdb2.
mod v2;

/// What was found or made, for a person.
type Done = String;

/// Sets up every sink of `config`.
///
/// # Errors
/// When a sink could not be set up, or stdout cannot be written to.
pub async fn run(config: &Config, args: &args::Setup) -> Result<Exit, Failure> {
    let mut failed = None;
    for sink in &config.sinks {
        let done = match &sink.kind {
            SinkKind::File(_) => Ok("files need no set-up".to_owned()),
            SinkKind::Influx(influx) => set_up(influx, args.retention).await,
        };
        match done {
            Ok(done) => out::say(&format_args!("sink {}: {done}", sink.name))?,
            Err(failure) => {
                out::complain(&format_args!("sink {}: {failure}", sink.name))?;
                failed = failed.or(Some(failure.exit));
            }
        }
    }
    Ok(failed.unwrap_or(Exit::Ok))
}

async fn set_up(influx: &Influx, retention: Option<Duration>) -> Result<Done, Failure> {
    let work = async {
        match &influx.api {
            InfluxApi::V1 { db, .. } => plain::create_database(influx, db, retention).await,
            InfluxApi::V2 { org, bucket } => v2::ensure(influx, org, bucket, retention).await,
            InfluxApi::V3 { db } => Ok(format!(
                "database {db} is created by InfluxDB 3 with the first write"
            )),
        }
    };
    // Neither client has a time limit of its own.
    tokio::time::timeout(influx.timeout, work)
        .await
        .unwrap_or_else(|_| Err(unavailable(influx, "it does not answer in time")))
}

/// The store cannot be used.
fn unavailable(influx: &Influx, why: impl Display) -> Failure {
    Failure::new(Exit::Unavailable, format!("{}: {why}", influx.url))
}

/// The configuration asks for what `setup` cannot do.
fn refused(why: impl Into<String>) -> Failure {
    Failure::new(Exit::Config, why)
}

#[cfg(test)]
mod tests;
