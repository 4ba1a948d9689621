//! The hidden verbs: what a trial starts as processes of their own, so that CPU and memory can be told apart.

use std::net::SocketAddr;
use std::os::unix::process::parent_id;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use flightline::config::environment::Environment;
use flightline::config::load::load;

use super::out;
use crate::discard;
use crate::floor;
use crate::floor::acks::Acks;
use crate::publish::{self, Pace};
use crate::scenario::Coding;
use crate::targets;
use crate::writer;

/// Between two looks at whether the parent still is there.
const LOOK: Duration = Duration::from_millis(100);

/// `publisher`
#[derive(Debug, Args)]
pub struct PublisherArgs {
    /// The server: 127.0.0.1:4222.
    #[arg(long)]
    address: String,
    /// What is published, as JSON.
    #[arg(long)]
    traffic: String,
    /// How.
    #[arg(long, value_enum)]
    pace: PaceArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PaceArg {
    Full,
    Fill,
    Pieces,
    Clock,
}

/// `writer`
#[derive(Debug, Args)]
pub struct WriterArgs {
    /// The write front: 127.0.0.1:8186.
    #[arg(long)]
    address: String,
    /// What is written, as JSON.
    #[arg(long)]
    traffic: String,
    /// From how many clients.
    #[arg(long)]
    clients: u32,
    /// How bodies are sent.
    #[arg(long, value_enum)]
    coding: CodingArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CodingArg {
    Identity,
    Gzip,
}

/// `discard`
#[derive(Debug, Args)]
pub struct DiscardArgs {
    /// Where it listens.
    #[arg(long)]
    listen: SocketAddr,
}

/// `floor-worker`
#[derive(Debug, Args)]
pub struct FloorArgs {
    /// The product's configuration.
    #[arg(long)]
    config: PathBuf,
    /// How messages of a stream are acknowledged.
    #[arg(long, value_enum)]
    acks: AcksArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AcksArg {
    Each,
    Last,
}

/// Publishes, and says how it went.
///
/// # Errors
/// When it did not.
pub fn publisher(args: &PublisherArgs) -> anyhow::Result<()> {
    end_with_parent()?;
    let traffic = serde_json::from_str(&args.traffic)?;
    let pace = match args.pace {
        PaceArg::Full => Pace::Full,
        PaceArg::Fill => Pace::Fill,
        PaceArg::Pieces => Pace::Pieces,
        PaceArg::Clock => Pace::Clock,
    };
    let report = one_thread()?.block_on(publish::run(&args.address, traffic, pace))?;
    Ok(out::json(&report)?)
}

/// Writes to a write front, and says how it went.
///
/// # Errors
/// When it did not.
pub fn writer(args: &WriterArgs) -> anyhow::Result<()> {
    end_with_parent()?;
    let traffic = serde_json::from_str(&args.traffic)?;
    let coding = match args.coding {
        CodingArg::Identity => Coding::Identity,
        CodingArg::Gzip => Coding::Gzip,
    };
    let written = writer::run(&args.address, traffic, args.clients, coding);
    Ok(out::json(&one_thread()?.block_on(written)?)?)
}

/// Takes lines and throws them away, until it is killed.
///
/// # Errors
/// When it cannot listen.
pub fn discard(args: &DiscardArgs) -> anyhow::Result<()> {
    end_with_parent()?;
    Ok(one_thread()?.block_on(discard::serve(args.listen))?)
}

/// The floor, until SIGTERM.
///
/// # Errors
/// At the first thing that goes wrong.
pub fn floor_worker(args: &FloorArgs) -> anyhow::Result<()> {
    end_with_parent()?;
    // The file alone says what is measured.
    let nothing = Environment::of::<&str, &str>([]);
    let config = load(std::slice::from_ref(&args.config), &nothing)?.config;
    let acks = match args.acks {
        AcksArg::Each => Acks::Each,
        AcksArg::Last => Acks::Last,
    };
    // As the product's own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(floor::run(&config, acks, |said| out::json(&said)))?)
}

/// Fills a series table and says what it costs.
///
/// # Errors
/// When it is not filled.
pub fn series() -> anyhow::Result<()> {
    Ok(out::json(&targets::series::measure()?)?)
}

/// Ends this process soon after the one that has started it: who is killed ends nobody.
fn end_with_parent() -> std::io::Result<()> {
    let parent = parent_id();
    let look = move || {
        while parent_id() == parent {
            thread::park_timeout(LOOK);
        }
        std::process::exit(1)
    };
    thread::Builder::new()
        .name("parent".to_owned())
        .spawn(look)?;
    Ok(())
}

/// A thread of its own is all that these need.
fn one_thread() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}
