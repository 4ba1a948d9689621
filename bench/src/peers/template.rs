//! A shipped configuration and a trial's setting come in, the configuration of that trial goes out. A place that nothing fills is
//! an error: a peer that ran with half a configuration would be measured at its worst.

use std::path::Path;

use anyhow::{Context, bail, ensure};

use crate::payload::template::most_lines;
use crate::program::{Api, PLACE, Setting};

/// Un-acked messages that a push consumer leaves with its peer; the trial's pull consumer leaves as many.
pub(super) const ACK_PENDING: u32 = 65_536;

/// Batches in flight: twice as many as the product's own sink has by default, so that no peer is held up by what was written for it.
const WRITES: u32 = 4;

/// Lines that a peer may hold: several batches, so that writing one does not hold up the next.
const OPEN_LINES: u32 = 200_000;

/// Names and what stands for them.
pub(super) type Values = Vec<(&'static str, String)>;

/// What a peer and the server must both know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) subject: String,
    pub(super) consumer: String,
}

/// Whose consumer a peer reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The trial's durable pull consumer.
    Trial,
    /// A push consumer beside it.
    Peer,
}

impl Names {
    pub(super) fn new(setting: &Setting, owner: Owner) -> anyhow::Result<Self> {
        let [subject] = setting.subjects.as_slice() else {
            bail!(
                "a peer's source takes one subject; the trial has {:?}",
                setting.subjects
            );
        };
        let consumer = match owner {
            Owner::Trial => setting.consumer.clone(),
            Owner::Peer => format!("{}_push", setting.consumer),
        };
        Ok(Self {
            subject: subject.clone(),
            consumer,
        })
    }
}

pub(super) fn values(setting: &Setting, names: &Names) -> anyhow::Result<Values> {
    let lines = most_lines(setting.scenario.shape);
    let batch = u32::try_from(setting.batch_lines).context("a batch is not that large")?;
    let open = (OPEN_LINES / lines).min(ACK_PENDING);
    let write = match setting.store.api {
        Api::V1 => format!("{}/write?db={PLACE}&precision=ns", setting.store.url),
        Api::V2 => format!(
            "{}/api/v2/write?org={PLACE}&bucket={PLACE}&precision=ns",
            setting.store.url
        ),
    };
    Ok(vec![
        ("nats", setting.nats.clone()),
        ("subject", names.subject.clone()),
        ("group", setting.group.clone()),
        ("stream", setting.stream.clone()),
        ("consumer", names.consumer.clone()),
        ("ack_pending", ACK_PENDING.to_string()),
        ("store", setting.store.url.clone()),
        ("write", write),
        ("place", PLACE.to_owned()),
        ("batch_lines", batch.to_string()),
        ("batch_messages", (batch / lines).max(1).to_string()),
        ("open_messages", open.to_string()),
        ("buffer_lines", (2 * OPEN_LINES).to_string()),
        ("writes", WRITES.to_string()),
        ("age", format!("{}ms", setting.batch_age.as_millis())),
        ("age_seconds", setting.batch_age.as_secs_f64().to_string()),
        ("folder", text(&setting.folder)?),
    ])
}

/// Puts values in their places.
pub(super) fn fill(template: &str, values: &Values) -> anyhow::Result<String> {
    let mut filled = template.to_owned();
    for (name, value) in values {
        ensure!(
            !value.contains(['"', '\\', '\n']),
            "{name} cannot stand in quotes: {value:?}"
        );
        filled = filled.replace(&format!("{{{{{name}}}}}"), value);
    }
    // Comments speak of places as such.
    let open = filled
        .lines()
        .find(|line| !line.trim_start().starts_with('#') && line.contains("{{"));
    ensure!(open.is_none(), "nothing fills {}", open.unwrap_or_default());
    Ok(filled)
}

fn text(path: &Path) -> anyhow::Result<String> {
    let text = path
        .to_str()
        .with_context(|| format!("{} is no text", path.display()))?;
    Ok(text.to_owned())
}
