//! Where a scene's lines go, as a worker is told, and what is there in the end.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::points::{FieldType, Key, Point, Points, Time, Value};
use flightline_fixtures::stub::answer::Api;
use influxdb_line_protocol::{FieldValue, ParsedLine, parse_lines};

use crate::oracle::{DISPUTED, SETTLED};
use crate::window::Window;

/// The database.
pub(crate) const DB: &str = "faults";

/// Where lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlet {
    /// To the store, over a wire that can be cut.
    Store,
    /// To the store by this API, over a proxy that plays answers, with a token.
    Played(Api),
    /// Into files on a small disk.
    Files,
}

impl Outlet {
    /// The keys of `[sink]` for a store at `url` and files or a token below `folder`.
    pub(crate) fn keys(self, url: &str, folder: &Path) -> String {
        let store = |api: &str, place: &str| {
            format!(
                "kind = \"influxdb\"\napi = \"{api}\"\nurl = \"http://{url}\"\n{place}\nmax_backoff = \"1s\""
            )
        };
        let token = format!("token_file = {:?}", token(folder));
        let database = format!("db = \"{DB}\"");
        match self {
            Self::Store => store("v1", &database),
            Self::Played(Api::V1) => store("v1", &format!("{database}\n{token}")),
            Self::Played(Api::V2) => {
                store("v2", &format!("org = \"o\"\nbucket = \"{DB}\"\n{token}"))
            }
            Self::Played(Api::V3) => store("v3", &format!("{database}\n{token}")),
            Self::Files => format!(
                "kind = \"file\"\ndir = {:?}\nmax_bytes = \"1MiB\"",
                lines(folder)
            ),
        }
    }
}

/// The file with the token.
pub(crate) fn token(folder: &Path) -> std::path::PathBuf {
    folder.join("token")
}

/// The folder of the files.
pub(crate) fn lines(folder: &Path) -> std::path::PathBuf {
    folder.join("lines")
}

/// What is there, and of which types.
pub(crate) type Stored = (Points, BTreeMap<(String, String), FieldType>);

/// Everything of a window in the store, but what settled a type.
pub(crate) fn stored(influx: &Influxd, window: &Window) -> Stored {
    let settling = |key: &Key| key.measurement == DISPUTED && key.time == Time::At(SETTLED);
    let all = influx.points_where(DB, |measurement| window.condition(measurement));
    let points = all.iter().filter(|(key, _)| !settling(key));
    let points = points.map(|(key, fields)| Point {
        key: key.clone(),
        fields: fields.clone(),
    });
    (points.collect(), influx.field_types(DB))
}

/// Every line of the files below `folder`. What came twice is one point here, as a store makes of it.
pub(crate) fn written(folder: &Path) -> Stored {
    let mut points = Points::default();
    for entry in fs::read_dir(lines(folder)).expect("the folder is there") {
        let path = entry.expect("an entry can be read").path();
        let text = fs::read_to_string(&path).expect("a file of lines is text");
        assert!(
            text.is_empty() || text.ends_with('\n'),
            "{}: torn",
            path.display()
        );
        for line in parse_lines(&text) {
            let line = line.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            points.add(point(&line));
        }
    }
    let types = points.field_types();
    (points, types)
}

fn point(line: &ParsedLine<'_>) -> Point {
    let time = Time::At(line.timestamp.expect("every line has a time"));
    let mut point = Point::new(line.series.measurement.as_str(), time);
    for (name, value) in line.series.tag_set.iter().flatten() {
        point = point.tag(name.as_str(), value.as_str());
    }
    for (name, value) in &line.field_set {
        let value = match value {
            FieldValue::F64(float) => Value::Float(*float),
            FieldValue::I64(integer) => Value::Integer(*integer),
            FieldValue::U64(integer) => panic!("the oracle has no {integer}u"),
            FieldValue::Boolean(boolean) => Value::Boolean(*boolean),
            FieldValue::String(text) => Value::Text(text.to_string()),
        };
        point = point.field(name.as_str(), value);
    }
    point
}
