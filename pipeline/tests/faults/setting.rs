//! How a scene differs from others comes in, a worker's configuration and what it may take of memory by it goes out. What is not
//! of a fault's own is up to the seed: a promise holds whatever the batches are like.

use fastrand::Rng;

use crate::outlet::Outlet;
use crate::servers::Size;

/// What a worker is resident with when it holds nothing: the program as tests build it, and the runtime.
const PROGRAM: u64 = 32 << 20;

/// How a worker reads the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// On one consumer with all others, each message acked by itself.
    Shared,
    /// As the owner of the only lane, acked in runs.
    Lane,
}

/// `exporter.max_bytes`: the oracle's points without a time are a series each, so that the table is full soon.
const SERIES: u64 = 4 << 20;

/// The wall clock of a scene's workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WallClock {
    /// The machine's.
    Right,
    /// One that a fault sets.
    Jumping,
}

/// Whether what is not of a fault's own is up to the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chance {
    /// It is.
    Free,
    /// Everything stays as it is set.
    None,
}

/// How a scene differs from others.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// The servers of the stream.
    pub(crate) nats: Size,
    /// Where lines go.
    pub(crate) outlet: Outlet,
    /// What time workers take it to be.
    pub(crate) wall_clock: WallClock,
    /// Whether the rest is up to the seed.
    pub(crate) chance: Chance,
    /// Messages a second.
    pub(crate) rate: u32,
    /// How they are read.
    pub(crate) reading: Reading,
    /// `source.ack_wait`, in milliseconds: what a killed worker held comes again so late.
    pub(crate) ack_wait: u64,
    /// `source.prefetch`, in bytes.
    pub(crate) prefetch: u64,
    /// `batch.lines`
    pub(crate) lines: u64,
    /// `batch.bytes`
    pub(crate) batch: u64,
    /// `batch.age`, in milliseconds.
    pub(crate) age: u64,
    /// `sink.timeout`, in milliseconds.
    pub(crate) timeout: u64,
    /// `sink.in_flight`
    pub(crate) in_flight: u64,
    /// `sink.compression`
    pub(crate) compression: &'static str,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            nats: Size::One,
            outlet: Outlet::Store,
            wall_clock: WallClock::Right,
            chance: Chance::Free,
            rate: 300,
            reading: Reading::Shared,
            ack_wait: 3_000,
            prefetch: 256 << 10,
            lines: 500,
            batch: 256 << 10,
            age: 300,
            timeout: 2_000,
            in_flight: 2,
            compression: "none",
        }
    }
}

impl Setting {
    /// The same, but for what is up to chance.
    #[must_use]
    pub(crate) fn by_chance(self, random: &mut Rng) -> Self {
        if self.chance == Chance::None {
            return self;
        }
        let mut pick = |choices: [u64; 4]| choices[random.usize(..choices.len())];
        Self {
            rate: self.rate * u32::try_from(pick([2, 3, 4, 6])).expect("a few") / 3,
            prefetch: pick([64 << 10, 128 << 10, 256 << 10, 1 << 20]),
            lines: pick([20, 100, 500, 5_000]),
            batch: pick([8 << 10, 64 << 10, 256 << 10, 1 << 20]),
            age: pick([50, 150, 300, 800]),
            in_flight: pick([1, 2, 3, 4]),
            compression: ["none", "gzip"][random.usize(..2)],
            ..self
        }
    }

    /// For servers at `nats` and a sink with these keys.
    pub(crate) fn config(&self, nats: &[String], sink: &str) -> String {
        let Self {
            ack_wait,
            prefetch,
            lines,
            batch,
            age,
            timeout,
            in_flight,
            compression,
            rate: _,
            nats: _,
            outlet,
            wall_clock: _,
            chance: _,
            reading,
        } = self;
        let partitions = match reading {
            Reading::Shared => "",
            Reading::Lane => "partitions = 1",
        };
        let of_a_store = match outlet {
            Outlet::Store | Outlet::Played(_) => {
                format!(
                    "timeout = \"{timeout}ms\"\nin_flight = {in_flight}\ncompression = \"{compression}\""
                )
            }
            Outlet::Files => String::new(),
        };
        format!(
            r#"
[nats]
url = {nats:?}
[source]
ack_wait = "{ack_wait}ms"
prefetch = "{prefetch}B"
{partitions}
[batch]
lines = {lines}
bytes = "{batch}B"
age = "{age}ms"
[sink]
{sink}
{of_a_store}
[exporter]
max_bytes = "{SERIES}B"
[run]
drain = "20s"
"#
        )
    }

    /// What a worker may be resident with, in bytes. Each byte of a batch is there up to three times: as payload, as lines, as the
    /// client's request; one batch is open while others are in flight.
    pub(crate) fn ceiling(&self) -> u64 {
        PROGRAM + SERIES + 2 * self.prefetch + 3 * self.batch * (self.in_flight + 1)
    }

    /// Among so many acks each place is met: a lane gives one for a batch.
    pub(crate) fn acks(&self) -> u32 {
        match self.reading {
            Reading::Shared => 100,
            Reading::Lane => 4,
        }
    }
}
