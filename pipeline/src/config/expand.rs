//! `${VAR}`, `${VAR:-default}`, `${VAR:?message}` and `${file:PATH}` in a string, after parsing: a value never becomes syntax,
//! and what came out is not expanded again. `$${` stands for a literal `${`.

/// What can be asked for inside `${…}`.
pub(crate) trait Lookup {
    /// The value of a variable; `Ok(None)` if it is not set.
    fn variable(&self, name: &str) -> Result<Option<String>, ExpandError>;
    /// What is in a file, without white space around it.
    fn file(&self, path: &str) -> Result<String, ExpandError>;
}

/// Why a string could not be expanded. None of these shows a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExpandError {
    /// `${` without `}`.
    #[error("`${{` without a closing `}}`")]
    Open,
    /// What stands inside is none of the forms.
    #[error(
        "`${{{0}}}` is not `${{VAR}}`, `${{VAR:-default}}`, `${{VAR:?message}}` or `${{file:PATH}}`"
    )]
    Form(String),
    /// `${VAR}` of a variable that is not set.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// `${VAR:?message}` of a variable that is not set or empty.
    #[error("the environment variable {name} is not set: {message}")]
    Demanded {
        /// The variable.
        name: String,
        /// What the configuration says about it.
        message: String,
    },
    /// A variable that is not UTF-8.
    #[error("the environment variable {0} is not UTF-8")]
    NotText(String),
    /// A file that cannot be read.
    #[error("cannot read the file {path}: {error}")]
    File {
        /// As it was named.
        path: String,
        /// Why.
        error: String,
    },
}

impl ExpandError {
    /// What to do about it.
    pub(crate) fn cure(&self) -> &'static str {
        match self {
            Self::Open => "close it, or write `$${` for a literal `${`",
            Self::Form(_) => "names have letters, digits and `_`; write `$${` for a literal `${`",
            Self::Unset(_) => "set it, or give a default: ${NAME:-default}",
            Self::Demanded { .. } => "set it before the start",
            Self::NotText(_) => "set it to text",
            Self::File { .. } => "create it, or make it readable for this user",
        }
    }
}

/// `text` with everything in `${…}` replaced; `None` if there is nothing to replace.
pub(crate) fn expand(text: &str, lookup: &impl Lookup) -> Result<Option<String>, ExpandError> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (inside, after) = after.split_once('}').ok_or(ExpandError::Open)?;
        out.push_str(&value(inside, lookup)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(Some(out))
}

fn value(inside: &str, lookup: &impl Lookup) -> Result<String, ExpandError> {
    if let Some(path) = inside.strip_prefix("file:") {
        return lookup.file(path);
    }
    let (name, rule) = inside
        .split_once(':')
        .map_or((inside, None), |(name, rule)| (name, Some(rule)));
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !name.starts_with(first) || !name.chars().all(|c| first(c) || c.is_ascii_digit()) {
        return Err(ExpandError::Form(form(inside)));
    }
    let found = lookup.variable(name)?;
    let Some(rule) = rule else {
        return found.ok_or_else(|| ExpandError::Unset(name.to_owned()));
    };
    let found = found.filter(|value| !value.is_empty());
    if let Some(default) = rule.strip_prefix('-') {
        Ok(found.unwrap_or_else(|| default.to_owned()))
    } else if let Some(message) = rule.strip_prefix('?') {
        found.ok_or_else(|| ExpandError::Demanded {
            name: name.to_owned(),
            message: message.to_owned(),
        })
    } else {
        Err(ExpandError::Form(form(inside)))
    }
}

/// What of a malformed expansion may be shown: only its name, as a default may be a secret.
fn form(inside: &str) -> String {
    match inside.split_once(':') {
        Some((name, _)) => format!("{name}:…"),
        None => inside.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Fake;

    impl Lookup for Fake {
        fn variable(&self, name: &str) -> Result<Option<String>, ExpandError> {
            Ok(match name {
                "A" => Some("${B}".to_owned()),
                "EMPTY" => Some(String::new()),
                _ => None,
            })
        }

        fn file(&self, path: &str) -> Result<String, ExpandError> {
            Ok(format!("<{path}>"))
        }
    }

    #[test]
    fn every_form_is_replaced_once() {
        for (text, expected) in [
            ("x${A}y", "x${B}y"),
            ("${A}${A}", "${B}${B}"),
            ("${NO:-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY}", ""),
            ("${NO:-}", ""),
            ("${file:/a b}", "</a b>"),
            ("$${A}", "${A}"),
            ("$$${A}", "$${A}"),
            ("${NO:-a:b}", "a:b"),
        ] {
            assert_eq!(
                expand(text, &Fake).unwrap().as_deref(),
                Some(expected),
                "{text}"
            );
        }
        assert_eq!(expand("$.type and $1 and $", &Fake), Ok(None));
    }

    #[test]
    fn what_cannot_be_replaced_says_why() {
        assert_eq!(expand("${A", &Fake), Err(ExpandError::Open));
        assert_eq!(
            expand("${NO}", &Fake),
            Err(ExpandError::Unset("NO".to_owned()))
        );
        assert_eq!(
            expand("${1A}", &Fake),
            Err(ExpandError::Form("1A".to_owned()))
        );
        assert_eq!(
            expand("${A:secret}", &Fake),
            Err(ExpandError::Form("A:…".to_owned()))
        );
        let demanded = expand("${NO:?ask Joe}", &Fake).unwrap_err();
        assert_eq!(
            demanded.to_string(),
            "the environment variable NO is not set: ask Joe"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_expansion_panic(text in ".{0,60}", likely in "[$]{0,3}[{]?[A-Z:?}-]{0,6}[}]?[${}]{0,4}") {
            for text in [text, likely] {
                drop(expand(&text, &Fake));
            }
        }

        #[test]
        fn an_escaped_text_comes_out_as_it_was(text in "[a-z${}]{0,20}") {
            prop_assume!(!text.contains("$${"));
            let escaped = text.replace("${", "$${");
            let out = expand(&escaped, &Fake).unwrap().unwrap_or(escaped);
            prop_assert_eq!(out, text);
        }
    }
}
