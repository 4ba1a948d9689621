//! The steps of a message on its way through a worker, and how a scene is stopped at one of them: no hook in the program under
//! test, but a proxy on each side of it that stands still at an exact place of the conversation.

use std::time::Duration;

use flightline_fixtures::chaos::trap::{Hold, Sign, Trap, Way};

use crate::scene::Scene;

/// For a step to be reached, which takes milliseconds on an idle machine.
pub(crate) const REACH: Duration = Duration::from_secs(30);

/// Where a message is on its way through a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The worker has it, and the server is in the middle of the next.
    Pulled,
    /// Its lines are in the open batch.
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
        let request = Sign::Bytes(Way::Up, b"POST /");
        let ack = Sign::Bytes(Way::Up, b"+ACK\r\n");
        let nothing_to_store = Trap {
            sign: request,
            nth: 1,
            hold: Hold::Way(Way::Up),
        };
        let nth = self.random.u32(1..100);
        let nth_ack = self.random.u32(1..=self.setting.acks());
        let (wire, trap) = match step {
            Step::Pulled => {
                self.wire_store.arm(nothing_to_store);
                let hold = Hold::Way(Way::Down);
                (
                    &self.wire_nats,
                    Trap {
                        sign: delivery,
                        nth,
                        hold,
                    },
                )
            }
            Step::Decoded => {
                self.wire_store.arm(nothing_to_store);
                let decoded = self.decoded();
                self.worker()
                    .wait_for("lines are decoded", REACH, || self.decoded() > decoded);
                return;
            }
            Step::Batched => (&self.wire_store, nothing_to_store),
            Step::Sent => {
                let (sign, hold) = (Sign::Body(1000), Hold::Way(Way::Down));
                (&self.wire_store, Trap { sign, nth: 1, hold })
            }
            Step::Answered => {
                let hold = Hold::Way(Way::Up);
                (
                    &self.wire_nats,
                    Trap {
                        sign: ack,
                        nth: nth_ack,
                        hold,
                    },
                )
            }
            Step::Acked => {
                let hold = Hold::Nothing;
                (
                    &self.wire_nats,
                    Trap {
                        sign: ack,
                        nth: nth_ack,
                        hold,
                    },
                )
            }
        };
        wire.arm(trap);
        let reached = wire.wait_sprung(REACH);
        assert!(
            reached.is_ok(),
            "nothing is {}:\n{}",
            step.as_str(),
            self.worker().log()
        );
    }

    fn decoded(&self) -> f64 {
        self.worker().metric("flightline_decoded_lines_total")
    }
}
