//! What happened comes in, by `tracing` or as a line of a job; a record that any format can write goes out.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use time::OffsetDateTime;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::{Kind, Origin};

/// The longest message of the supervisor's own; the rest is cut off.
pub(super) const MAX_MESSAGE: usize = 64 * 1024;
/// Fields of one record; `tracing` itself takes no more.
const MAX_FIELDS: usize = 32;

/// One thing that is logged.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) time: OffsetDateTime,
    pub(super) level: Level,
    /// As it came: for a job's line, any bytes.
    pub(super) message: Vec<u8>,
    /// Sorted by name.
    pub(super) fields: Vec<(&'static str, Value)>,
}

/// What a field says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Text, in quotes where a format has them.
    Text(Arc<str>),
    /// A number or a truth, as JSON has them.
    Bare(String),
}

impl Record {
    /// A line of a job or of its check.
    pub(super) fn line(time: OffsetDateTime, origin: &Origin, text: &[u8]) -> Self {
        let who = match origin.kind {
            Kind::Job => ("job", Value::Text(Arc::clone(&origin.name))),
            Kind::Check => (
                "check",
                Value::Text(format!("check.{}", origin.name).into()),
            ),
        };
        Self {
            time,
            level: Level::INFO,
            message: text.to_vec(),
            fields: vec![who, ("pid", Value::Bare(origin.pid.to_string()))],
        }
    }

    /// One of the supervisor's own.
    pub(super) fn event(time: OffsetDateTime, event: &Event<'_>) -> Self {
        let mut parts = Parts::default();
        event.record(&mut parts);
        let Parts {
            message: Limited(mut message),
            mut fields,
        } = parts;
        fields.sort_by_key(|(name, _)| *name);
        message.shrink_to_fit();
        Self {
            time,
            level: *event.metadata().level(),
            message: message.into_bytes(),
            fields,
        }
    }

    /// Something that the log says of itself.
    pub(super) fn own(time: OffsetDateTime, level: Level, message: String) -> Self {
        Self {
            time,
            level,
            message: message.into_bytes(),
            fields: Vec::new(),
        }
    }
}

#[derive(Default)]
struct Parts {
    message: Limited,
    fields: Vec<(&'static str, Value)>,
}

impl Parts {
    fn add(&mut self, field: &Field, value: Value) {
        if self.fields.len() < MAX_FIELDS {
            self.fields.push((field.name(), value));
        }
    }
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Limited::default();
        write!(text, "{value:?}").expect("it takes everything");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.add(field, Value::Text(text.0.into()));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Bare(value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Bare(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Bare(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let text = value.to_string();
        // JSON has no words for the others.
        let value = if value.is_finite() {
            Value::Bare(text)
        } else {
            Value::Text(text.into())
        };
        self.add(field, value);
    }
}

/// Text that stops growing at [`MAX_MESSAGE`].
#[derive(Default)]
struct Limited(String);

impl fmt::Write for Limited {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_MESSAGE.saturating_sub(self.0.len());
        let end = text.floor_char_boundary(room);
        self.0.push_str(text.get(..end).unwrap_or_default());
        Ok(())
    }
}
