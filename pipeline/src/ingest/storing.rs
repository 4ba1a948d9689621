//! A body that was read comes in with the place that it takes, what became of it goes out. It is published by a task that outlives its
//! request: a client that hangs up takes nothing back of what waits in the connection to NATS, so the place is given back, and the way to
//! the stream judged, only when the stream has acknowledged all of it or is known not to.

use std::sync::Arc;

use bytes::Bytes;
use flightline_contract::encoding::Encoding;
use tokio::time::{Instant, timeout_at};
use tracing::{error, warn};

use crate::bus::{Bus, BusError};
use crate::ingest::intake::{self, Intake};
use crate::ingest::outlet::Outlet;
use crate::ingest::pack::Step;
use crate::ingest::publish::{HEADER_ROOM, Sender};
use crate::ingest::room::Place;
use crate::ingest::route::{Partial, Take};
use crate::ingest::verdict::{Outcome, Wrong};
use crate::metrics::{Metrics, Stage};

/// What a client is told that comes while NATS is away or stands still.
pub(super) const CLOSED: &str = "NATS takes nothing now";

/// Brings bodies into the stream.
#[derive(Debug)]
pub(super) struct Storing {
    pub(super) intake: Arc<Intake>,
    pub(super) outlet: Arc<Outlet>,
    pub(super) metrics: Arc<Metrics>,
}

/// A body on its way.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) take: Take,
    pub(super) encoding: Encoding,
    pub(super) body: Bytes,
    /// When its client is told to come again.
    pub(super) until: Instant,
    /// What it takes of the room.
    pub(super) place: Place,
    /// Its turn among the requests.
    pub(super) turn: Place,
}

impl Storing {
    /// What became of `load`. Dropping this ends nothing.
    pub(super) async fn store(self: &Arc<Self>, load: Load) -> Outcome {
        let storing = Arc::clone(self);
        let task = tokio::spawn(async move { storing.publish(load).await });
        task.await.unwrap_or_else(|error| {
            error!(%error, "a body written to ingest was not published to its end");
            Outcome::Unacked
        })
    }

    async fn publish(&self, load: Load) -> Outcome {
        let Load {
            take,
            encoding,
            body,
            until,
            place: _place,
            turn: _turn,
        } = load;
        // Its body took a while: the way may have been closed since.
        let Some(bus) = self.outlet.open() else {
            return Outcome::later(CLOSED);
        };
        let stored = timeout_at(until, async {
            match encoding {
                Encoding::Json => self.json(&take, bus, body).await,
                Encoding::LineProtocol => self.lines(&take, bus, body).await,
            }
        });
        match stored.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => self.failed(&error),
            Err(_) => {
                self.outlet.failed();
                warn!("the stream has not acknowledged in time what was written to ingest");
                Outcome::Unacked
            }
        }
    }

    async fn lines(&self, take: &Take, bus: &Bus, body: Bytes) -> Result<Outcome, BusError> {
        let longest = bus.max_payload().saturating_sub(HEADER_ROOM);
        if take.partial == Partial::Refuse {
            let mut dry = self.intake.packer(take, body.clone(), longest);
            while dry.step() != Step::End {
                tokio::task::yield_now().await;
            }
            let refusals = dry.into_refusals();
            if refusals.total() > 0 {
                return Ok(Outcome::Nothing(refusals));
            }
        }
        let mut packer = self.intake.packer(take, body, longest);
        let mut sender = Sender::new(bus, &take.topic);
        let mut lines = 0;
        loop {
            match packer.step() {
                Step::Message(message) => {
                    lines += message.lines;
                    sender.send(message.payload, Encoding::LineProtocol).await?;
                }
                Step::Nothing => tokio::task::yield_now().await,
                Step::End => break,
            }
        }
        sender.finish().await?;
        self.metrics.ingest.lines.inc_by(lines);
        Ok(intake::stored(lines, packer.into_refusals()))
    }

    async fn json(&self, take: &Take, bus: &Bus, body: Bytes) -> Result<Outcome, BusError> {
        let longest = bus.max_payload().saturating_sub(HEADER_ROOM);
        let lines = match self.intake.json(take, &body, longest) {
            Ok(lines) => lines,
            Err(outcome) => return Ok(outcome),
        };
        if lines > 0 {
            let mut sender = Sender::new(bus, &take.topic);
            sender.send(body, Encoding::Json).await?;
            sender.finish().await?;
        }
        self.metrics.ingest.lines.inc_by(u64::from(lines));
        Ok(Outcome::Stored)
    }

    fn failed(&self, error: &BusError) -> Outcome {
        self.metrics.failed(Stage::Ingest, error);
        match error {
            BusError::TooLarge { .. } => Outcome::Wrong(Wrong::Message),
            BusError::Publish { .. }
            | BusError::NoStream { .. }
            | BusError::Subscribe { .. }
            | BusError::Flush(_) => {
                self.outlet.failed();
                warn!(%error, "the stream has not taken what was written to ingest");
                Outcome::Unacked
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use flightline_contract::class::Class;
    use flightline_contract::token::{Prefix, Token};
    use flightline_contract::topic::Topic;
    use flightline_fixtures::wait;
    use flightline_link::nats::{Nats, NatsAuth};
    use flightline_link::tls::Tls;
    use prometheus::IntGauge;
    use tokio::time::timeout;

    use super::*;
    use crate::config::environment::Environment;
    use crate::config::load::load;
    use crate::ingest::precision::Precision;
    use crate::ingest::room::Room;

    /// Of a front as it is without any further key.
    fn intake() -> Intake {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("flightline.toml");
        let text = "[ingest]\nlisten = \"127.0.0.1:0\"\n[sink]\nkind = \"file\"\n";
        std::fs::write(&file, text).unwrap();
        let config = load(&[file], &Environment::default()).unwrap().config;
        Intake::new(config.ingest.as_ref().unwrap(), &config).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_hangs_up_gives_no_place_back_before_the_stream_has_answered_or_has_not() {
        let mut nats = flightline_fixtures::nats::Nats::start();
        let config = Nats {
            urls: vec![nats.url()],
            auth: NatsAuth::None,
            tls: Tls::default(),
            name: "front".to_owned(),
            inbox_prefix: "_INBOX".to_owned(),
        };
        let outlet = Arc::new(Outlet::new("TELEMETRY"));
        outlet.reach(Bus::connect(&config, 16).await.unwrap());
        let storing = Arc::new(Storing {
            intake: Arc::new(intake()),
            outlet: Arc::clone(&outlet),
            metrics: Arc::new(Metrics::new()),
        });
        let room = Arc::new(Room::new(100, IntGauge::new("held", "held").unwrap()));
        let requests = Arc::new(Room::new(1, IntGauge::new("requests", "requests").unwrap()));
        let mut turn = requests.place();
        turn.grow_to(1).unwrap();
        let mut place = room.place();
        place.grow_to(60).unwrap();
        let (service, token) = (Token::new("shop").unwrap(), Token::new("one").unwrap());
        let load = Load {
            take: Take {
                topic: Topic::new(&Prefix::default(), Class::App, &service, &token),
                class: Class::App,
                precision: Precision::Nanos,
                partial: Partial::Accept,
            },
            encoding: Encoding::LineProtocol,
            body: Bytes::from_static(b"left v=1 1"),
            until: Instant::now() + Duration::from_secs(30),
            place,
            turn,
        };
        nats.server().pause();
        let hung_up = timeout(Duration::from_millis(50), storing.store(load)).await;
        assert!(hung_up.is_err());
        assert_eq!((room.held(), requests.held()), (60, 1));
        assert!(outlet.is_open(), "nothing is known yet");
        let given_back = wait::until(Duration::from_secs(30), || room.held() == 0);
        assert!(given_back.is_ok());
        assert!(!outlet.is_open());
    }
}
