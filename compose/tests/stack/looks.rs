//! A stack comes in, what its parts say of it goes out: Consul, Prometheus, the store, the balancer.

use std::collections::BTreeSet;

use flightline_fixtures::http;
use flightline_fixtures::influxd::Store;
use flightline_fixtures::points::Points;
use flightline_fixtures::steps::PATIENCE;
use flightline_fixtures::wait;
use flightline_fixtures::writers::MEASUREMENT;
use serde_json::Value;

use crate::DB;
use crate::engine::Stack;

/// Where to look.
pub(crate) struct Looks {
    /// Consul's `HOST:PORT`.
    pub(crate) consul: String,
    prometheus: String,
    /// InfluxDB 1, or what speaks its query language; absent for VictoriaMetrics.
    store: Option<Store>,
    victoria: Option<String>,
}

impl Looks {
    pub(crate) fn at(stack: &Stack) -> Self {
        let of = |service: &str, port: u16| {
            let found = stack.containers(service);
            Some(format!("http://{}:{port}", found.first()?.address))
        };
        Self {
            consul: format!("127.0.0.1:{}", stack.port("CONSUL_PORT")),
            prometheus: format!("http://127.0.0.1:{}", stack.port("PROMETHEUS_PORT")),
            store: of("influxdb", 8086).map(|url| Store::at(&url)),
            victoria: of("victoria", 8428),
        }
    }

    /// Whether each of these services has an instance that passes, and none that does not.
    pub(crate) fn pass(&self, services: &[&str]) -> bool {
        services.iter().all(|service| {
            let all = self.instances(service, "");
            all > 0 && all == self.passing(service)
        })
    }

    /// How many instances of a service pass.
    pub(crate) fn passing(&self, service: &str) -> usize {
        self.instances(service, "?passing=1")
    }

    fn instances(&self, service: &str, query: &str) -> usize {
        let url = format!("http://{}/v1/health/service/{service}{query}", self.consul);
        json(&url)
            .and_then(|found| Some(found.as_array()?.len()))
            .unwrap_or(0)
    }

    /// Whether each of these services has kept its latest change of state in Consul.
    pub(crate) fn kept_in_consul(&self, services: &[&str]) -> bool {
        let keys =
            json(&format!("http://{}/v1/kv/lifecycle?keys", self.consul)).unwrap_or_default();
        let keys: Vec<&str> = keys
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let kept = |service: &&str| {
            keys.iter()
                .any(|key| key.starts_with(&format!("lifecycle/{service}/")))
        };
        services.iter().all(|service| kept(&service))
    }

    /// Whether Prometheus has a target of each of these jobs, all that it has are up, and Consul named them.
    pub(crate) fn targets_up(&self, jobs: &[&str]) -> bool {
        let targets = self.all_targets();
        let has = |job: &&str| {
            targets.iter().any(|target| {
                target["labels"]["job"] == **job
                    && target["discoveredLabels"]["__meta_consul_service"].is_string()
            })
        };
        targets.iter().all(|target| target["health"] == "up") && jobs.iter().all(|job| has(&job))
    }

    /// How many targets of a job Prometheus has.
    pub(crate) fn targets(&self, job: &str) -> usize {
        let targets = self.all_targets();
        let of = |target: &&Value| target["labels"]["job"] == job;
        targets.iter().filter(of).count()
    }

    fn all_targets(&self) -> Vec<Value> {
        let told = json(&format!("{}/api/v1/targets?state=active", self.prometheus));
        let targets = told.and_then(|told| told["data"]["activeTargets"].as_array().cloned());
        targets.unwrap_or_default()
    }

    /// Whether the store has a change of state of each of these `SERVICE/JOB`.
    pub(crate) fn lifecycle_of(&self, jobs: &[&str]) -> bool {
        let Some(store) = &self.store else {
            return false;
        };
        jobs.iter().all(|named| {
            let (service, job) = named.split_once('/').expect("a service and a job");
            let wanted = format!("SELECT count(\"sequence\") FROM lifecycle WHERE service = '{service}' AND job = '{job}'");
            counted(&store.query(DB, &wanted)) > 0
        })
    }

    /// How many points of a measurement the store has.
    pub(crate) fn count(&self, measurement: &str) -> u64 {
        if let Some(store) = &self.store {
            return counted(&store.query(
                DB,
                &format!("SELECT count(\"value\") FROM \"{measurement}\""),
            ));
        }
        let (url, metric) = (
            self.victoria.as_deref().unwrap_or_default(),
            http::encode(&format!("{measurement}_value")),
        );
        // Samples are visible after a second, or at once when asked for.
        http::get(&format!("{url}/internal/force_flush")).ok();
        let export = http::get(&format!("{url}/api/v1/export?match[]={metric}"))
            .map(|answer| answer.text())
            .unwrap_or_default();
        // A sample that came twice is kept twice; it is the same one.
        let moments = |block: Value| {
            let times = block["timestamps"].as_array()?;
            let different: BTreeSet<i64> = times.iter().filter_map(Value::as_i64).collect();
            u64::try_from(different.len()).ok()
        };
        let blocks = export
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        blocks.filter_map(moments).sum()
    }

    /// The store has exactly these points of the writers, unaltered.
    pub(crate) fn has(&self, points: &Points) {
        let store = self.store.as_ref().expect("an InfluxDB");
        let mut difference = None;
        let all = wait::until(PATIENCE, || {
            let stored = store.points_of(DB, MEASUREMENT);
            difference = points.difference(&stored);
            difference.is_none()
        });
        assert!(all.is_ok(), "{difference:?}");
    }
}

fn json(url: &str) -> Option<Value> {
    let answer = http::get(url).ok().filter(|answer| answer.status == 200)?;
    serde_json::from_slice(&answer.body).ok()
}

fn counted(answer: &Value) -> u64 {
    answer
        .pointer("/results/0/series/0/values/0/1")
        .and_then(Value::as_u64)
        .unwrap_or(0)
}
