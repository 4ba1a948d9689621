//! The store of a trial: the process that discards, or a real one. Told what is to come, asked what has come.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use flightline_fixtures::http;
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::process::Process;
use flightline_fixtures::server::free_port;
use flightline_fixtures::victoria::Victoria;
use serde_json::Value;

use crate::discard::figures::{Alteration, Expectation, Figures};
use crate::discard::tail::{Mark, Tail};
use crate::discard::{ALTERED, BEGIN, FIGURES};
use crate::interrupt;
use crate::program::{Api, PLACE, Target};
use crate::publish::now;
use crate::scenario::{Shape, Store};

/// For the process that discards to listen.
const START_LIMIT: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub struct Depot {
    kind: Kind,
    url: String,
    /// A real store tells no times: those at which we looked.
    seen: Figures,
    tail: Tail,
}

#[derive(Debug)]
enum Kind {
    Discard(Process),
    Influxdb(Influxd),
    /// With the samples that it makes of each line.
    Victoria(Victoria, u64),
}

impl Depot {
    /// Starts one for messages of `shape`; `folder` is for its output.
    ///
    /// # Errors
    /// When it cannot be started, or cannot tell how many lines of that shape it has.
    pub fn start(store: Store, shape: Shape, bench: &Path, folder: &Path) -> anyhow::Result<Self> {
        let (kind, url) = match store {
            Store::Discard => discard(bench, folder)?,
            Store::Influxdb => {
                let influxd = Influxd::try_start()?;
                influxd.create_database(PLACE);
                let url = influxd.url();
                (Kind::Influxdb(influxd), url)
            }
            Store::Victoria => {
                let fields = match shape {
                    Shape::Line | Shape::Lines50 => 5,
                    Shape::Sensor => 3,
                    Shape::Metrics | Shape::Sample => 1,
                    Shape::Mix => {
                        bail!("VictoriaMetrics counts fields, and a mix has no fixed number a line")
                    }
                };
                let victoria = Victoria::try_start()?;
                let url = victoria.url();
                (Kind::Victoria(victoria, fields), url)
            }
        };
        Ok(Self {
            kind,
            url,
            seen: Figures::default(),
            tail: Tail::new(0),
        })
    }

    /// Where programs write to.
    pub fn target(&self) -> Target {
        Target {
            url: self.url.clone(),
            api: match self.kind {
                Kind::Influxdb(_) => Api::V1,
                Kind::Discard(_) | Kind::Victoria(..) => Api::V2,
            },
        }
    }

    /// Its process.
    pub fn id(&mut self) -> Option<u32> {
        match &mut self.kind {
            Kind::Discard(process) => Some(process.id()),
            Kind::Influxdb(influxd) => influxd.server().id(),
            Kind::Victoria(victoria, _) => victoria.server().id(),
        }
    }

    /// Says what is to come.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn begin(&mut self, expected: &Expectation) -> anyhow::Result<()> {
        self.tail = Tail::new(expected.tail);
        if let Kind::Discard(_) = self.kind {
            let json = serde_json::to_vec(expected)?;
            let answer = http::post(&format!("{}{BEGIN}", self.url), &json)?;
            ensure!(
                answer.status == 204,
                "the discarding store: {}",
                answer.text()
            );
        }
        Ok(())
    }

    /// What has come so far.
    ///
    /// # Errors
    /// When it does not say.
    pub fn figures(&mut self) -> anyhow::Result<Figures> {
        let lines = match &self.kind {
            Kind::Discard(_) => {
                let answer = http::get(&format!("{}{FIGURES}", self.url))?;
                return serde_json::from_slice(&answer.body).context("figures of the store");
            }
            Kind::Influxdb(_) => written(&self.url)?,
            Kind::Victoria(_, fields) => inserted(&self.url)? / fields,
        };
        if lines > self.seen.lines {
            self.seen.last = now();
            if self.seen.first == 0 {
                self.seen.first = self.seen.last;
                self.seen.first_lines = lines;
            }
            self.seen.lines = lines;
            self.seen.stored = lines;
            self.tail.push(Mark {
                lines,
                at: self.seen.last,
            });
            if let Some(full) = self.tail.begins() {
                (self.seen.full, self.seen.full_lines) = (full.at, full.lines);
            }
        }
        Ok(self.seen)
    }

    /// The first line that came in other bytes than it was published in; a real store doesn't tell.
    ///
    /// # Errors
    /// When it does not say.
    pub fn first_altered(&self) -> anyhow::Result<Option<Alteration>> {
        if let Kind::Discard(_) = self.kind {
            let answer = http::get(&format!("{}{ALTERED}", self.url))?;
            return serde_json::from_slice(&answer.body).context("an altered line of the store");
        }
        Ok(None)
    }

    /// What has come, when nothing more will: exact, where it may take a while to ask.
    ///
    /// # Errors
    /// When it does not say.
    pub fn last_figures(&mut self) -> anyhow::Result<Figures> {
        let mut figures = self.figures()?;
        if let Kind::Influxdb(influxd) = &self.kind {
            figures.stored = points(&influxd.query(PLACE, "SELECT COUNT(*) FROM /.*/"));
            figures.doubled = figures.lines.saturating_sub(figures.stored);
        }
        Ok(figures)
    }
}

fn discard(bench: &Path, folder: &Path) -> anyhow::Result<(Kind, String)> {
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new(bench);
    command.args(["discard", "--listen", &address]);
    let process = Process::spawn(command, &folder.join("store.log"))
        .with_context(|| format!("start {}", bench.display()))?;
    let url = format!("http://{address}");
    let ping = format!("{url}/ping");
    interrupt::until_some(START_LIMIT, || http::answers(&ping, 204).then_some(()))
        .with_context(|| format!("the discarding store:\n{}", process.tail()))?;
    Ok((Kind::Discard(process), url))
}

/// Points that InfluxDB was asked to write.
fn written(url: &str) -> anyhow::Result<u64> {
    let answer = http::get(&format!("{url}/debug/vars"))?;
    let vars: Value = serde_json::from_slice(&answer.body)?;
    let points = vars["write"]["values"]["pointReq"].as_u64();
    Ok(points.unwrap_or(0))
}

/// Samples that VictoriaMetrics has taken by the write API.
fn inserted(url: &str) -> anyhow::Result<u64> {
    let text = http::get(&format!("{url}/metrics"))?.text();
    let rows = text
        .lines()
        .find_map(|line| line.strip_prefix("vm_rows_inserted_total{type=\"influx\"} "));
    Ok(rows.and_then(|rows| rows.parse().ok()).unwrap_or(0))
}

/// Points of all measurements: each has some field in every point.
fn points(answer: &Value) -> u64 {
    let series = answer["results"][0]["series"].as_array();
    let most = |series: &Value| {
        let counts = series["values"][0].as_array()?;
        // The first column is the time.
        counts.iter().skip(1).filter_map(Value::as_u64).max()
    };
    series.into_iter().flatten().filter_map(most).sum()
}
