//! The oracle's messages come in, and are in the stream when they are counted: each is published until JetStream says that it has
//! it, with one id, so that the stream takes it once.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use flightline::bus::Bus;
use flightline_contract::encoding::CONTENT_TYPE;
use flightline_fixtures::generator::Message;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::oracle::Oracle;
use crate::support::Publisher;

/// Between two portions.
const TICK: Duration = Duration::from_millis(20);
/// The most messages whose acknowledgement is waited for: without a server, no more are made.
const UNDER_WAY: usize = 256;
/// For an acknowledgement, before the message is published again.
const ANSWER: Duration = Duration::from_millis(1500);
/// Between two tries.
const RETRY: Duration = Duration::from_millis(100);
/// For the stream to take what is under way, after everything that could be wrong is over.
const PATIENCE: Duration = Duration::from_secs(60);

/// A publisher at work.
#[derive(Debug)]
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Load {
    /// Makes the stream, and begins to publish, so many messages a second, to the first of the servers at `urls` that takes them.
    pub(crate) fn start(urls: Vec<String>, oracle: Oracle, per_second: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let (ready, started) = sync_channel(1);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made");
            runtime.block_on(async {
                let bus = Publisher::at(urls).await.bus;
                ready.send(()).expect("somebody waits for it");
                publish(bus, oracle, per_second, &stopped).await
            })
        });
        // The stream has all subjects then; a worker that came first would make it with its own.
        started.recv().expect("the stream can be made");
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Ends, and says how many messages, from place 0 on, the stream has.
    pub(crate) fn finish(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it ends once");
        // Its words are those of the scene.
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

async fn publish(bus: Bus, oracle: Oracle, per_second: u32, stop: &AtomicBool) -> u64 {
    let portion = u64::from(per_second) * u64::from(TICK.subsec_millis()) / 1000;
    let mut ticks = interval(TICK);
    let mut under_way = JoinSet::new();
    let mut place = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        while let Some(stored) = under_way.try_join_next() {
            stored.expect("publishing goes on until it is done");
        }
        for _ in 0..portion {
            if under_way.len() < UNDER_WAY {
                let id = format!("oracle:{place}");
                under_way.spawn(store(bus.clone(), oracle.message(place), id));
                place += 1;
            }
        }
    }
    let rest = timeout(PATIENCE, async {
        while under_way.join_next().await.is_some() {}
    });
    let rest = rest.await;
    assert!(rest.is_ok(), "{} are not acknowledged", under_way.len());
    place
}

async fn store(bus: Bus, message: Message, id: String) {
    let mut tries = interval(RETRY);
    loop {
        tries.tick().await;
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id.as_str());
        if let Some(content_type) = message.content_type {
            headers.insert(CONTENT_TYPE, content_type);
        }
        let subject = message.subject.as_str().into();
        let payload = message.payload.clone().into();
        if let Ok(stored) = bus.store(subject, headers, payload).await
            && let Ok(Ok(())) = timeout(ANSWER, stored.wait()).await
        {
            return;
        }
    }
}
