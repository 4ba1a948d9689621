//! An instance of a watched service, as templates of files see it: `{{ range instances }}{{ .ID }} {{ .Address }}:{{ .Port }}{{ end }}`.
//! Nothing is escaped here: who makes one has seen to it that none of its texts is syntax anywhere.

use super::Fault;
use super::value::{Text, Value};

/// What a template may ask of an instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// `.ID`: the service's id at its agent.
    pub id: String,
    /// `.Address`: as it stands before a port, so one of IPv6 is in brackets.
    pub address: String,
    /// `.Port`.
    pub port: u16,
    /// `.Tags`, in Consul's order.
    pub tags: Vec<String>,
}

/// Its fields in their order, as Go would print them.
const FIELDS: [&str; 4] = ["ID", "Address", "Port", "Tags"];

impl Instance {
    /// The value of a field.
    pub(super) fn field(&self, name: &str) -> Result<Value<'_>, Fault> {
        match name {
            "ID" => Ok(Value::borrowed(&self.id)),
            "Address" => Ok(Value::borrowed(&self.address)),
            "Port" => Ok(Value::Int(i64::from(self.port))),
            "Tags" => {
                let tags = self.tags.iter().map(|tag| Text::Borrowed(tag));
                Ok(Value::Texts(tags.collect()))
            }
            _ => Err(Fault::cured(
                format!("an instance has no field {name}"),
                format!("it has {}", FIELDS.join(", ")),
            )),
        }
    }

    /// The values of all of its fields.
    pub(super) fn values(&self) -> impl Iterator<Item = Value<'_>> {
        FIELDS.iter().filter_map(|name| self.field(name).ok())
    }

    /// What looking through it costs, in bytes.
    pub(super) fn cost(&self) -> usize {
        let tags: usize = self.tags.iter().map(|tag| tag.len() + 16).sum();
        self.id.len() + self.address.len() + tags + 16
    }
}
