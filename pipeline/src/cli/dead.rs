//! `flightline dead`: what was dead-lettered, listed, shown, and published again after a fix. Reading changes nothing: the stream is read
//! with a reader that the server forgets by itself.

use std::io::IsTerminal;
use std::time::SystemTime;

use super::args::dead::{Dead, DeadVerb, List, Show, Which};
use super::{Exit, Failure, out};
use crate::config::Config;
use filed::{Filed, Sieve};
use reading::{Letters, Shelf};
use shown::{COLUMNS, Object, Row, Whole};

/// What a letter tells.
mod filed;
/// Letters of a stream or file, one after the other.
mod reading;
/// Letters as text.
mod shown;
/// Published again.
mod again;

/// Does what `args` say.
///
/// # Errors
/// When the letters cannot be read, or not all that was asked for was done.
pub async fn run(config: &Config, args: &Dead) -> Result<Exit, Failure> {
    match &args.verb {
        DeadVerb::List(args) => list(config, args).await,
        DeadVerb::Show(args) => show(config, args).await,
        DeadVerb::Replay(args) => again::run(config, args).await,
    }
}

async fn list(config: &Config, args: &List) -> Result<Exit, Failure> {
    let shelf = Shelf::open(config).await?;
    let mut letters = chosen(&shelf, &args.which).await?;
    let limit = args.limit.map_or(u64::MAX, std::num::NonZeroU64::get);
    let mut listed = 0;
    while listed < limit
        && let Some(letter) = letters.next().await?
    {
        listed += 1;
        if args.json {
            let object = serde_json::to_string(&Object::from(&letter));
            out::say(&object.map_err(std::io::Error::other)?)?;
        } else {
            if listed == 1 {
                out::say(&COLUMNS)?;
            }
            out::say(&Row(&letter))?;
        }
    }
    if !args.json && listed == 0 {
        out::complain(&"no such dead letters")?;
    }
    Ok(Exit::Ok)
}

async fn show(config: &Config, args: &Show) -> Result<Exit, Failure> {
    if args.raw && std::io::stdout().is_terminal() {
        let text = "these bytes may drive a terminal: without --raw they are escaped, or write them to a file (> FILE)";
        return Err(Failure::new(Exit::Usage, text));
    }
    let letter = Shelf::open(config).await?.letter(args.number).await?;
    if args.raw {
        out::bytes(&letter.payload)?;
    } else {
        out::say(&Whole(&letter))?;
    }
    Ok(Exit::Ok)
}

/// The letters that `which` means.
async fn chosen(shelf: &Shelf, which: &Which) -> Result<Sifted, Failure> {
    let since = which.since.map(|since| {
        let now = SystemTime::now();
        now.checked_sub(since).unwrap_or(SystemTime::UNIX_EPOCH)
    });
    let sieve = Sieve {
        reason: which.reason,
        subject: which.subject.clone(),
    };
    let letters = shelf.letters(since).await?;
    Ok(Sifted { letters, sieve })
}

/// Letters through a sieve.
#[derive(Debug)]
struct Sifted {
    letters: Letters,
    sieve: Sieve,
}

impl Sifted {
    async fn next(&mut self) -> Result<Option<Filed>, Failure> {
        while let Some(letter) = self.letters.next().await? {
            if self.sieve.lets_through(&letter) {
                return Ok(Some(letter));
            }
        }
        Ok(None)
    }
}
