//! A divided stream in: ack-all consumers with one owner each. The lanes this worker owns are read, each by a source of its own,
//! into the one path; the workers share them out among themselves by leases. Nothing is lost when a lane changes hands, orderly or
//! not: what its owner had not acked comes again to the next one, and no ledger lets an ack pass what is not stored.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::handoff::Handoff;
use super::lease::{Aim, Holding, LOOK, Member, Plan, Table};
use super::plan;
use crate::admin::status::LaneStatus;
use crate::bus::{Bus, EnsureError, StreamSpec, Written};
use crate::config::{JetStream, Partitions};
use crate::console::LastLag;
use crate::metrics::{Metrics, Stage};
use hold::{Held, Reader};
use terms::{Looked, Terms};

/// One lane in this worker's hands.
mod hold;
/// What the server must have, and which lanes there are.
mod terms;

/// How often a table that somebody else has just written is tried again at once.
const TRIES: usize = 3;

/// The lanes as `/status` shows them.
pub type Board = Arc<Mutex<Vec<Row>>>;

/// One lane on the board.
#[derive(Debug, Clone)]
pub struct Row {
    lane: String,
    consumer: String,
    owner: &'static str,
    lag: LastLag,
}

impl Row {
    /// For `/status`.
    pub fn status(&self) -> LaneStatus {
        LaneStatus {
            lane: self.lane.clone(),
            consumer: self.consumer.clone(),
            owner: self.owner,
            lag: self.lag.lock().expect("no holder panics").clone(),
        }
    }
}

/// The stages of an end.
#[derive(Debug, Clone)]
pub struct End {
    /// Told: read nothing more.
    pub stop: CancellationToken,
    /// Says: all that was received has been handed over.
    pub pulled: CancellationToken,
    /// Told: what is not acked by now will not be.
    pub settled: CancellationToken,
}

/// All lanes of one stream.
#[derive(Debug)]
pub struct Lanes {
    bus: Bus,
    terms: Terms,
    metrics: Arc<Metrics>,
    board: Board,
    member: Member,
    held: BTreeMap<String, Held>,
    lags: BTreeMap<String, LastLag>,
    /// A lane has handed over its last message, or is done with.
    changed: Arc<Notify>,
}

impl Lanes {
    /// For `config` over `bus`; `stream` is what the stream must be, `prefix` the first token of its subjects.
    pub fn new(
        bus: Bus,
        (config, partitions): (JetStream, Partitions),
        stream: StreamSpec,
        prefix: String,
        metrics: Arc<Metrics>,
        board: Board,
    ) -> Self {
        let me = bus.inbox();
        let me = me.rsplit('.').next().unwrap_or(&me).to_owned();
        let division = plan::division(&partitions);
        Self {
            terms: Terms::new(bus.clone(), config, partitions, stream, prefix),
            bus,
            metrics,
            board,
            member: Member::new(me, division),
            held: BTreeMap::new(),
            lags: BTreeMap::new(),
            changed: Arc::default(),
        }
    }

    /// For batches of so many lines at most: no lane may have fewer messages un-acked than fill two of them.
    #[must_use]
    pub fn with_batches_of(mut self, lines: usize) -> Self {
        self.terms = self.terms.with_batches_of(lines);
        self
    }

    /// Reads its share of the lanes until told to stop; then stays until their last acks, and leaves.
    pub async fn run(mut self, handoff: Handoff, end: End) {
        let mut hands = Some(handoff);
        let mut aim = Aim::Share;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Whatever happens here, the path is not left waiting.
        let _over = end.pulled.clone().drop_guard();
        loop {
            let changed = Arc::clone(&self.changed);
            tokio::select! {
                _ = looks.tick() => {}
                () = changed.notified() => {}
                () = end.stop.cancelled(), if aim == Aim::Share => {
                    aim = Aim::Leave;
                    self.held.values_mut().for_each(Held::give_back);
                }
                () = end.settled.cancelled() => break,
            }
            self.held.retain(|_, held| !held.is_done());
            if aim == Aim::Leave && self.held.values().all(Held::has_pulled) {
                // The last hands: the end of input.
                drop(hands.take());
                end.pulled.cancel();
            }
            if !self.bus.is_connected() {
                continue;
            }
            if let Err(error) = self.turn(hands.as_ref(), aim).await {
                self.metrics.failed(Stage::Source, &error);
                match error {
                    EnsureError::Unfit(problem) => {
                        error!(problem, "the stream cannot be read as configured")
                    }
                    error @ EnsureError::Unavailable { .. } => {
                        warn!(%error, "no word on the lanes")
                    }
                }
            } else if aim == Aim::Leave && self.held.is_empty() {
                return;
            }
        }
        self.held.clear();
        if let Err(error) = self.turn(None, Aim::Leave).await {
            warn!(%error, "the lanes could not be given back: others take them over later");
        }
    }

    /// Looks at the table, and does what is to be done. The beat comes first: what else is looked at may take long, or fail, and
    /// the lanes in hand are read on.
    async fn turn(&mut self, hands: Option<&Handoff>, aim: Aim) -> Result<(), EnsureError> {
        let shared = self.share(hands, aim).await;
        if shared.is_err() {
            self.terms.doubt();
        }
        if aim == Aim::Share && self.terms.look().await? == Looked::Anew {
            return self.share(hands, aim).await;
        }
        shared
    }

    /// Beats, takes and gives back.
    async fn share(&mut self, hands: Option<&Handoff>, aim: Aim) -> Result<(), EnsureError> {
        let Some(leases) = self.terms.leases() else {
            return Ok(());
        };
        let wanted = self.terms.names();
        for _ in 0..TRIES {
            let (value, revision) = leases.read().await?;
            let table = read(&value);
            let now = Instant::now();
            self.member.look(&table, now);
            let holding: BTreeMap<_, _> = self
                .held
                .iter()
                .map(|(lane, held)| (lane.clone(), held.holding()))
                .collect();
            let plan = self.member.plan(&table, &wanted, &holding, aim, now);
            let value = serde_json::to_vec(&plan.table).unwrap_or_default();
            if leases.write(value.into(), revision).await? != Written::No {
                self.act(&plan, &holding, hands).await;
                self.show(&plan.table);
                return Ok(());
            }
        }
        Ok(())
    }

    async fn act(
        &mut self,
        plan: &Plan,
        holding: &BTreeMap<String, Holding>,
        hands: Option<&Handoff>,
    ) {
        for lane in &plan.give_back {
            if let Some(held) = self.held.get_mut(lane) {
                if held.holding() == Holding::Reading {
                    info!(lane, "giving a lane back");
                }
                held.give_back();
            }
        }
        let Some(hands) = hands else {
            return;
        };
        for name in plan.begin(self.member.me(), holding) {
            let Some(owned) = self.terms.own(&name) else {
                continue;
            };
            info!(
                lane = name,
                consumer = owned.plan.consumer,
                "reading a lane"
            );
            let lag = LastLag::default();
            self.lags.insert(name.clone(), Arc::clone(&lag));
            let reader = Reader {
                bus: self.bus.clone(),
                config: self.terms.config_of(&owned.plan),
                stream: self.terms.stream().clone(),
                prefix: self.terms.prefix().to_owned(),
                metrics: Arc::clone(&self.metrics),
                lag,
                changed: Arc::clone(&self.changed),
            };
            self.held
                .insert(name, Held::begin(reader, owned, hands.another()));
        }
    }

    fn show(&mut self, table: &Table) {
        let reading = self.held.len();
        self.metrics
            .lanes
            .set(i64::try_from(reading).unwrap_or(i64::MAX));
        let held = &self.held;
        self.lags.retain(|lane, _| held.contains_key(lane));
        let rows = self.terms.lanes().map(|lane| {
            let owner = match (held.get(&lane.name), table.lanes.get(&lane.name)) {
                (Some(held), _) if held.holding() == Holding::Ending => "leaving",
                (Some(_), _) => "here",
                (None, Some(_)) => "elsewhere",
                (None, None) => "nobody",
            };
            Row {
                lane: lane.name.clone(),
                consumer: lane.consumer.clone(),
                owner,
                lag: self.lags.get(&lane.name).cloned().unwrap_or_default(),
            }
        });
        *self.board.lock().expect("no holder panics") = rows.collect();
    }
}

/// The table; a new one where there is none.
fn read(value: &[u8]) -> Table {
    if value.is_empty() {
        return Table::default();
    }
    serde_json::from_slice(value).unwrap_or_else(|error| {
        warn!(%error, "the table of lanes cannot be read; making a new one");
        Table::default()
    })
}
