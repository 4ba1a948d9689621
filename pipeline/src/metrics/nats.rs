//! What `flightline observe` tells of NATS: each metric once, with the place of its figure in the server's answer. A figure that an answer
//! does not have, or that says "no limit", has no series.

use Take::{AsIs, Limit, LimitNanos, OrZero, Percent, Time};

/// The label of a server.
pub(crate) const SERVER: &[&str] = &["server"];
/// The label of a stream.
pub(crate) const STREAM: &[&str] = &["stream"];
/// The labels of a durable consumer.
pub(crate) const CONSUMER: &[&str] = &["stream", "consumer"];
/// A peer of a cluster's meta group.
const PEER: &[&str] = &["cluster", "peer"];

/// One metric; a counter if its name ends in `_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metric {
    /// Its name.
    pub(crate) name: &'static str,
    /// The names of its labels.
    pub(crate) labels: &'static [&'static str],
    /// What it tells.
    pub(crate) help: &'static str,
}

/// A metric whose figure stands somewhere in an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) metric: Metric,
    /// A JSON pointer.
    pub(crate) place: &'static str,
    pub(crate) take: Take,
}

/// How the figure stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// A number; absent: no series.
    AsIs,
    /// A number that servers leave out when it is zero.
    OrZero,
    /// A number; zero or less: there is no limit.
    Limit,
    /// The same in nanoseconds, for seconds.
    LimitNanos,
    /// Hundredths.
    Percent,
    /// RFC 3339, for Unix time; the year 1 is never.
    Time,
}

const fn metric(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, labels, help }
}

const fn told(
    name: &'static str,
    labels: &'static [&'static str],
    place: &'static str,
    take: Take,
    help: &'static str,
) -> Told {
    Told {
        metric: metric(name, labels, help),
        place,
        take,
    }
}

#[rustfmt::skip] // One line a metric: these are tables.
mod tables {
    use super::*;

    pub(crate) const SERVER_UP: Metric = metric("nats_server_up", SERVER, "Whether the server answered in the last round; kept for an hour.");
    pub(crate) const SERVER_INFO: Metric = metric("nats_server_info", &["server", "version", "cluster"], "What the server is.");

    /// The answer to VARZ.
    pub(crate) const VARZ: &[Told] = &[
        told("nats_server_start_time_seconds", SERVER, "/start", Time, "Unix time of the server's start."),
        told("nats_server_memory_bytes", SERVER, "/mem", AsIs, "Resident memory."),
        told("nats_server_cpu_ratio", SERVER, "/cpu", Percent, "CPU used now; 1 is one core."),
        told("nats_server_cores", SERVER, "/cores", AsIs, "Cores of the machine."),
        told("nats_server_connections", SERVER, "/connections", AsIs, "Clients now."),
        told("nats_server_connections_limit", SERVER, "/max_connections", Limit, "The most clients."),
        told("nats_server_connections_total", SERVER, "/total_connections", AsIs, "Clients since the server's start."),
        told("nats_server_subscriptions", SERVER, "/subscriptions", AsIs, "Subscriptions now."),
        told("nats_server_slow_consumers_total", SERVER, "/slow_consumers", AsIs, "Connections cut off because they read too slowly."),
        told("nats_server_received_messages_total", SERVER, "/in_msgs", AsIs, "Messages in."),
        told("nats_server_received_bytes_total", SERVER, "/in_bytes", AsIs, "Bytes of messages in."),
        told("nats_server_sent_messages_total", SERVER, "/out_msgs", AsIs, "Messages out."),
        told("nats_server_sent_bytes_total", SERVER, "/out_bytes", AsIs, "Bytes of messages out."),
        told("nats_server_routes", SERVER, "/routes", AsIs, "Connections to other servers of the cluster; several to each from 2.10 on."),
        told("nats_server_leafnodes", SERVER, "/leafnodes", AsIs, "Leaf nodes now."),
        told("nats_server_payload_limit_bytes", SERVER, "/max_payload", AsIs, "The largest message that the server takes."),
    ];

    pub(crate) const JETSTREAM_ENABLED: Metric = metric("nats_jetstream_enabled", SERVER, "Whether the server has JetStream.");
    pub(crate) const META_LEADER: Metric = metric("nats_jetstream_meta_leader", SERVER, "Whether the server leads the meta group.");

    /// The answer to JSZ.
    pub(crate) const JSZ: &[Told] = &[
        told("nats_jetstream_memory_bytes", SERVER, "/memory", AsIs, "Memory used by streams."),
        told("nats_jetstream_storage_bytes", SERVER, "/storage", AsIs, "Disk used by streams."),
        told("nats_jetstream_memory_reserved_bytes", SERVER, "/reserved_memory", AsIs, "Memory promised to streams."),
        told("nats_jetstream_storage_reserved_bytes", SERVER, "/reserved_storage", AsIs, "Disk promised to streams."),
        told("nats_jetstream_memory_limit_bytes", SERVER, "/config/max_memory", Limit, "The most memory for streams."),
        told("nats_jetstream_storage_limit_bytes", SERVER, "/config/max_storage", Limit, "The most disk for streams."),
        told("nats_jetstream_streams", SERVER, "/streams", AsIs, "Streams here; a replica counts on each of its servers."),
        told("nats_jetstream_consumers", SERVER, "/consumers", AsIs, "Consumers here; a replica counts on each of its servers."),
        told("nats_jetstream_messages", SERVER, "/messages", AsIs, "Messages in the streams here."),
        told("nats_jetstream_stored_bytes", SERVER, "/bytes", AsIs, "Bytes in the streams here."),
        told("nats_jetstream_accounts", SERVER, "/accounts", AsIs, "Accounts with JetStream."),
        told("nats_jetstream_api_requests_total", SERVER, "/api/total", AsIs, "Requests to the JetStream API."),
        told("nats_jetstream_api_errors_total", SERVER, "/api/errors", AsIs, "Requests that were refused."),
        told("nats_jetstream_meta_cluster_size", SERVER, "/meta_cluster/cluster_size", AsIs, "Peers of the meta group as this server knows it."),
    ];

    pub(crate) const PEER_OFFLINE: Metric = metric("nats_jetstream_meta_peer_offline", PEER, "Whether the leader of the meta group misses the peer.");
    pub(crate) const PEER_CURRENT: Metric = metric("nats_jetstream_meta_peer_current", PEER, "Whether the peer knows all that the leader does.");
    pub(crate) const PEER_LAG: Metric = metric("nats_jetstream_meta_peer_lag_operations", PEER, "Entries that the peer has not applied.");

    /// The answer to the account's INFO.
    pub(crate) const ACCOUNT: &[Told] = &[
        told("nats_account_memory_bytes", &[], "/memory", AsIs, "Memory used by the account's streams."),
        told("nats_account_storage_bytes", &[], "/storage", AsIs, "Disk used by the account's streams."),
        told("nats_account_memory_limit_bytes", &[], "/limits/max_memory", Limit, "The most memory for the account's streams."),
        told("nats_account_storage_limit_bytes", &[], "/limits/max_storage", Limit, "The most disk for the account's streams."),
        told("nats_account_streams", &[], "/streams", AsIs, "Streams of the account."),
        told("nats_account_streams_limit", &[], "/limits/max_streams", Limit, "The most streams of the account."),
        told("nats_account_consumers", &[], "/consumers", AsIs, "Consumers of the account, ephemeral ones included."),
        told("nats_account_consumers_limit", &[], "/limits/max_consumers", Limit, "The most consumers of the account."),
        told("nats_account_api_requests_total", &[], "/api/total", AsIs, "The account's requests to the JetStream API."),
        told("nats_account_api_errors_total", &[], "/api/errors", AsIs, "The account's requests that were refused."),
    ];

    pub(crate) const STREAM_UP: Metric = metric("nats_stream_up", STREAM, "Whether anybody answers for the stream.");

    /// A stream in a list.
    pub(crate) const STREAMS: &[Told] = &[
        told("nats_stream_messages", STREAM, "/state/messages", AsIs, "Messages stored."),
        told("nats_stream_bytes", STREAM, "/state/bytes", AsIs, "Bytes stored."),
        told("nats_stream_messages_limit", STREAM, "/config/max_msgs", Limit, "The most messages."),
        told("nats_stream_bytes_limit", STREAM, "/config/max_bytes", Limit, "The most bytes."),
        told("nats_stream_age_limit_seconds", STREAM, "/config/max_age", LimitNanos, "For how long messages are kept."),
        told("nats_stream_first_sequence", STREAM, "/state/first_seq", AsIs, "Sequence of the oldest message."),
        told("nats_stream_last_sequence", STREAM, "/state/last_seq", AsIs, "Sequence of the newest message."),
        told("nats_stream_first_timestamp_seconds", STREAM, "/state/first_ts", Time, "When the oldest message was stored."),
        told("nats_stream_last_timestamp_seconds", STREAM, "/state/last_ts", Time, "When the newest message was stored."),
        told("nats_stream_deleted_messages", STREAM, "/state/num_deleted", OrZero, "Messages removed from the middle."),
        told("nats_stream_subjects", STREAM, "/state/num_subjects", OrZero, "Distinct subjects."),
        told("nats_stream_consumers", STREAM, "/state/consumer_count", AsIs, "Consumers, ephemeral ones included."),
        told("nats_stream_replicas", STREAM, "/config/num_replicas", AsIs, "Replicas as configured."),
    ];

    pub(crate) const STREAM_LEADER: Metric = metric("nats_stream_leader", &["stream", "server"], "Who leads the stream.");
    pub(crate) const STREAM_OFFLINE: Metric = metric("nats_stream_replicas_offline", STREAM, "Followers that the leader misses.");
    pub(crate) const STREAM_LAGGING: Metric = metric("nats_stream_replicas_lagging", STREAM, "Followers that are there and not current.");
    pub(crate) const STREAM_LAG: Metric = metric("nats_stream_replica_lag_operations", &["stream", "server"], "Entries that the follower has not applied.");

    pub(crate) const CONSUMER_UP: Metric = metric("nats_consumer_up", CONSUMER, "Whether anybody answers for the durable consumer.");

    /// A durable consumer in a list.
    pub(crate) const CONSUMERS: &[Told] = &[
        told("nats_consumer_pending_messages", CONSUMER, "/num_pending", AsIs, "Messages not delivered yet."),
        told("nats_consumer_ack_pending_messages", CONSUMER, "/num_ack_pending", AsIs, "Messages delivered and not acknowledged."),
        told("nats_consumer_ack_pending_limit_messages", CONSUMER, "/config/max_ack_pending", Limit, "The most messages delivered and not acknowledged."),
        told("nats_consumer_redelivered_messages", CONSUMER, "/num_redelivered", AsIs, "Messages delivered more than once and not acknowledged."),
        told("nats_consumer_waiting_pulls", CONSUMER, "/num_waiting", AsIs, "Open requests for messages."),
        told("nats_consumer_deliveries_total", CONSUMER, "/delivered/consumer_seq", AsIs, "Deliveries, redeliveries included."),
        told("nats_consumer_delivered_sequence", CONSUMER, "/delivered/stream_seq", AsIs, "The last sequence of the stream that was delivered."),
        told("nats_consumer_ack_floor_sequence", CONSUMER, "/ack_floor/stream_seq", AsIs, "All sequences of the stream up to here are acknowledged."),
        told("nats_consumer_last_delivery_timestamp_seconds", CONSUMER, "/delivered/last_active", Time, "When a message was delivered last."),
        told("nats_consumer_last_ack_timestamp_seconds", CONSUMER, "/ack_floor/last_active", Time, "When the floor of acknowledgements rose last."),
    ];

    pub(crate) const CONSUMER_LEADER: Metric = metric("nats_consumer_leader", &["stream", "consumer", "server"], "Who leads the consumer.");
    pub(crate) const CONSUMER_OFFLINE: Metric = metric("nats_consumer_replicas_offline", CONSUMER, "Followers that the leader misses.");
    pub(crate) const CONSUMER_LAGGING: Metric = metric("nats_consumer_replicas_lagging", CONSUMER, "Followers that are there and not current.");
}

pub(crate) use tables::*;
