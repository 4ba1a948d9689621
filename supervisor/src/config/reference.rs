//! Every key of the configuration, once: what may be typed, what holds without it, an example and what it is for. Unknown keys are
//! found with it, the schema is written from it, and a test holds it equal to what the checks read.

/// The tables: the file itself, jobs and what is in them.
pub mod jobs;
/// The tables of Consul, NATS, watches, telemetry and logs.
pub mod servers;

/// An object of the configuration.
#[derive(Debug)]
pub struct Object {
    /// Its name in the schema, one word.
    pub name: &'static str,
    /// What it is, a sentence.
    pub about: &'static str,
    /// Its keys, in the order of the documentation.
    pub keys: &'static [Key],
}

/// One key of an object.
#[derive(Debug)]
pub struct Key {
    /// As it is documented; inside nested objects any case will do.
    pub name: &'static str,
    /// What may be typed.
    pub kind: Kind,
    /// What holds without it.
    pub default: Default,
    /// A value, as it could be typed.
    pub example: &'static str,
    /// What it is for, a sentence.
    pub about: &'static str,
}

/// What may be typed for a key. Everything but objects is weak: see [`super::weak`].
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A whole number.
    Int,
    /// Text.
    Text,
    /// Text, and nothing that could become text.
    Address,
    /// Text that is never shown.
    Secret,
    /// A file or folder.
    Path,
    /// Yes or no.
    Flag,
    /// An array of texts.
    List,
    /// A text, or an array of them.
    Texts,
    /// A duration in Go's words, or whole seconds.
    Duration,
    /// A command: a text that is divided at spaces, or an array.
    Exec,
    /// One of these words, in this case.
    Choice(&'static [&'static str]),
    /// One of these words, in any case.
    Word(&'static [&'static str]),
    /// A signal's name or number.
    Signal,
    /// `unlimited`, `never`, or a number.
    Restarts,
    /// `false`: what would be there is not.
    Off,
    /// Names that are not ours, and a text for each.
    Variables,
    /// An object with these keys.
    Object(&'static Object),
    /// An array of such objects.
    Objects(&'static Object),
    /// Any of these.
    Any(&'static [Kind]),
}

/// What holds without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// This value, as it could be typed.
    Given(&'static str),
    /// Nothing; the text says what that means.
    Unset(&'static str),
    /// The key must be there.
    Needed,
}

const fn key(
    name: &'static str,
    kind: Kind,
    default: Default,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key {
        name,
        kind,
        default,
        example,
        about,
    }
}

impl Object {
    /// The key that `typed` names. The keys of the file itself are matched exactly, all others in any case.
    pub fn find(&self, typed: &str) -> Option<&'static Key> {
        let is_file = std::ptr::eq(self, &raw const jobs::FILE);
        self.keys.iter().find(|key| match is_file {
            true => key.name == typed,
            false => key.name.eq_ignore_ascii_case(typed),
        })
    }

    /// This object and all that can be inside it, each once.
    pub fn all(&'static self) -> Vec<&'static Self> {
        let mut found = vec![self];
        let mut next = 0;
        while let Some(object) = found.get(next) {
            for inner in object.keys.iter().flat_map(|key| key.kind.objects()) {
                if !found.iter().any(|known| known.name == inner.name) {
                    found.push(inner);
                }
            }
            next += 1;
        }
        found
    }
}

impl Kind {
    /// The objects that can be typed for it.
    pub fn objects(self) -> Vec<&'static Object> {
        match self {
            Self::Object(object) | Self::Objects(object) => vec![object],
            Self::Any(kinds) => kinds.iter().flat_map(|kind| kind.objects()).collect(),
            _ => Vec::new(),
        }
    }
}

/// The one of `known` that `typed` was meant to be, if one is near.
pub fn nearest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    /// Longer than any key, event or usual name: what is, is none of them.
    const LONGEST: usize = 100;
    if typed.len() > LONGEST {
        return None;
    }
    // A third of the letters may be wrong, and two in short words.
    let near = (typed.chars().count() / 3).max(2);
    let typed = typed.to_ascii_lowercase();
    known
        .into_iter()
        .filter(|key| key.len() <= LONGEST)
        .map(|key| {
            let distance = strsim::damerau_levenshtein(&typed, &key.to_ascii_lowercase());
            (distance, key)
        })
        .filter(|(distance, key)| *distance <= near && *distance < key.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, key)| key)
}

#[cfg(test)]
mod tests;
