//! What a trial moves, from where, to where. Serialized into each record, so that only like is compared with like.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Scenarios as typed.
mod parse;

/// What is moved, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scenario {
    /// How messages come in and are acknowledged.
    pub source: Source,
    /// What a message holds.
    pub shape: Shape,
    /// Distinct subjects.
    pub subjects: u32,
    /// Whether series are kept for Prometheus.
    pub exporter: Switch,
    /// What takes the lines.
    pub store: Store,
    /// Messages offered a second.
    pub rate: Rate,
    /// The age at which a batch is cut, in milliseconds.
    pub age_ms: u32,
}

/// The product's own default.
pub const AGE_MS: u32 = 1_000;

/// How messages come in and are acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Core subjects, a queue group.
    Core,
    /// A durable consumer with an ack for each message.
    Explicit,
    /// So many durable consumers with one owner each, and one ack for many messages.
    Partitions(u32),
    /// Clients write over HTTP, and it is stored when the stream has it: nothing is read.
    Front {
        /// Each with a connection of its own, on which one request follows another's answer.
        clients: u32,
        /// How they send their bodies.
        coding: Coding,
    },
}

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coding {
    /// As it is.
    Identity,
    /// Packed.
    Gzip,
}

/// What a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One line of 150 bytes.
    Line,
    /// Fifty of them.
    Lines50,
    /// One sensor object, on a mapped foreign subject.
    Sensor,
    /// A set of four metric samples, JSON.
    Metrics,
    /// One field of one series.
    Sample,
    /// Of each some.
    Mix,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 6] = [
        Self::Line,
        Self::Lines50,
        Self::Sensor,
        Self::Metrics,
        Self::Sample,
        Self::Mix,
    ];

    /// Whether its payloads are lines, which every program is to pass on byte for byte.
    pub fn is_lines(self) -> bool {
        match self {
            Self::Line | Self::Lines50 | Self::Sample => true,
            Self::Sensor | Self::Metrics | Self::Mix => false,
        }
    }
}

impl Default for Scenario {
    /// Single lines on one core subject, as fast as they go.
    fn default() -> Self {
        Self {
            source: Source::Core,
            shape: Shape::Line,
            subjects: 1,
            exporter: Switch::Off,
            store: Store::Discard,
            rate: Rate::Full,
            age_ms: AGE_MS,
        }
    }
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// What takes the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// A process that counts lines and throws them away: never the limit.
    Discard,
    /// A real InfluxDB 1.x.
    Influxdb,
    /// A real VictoriaMetrics.
    Victoria,
}

/// How fast messages are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// As fast as the server takes them.
    Full,
    /// So many a second, on an open loop: a slow program does not slow the clock.
    PerSecond(u32),
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.shape)?;
        if self.subjects != 1 {
            write!(f, ", {} subjects", self.subjects)?;
        }
        if self.exporter == Switch::On {
            f.write_str(", exporter")?;
        }
        match self.store {
            Store::Discard => {}
            Store::Influxdb => f.write_str(", influxdb")?,
            Store::Victoria => f.write_str(", victoria")?,
        }
        match self.rate {
            Rate::Full => {}
            Rate::PerSecond(rate) => write!(f, ", {rate}/s")?,
        }
        if self.age_ms != AGE_MS {
            write!(f, ", age {} ms", self.age_ms)?;
        }
        Ok(())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core => f.write_str("core"),
            Self::Explicit => f.write_str("jetstream explicit"),
            Self::Partitions(1) => f.write_str("jetstream ack-all"),
            Self::Partitions(count) => write!(f, "jetstream {count} partitions"),
            Self::Front { clients, coding } => write!(f, "{coding} x {clients}"),
        }
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "front",
            Self::Gzip => "front-gzip",
        })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Lines50 => "lines50",
            Self::Sensor => "sensor",
            Self::Metrics => "metrics",
            Self::Sample => "sample",
            Self::Mix => "mix",
        })
    }
}
