//! The nats-servers of a scene: one behind a wire, or a cluster of three. Whoever asks the stream asks whichever answers.

use fastrand::Rng;
use flightline_fixtures::cluster::Cluster;
use flightline_fixtures::nats::{Nats, Options};
use flightline_fixtures::server::Server;
use serde_json::{Value, json};

/// The stream of the worker's data, and of its dead letters.
pub(crate) const STREAM: &str = "TELEMETRY";
const LETTERS: &str = "DEADLETTER";
/// The worker's consumer.
pub(crate) const CONSUMER: &str = "flightline";
/// What the stream captures, as a publisher of the tests wants it.
const SUBJECTS: [&str; 4] = ["telemetry.>", "humidity", "motion", "temperature"];
/// Lame ducks begin at once. The duration is the shortest that the server takes; one client makes it a second.
const LAME_DUCK: &str = "lame_duck_grace_period: \"1s\"\nlame_duck_duration: \"30s\"";

/// How many servers a scene has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// One, behind a wire that can be cut.
    One,
    /// Three, of any version on this machine, with streams of three replicas.
    Three,
}

/// Running servers.
#[derive(Debug)]
pub(crate) enum Servers {
    One(Box<Nats>),
    Three(Cluster),
}

/// The stream and its consumer, as the server sees them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) last: u64,
    pub(crate) floor: u64,
    pub(crate) pending: u64,
    pub(crate) ack_pending: u64,
    pub(crate) delivered: u64,
}

impl Progress {
    /// Whether everything in the stream is acked: the ack floor is the highest sequence that has nothing un-acked at or below it.
    ///
    /// What the server counts as un-acked is not asked: with acks that cover all before them, nats-server 2.9 may put a message back
    /// below its floor when it was just sent again, takes no ack for it there, and counts it for ever. Later ones look for such
    /// (`checkPending` of consumer.go: `seq <= o.asflr`).
    pub(crate) fn is_through(self) -> bool {
        self.floor >= self.last && self.pending == 0
    }
}

impl Servers {
    /// Starts them, with a stream: whoever comes first of worker and publisher would make it as it needs it.
    pub(crate) fn start(size: Size, random: &mut Rng) -> Self {
        let options = Options::default().config(LAME_DUCK);
        match size {
            Size::One => {
                let one = Self::One(Box::new(options.start()));
                one.create_stream();
                one
            }
            Size::Three => {
                let versions = options.each_version();
                let version = &versions[random.usize(..versions.len())];
                let cluster = Cluster::of(version).unwrap_or_else(|error| panic!("{error}"));
                cluster.make_stream(STREAM, &SUBJECTS);
                cluster.make_stream(LETTERS, &["deadletter.>"]);
                Self::Three(cluster)
            }
        }
    }

    /// Where clients connect to.
    pub(crate) fn urls(&self) -> Vec<String> {
        match self {
            Self::One(nats) => vec![nats.url()],
            Self::Three(cluster) => cluster.urls(),
        }
    }

    /// Where the first one listens.
    pub(crate) fn address(&self) -> String {
        self.members()[0].address()
    }

    /// The only one, or the one that leads the stream.
    pub(crate) fn leader(&mut self) -> &mut Nats {
        match self {
            Self::One(nats) => nats,
            Self::Three(cluster) => {
                let leader = cluster.wait_leader(STREAM);
                cluster.member(leader)
            }
        }
    }

    /// As [`Servers::leader`]: stop, kill, restart, pause.
    pub(crate) fn server(&mut self) -> &mut Server {
        self.leader().server()
    }

    /// Lets the only one, or the one that leads the stream, send its clients away.
    pub(crate) fn lame_duck(&mut self) {
        self.leader().lame_duck();
    }

    /// The cluster of a scene that has one.
    pub(crate) fn cluster(&mut self) -> &mut Cluster {
        match self {
            Self::One(_) => panic!("this scene has one server"),
            Self::Three(cluster) => cluster,
        }
    }

    /// A request to JetStream, answered by whoever runs.
    pub(crate) fn ask(&self, subject: &str, body: &str) -> Value {
        let mut answers = self
            .members()
            .into_iter()
            .map(|nats| nats.ask(subject, body));
        answers
            .find_map(Result::ok)
            .unwrap_or_else(|| panic!("no server answers {subject}"))
    }

    /// Where the consumer is; nowhere if there is none. A server has to run.
    pub(crate) fn progress(&self) -> Progress {
        let stream = self.ask(&format!("$JS.API.STREAM.INFO.{STREAM}"), "");
        let consumers = self.ask(&format!("$JS.API.CONSUMER.LIST.{STREAM}"), "");
        let consumer = &consumers["consumers"][0];
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        Progress {
            last: number(&stream["state"]["last_seq"]),
            floor: number(&consumer["ack_floor"]["stream_seq"]),
            pending: number(&consumer["num_pending"]),
            ack_pending: number(&consumer["num_ack_pending"]),
            delivered: number(&consumer["delivered"]["consumer_seq"]),
        }
    }

    /// Makes the stream, as an operator would.
    pub(crate) fn create_stream(&self) {
        let config = json!({
            "name": STREAM, "subjects": SUBJECTS, "storage": "file", "retention": "limits",
            "num_replicas": self.members().len(),
        });
        let subject = format!("$JS.API.STREAM.CREATE.{STREAM}");
        let answer = self.ask(&subject, &config.to_string());
        assert!(answer.get("error").is_none(), "{answer}");
    }

    fn members(&self) -> Vec<&Nats> {
        match self {
            Self::One(nats) => vec![nats],
            Self::Three(cluster) => cluster.members().iter().collect(),
        }
    }
}
