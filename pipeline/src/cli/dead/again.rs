//! Letters come in, messages go out: the original bytes on the original subject, declared as they were. A letter is taken out of its
//! stream only when asked for, and only after the message's stream has said that it has the message.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU64;

use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use flightline_contract::deadletter::TIME;
use flightline_contract::encoding::CONTENT_TYPE;

use super::chosen;
use super::filed::Filed;
use super::reading::{Shelf, connect};
use super::shown::{missing, text};
use crate::bus::{Bus, BusError};
use crate::cli::args::dead::{Again, is_content_type};
use crate::cli::run::unavailable;
use crate::cli::{Exit, Failure, out};
use crate::config::{Config, Source};
use crate::decode::route::Router;

/// Where messages are published.
enum Door {
    /// Into a stream, which says that it has them.
    Stream(Box<Bus>),
    /// To whoever listens.
    Core(Box<Bus>),
}

/// A message that is about to be published.
#[derive(Debug)]
struct Message {
    subject: Subject,
    content_type: Option<String>,
    /// Of its lines that have none of their own, in nanoseconds since the Unix epoch.
    time: Option<i64>,
    id: String,
    payload: Bytes,
}

/// What was done.
#[derive(Debug, Default)]
struct Tally {
    replayed: u64,
    left: u64,
}

/// Publishes the letters that `args` name.
///
/// # Errors
/// When one cannot be published: those before it are; or when some of them never can.
pub(super) async fn run(config: &Config, args: &Again) -> Result<Exit, Failure> {
    let shelf = Shelf::open(config).await?;
    refuse(config, args, &shelf)?;
    let fixed = match &args.from {
        Some(file) => {
            let bytes = std::fs::read(file);
            let bytes = bytes.map_err(|e| usage(format!("{}: {e}", file.display())))?;
            Some(Bytes::from(bytes))
        }
        None => None,
    };
    let bus = match &shelf {
        Shelf::Stream(bus, _) => bus.clone(),
        Shelf::File(_) => Box::new(connect(config).await?),
    };
    let door = match &config.source {
        Source::JetStream(_) => Door::Stream(bus),
        Source::Core(_) => Door::Core(bus),
    };
    let work = Work {
        args,
        shelf: &shelf,
        router: Router::new(config).map_err(|e| Failure::new(Exit::Config, e.to_string()))?,
        door,
        fixed,
    };
    let mut tally = Tally::default();
    let done = work.all(&mut tally).await;
    let word = if args.dry_run { "would be" } else { "were" };
    out::say(&format_args!("{} letters {word} replayed", tally.replayed))?;
    done?;
    if tally.left > 0 {
        let text = format!("{} letters cannot be replayed as they are", tally.left);
        return Err(Failure::new(Exit::Unavailable, text));
    }
    Ok(Exit::Ok)
}

/// What cannot be done is said before anything is done.
fn refuse(config: &Config, args: &Again, shelf: &Shelf) -> Result<(), Failure> {
    if args.from.is_some() && args.numbers.len() != 1 {
        return Err(usage("--from is for one letter: name its number"));
    }
    if args.delete && matches!(shelf, Shelf::File(_)) {
        let text = "--delete is for a dead-letter stream: a file is taken away as a whole";
        return Err(usage(text));
    }
    if args.delete && matches!(config.source, Source::Core(_)) {
        let text = "--delete needs a stream that says it has the message: with source.kind = \"core\" nobody does";
        return Err(usage(text));
    }
    Ok(())
}

struct Work<'a> {
    args: &'a Again,
    shelf: &'a Shelf,
    /// Of the subjects that this configuration reads.
    router: Router,
    door: Door,
    /// What is published instead of the letter's own bytes.
    fixed: Option<Bytes>,
}

impl Work<'_> {
    async fn all(&self, tally: &mut Tally) -> Result<(), Failure> {
        if self.args.numbers.is_empty() {
            let mut letters = chosen(self.shelf, &self.args.which).await?;
            while let Some(letter) = letters.next().await? {
                self.one(&letter, tally).await?;
            }
        }
        for number in &self.args.numbers {
            let letter = self.shelf.letter(*number).await?;
            self.one(&letter, tally).await?;
        }
        Ok(())
    }

    async fn one(&self, letter: &Filed, tally: &mut Tally) -> Result<(), Failure> {
        let message = match self.message(letter) {
            Ok(message) => message,
            Err(why) => {
                tally.left += 1;
                out::complain(&format_args!("{}: {why}", letter.number))?;
                return Ok(());
            }
        };
        if self.args.dry_run {
            tally.replayed += 1;
            let (subject, bytes) = (text(&message.subject), message.payload.len());
            out::say(&format_args!("{}\t{subject}\t{bytes} bytes", letter.number))?;
            return Ok(());
        }
        let subject = message.subject.clone();
        let number = letter.number;
        match self.publish(message).await {
            Ok(()) => tally.replayed += 1,
            // About this letter: others may pass.
            Err(BusError::NoStream { .. }) => {
                tally.left += 1;
                let subject = text(&subject);
                out::complain(&format_args!(
                    "{number}: no stream takes {subject}: make one, or let the stream of the source take it"
                ))?;
                return Ok(());
            }
            Err(error @ BusError::TooLarge { .. }) => {
                tally.left += 1;
                out::complain(&format_args!("{number}: {error}"))?;
                return Ok(());
            }
            Err(error) => {
                return Err(unavailable(format_args!(
                    "{number}: {error}; it stays where it is"
                )));
            }
        }
        if self.args.delete
            && let (Shelf::Stream(bus, stream), Some(number)) =
                (self.shelf, NonZeroU64::new(letter.number))
        {
            bus.remove(stream, number).await.map_err(unavailable)?;
        }
        Ok(())
    }

    /// The message of a letter, or why there cannot be one.
    fn message(&self, letter: &Filed) -> Result<Message, String> {
        let subject = letter.subject().map(Subject::from);
        let subject = subject.filter(|subject| subject.is_valid() && !subject.contains(['*', '>']));
        let (Some(subject), fixed) = (subject, &self.fixed) else {
            return Err("it does not tell a subject that can be published to".to_owned());
        };
        // Whoever may file a letter may write any subject into it, the server's own, too; this is published with the rights of an operator.
        if subject.starts_with('$') || self.router.route(&subject).is_none() {
            return Err(format!(
                "no class and no mapping of this configuration has its subject {}: add one",
                text(&subject)
            ));
        }
        if fixed.is_none() && letter.cut().is_some() {
            return Err(missing(letter).join("; "));
        }
        let payload = fixed.clone().unwrap_or_else(|| letter.payload.clone());
        let declared = self.args.content_type.as_deref();
        let declared = declared.or(letter.content_type());
        if declared.is_some_and(|declared| !is_content_type(declared)) {
            return Err("its Content-Type is none: give one with --content-type".to_owned());
        }
        Ok(Message {
            subject,
            content_type: declared.map(str::to_owned),
            time: letter.time_of_line(),
            id: id(letter, &payload),
            payload,
        })
    }

    async fn publish(&self, message: Message) -> Result<(), BusError> {
        let Message {
            subject,
            content_type,
            time,
            id,
            payload,
        } = message;
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, content_type.as_str());
        }
        if let Some(time) = time {
            headers.insert(TIME, time.to_string().as_str());
        }
        match &self.door {
            Door::Stream(bus) => {
                headers.insert(async_nats::header::NATS_MESSAGE_ID, id.as_str());
                bus.store(subject, headers, payload).await?.wait().await
            }
            Door::Core(bus) => {
                bus.publish_with(subject, headers, payload).await?;
                bus.flush().await
            }
        }
    }
}

/// The same letter with the same bytes is the same message to the server, for as long as its stream looks for duplicates.
fn id(letter: &Filed, payload: &Bytes) -> String {
    let mut hasher = DefaultHasher::new();
    letter.time.hash(&mut hasher);
    letter.headers.hash(&mut hasher);
    payload.hash(&mut hasher);
    format!("replay:{}:{:016x}", letter.number, hasher.finish())
}

fn usage(text: impl Into<String>) -> Failure {
    Failure::new(Exit::Usage, text)
}
