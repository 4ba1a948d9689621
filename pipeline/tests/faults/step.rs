//! The steps of a message on its way through a worker, and how a scene is stopped at one of them: no hook in the program under
//! test, but a proxy on each side of it that stands still at an exact place of the conversation.

use std::time::Duration;

use flightline_fixtures::chaos::Chaos;
use flightline_fixtures::chaos::trap::{Hold, Sign, Trap, Way};

use crate::scene::Scene;

/// For a step to be reached, which takes milliseconds on an idle machine.
pub(crate) const REACH: Duration = Duration::from_secs(30);

/// Where a message is on its way through a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The worker has it, and the server is in the middle of the next. What came long before may be anywhere.
    Pulled,
    /// Its lines are in the open batch, or in one that was cut just now; nothing of it is sent.
    Decoded,
    /// Its batch is cut, and the store has seen nothing of it.
    Batched,
    /// The store has the whole request, and the worker no answer.
    Sent,
    /// The worker has the answer, and the server not all acks.
    Answered,
    /// The server has the ack.
    Acked,
}

impl Step {
    pub(crate) const ALL: [Self; 6] = [
        Self::Pulled,
        Self::Decoded,
        Self::Batched,
        Self::Sent,
        Self::Answered,
        Self::Acked,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pulled => "pulled",
            Self::Decoded => "decoded",
            Self::Batched => "batched",
            Self::Sent => "sent",
            Self::Answered => "answered",
            Self::Acked => "acked",
        }
    }
}

impl Scene {
    /// Lets everything run until a message is at `step`, and holds it there, until [`Scene::calm`].
    pub(crate) fn reach(&mut self, step: Step) {
        let delivery = Sign::Bytes(Way::Down, b"$JS.ACK.");
        let ack = Sign::Bytes(Way::Up, b"+ACK\r\n");
        let held = |sign, nth, way| Trap {
            sign,
            nth,
            hold: Hold::Way(way),
        };
        let no_request = held(Sign::Bytes(Way::Up, b"POST /"), 1, Way::Up);
        let nth_delivery = self.random.u32(1..100);
        let nth_ack = self.random.u32(1..=self.setting.acks());
        let (wire, trap) = match step {
            Step::Pulled => (&self.wire_nats, held(delivery, nth_delivery, Way::Down)),
            Step::Decoded => {
                // First: what is decoded from now on cannot be sent.
                self.wire_store.arm(no_request);
                let decoded = self.decoded();
                self.worker().wait_for("lines are decoded", REACH, || {
                    // With full hands nothing more is decoded than what is held now.
                    self.decoded() > decoded || self.wire_store.wait_sprung(Duration::ZERO).is_ok()
                });
                return;
            }
            Step::Batched => (&self.wire_store, no_request),
            Step::Sent => (&self.wire_store, held(Sign::Body(1000), 1, Way::Down)),
            Step::Answered => (&self.wire_nats, held(ack, nth_ack, Way::Up)),
            Step::Acked => {
                let told = Trap {
                    sign: ack,
                    nth: nth_ack,
                    hold: Hold::Nothing,
                };
                (&self.wire_nats, told)
            }
        };
        wire.arm(trap);
        self.wait_sprung(wire, step.as_str());
        if step == Step::Pulled {
            // Only now: with small batches a store that stands still stops the pull.
            self.wire_store.arm(no_request);
        }
    }

    /// As [`Scene::reach`], with a part of a write before the store, which never has all of it: any part but the whole.
    pub(crate) fn reach_within_a_body(&mut self) {
        self.wire_store.arm(Trap {
            sign: Sign::Body(self.random.u16(0..1000)),
            nth: 1,
            hold: Hold::Way(Way::Up),
        });
        self.wait_sprung(&self.wire_store, "being written");
    }

    /// Waits until the trap on `wire` has sprung.
    pub(crate) fn wait_sprung(&self, wire: &Chaos, what: &str) {
        let reached = wire.wait_sprung(REACH);
        assert!(
            reached.is_ok(),
            "nothing is {what}:\n{}",
            self.worker().log()
        );
    }

    fn decoded(&self) -> f64 {
        self.worker().metric("flightline_decoded_lines_total")
    }
}
