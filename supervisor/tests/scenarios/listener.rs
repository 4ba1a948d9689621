//! A subscriber of life-cycle, beside a test that waits by blocking.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use flightline_contract::lifecycle::LifecycleChange;
use flightline_fixtures::nats::Nats;
use flightline_fixtures::wait;
use futures_util::StreamExt as _;
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(30);

/// One change: of which job, to which state, why, how the process ended, and which number it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) job: Option<String>,
    pub(crate) to: &'static str,
    pub(crate) cause: String,
    pub(crate) exit: Option<i32>,
    pub(crate) sequence: u64,
}

pub(crate) struct Listener {
    heard: Arc<Mutex<Vec<Heard>>>,
    _runtime: Runtime,
}

impl Listener {
    /// Hears all that is published from now on.
    pub(crate) fn start(nats: &Nats) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let mut subscriber = runtime.block_on(subscribe(&nats.url()));
        let list = Arc::clone(&heard);
        runtime.spawn(async move {
            while let Some(message) = subscriber.next().await {
                let change: LifecycleChange<'_> = serde_json::from_slice(&message.payload).unwrap();
                list.lock().unwrap().push(Heard {
                    job: change.job.map(|job| job.to_string()),
                    to: change.to.as_str(),
                    cause: change.cause.to_string(),
                    exit: change.exit,
                    sequence: change.sequence,
                });
            }
        });
        Self {
            heard,
            _runtime: runtime,
        }
    }

    /// All changes up to the supervisor's own to this state. They are numbered from 1 without gaps.
    pub(crate) fn until(&self, state: &str) -> Vec<Heard> {
        let ended = |heard: &Heard| heard.job.is_none() && heard.to == state;
        let all = wait::until_some(PATIENCE, || {
            let heard = self.heard.lock().unwrap();
            let end = heard.iter().position(ended)?;
            heard.get(..=end).map(<[Heard]>::to_vec)
        });
        let all = all.unwrap_or_else(|late| panic!("{late}: {:?}", self.heard.lock().unwrap()));
        let sequences: Vec<u64> = all.iter().map(|heard| heard.sequence).collect();
        let expected: Vec<u64> = (1..).take(all.len()).collect();
        assert_eq!(sequences, expected, "{all:?}");
        all
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is another's door, not ours"
)]
async fn subscribe(url: &str) -> async_nats::Subscriber {
    let client = async_nats::connect(url).await.unwrap();
    let subscriber = client.subscribe("telemetry.lifecycle.>").await.unwrap();
    client.flush().await.unwrap();
    subscriber
}
