//! An event formatter that writes the first events of a place in the code within a window, leaves out the rest, and then says
//! how many were left out. Lost: the left-out messages' text; never their number.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::cli::visible;

/// Events of one place that are written per window: enough to see what varies.
pub const BURST: u32 = 5;
/// How long a place stays quiet after its burst: an outage of minutes gives tens of lines, not thousands.
pub const WINDOW: Duration = Duration::from_secs(10);

/// How the lines that tell of left-out messages are written.
#[derive(Debug, Clone, Copy)]
enum Style {
    Text,
    Json,
}

/// The formatter around another one.
pub struct Limited<F> {
    inner: F,
    style: Style,
    places: Mutex<Places>,
    now: Clock,
}

/// Tells the time; another one in tests.
type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

impl<F> fmt::Debug for Limited<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limited({:?})", self.style)
    }
}

impl<F> Limited<F> {
    /// Around a formatter of text.
    pub fn text(inner: F) -> Self {
        Self::new(inner, Style::Text)
    }

    /// Around a formatter of JSON lines.
    pub fn json(inner: F) -> Self {
        Self::new(inner, Style::Json)
    }

    fn new(inner: F, style: Style) -> Self {
        Self {
            inner,
            style,
            places: Mutex::default(),
            now: Box::new(Instant::now),
        }
    }

    fn summary(&self, writer: &mut Writer<'_>, place: &Silenced) -> fmt::Result {
        let Silenced {
            target,
            line,
            level,
            count,
        } = place;
        let said = format!("{count} more messages like the one from {target}:{line} were left out");
        match self.style {
            Style::Text => writeln!(writer, "{level} {target}: {said}"),
            Style::Json => {
                let value = serde_json::json!({
                    "level": level.as_str(),
                    "target": target,
                    "fields": { "message": said, "left_out": count },
                });
                writeln!(writer, "{value}")
            }
        }
    }
}

impl<S, N, F> FormatEvent<S, N> for Limited<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (verdict, silenced) = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            places.see(event.metadata(), (self.now)())
        };
        for place in &silenced {
            self.summary(&mut writer, place)?;
        }
        match verdict {
            Verdict::Write => self.write(ctx, writer, event),
            Verdict::LeaveOut => Ok(()),
        }
    }
}

impl<F> Limited<F> {
    fn write<S, N>(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
        N: for<'a> FormatFields<'a> + 'static,
        F: FormatEvent<S, N>,
    {
        match self.style {
            // The fields' own formatter sees to it.
            Style::Text => self.inner.format_event(ctx, writer, event),
            Style::Json => {
                let mut line = String::new();
                self.inner
                    .format_event(ctx, Writer::new(&mut line), event)?;
                writer.write_str(&visible::json(&line))
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Write,
    LeaveOut,
}

/// What a place left out in a window that is over.
#[derive(Debug, PartialEq, Eq)]
struct Silenced {
    target: String,
    line: u32,
    level: Level,
    count: u32,
}

/// Places in the code that have logged; their number is limited by the program's size.
#[derive(Default)]
struct Places(HashMap<Identifier, Place>);

struct Place {
    since: Instant,
    written: u32,
    silenced: Silenced,
}

impl Places {
    /// What to do with an event, and which windows ended with messages left out.
    fn see(&mut self, metadata: &Metadata<'_>, now: Instant) -> (Verdict, Vec<Silenced>) {
        let ended = self.sweep(now);
        let place = self.0.entry(metadata.callsite()).or_insert_with(|| Place {
            since: now,
            written: 0,
            silenced: Silenced {
                target: metadata.target().to_owned(),
                line: metadata.line().unwrap_or(0),
                level: *metadata.level(),
                count: 0,
            },
        });
        if place.written < BURST {
            place.written += 1;
            return (Verdict::Write, ended);
        }
        place.silenced.count += 1;
        (Verdict::LeaveOut, ended)
    }

    /// Ends the windows that are over. A place that left nothing out ends with its next event.
    fn sweep(&mut self, now: Instant) -> Vec<Silenced> {
        let mut ended = Vec::new();
        let over = |place: &Place| now.duration_since(place.since) >= WINDOW;
        self.0.retain(|_, place| {
            if !over(place) {
                return true;
            }
            if place.silenced.count > 0 {
                let Silenced {
                    target,
                    line,
                    level,
                    count,
                } = &mut place.silenced;
                ended.push(Silenced {
                    target: std::mem::take(target),
                    line: *line,
                    level: *level,
                    count: *count,
                });
            }
            false
        });
        ended
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use flightline_fixtures::hostile;
    use tracing::{info, warn};
    use tracing_subscriber::Registry;
    use tracing_subscriber::fmt::format::JsonFields;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::cli::log::fields;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn text_of(written: &Written) -> String {
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    /// Runs `log` with a clock that stands at the number of seconds that it sets.
    fn logged<F, N>(
        make: impl FnOnce() -> Limited<F>,
        fields: N,
        log: impl FnOnce(&AtomicU64),
    ) -> String
    where
        F: FormatEvent<Registry, N> + Send + Sync + 'static,
        N: for<'w> FormatFields<'w> + Send + Sync + 'static,
    {
        let (written, seconds, start) = (
            Written::default(),
            Arc::new(AtomicU64::new(0)),
            Instant::now(),
        );
        let mut format = make();
        let clock = Arc::clone(&seconds);
        format.now = Box::new(move || start + Duration::from_secs(clock.load(Ordering::Relaxed)));
        let writer = written.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .fmt_fields(fields)
            .event_format(format)
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            log(&seconds)
        });
        text_of(&written)
    }

    fn text() -> Limited<tracing_subscriber::fmt::format::Format> {
        Limited::text(tracing_subscriber::fmt::format())
    }

    #[test]
    fn a_flood_from_one_place_leaves_a_burst_and_its_number() {
        let text = logged(text, fields::text(), |seconds| {
            for number in 0..100 {
                warn!(number, "write failed");
            }
            info!("somebody else");
            seconds.store(11, Ordering::Relaxed);
            info!("later");
        });
        assert_eq!(text.matches("write failed").count(), 5, "{text}");
        assert!(text.contains("somebody else"), "{text}");
        assert!(
            text.contains("95 more messages like the one from flightline::cli::log::limit::tests:"),
            "{text}"
        );
        assert!(text.trim_end().ends_with("later"), "{text}");
    }

    #[test]
    fn a_place_that_is_seldom_loses_nothing() {
        let text = logged(text, fields::text(), |seconds| {
            for number in 0..20 {
                seconds.store(number * 3, Ordering::Relaxed);
                warn!(number, "now and then");
            }
        });
        assert_eq!(text.matches("now and then").count(), 20, "{text}");
        assert!(!text.contains("left out"), "{text}");
    }

    #[test]
    fn hostile_text_stays_on_its_line_of_text_and_of_json() {
        let texts = hostile::texts();
        for text in &texts {
            let log = |_: &AtomicU64| warn!(said = %text, debug = ?text, "said: {text}");
            let lines = logged(self::text, fields::text(), log);
            let line = lines.strip_suffix('\n').unwrap();
            assert!(!line.contains(hostile::is_obeyed), "{line:?}");
            let json = || Limited::json(tracing_subscriber::fmt::format().json());
            let lines = logged(json, JsonFields::new(), log);
            let line = lines.strip_suffix('\n').unwrap();
            assert!(!line.contains(hostile::is_obeyed), "{line:?}");
            let read: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(read["fields"]["said"], *text);
            assert_eq!(read["fields"]["message"], format!("said: {text}"));
        }
    }

    #[test]
    fn every_line_of_json_is_json() {
        let json = || Limited::json(tracing_subscriber::fmt::format().json());
        let text = logged(json, JsonFields::new(), |seconds| {
            for number in 0..10 {
                seconds.store(number * 2, Ordering::Relaxed);
                for _ in 0..9 {
                    warn!("again");
                }
            }
        });
        assert!(text.contains("left_out"), "{text}");
        for line in text.lines() {
            assert!(
                serde_json::from_str::<serde_json::Value>(line).is_ok(),
                "{line}"
            );
        }
    }
}
