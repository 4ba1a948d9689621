//! The options of `flightline dead`.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use flightline_contract::deadletter::Reason;
use flightline_contract::filter::Filter;

/// `flightline dead`
#[derive(Debug, Clone, Args)]
pub struct Dead {
    /// What to do with them
    #[command(subcommand)]
    pub verb: DeadVerb,
}

/// What is done with dead letters.
#[derive(Debug, Clone, Subcommand)]
pub enum DeadVerb {
    /// List them, oldest first
    List(List),
    /// Show one with all its headers and bytes
    Show(Show),
    /// Publish the original bytes again, on the subject they came on
    Replay(Again),
}

/// Which letters are meant.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// Only those with this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub reason: Option<Reason>,
    /// Only those of messages on such subjects; `*` and `>` as NATS knows them
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub subject: Option<Filter>,
    /// Only those filed in this time, such as 1h (not in a file, which does not tell)
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    pub since: Option<Duration>,
}

/// `flightline dead list`
#[derive(Debug, Clone, Args)]
pub struct List {
    /// Which
    #[command(flatten)]
    pub which: Which,
    /// The first so many of them
    #[arg(long, value_name = "N")]
    pub limit: Option<NonZeroU64>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `flightline dead show`
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// Its number in the list: the sequence in the dead-letter stream, or the line of the file
    pub number: NonZeroU64,
    /// Nothing but the bytes, as they are; not to a terminal
    #[arg(long)]
    pub raw: bool,
}

/// `flightline dead replay`
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Again {
    /// Their numbers in the list
    #[arg(required_unless_present_any = ["all", "reason", "subject", "since"], conflicts_with_all = ["all", "reason", "subject", "since"])]
    pub numbers: Vec<NonZeroU64>,
    /// All of them
    #[arg(long, conflicts_with_all = ["reason", "subject", "since"])]
    pub all: bool,
    /// Which
    #[command(flatten)]
    pub which: Which,
    /// Publish the bytes of this file instead of those of the letter; only with one number
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Declare this encoding instead of the one that was declared
    #[arg(long, value_name = "TYPE", value_parser = content_type)]
    pub content_type: Option<String>,
    /// Say what would be published, and publish nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Take each out of the dead-letter stream once its stream has the message
    #[arg(long)]
    pub delete: bool,
}

fn reason(text: &str) -> Result<Reason, String> {
    let known = Reason::ALL.into_iter().find(|known| known.as_str() == text);
    known.ok_or_else(|| {
        format!(
            "write one of {}",
            Reason::ALL.map(Reason::as_str).join(", ")
        )
    })
}

fn pattern(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| error.to_string())
}

/// Whether `text` can be a header's value at all: NATS has no way to escape a line end.
pub(crate) fn is_content_type(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

fn content_type(text: &str) -> Result<String, String> {
    let owned = is_content_type(text).then(|| text.to_owned());
    owned.ok_or_else(|| "write a type such as application/json".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        dead: Dead,
    }

    fn parse(line: &str) -> Result<DeadVerb, String> {
        let words = ["dead"].into_iter().chain(line.split(' '));
        Line::try_parse_from(words)
            .map(|line| line.dead.verb)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_replayed_unless_it_was_said_what() {
        for wrong in [
            "replay",
            "replay 1 --all",
            "replay --all --reason value",
            "replay 1 --reason value",
            "replay 0",
            "list --reason bad",
            "list --subject a..b",
            "list --since 5",
            "show",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let Ok(DeadVerb::Replay(again)) = parse("replay 4 7 --delete") else {
            panic!("replay");
        };
        assert_eq!(again.numbers.len(), 2);
        assert!(matches!(
            parse("replay --reason store_fails --since 1h"),
            Ok(DeadVerb::Replay(_))
        ));
        let complaint = parse("list --reason bad").unwrap_err();
        assert!(complaint.contains("line_syntax"), "{complaint}");
    }
}
