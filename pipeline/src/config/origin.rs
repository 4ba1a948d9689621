//! Where a value of the configuration came from, so that a problem can be shown where it was typed.

use std::path::PathBuf;

/// A stretch of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Index into [`Sources`].
    source: u32,
    /// The first byte; 0 for a variable.
    pub(crate) start: u32,
    /// One past the last; 0 for a variable.
    pub(crate) end: u32,
    /// Whether a message may quote the value.
    pub(crate) quoting: Quoting,
}

/// Whether a message may quote a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// It stands as such in a file or variable of ours.
    Allowed,
    /// It came out of `${…}`, so it may be a secret whatever its key is.
    Forbidden,
}

impl Origin {
    /// The bytes `start..end` of a source. Sources are smaller than [`crate::config::load::FILE_LIMIT`], so nothing saturates.
    pub(crate) fn new(source: u32, span: &std::ops::Range<usize>) -> Self {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            source,
            start: offset(span.start),
            end: offset(span.end),
            quoting: Quoting::Allowed,
        }
    }

    /// The same place, with a value that came out of an expansion.
    pub(crate) fn expanded(self) -> Self {
        Self {
            quoting: Quoting::Forbidden,
            ..self
        }
    }

    /// As one number, to get through serde.
    pub(super) fn pack(self) -> u128 {
        let forbidden = u128::from(self.quoting == Quoting::Forbidden);
        forbidden << 96
            | u128::from(self.source) << 64
            | u128::from(self.start) << 32
            | u128::from(self.end)
    }

    /// What [`Origin::pack`] packed.
    pub(super) fn unpack(packed: u128) -> Self {
        let part = |shift: u32| u32::try_from(packed >> shift & u128::from(u32::MAX)).unwrap_or(0);
        Self {
            source: part(64),
            start: part(32),
            end: part(0),
            quoting: if part(96) == 0 {
                Quoting::Allowed
            } else {
                Quoting::Forbidden
            },
        }
    }
}

/// One thing that settings are read from.
pub(crate) enum Source {
    /// A TOML file.
    File {
        /// As it was named.
        path: PathBuf,
        /// All of it.
        text: String,
    },
    /// An environment variable, by name; its value is never kept here.
    Variable(String),
    /// An option of the command line, by name.
    Option(&'static str),
}

/// Everything that settings were read from.
#[derive(Default)]
pub(crate) struct Sources(Vec<Source>);

impl Sources {
    /// Adds one and gives its index.
    pub(crate) fn add(&mut self, source: Source) -> u32 {
        self.0.push(source);
        u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX)
    }

    /// The source that a value came from.
    pub(crate) fn of(&self, origin: Origin) -> Option<&Source> {
        self.0.get(usize::try_from(origin.source).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_origin_survives_packing(source: u32, start: u32, end: u32, hidden: bool) {
            let quoting = if hidden { Quoting::Forbidden } else { Quoting::Allowed };
            let origin = Origin { source, start, end, quoting };
            prop_assert_eq!(Origin::unpack(origin.pack()), origin);
        }
    }
}
