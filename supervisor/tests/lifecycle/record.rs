//! What was published, as the stream has it, and what was seen of it in Consul, as somebody sees it who follows the entry.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::stream::Config;
use flightline_contract::lifecycle::LifecycleChange;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::{http, wait};
use futures_util::StreamExt as _;
use serde_json::Value;

const STREAM: &str = "TELEMETRY";
const SUBJECT: &str = "telemetry.lifecycle.shop.shop-1";
/// For the last change to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

/// Makes the stream, as the pipeline does.
pub(crate) fn make_stream(nats: &Nats) {
    wait_for(async {
        let client = async_nats::connect(nats.url()).await.unwrap();
        let config = Config {
            name: STREAM.to_owned(),
            subjects: vec!["telemetry.>".to_owned()],
            ..Config::default()
        };
        let context = async_nats::jetstream::new(client);
        context.create_stream(config).await.unwrap();
    });
}

/// The changes in the stream, in its order, a line each; `pids` are those of the supervisor and of the job's two processes.
pub(crate) fn published(nats: &Nats, pids: (u32, u32, u32)) -> String {
    wait_for(async {
        let client = async_nats::connect(nats.url()).await.unwrap();
        let context = async_nats::jetstream::new(client);
        let stream = context.get_stream(STREAM).await.unwrap();
        let config = OrderedConfig {
            filter_subject: SUBJECT.to_owned(),
            ..OrderedConfig::default()
        };
        let mut consumer = stream.create_consumer(config).await.unwrap();
        let count = consumer.info().await.unwrap().num_pending;
        let mut messages = consumer.messages().await.unwrap();
        let mut lines = String::new();
        for _ in 0..count {
            let message = messages.next().await.unwrap().unwrap();
            let change: LifecycleChange<'_> = serde_json::from_slice(&message.payload).unwrap();
            lines.push_str(&line(&change, pids));
        }
        lines
    })
}

/// A change as it was seen elsewhere, in the same words.
pub(crate) fn seen(value: &Value, pids: (u32, u32, u32)) -> String {
    let text = value.to_string();
    let change: LifecycleChange<'_> = serde_json::from_str(&text).unwrap();
    line(&change, pids)
}

fn line(change: &LifecycleChange<'_>, (own, first, second): (u32, u32, u32)) -> String {
    let job = change.job.as_ref().map_or("supervisor", |job| job.as_str());
    let pid = match change.pid {
        None => String::new(),
        Some(pid) if pid == own => " own".to_owned(),
        Some(pid) if pid == first => " first".to_owned(),
        Some(pid) if pid == second => " second".to_owned(),
        Some(stranger) => format!(" {stranger}"),
    };
    let exit = change
        .exit
        .map_or(String::new(), |exit| format!(" exit {exit}"));
    assert!(change.time.is_some());
    format!(
        "{} {job} {} -> {} ({}) attempt {}{pid}{exit}\n",
        change.sequence,
        change.from.as_str(),
        change.to.as_str(),
        change.cause.as_str(),
        change.attempt,
    )
}

/// Follows an entry of Consul's with blocking queries.
pub(crate) struct Follower {
    thread: JoinHandle<()>,
    seen: Arc<Mutex<Vec<Value>>>,
    ends: Arc<AtomicBool>,
}

impl Follower {
    /// Follows `key` of the agent at `address`, which may be away for a while.
    pub(crate) fn start(address: String, key: &'static str) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ends);
        let seen = Arc::<Mutex<Vec<Value>>>::default();
        let sees = Arc::clone(&seen);
        let follow = move || {
            let mut index = "0".to_owned();
            let held = wait::until(Duration::from_secs(600), || {
                let url = format!("http://{address}/v1/kv/{key}?raw&index={index}&wait=1s");
                let Ok(answer) = http::get(&url) else {
                    return false;
                };
                if let Some(next) = answer.header("x-consul-index") {
                    next.clone_into(&mut index);
                }
                let value = serde_json::from_slice(&answer.body).ok();
                let mut sees = sees.lock().unwrap();
                if let Some(value) = value.filter(|value| sees.last() != Some(value)) {
                    sees.push(value);
                }
                ended.load(Ordering::Relaxed)
            });
            held.unwrap();
        };
        Self {
            thread: thread::spawn(follow),
            seen,
            ends,
        }
    }

    /// What it saw until now.
    pub(crate) fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    /// Looks once more, and says what it saw.
    pub(crate) fn end(self) -> Vec<Value> {
        self.ends.store(true, Ordering::Relaxed);
        wait::until(PATIENCE, || self.thread.is_finished()).unwrap();
        self.thread.join().unwrap();
        let seen = self.seen.lock().unwrap();
        seen.clone()
    }
}
