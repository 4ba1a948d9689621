//! Dashboards as they are shipped: panels, and all that is asked of a data source.

use std::collections::BTreeSet;

use flightline_compose::{files, folder, yaml};
use serde::Deserialize;
use serde_json::Value;

/// One dashboard.
#[derive(Debug)]
pub(crate) struct Board {
    /// The name of its file, without its ending.
    pub(crate) name: String,
    /// All of it.
    pub(crate) json: Value,
}

/// What is asked of a data source.
#[derive(Debug)]
pub(crate) struct Query {
    /// Where it stands, for a person.
    pub(crate) place: String,
    /// Whom it asks.
    pub(crate) source: String,
    /// The question.
    pub(crate) text: String,
    /// What the answers are called: labels in braces.
    pub(crate) legend: String,
}

impl Board {
    /// All of them.
    pub(crate) fn shipped() -> Vec<Self> {
        let files = files("grafana/dashboards", ".json");
        let read = |path: &std::path::PathBuf| {
            let text = std::fs::read_to_string(path).expect("it was listed");
            let name = path.file_stem().expect("it has a name");
            Self {
                name: name.to_string_lossy().into_owned(),
                json: serde_json::from_str(&text)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
            }
        };
        files.iter().map(read).collect()
    }

    /// Its panels, rows included.
    pub(crate) fn panels(&self) -> &[Value] {
        list(&self.json["panels"])
    }

    /// All that it asks: panels, variables, annotations.
    pub(crate) fn queries(&self) -> Vec<Query> {
        let mut queries = Vec::new();
        for panel in self.panels() {
            for target in list(&panel["targets"]) {
                let text = target["expr"].as_str().or(target["query"].as_str());
                queries.push(Query {
                    place: format!("{}: {}", self.name, text_of(&panel["title"])),
                    source: text_of(&panel["datasource"]["uid"]),
                    text: text.unwrap_or_default().to_owned(),
                    legend: text_of(&target["legendFormat"]),
                });
            }
        }
        for variable in list(&self.json["templating"]["list"]) {
            queries.push(Query {
                place: format!("{}: ${}", self.name, text_of(&variable["name"])),
                source: text_of(&variable["datasource"]["uid"]),
                text: text_of(&variable["query"]["query"]),
                legend: String::new(),
            });
        }
        for annotation in list(&self.json["annotations"]["list"]) {
            queries.push(Query {
                place: format!("{}: {}", self.name, text_of(&annotation["name"])),
                source: text_of(&annotation["datasource"]["uid"]),
                text: text_of(&annotation["expr"]),
                legend: text_of(&annotation["titleFormat"]),
            });
        }
        queries
    }

    /// The names of its variables.
    pub(crate) fn variables(&self) -> Vec<String> {
        let variables = list(&self.json["templating"]["list"]).iter();
        variables.map(|one| text_of(&one["name"])).collect()
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A file of data sources.
#[derive(Debug, Deserialize)]
struct Sources {
    datasources: Vec<Source>,
}

#[derive(Debug, Deserialize)]
struct Source {
    uid: String,
}

/// The data sources that Grafana is given.
pub(crate) fn sources() -> BTreeSet<String> {
    let files = files("grafana/provisioning/datasources", ".yaml");
    let relative = files.iter().map(|path| {
        let path = path.strip_prefix(folder()).expect("found below it");
        path.to_string_lossy().into_owned()
    });
    let files = relative.flat_map(|path| yaml::<Sources>(&path));
    files
        .flat_map(|file| file.datasources)
        .map(|one| one.uid)
        .collect()
}

/// The labels in a legend: `{{sink}} {{reason}}`.
pub(crate) fn labels_of(legend: &str) -> Vec<String> {
    let open = legend.split("{{").skip(1);
    let names = open.filter_map(|rest| rest.split("}}").next());
    names.map(|name| name.trim().to_owned()).collect()
}
