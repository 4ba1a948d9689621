//! The configuration as typed: every key optional, nothing checked but its TOML type. `check` turns it into what is trusted.
//! Nothing here is ever printed: there is no `Debug`, so a secret has no way into a log.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::config::spot::{Key, Spot};

/// A whole file.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Raw {
    pub(crate) prefix: Key<String>,
    pub(crate) nats: Key<Nats>,
    pub(crate) source: Key<Source>,
    pub(crate) mapping: Key<Vec<Spot<Mapping>>>,
    pub(crate) batch: Key<Batch>,
    pub(crate) sink: Key<Sink>,
    pub(crate) sinks: Key<BTreeMap<String, Spot<Sink>>>,
    pub(crate) deadletter: Key<DeadLetter>,
    pub(crate) exporter: Key<Exporter>,
    pub(crate) admin: Key<Admin>,
    pub(crate) ingest: Key<Ingest>,
    pub(crate) observe: Key<Observe>,
    pub(crate) run: Key<Run>,
    pub(crate) log: Key<Log>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nats {
    pub(crate) url: Key<List>,
    pub(crate) name: Key<String>,
    pub(crate) inbox_prefix: Key<String>,
    pub(crate) user: Key<String>,
    pub(crate) password: Key<String>,
    pub(crate) password_file: Key<String>,
    pub(crate) token: Key<String>,
    pub(crate) token_file: Key<String>,
    pub(crate) nkey: Key<String>,
    pub(crate) nkey_file: Key<String>,
    pub(crate) creds_file: Key<String>,
    pub(crate) tls: Key<NatsTls>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct NatsTls {
    pub(crate) require: Key<bool>,
    pub(crate) ca_file: Key<String>,
    pub(crate) cert_file: Key<String>,
    pub(crate) key_file: Key<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct SinkTls {
    pub(crate) ca_file: Key<String>,
    pub(crate) cert_file: Key<String>,
    pub(crate) key_file: Key<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) kind: Key<String>,
    pub(crate) stream: Key<String>,
    pub(crate) consumer: Key<String>,
    pub(crate) ack_wait: Key<String>,
    pub(crate) max_ack_pending: Key<i64>,
    pub(crate) prefetch: Key<String>,
    pub(crate) partitions: Key<Partitions>,
    pub(crate) remember: Key<String>,
    pub(crate) replicas: Key<i64>,
    pub(crate) queue_group: Key<String>,
    pub(crate) capacity: Key<i64>,
    pub(crate) buffer: Key<String>,
    pub(crate) report_interval: Key<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mapping {
    pub(crate) subjects: Key<List>,
    pub(crate) class: Key<String>,
    pub(crate) service: Key<String>,
    pub(crate) encoding: Key<String>,
    pub(crate) measurement: Key<String>,
    pub(crate) tags: Key<BTreeMap<String, Spot<String>>>,
    pub(crate) fields: Key<Fields>,
    pub(crate) time: Key<String>,
    pub(crate) time_unit: Key<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    pub(crate) lines: Key<i64>,
    pub(crate) bytes: Key<String>,
    pub(crate) age: Key<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sink {
    pub(crate) kind: Key<String>,
    pub(crate) classes: Key<List>,
    pub(crate) compression: Key<String>,
    pub(crate) url: Key<String>,
    pub(crate) api: Key<String>,
    pub(crate) db: Key<String>,
    pub(crate) rp: Key<String>,
    pub(crate) org: Key<String>,
    pub(crate) bucket: Key<String>,
    pub(crate) user: Key<String>,
    pub(crate) password: Key<String>,
    pub(crate) password_file: Key<String>,
    pub(crate) token: Key<String>,
    pub(crate) token_file: Key<String>,
    pub(crate) tls: Key<SinkTls>,
    pub(crate) in_flight: Key<i64>,
    pub(crate) timeout: Key<String>,
    pub(crate) max_backoff: Key<String>,
    pub(crate) line_patience: Key<String>,
    pub(crate) dir: Key<String>,
    pub(crate) max_bytes: Key<String>,
    pub(crate) max_age: Key<String>,
    pub(crate) keep_bytes: Key<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeadLetter {
    pub(crate) kind: Key<String>,
    pub(crate) stream: Key<String>,
    pub(crate) max_age: Key<String>,
    pub(crate) max_bytes: Key<String>,
    pub(crate) replicas: Key<i64>,
    pub(crate) path: Key<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exporter {
    pub(crate) classes: Key<List>,
    pub(crate) max_series: Key<i64>,
    pub(crate) max_bytes: Key<String>,
    pub(crate) max_labels: Key<i64>,
    pub(crate) expire: Key<String>,
    pub(crate) counters: Key<List>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    pub(crate) listen: Key<String>,
    pub(crate) high_water: Key<String>,
    pub(crate) tls: Key<ListenerTls>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerTls {
    pub(crate) cert_file: Key<String>,
    pub(crate) key_file: Key<String>,
    pub(crate) client_ca_file: Key<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ingest {
    pub(crate) listen: Key<String>,
    pub(crate) tls: Key<ListenerTls>,
    pub(crate) class: Key<String>,
    pub(crate) service: Key<String>,
    pub(crate) token_file: Key<String>,
    pub(crate) max_body: Key<String>,
    pub(crate) max_pending: Key<String>,
    pub(crate) max_requests: Key<i64>,
    pub(crate) max_connections: Key<i64>,
    pub(crate) timeout: Key<String>,
    pub(crate) idle: Key<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Observe {
    pub(crate) interval: Key<String>,
    pub(crate) max_streams: Key<i64>,
    pub(crate) max_consumers: Key<i64>,
    pub(crate) system: Key<Nats>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    pub(crate) drain: Key<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: Key<String>,
    pub(crate) level: Key<String>,
}

/// One text or a list of them; one text may be separated by commas.
pub(crate) enum List {
    One(String),
    Many(Vec<Spot<String>>),
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = List;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text in quotes or a list of them")
            }

            fn visit_str<E>(self, text: &str) -> Result<List, E> {
                Ok(List::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<List, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(List::Many)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// How a stream is divided: a number, or the subjects of each part.
pub(crate) enum Partitions {
    /// `4`
    Count(i64),
    /// `["a.>", "b.>"]`
    Filters(List),
}

impl<'de> Deserialize<'de> for Partitions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Partitions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number such as 4 or a list of subjects such as [\"a.>\", \"b.>\"]")
            }

            fn visit_i64<E>(self, number: i64) -> Result<Partitions, E> {
                Ok(Partitions::Count(number))
            }

            // A variable of the environment has no types.
            fn visit_str<E>(self, text: &str) -> Result<Partitions, E> {
                Ok(match text.trim().parse() {
                    Ok(number) => Partitions::Count(number),
                    Err(_) => Partitions::Filters(List::One(text.to_owned())),
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Partitions, A::Error> {
                let items = Vec::deserialize(SeqAccessDeserializer::new(items))?;
                Ok(Partitions::Filters(List::Many(items)))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// The fields of a mapping: names, or names with where their values stand.
pub(crate) enum Fields {
    /// `["value"]`, `"value"`
    Names(List),
    /// `{ value = "$.v" }`
    Table(BTreeMap<String, Spot<Field>>),
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of names or a table such as { name = \"$.path\" }")
            }

            fn visit_str<E>(self, text: &str) -> Result<Fields, E> {
                Ok(Fields::Names(List::One(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Fields, A::Error> {
                let items = Vec::deserialize(SeqAccessDeserializer::new(items))?;
                Ok(Fields::Names(List::Many(items)))
            }

            fn visit_map<A: MapAccess<'de>>(self, pairs: A) -> Result<Fields, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(pairs)).map(Fields::Table)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// Where a field's value stands, and how it is written.
pub(crate) enum Field {
    /// `"$.v"`
    Path(String),
    /// `{ path = "$.v", kind = "float" }`
    Full(FullField),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullField {
    pub(crate) path: Key<String>,
    pub(crate) kind: Key<String>,
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path such as \"$.v\" or a table such as { path = \"$.v\", kind = \"float\" }")
            }

            fn visit_str<E>(self, text: &str) -> Result<Field, E> {
                Ok(Field::Path(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, pairs: A) -> Result<Field, A::Error> {
                FullField::deserialize(MapAccessDeserializer::new(pairs)).map(Field::Full)
            }
        }

        deserializer.deserialize_any(Either)
    }
}
