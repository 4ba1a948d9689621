//! The command line: which faults, how many at once, with which seed. What cargo hands to every test binary is understood, too.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// Scenes wait most of the time: so many at once for each core.
const PER_CORE: usize = 3;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) what: What,
    words: Vec<String>,
    skipped: Vec<String>,
    compare: Compare,
    pub(crate) seed: Option<u64>,
    pub(crate) at_once: usize,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Run,
    List,
    /// Tests that are to be ignored, of which there are none.
    Nothing,
}

/// How words select.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Part,
    Whole,
}

impl Arguments {
    /// Reads the command line.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        let mut arguments = Self {
            what: What::Run,
            words: Vec::new(),
            skipped: Vec::new(),
            compare: Compare::Part,
            seed: None,
            at_once: PER_CORE * cores,
        };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            let mut value = || {
                let value = value.clone().or_else(|| words.next());
                value.ok_or_else(|| format!("{name} needs a value"))
            };
            match name {
                "--seed" => arguments.seed = Some(number(name, &value()?)?),
                "--test-threads" => arguments.at_once = number::<usize>(name, &value()?)?.max(1),
                "--skip" => arguments.skipped.push(value()?),
                "--exact" => arguments.compare = Compare::Whole,
                "--list" => arguments.what = What::List,
                "--ignored" => arguments.what = What::Nothing,
                // Of no meaning here: rows come as they are ready, and nothing is kept back.
                "--nocapture" | "--no-capture" | "--show-output" | "--include-ignored" | "-q"
                | "--quiet" => {}
                "--color" | "--format" | "--logfile" | "-Z" => drop(value()?),
                option if option.starts_with('-') => {
                    return Err(format!(
                        "{option} is not known; try --list, --seed N, --test-threads N, --exact, --skip WORD, or words to select faults"
                    ));
                }
                _ => arguments.words.push(word),
            }
        }
        Ok(arguments)
    }

    /// Whether `name` is asked for by all of its name.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.words.iter().any(|word| word == name)
    }

    /// Whether `name` is asked for.
    pub(crate) fn selects(&self, name: &str) -> bool {
        let is = |word: &String| match self.compare {
            Compare::Part => name.contains(word.as_str()),
            Compare::Whole => name == word,
        };
        (self.words.is_empty() || self.words.iter().any(is)) && !self.skipped.iter().any(is)
    }
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{name} {text}: not a number"))
}
