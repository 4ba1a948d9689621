//! Why a sample is not in the series table: the closed set behind `flightline_exporter_refused_total{reason}`.

/// Why a sample was refused. Only that sample is; its neighbours are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The table has `max_series`.
    SeriesLimit,
    /// The table has `max_bytes`.
    ByteLimit,
    /// More labels than `max_labels`, or names and labels longer than 16 KiB.
    LabelLimit,
    /// Two labels of one series have the same name once they are valid.
    DuplicateLabel,
    /// The name belongs to a family of another kind.
    KindConflict,
    /// The name belongs to Flightline's own metrics.
    ReservedName,
    /// Nothing is left of the name, or it was empty.
    InvalidName,
    /// A name or a label is no UTF-8.
    InvalidUtf8,
    /// A number that is not finite, or a counter below zero.
    InvalidValue,
    /// The series already shows a newer sample.
    Older,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::SeriesLimit,
        Self::ByteLimit,
        Self::LabelLimit,
        Self::DuplicateLabel,
        Self::KindConflict,
        Self::ReservedName,
        Self::InvalidName,
        Self::InvalidUtf8,
        Self::InvalidValue,
        Self::Older,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SeriesLimit => "series_limit",
            Self::ByteLimit => "byte_limit",
            Self::LabelLimit => "label_limit",
            Self::DuplicateLabel => "duplicate_label",
            Self::KindConflict => "kind_conflict",
            Self::ReservedName => "reserved_name",
            Self::InvalidName => "invalid_name",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::InvalidValue => "invalid_value",
            Self::Older => "older",
        }
    }
}

/// How many samples were refused, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused([u64; Refusal::ALL.len()]);

impl Refused {
    /// Refused for `reason` so far.
    pub fn get(&self, reason: Refusal) -> u64 {
        self.0[reason as usize]
    }

    /// Counts one more.
    pub(super) fn count(&mut self, reason: Refusal) {
        self.0[reason as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_reasons_is_in_the_order_of_the_counters() {
        for (index, reason) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
