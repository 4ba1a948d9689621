//! The oracle's messages come in, and are in the stream when they are counted: each is published until JetStream says that it has
//! it, with one id, so that the stream takes it once.

use std::panic::resume_unwind;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use flightline::bus::Bus;
use flightline_contract::encoding::CONTENT_TYPE;
use flightline_fixtures::generator::Message;
use flightline_fixtures::wait;
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

/// What a publisher is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Publish,
    Pause,
    Stop,
}

/// What a publisher and its owner tell each other.
#[derive(Debug)]
struct Desk {
    wish: Wish,
    per_second: u32,
    /// The place of the next message.
    place: u64,
    /// Messages that the stream has not acknowledged yet.
    open: usize,
}

/// A publisher at work.
#[derive(Debug)]
pub(crate) struct Load {
    desk: Arc<Mutex<Desk>>,
    thread: Option<JoinHandle<u64>>,
}

impl Load {
    /// Makes the stream, and begins to publish, so many messages a second, to the first of the servers at `urls` that takes them.
    pub(crate) fn start(urls: Vec<String>, oracle: Oracle, per_second: u32) -> Self {
        let desk = Arc::new(Mutex::new(Desk {
            wish: Wish::Publish,
            per_second,
            place: 0,
            open: 0,
        }));
        let read = Arc::clone(&desk);
        let (ready, started) = sync_channel(1);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be made");
            runtime.block_on(async {
                let bus = Publisher::at(urls).await.bus;
                ready.send(()).expect("somebody waits for it");
                publish(bus, oracle, &read).await
            })
        });
        // The stream has all subjects then; a worker that came first would make it with its own.
        started.recv().expect("the stream can be made");
        Self {
            desk,
            thread: Some(thread),
        }
    }

    /// Stops for a while. Says how many messages, from place 0 on, the stream has taken.
    pub(crate) fn pause(&self) -> u64 {
        self.desk().wish = Wish::Pause;
        let idle = wait::until(PATIENCE, || self.desk().open == 0);
        assert!(idle.is_ok(), "{} are not acknowledged", self.desk().open);
        self.desk().place
    }

    /// Goes on.
    pub(crate) fn resume(&self) {
        self.desk().wish = Wish::Publish;
    }

    /// From now on, so many messages a second.
    pub(crate) fn set_rate(&self, per_second: u32) {
        self.desk().per_second = per_second;
    }

    /// Ends, and says how many messages, from place 0 on, the stream has.
    pub(crate) fn finish(mut self) -> u64 {
        self.desk().wish = Wish::Stop;
        let thread = self.thread.take().expect("it ends once");
        // Its words are those of the scene.
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        look(&self.desk)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.desk().wish = Wish::Stop;
    }
}

fn look(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().expect("nobody panics at the desk")
}

async fn publish(bus: Bus, oracle: Oracle, desk: &Mutex<Desk>) -> u64 {
    let mut ticks = interval(TICK);
    let mut under_way = JoinSet::new();
    loop {
        ticks.tick().await;
        while let Some(stored) = under_way.try_join_next() {
            stored.expect("publishing goes on until it is done");
        }
        let mut desk = look(desk);
        let portion = match desk.wish {
            Wish::Publish => u64::from(desk.per_second) * u64::from(TICK.subsec_millis()) / 1000,
            Wish::Pause => 0,
            Wish::Stop => break,
        };
        for _ in 0..portion {
            if under_way.len() < UNDER_WAY {
                let id = format!("oracle:{}", desk.place);
                under_way.spawn(store(bus.clone(), oracle.message(desk.place), id));
                desk.place += 1;
            }
        }
        desk.open = under_way.len();
    }
    let rest = timeout(PATIENCE, async {
        while under_way.join_next().await.is_some() {}
    });
    let rest = rest.await;
    assert!(rest.is_ok(), "{} are not acknowledged", under_way.len());
    look(desk).place
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
