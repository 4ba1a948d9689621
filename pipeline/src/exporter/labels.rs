//! The labels of one series in, in any order; one canonical text out: sorted by name, escaped, rendered once.
//! Two sets that mean the same give the same bytes, so the text is also the series' identity.

use std::ops::Range;

use super::name;
use super::refusal::Refusal;

/// The most bytes of a series' name and labels. Arbitrary: far above any real one, far below a chunk of the answer.
pub(super) const MAX_BLOCK: usize = 16 * 1024;

/// Collects the labels of one series; reused for the next.
#[derive(Debug, Default)]
pub(super) struct Labels {
    text: String,
    parts: Vec<(Range<usize>, Range<usize>)>,
}

impl Labels {
    /// Forgets the last series.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.parts.clear();
    }

    /// Adds a label. An empty value means for Prometheus that the label is absent, so it is left out.
    pub(super) fn push(&mut self, label: &str, value: &str) -> Result<(), Refusal> {
        if value.is_empty() {
            return Ok(());
        }
        let start = self.text.len();
        name::label(label, &mut self.text)?;
        let middle = self.text.len();
        name::value(value, &mut self.text);
        self.parts.push((start..middle, middle..self.text.len()));
        Ok(())
    }

    /// Adds a label that the subject tells. A publisher's own of that name is kept under the name that Prometheus gives it when it
    /// scrapes, as the stores keep it.
    pub(super) fn push_subject(&mut self, label: &str, value: &str) -> Result<(), Refusal> {
        let own = self
            .parts
            .iter()
            .position(|(name, _)| part(&self.text, name) == label);
        if let Some(own) = own {
            let start = self.text.len();
            self.text.push_str(name::EXPORTED);
            self.text.push_str(label);
            self.parts[own].0 = start..self.text.len();
        }
        self.push(label, value)
    }

    /// Writes `a="x",b="y"` into `block`, replacing what it held.
    pub(super) fn render(&mut self, max: usize, block: &mut String) -> Result<(), Refusal> {
        block.clear();
        if self.parts.len() > max {
            return Err(Refusal::LabelLimit);
        }
        let text = &self.text;
        self.parts
            .sort_unstable_by(|a, b| part(text, &a.0).cmp(part(text, &b.0)));
        let mut last = None;
        for (name, value) in &self.parts {
            let name = part(text, name);
            if last == Some(name) {
                return Err(Refusal::DuplicateLabel);
            }
            if last.is_some() {
                block.push(',');
            }
            last = Some(name);
            block.push_str(name);
            block.push_str("=\"");
            block.push_str(part(text, value));
            block.push('"');
        }
        if block.len() > MAX_BLOCK {
            return Err(Refusal::LabelLimit);
        }
        Ok(())
    }
}

fn part<'t>(text: &'t str, range: &Range<usize>) -> &'t str {
    text.get(range.clone())
        .expect("ranges end where names and values do")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(pairs: &[(&str, &str)], max: usize) -> Result<String, Refusal> {
        let mut labels = Labels::default();
        for (name, value) in pairs {
            labels.push(name, value)?;
        }
        let mut block = String::new();
        labels.render(max, &mut block).map(|()| block)
    }

    #[test]
    fn the_order_of_the_labels_does_not_matter() {
        let text = "a=\"1\",b=\"2\"".to_owned();
        assert_eq!(render(&[("b", "2"), ("a", "1")], 8), Ok(text.clone()));
        assert_eq!(render(&[("a", "1"), ("x", ""), ("b", "2")], 8), Ok(text));
    }

    #[test]
    fn labels_that_meet_once_valid_are_refused_and_so_are_too_many() {
        assert_eq!(
            render(&[("a-b", "1"), ("a.b", "2")], 8),
            Err(Refusal::DuplicateLabel)
        );
        assert_eq!(
            render(&[("a", "1"), ("b", "2")], 1),
            Err(Refusal::LabelLimit)
        );
        let long = "x".repeat(MAX_BLOCK);
        assert_eq!(render(&[("a", &long)], 8), Err(Refusal::LabelLimit));
    }

    #[test]
    fn the_subject_says_who_published_and_an_own_label_is_kept_beside() {
        let mut labels = Labels::default();
        labels.push("service", "own").unwrap();
        labels.push_subject("service", "subject").unwrap();
        labels.push_subject("instance", "i1").unwrap();
        let mut block = String::new();
        labels.render(8, &mut block).unwrap();
        assert_eq!(
            block,
            "exported_service=\"own\",instance=\"i1\",service=\"subject\""
        );
    }
}
