//! A valid expression of PromQL comes in, what it asks for comes out: selectors, and the labels that it groups by.
//!
//! Whether an expression is valid is for Prometheus to say; this only finds the words in one that is.

/// One selector: `name{matcher, matcher}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The metric.
    pub name: String,
    /// What its labels must be.
    pub matchers: Vec<Matcher>,
}

/// One condition on a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// The label.
    pub label: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub operator: String,
    /// What is between its quotes, as it is typed.
    pub value: String,
}

/// What an expression asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The series it reads.
    pub selectors: Vec<Selector>,
    /// The labels it groups or matches by.
    pub labels: Vec<String>,
}

/// Words that have labels in parentheses behind them.
const GROUPINGS: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];
/// Words that stand where a metric could.
const KEYWORDS: [&str; 8] = [
    "and", "or", "unless", "atan2", "bool", "offset", "inf", "nan",
];
/// Aggregations, which have their grouping before their parentheses or behind them.
const AGGREGATIONS: [&str; 12] = [
    "sum",
    "min",
    "max",
    "avg",
    "group",
    "stddev",
    "stdvar",
    "count",
    "count_values",
    "bottomk",
    "topk",
    "quantile",
];

/// What the valid expression `text` asks for.
pub fn asked(text: &str) -> Asked {
    let tokens = tokens(text);
    let mut asked = Asked::default();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let Token::Word(word) = token else { continue };
        let follows = tokens.get(at);
        let lower = word.to_ascii_lowercase();
        if GROUPINGS.contains(&lower.as_str()) {
            if follows == Some(&Token::Sign('(')) {
                let end = end_of(&tokens, at, ')');
                let inside = tokens[at..end].iter();
                asked.labels.extend(inside.filter_map(Token::word));
                at = end;
            }
        } else if follows != Some(&Token::Sign('('))
            && !KEYWORDS.contains(&lower.as_str())
            && !AGGREGATIONS.contains(&lower.as_str())
        {
            let matchers = match follows {
                Some(Token::Sign('{')) => {
                    let end = end_of(&tokens, at, '}');
                    let matchers = matchers(&tokens[at..end]);
                    at = end;
                    matchers
                }
                _ => Vec::new(),
            };
            let name = word.clone();
            asked.selectors.push(Selector { name, matchers });
        }
    }
    asked
}

fn end_of(tokens: &[Token], from: usize, sign: char) -> usize {
    let end = tokens[from..]
        .iter()
        .position(|token| *token == Token::Sign(sign));
    end.map_or(tokens.len(), |length| from + length)
}

/// Each is a word, signs, a text.
fn matchers(tokens: &[Token]) -> Vec<Matcher> {
    let mut found = Vec::new();
    let mut operator = String::new();
    let mut label = String::new();
    for token in tokens {
        match token {
            Token::Word(word) => (label, operator) = (word.clone(), String::new()),
            Token::Sign(sign @ ('=' | '!' | '~')) => operator.push(*sign),
            Token::Sign(_) => {}
            Token::Text(value) => found.push(Matcher {
                label: std::mem::take(&mut label),
                operator: std::mem::take(&mut operator),
                value: value.clone(),
            }),
        }
    }
    found
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A name of a metric, a function, a label, or a keyword.
    Word(String),
    /// What is between quotes.
    Text(String),
    /// Anything else but numbers, durations and blanks.
    Sign(char),
}

impl Token {
    fn word(&self) -> Option<String> {
        match self {
            Self::Word(word) => Some(word.clone()),
            Self::Text(_) | Self::Sign(_) => None,
        }
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            quote @ ('"' | '\'' | '`') => {
                let mut inside = String::new();
                while let Some(next) = rest.next().filter(|next| *next != quote) {
                    inside.push(next);
                    if next == '\\' && quote != '`' {
                        inside.extend(rest.next());
                    }
                }
                tokens.push(Token::Text(inside));
            }
            // A number or a duration, with its unit, or both of a subquery.
            '0'..='9' => {
                while rest
                    .next_if(|next| next.is_ascii_alphanumeric() || ".:".contains(*next))
                    .is_some()
                {}
            }
            first if is_inside(first) => {
                let mut word = String::from(first);
                while let Some(next) = rest.next_if(|next| is_inside(*next)) {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
            '#' => while rest.next_if(|next| *next != '\n').is_some() {},
            blank if blank.is_whitespace() => {}
            sign => tokens.push(Token::Sign(sign)),
        }
    }
    tokens
}

fn is_inside(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let selectors = asked(text).selectors;
        selectors.into_iter().map(|found| found.name).collect()
    }

    #[test]
    fn functions_keywords_and_numbers_are_no_metrics() {
        assert_eq!(
            names(
                "histogram_quantile(0.99, sum by (le) (rate(a_bucket[5m] offset 1h))) > 1e3 or vector(0)"
            ),
            ["a_bucket"]
        );
        assert_eq!(
            names("sum(a) without (x) and on() b:c:d unless Inf"),
            ["a", "b:c:d"]
        );
        assert_eq!(names("up # a comment\n == bool 0"), ["up"]);
    }

    #[test]
    fn matchers_and_labels_are_found() {
        let found = asked(r#"sum by (le, sink) (a{x="1", y!~"b|\"c"}) / on(z) group_left() b{}"#);
        assert_eq!(found.labels, ["le", "sink", "z"]);
        let matcher = |label: &str, operator: &str, value: &str| Matcher {
            label: label.to_owned(),
            operator: operator.to_owned(),
            value: value.to_owned(),
        };
        assert_eq!(found.selectors[0].name, "a");
        assert_eq!(
            found.selectors[0].matchers,
            [matcher("x", "=", "1"), matcher("y", "!~", r#"b|\"c"#)]
        );
        assert_eq!(found.selectors[1].matchers, []);
    }

    #[test]
    fn a_broken_text_ends() {
        for text in ["", "a{", "sum by (", "a{x=\"", "\"\\", "{}", "a{x=~}"] {
            asked(text);
        }
    }
}
